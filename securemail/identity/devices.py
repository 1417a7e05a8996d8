"""Where an account is logged in, and which browsers it knows: seen by its owner, ended and forgotten one by one."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, or_, select

from securemail.crypto import cookies
from securemail.errors import CannotOpen, NotFound
from securemail.identity import sessions, vault
from securemail.identity.context import Context, Owner
from securemail.identity.vault import Vault
from securemail.store.models import BrowserSession
from securemail.store.statements import changed

log = logging.getLogger(__name__)

_RECENT: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class LoggedIn:
    """A browser that is logged in: what it said it is, the network that it came from, and since when."""

    session: bytes
    browser: str
    network: str
    since: datetime
    seen: datetime
    remembered: bool
    here: bool
    now: bool


@dataclass(frozen=True)
class Known:
    """A browser that has logged in before, and when it did so last."""

    id: str
    name: str
    seen: datetime


def logged_in(ctx: Context, owner: Owner) -> list[LoggedIn]:
    """This browser first, then the others, the last seen before the rest."""
    mine = select(BrowserSession).where(
        BrowserSession.account == owner.account,
        BrowserSession.state == cookies.FULL,
        BrowserSession.expires > ctx.now,
        or_(BrowserSession.remember, BrowserSession.seen >= ctx.now - sessions.IDLE),
    )
    found = [_logged_in(ctx, owner, row) for row in ctx.db.scalars(mine)]
    return sorted(found, key=lambda one: (one.here, one.seen), reverse=True)


def end(ctx: Context, owner: Owner, session: bytes) -> None:
    """Log another browser of one's own out.

    Raises:
        NotFound: it is not logged in, or is somebody else's.
    """
    gone = delete(BrowserSession).where(BrowserSession.id == session, BrowserSession.account == owner.account)
    if changed(ctx.db, gone) != 1:
        raise NotFound


def end_others(ctx: Context, owner: Owner) -> int:
    """Log every other browser out, those on their way in too; how many."""
    return sessions.end_all(ctx, owner.account, but=owner.session)


def known(ctx: Context, owner: Owner) -> list[Known]:
    """Browsers that have logged in before, the last seen first: of these no mail is sent."""
    devices = vault.read(ctx, owner.root).devices
    found = [Known(device.id, device.name, datetime.fromisoformat(device.seen)) for device in devices]
    return sorted(found, key=lambda device: device.seen, reverse=True)


def forget(ctx: Context, owner: Owner, device: str) -> None:
    """Tell the owner by mail when that browser logs in the next time."""

    def without(kept: Vault) -> Vault:
        return replace(kept, devices=tuple(one for one in kept.devices if one.id != device))

    vault.change(ctx, owner.root, without)


def _logged_in(ctx: Context, owner: Owner, row: BrowserSession) -> LoggedIn:
    about = _about(owner, row)
    return LoggedIn(
        row.id, about.get("browser", ""), about.get("network", ""), row.created, row.seen, row.remember,
        here=row.id == owner.session, now=ctx.now - row.seen < _RECENT,
    )  # fmt: skip


def _about(owner: Owner, row: BrowserSession) -> dict[str, str]:
    if row.sealed_device is None:
        return {}
    try:
        return {name: str(value) for name, value in owner.root.open_device(row.id, row.sealed_device).items()}
    except CannotOpen:
        log.error("alarm: what is noted of a session does not open")  # noqa: TRY400 no trace needed
        return {}
