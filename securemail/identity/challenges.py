"""What a browser was asked for: a code sent by SMS, a WebAuthn challenge, a number to prove.

It stands in the session's row, locked to the cookie, and is used up by compare-and-swap.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select, update

from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.errors import CannotOpen, Conflict, SecuremailError
from securemail.identity.context import Context
from securemail.store.models import BrowserSession
from securemail.store.statements import changed, upsert

log = logging.getLogger(__name__)

STEP: Final = timedelta(minutes=5)
"""How long a second step may take."""
NOBODY: Final = bytes(16)
_SWAPS: Final = 3


class SessionEnded(SecuremailError):
    """The browser has to log in again."""


@dataclass(frozen=True, repr=False)
class Held:
    """A session that can be asked something: its cookie's secret, its id, and the account or link that it is of."""

    secret: SessionSecret
    session: bytes
    holder: bytes


def ask(ctx: Context, held: Held, content: Mapping[str, Any]) -> None:
    """Note what this browser was asked for; what it was asked before counts no longer."""
    sealed = cookies.seal_challenge(held.secret, content, session=held.session, holder=held.holder)
    noted = update(BrowserSession).where(BrowserSession.id == held.session).values(sealed_challenge=sealed)
    if changed(ctx.db, noted) != 1:
        raise SessionEnded


def asked(ctx: Context, held: Held) -> dict[str, Any]:
    """What this browser was asked for, empty when nothing."""
    sealed = ctx.db.scalar(select(BrowserSession.sealed_challenge).where(BrowserSession.id == held.session))
    if sealed is None:
        return {}
    try:
        return cookies.open_challenge(held.secret, sealed, session=held.session, holder=held.holder)
    except CannotOpen:
        log.error("alarm: the challenge of a session does not open")  # noqa: TRY400 no trace needed
        return {}


def answered(ctx: Context, held: Held) -> dict[str, Any]:
    """Use up what this browser was asked for: of several answers at once, one finds it. Empty for the others."""
    sealed = ctx.db.scalar(select(BrowserSession.sealed_challenge).where(BrowserSession.id == held.session))
    content = asked(ctx, held)
    used = update(BrowserSession).where(BrowserSession.id == held.session, BrowserSession.sealed_challenge == sealed)
    return content if sealed and changed(ctx.db, used.values(sealed_challenge=None)) == 1 else {}


def hold(ctx: Context, held: Held) -> None:
    """Lock the session's row until this transaction ends, for who looks at what was asked before asking anew.

    Raises:
        SessionEnded: there is no such session.
    """
    row = select(BrowserSession.id).where(BrowserSession.id == held.session)
    if ctx.db.scalar(row.with_for_update(key_share=True)) is None:
        raise SessionEnded


def keep(ctx: Context, held: Held, name: str, content: Mapping[str, Any]) -> None:
    """Note one thing beside what this browser was asked for otherwise: an SMS code stays good while a passkey is tried.

    Raises:
        SessionEnded: there is no such session.
        Conflict: too much at once.
    """
    for _ in range(_SWAPS):
        before = _sealed(ctx, held)
        if _swap(ctx, held, before, {**asked(ctx, held), name: content}):
            return
    if ctx.db.scalar(select(BrowserSession.id).where(BrowserSession.id == held.session)) is None:
        raise SessionEnded
    raise Conflict


def take(ctx: Context, held: Held, name: str) -> dict[str, Any]:
    """Use one thing up and leave the others; of several answers at once, one finds it. Empty for the others."""
    for _ in range(_SWAPS):
        before, content = _sealed(ctx, held), asked(ctx, held)
        found = content.pop(name, None)
        if not isinstance(found, dict):
            return {}
        if _swap(ctx, held, before, content):
            return found
    return {}


def _sealed(ctx: Context, held: Held) -> bytes | None:
    return ctx.db.scalar(select(BrowserSession.sealed_challenge).where(BrowserSession.id == held.session))


def _swap(ctx: Context, held: Held, before: bytes | None, content: Mapping[str, Any]) -> bool:
    sealed = None
    if content:
        sealed = cookies.seal_challenge(held.secret, content, session=held.session, holder=held.holder)
    unchanged = update(BrowserSession).where(
        BrowserSession.id == held.session, BrowserSession.sealed_challenge == before
    )
    return changed(ctx.db, unchanged.values(sealed_challenge=sealed)) == 1


def ask_stranger(ctx: Context, secret: SessionSecret | None = None) -> Held:
    """A session of nobody yet, to keep the challenge for a passkey in that says itself whose it is.

    `secret` may be one that the browser holds already: then it has one such session, however often it asks.
    """
    secret = secret or SessionSecret.new()
    session = cookies.session_id(secret)
    fresh = {"seen": ctx.now, "expires": ctx.now + STEP, "sealed_challenge": None}
    first = {
        "id": session, "account": None, "state": cookies.PENDING, "created": ctx.now, "remember": False,
        "proved": None, "tries": 0, "sealed_rk": None, **fresh,
    }  # fmt: skip
    upsert(ctx.db, BrowserSession, first, key=["id"], update=fresh)
    return Held(secret, session, NOBODY)


def stranger(ctx: Context, secret: SessionSecret) -> Held:
    """The session made by `ask_stranger`. Raises `SessionEnded`."""
    session = cookies.session_id(secret)
    row = ctx.db.get(BrowserSession, session)
    if row is None or row.account is not None or row.state != cookies.PENDING or row.expires <= ctx.now:
        raise SessionEnded
    return Held(secret, session, NOBODY)
