"""Rows of invitations: found by organisation, by address or by id, opened with the organisation's key, and ended."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import select

from securemail.crypto.notes import open_for_organisation
from securemail.errors import CannotOpen, Conflict, NotFound
from securemail.identity import tokens
from securemail.identity.context import Context
from securemail.mailboxes import epochs
from securemail.organisations.administrators import Administrator
from securemail.store.models import Outbox, Pending

log = logging.getLogger(__name__)

KIND: Final = "invitation"
State = Literal["open", "expired", "joined", "withdrawn"]
Mail = Literal["waiting", "sent", "failed"]
_STATES: Final[Mapping[str, State]] = {"open": "open", "joined": "joined", "withdrawn": "withdrawn"}


@dataclass(frozen=True)
class Invitation:
    """An invitation as administrators see it. `mail` is how it fared as far as our own mail server told."""

    id: bytes
    address: str
    name: str
    reference: str
    language: str
    sent: datetime
    expires: datetime
    state: State
    mail: Mail


def in_states(ctx: Context, administrator: Administrator, *states: str) -> list[Pending]:
    """The organisation's genuine invitations in these states."""
    mine = Pending.kind == KIND, Pending.organisation == administrator.organisation, Pending.state.in_(states)
    return [row for row in ctx.db.scalars(select(Pending).where(*mine)).all() if tokens.genuine(ctx, row)]


def open_for(ctx: Context, organisation: bytes, address: str) -> list[Pending]:
    """The genuine open invitations to an address, expired ones too."""
    wanted = select(Pending).where(
        Pending.kind == KIND, Pending.organisation == organisation, Pending.state == "open",
        Pending.address_tag.in_(ctx.keys.address_tags(address)),
    )  # fmt: skip
    return [row for row in ctx.db.scalars(wanted).all() if tokens.genuine(ctx, row)]


def locked(ctx: Context, invitation: bytes) -> Pending | None:
    """The row as it is now; who would change it waits until this transaction ends."""
    wanted = select(Pending).where(Pending.id == invitation, Pending.kind == KIND).with_for_update()
    return ctx.db.scalar(wanted, execution_options={"populate_existing": True})


def require(ctx: Context, administrator: Administrator, row: Pending | None) -> Pending:
    """A genuine invitation of this organisation. Raises `NotFound`."""
    if row is None or (row.kind, row.organisation) != (KIND, administrator.organisation):
        raise NotFound
    if not tokens.genuine(ctx, row):
        raise NotFound
    return row


def require_open(ctx: Context, administrator: Administrator, invitation: bytes) -> Pending:
    """One that nobody used or withdrew, locked. Raises `NotFound` or `Conflict`."""
    row = require(ctx, administrator, locked(ctx, invitation))
    if row.state != "open":
        raise Conflict
    return row


def end(ctx: Context, row: Pending, state: Literal["joined", "withdrawn"]) -> None:
    """It joins nobody any more."""
    row.state = state
    tokens.sign(ctx, row)
    ctx.db.flush()


def kept(administrator: Administrator, row: Pending) -> dict[str, Any]:
    """What the organisation keeps of an invitation. Raises `NotFound` where that does not open."""
    found = opened(administrator, row)
    if found is None:
        raise NotFound
    return found


def opened(administrator: Administrator, row: Pending) -> dict[str, Any] | None:
    """The same, None where it does not open: somebody else wrote it."""
    try:
        sealed = row.sealed_for_organisation or b""
        return epochs.open_with_any(administrator.keys, lambda pair: open_for_organisation(pair, row.id, sealed))
    except CannotOpen:
        log.error("alarm: invitation %s does not open for its organisation", row.id.hex())  # noqa: TRY400
        return None


def mail_of(content: Mapping[str, Any]) -> bytes:
    """The outbox row of an invitation's mail, from what is kept of it."""
    return bytes.fromhex(str(content["outbox"]))


def shown(ctx: Context, found: Sequence[tuple[Pending, Mapping[str, Any]]]) -> list[Invitation]:
    """Invitations with what is kept of them, as administrators see them."""
    mails = _mails(ctx, [mail_of(content) for _, content in found])
    return [_shown(ctx, row, content, mails) for row, content in found]


def _mails(ctx: Context, wanted: Sequence[bytes]) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for begin in range(0, len(wanted), 500):
        rows = ctx.db.execute(select(Outbox.id, Outbox.state).where(Outbox.id.in_(wanted[begin : begin + 500])))
        found.update({row.id: row.state for row in rows})
    return found


def _shown(ctx: Context, row: Pending, content: Mapping[str, Any], mails: Mapping[bytes, str]) -> Invitation:
    state: State = "expired" if row.state == "open" and row.expires <= ctx.now else _STATES[row.state]
    mail = mails.get(mail_of(content), "sent")  # rows of mails that went out are tidied away after a day
    return Invitation(
        row.id, str(content["address"]), str(content["name"]), str(content["reference"]), str(content["language"]),
        row.created, row.expires, state, "failed" if mail == "failed" else "waiting" if mail == "waiting" else "sent",
    )  # fmt: skip
