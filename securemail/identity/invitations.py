"""Invitations: an administrator's word that somebody may join, mailed as a single-use token that works for 14 days.

A row is found by its token (whoever was invited) or opened with the organisation's key (its administrators). It ends
as joined or withdrawn and is kept for a while, so that a link can say what became of it; only an open one joins.
Nothing notes whether a mail or a link was looked at.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import select

from securemail import ids
from securemail.crypto.notes import open_for_organisation
from securemail.crypto.secrets import Token
from securemail.delivery import outbox
from securemail.errors import CannotOpen, Conflict, InvalidInput, NotFound
from securemail.identity import tokens
from securemail.identity.context import Context
from securemail.identity.invitation_lists import Line
from securemail.mailboxes import directory, epochs
from securemail.mailboxes.addresses import clean_name, normalise, typed_form
from securemail.organisations import audit, members, organisations
from securemail.organisations.administrators import Administrator
from securemail.store.models import Outbox, Pending

log = logging.getLogger(__name__)

KIND: Final = "invitation"
LIFETIME: Final = timedelta(days=14)
Verdict = Literal["new", "invited", "known", "secured", "yourself", "double", "impossible"]
"""What becomes of a line: an invitation, a new one in place of an older, a mail that asks to secure an account that is
there; or nothing, because it is secured already, the administrator's own, twice in the list, or cannot be used."""
State = Literal["open", "expired", "joined", "withdrawn"]
Mail = Literal["waiting", "sent", "failed"]
_MAILED: Final[frozenset[Verdict]] = frozenset({"new", "invited", "known"})


@dataclass(frozen=True)
class Judged:
    """A line and what would become of it; `wrong` says what cannot be used."""

    line: Line
    verdict: Verdict
    wrong: InvalidInput | None = None

    @property
    def is_mailed(self) -> bool:
        """Whether somebody would get a mail."""
        return self.verdict in _MAILED


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


# --- what administrators do ---


def judge(ctx: Context, administrator: Administrator, lines: Sequence[Line]) -> list[Judged]:
    """What would become of each line, in their order; nothing is changed."""
    seen: set[str] = set()
    return [_judged(ctx, administrator, line, seen) for line in lines]


def invite(
    ctx: Context, administrator: Administrator, line: Line, *, language: str, public_url: str, again: bool = True
) -> Verdict:
    """Mail one invitation, or ask somebody who has an account to secure it; what was done.

    `again`: an open invitation is replaced by a new one; otherwise it stays, and nothing is sent.

    Raises:
        InvalidInput: ('address' | 'name' | 'reference', …).
    """
    organisations.lock(ctx, administrator.organisation)
    judged = judge(ctx, administrator, [line])[0]
    if judged.wrong is not None:
        raise judged.wrong
    if judged.verdict == "known":
        _ask_to_secure(ctx, administrator, normalise(line.address))
    elif judged.verdict == "new" or (judged.verdict == "invited" and again):
        _send(ctx, administrator, _cleaned(line), language=language, public_url=public_url)
    return judged.verdict


def send_again(ctx: Context, administrator: Administrator, invitation: bytes, *, public_url: str) -> Verdict:
    """Mail a new link for an open or expired invitation; the older one stops working.

    Raises:
        NotFound: there is no such invitation.
        Conflict: it was used or withdrawn.
    """
    organisations.lock(ctx, administrator.organisation)
    row = _require_open(ctx, administrator, invitation)
    kept = _kept(administrator, row)
    line = Line(str(kept["typed"]), str(kept["name"]), str(kept["reference"]))
    done = invite(ctx, administrator, line, language=str(kept["language"]), public_url=public_url)
    if done in ("known", "secured"):  # joined by another way meanwhile
        _end(ctx, row, "joined")
    return done


def withdraw(ctx: Context, administrator: Administrator, invitation: bytes) -> None:
    """End an invitation: its link says that it was withdrawn, and a mail that still waits is not sent.

    Raises:
        NotFound: there is no such invitation.
        Conflict: it was used or withdrawn before.
    """
    row = _require_open(ctx, administrator, invitation)
    kept = _kept(administrator, row)
    _end(ctx, row, "withdrawn")
    _stop_mail(ctx, kept)
    detail = {"address": kept["address"], "name": kept["name"]}
    audit.record(ctx, administrator.organisation, "invitation-withdrawn", _actor(administrator), detail)


def correct(ctx: Context, administrator: Administrator, invitation: bytes, address: str, *, public_url: str) -> Verdict:
    """Withdraw an invitation that went to a wrong address, and mail a new one to the right address.

    Raises:
        NotFound, Conflict: as `withdraw`.
        InvalidInput: ('address', …); 'unchanged' when it is the address that it went to.
    """
    organisations.lock(ctx, administrator.organisation)
    row = _require_open(ctx, administrator, invitation)
    kept = _kept(administrator, row)
    if normalise(address) == kept["address"]:
        raise InvalidInput("address", "unchanged")
    line = Line(address, str(kept["name"]), str(kept["reference"]))
    judged = judge(ctx, administrator, [line])[0]
    if not judged.is_mailed:
        raise judged.wrong or InvalidInput("address", judged.verdict)
    withdraw(ctx, administrator, invitation)
    return invite(ctx, administrator, line, language=str(kept["language"]), public_url=public_url)


def listing(ctx: Context, administrator: Administrator) -> list[Invitation]:
    """Every invitation that was not withdrawn, the newest first; joined ones as long as their rows are kept."""
    rows = [row for row in _of(ctx, administrator, "open", "joined") if tokens.genuine(ctx, row)]
    kept = [(row, opened) for row in rows if (opened := _opened(administrator, row)) is not None]
    mails = _mails(ctx, [_outbox(opened) for _, opened in kept])
    shown = [_shown(ctx, row, opened, mails) for row, opened in kept]
    return sorted(shown, key=lambda one: (one.sent, one.id), reverse=True)


def find(ctx: Context, administrator: Administrator, invitation: bytes) -> Invitation:
    """One invitation. Raises `NotFound`."""
    row = _ours(ctx, administrator, ctx.db.get(Pending, invitation))
    kept = _kept(administrator, row)
    return _shown(ctx, row, kept, _mails(ctx, [_outbox(kept)]))


# --- what is done with them when somebody joins ---


def accept(ctx: Context, row: Pending) -> None:
    """Use an invitation up; of many at the same moment, one gets through.

    Raises:
        InvalidInput: ('token', 'joined' | 'withdrawn' | 'invalid'), for all the others.
    """
    locked = _locked(ctx, row.id)
    if locked is None or not tokens.genuine(ctx, locked):
        raise InvalidInput("token", "invalid")
    if locked.state != "open":
        raise InvalidInput("token", locked.state)
    _end(ctx, locked, "joined")


def close_for(ctx: Context, organisation: bytes, address: str) -> None:
    """Whoever joined otherwise needs their open invitations no more."""
    for found in _open_for(ctx, organisation, address):
        row = _locked(ctx, found.id)
        if row is not None and row.state == "open" and tokens.genuine(ctx, row):
            _end(ctx, row, "joined")


# --- one line ---


def _judged(ctx: Context, administrator: Administrator, line: Line, seen: set[str]) -> Judged:
    try:
        address = normalise(line.address)
        _cleaned(line)
    except InvalidInput as error:
        return Judged(line, "impossible", error)
    if address in seen:
        return Judged(line, "double")
    seen.add(address)
    return Judged(line, _verdict(ctx, administrator, address))


def _verdict(ctx: Context, administrator: Administrator, address: str) -> Verdict:
    if address == administrator.member.address:
        return "yourself"
    entry = directory.find(ctx, address)
    if entry is not None:
        return "secured" if members.is_secured(ctx, administrator, entry.account) else "known"
    waiting = any(row.expires > ctx.now for row in _open_for(ctx, administrator.organisation, address))
    return "invited" if waiting else "new"


def _cleaned(line: Line) -> Line:
    name = clean_name("name", line.name) if line.name.strip() else ""
    return Line(typed_form(line.address), name, members.clean_reference(line.reference, required=False))


# --- mails and rows ---


def _send(ctx: Context, administrator: Administrator, line: Line, *, language: str, public_url: str) -> None:
    address, token = normalise(line.address), Token.new()
    before = _replace(ctx, administrator, address)
    mail = outbox.add_sealed(
        ctx,
        KIND,
        {
            "to": address,
            "name": line.name,
            "language": language,
            "token_link": f"{public_url}/invitation#{ids.token_to_text(token)}",
            **_inviter(administrator),
        },
        mailbox=administrator.member.mailbox,
        epoch=administrator.member.mail.epoch,
    )
    said = {"address": address, "typed": line.address, "name": line.name, "reference": line.reference}
    tokens.add(
        ctx,
        KIND,
        token,
        lifetime=LIFETIME,
        address=address,
        organisation=administrator.organisation,
        content={**said, "language": language},
        for_organisation={**said, "language": language, "outbox": mail.hex()},
    )
    kind = "invitation-sent-again" if before else "invitation-sent"
    detail = {"address": address, "name": line.name}
    audit.record(ctx, administrator.organisation, kind, _actor(administrator), detail)


def _replace(ctx: Context, administrator: Administrator, address: str) -> int:
    """Remove older invitations to an address, expired ones too; how many."""
    older = _open_for(ctx, administrator.organisation, address)
    for row in older:
        opened = _opened(administrator, row)
        if opened is not None:
            _stop_mail(ctx, opened)
        ctx.db.delete(row)
    ctx.db.flush()
    return len(older)


def _ask_to_secure(ctx: Context, administrator: Administrator, address: str) -> None:
    entry = directory.find(ctx, address)
    if entry is None:
        raise Conflict
    outbox.add_sealed(
        ctx,
        "secure_account",
        {"to": address, "name": entry.name, "language": entry.language, **_inviter(administrator)},
        mailbox=administrator.member.mailbox,
        epoch=administrator.member.mail.epoch,
    )
    organisation, actor = administrator.organisation, _actor(administrator)
    audit.record(ctx, organisation, "asked-to-secure", actor, {"address": address})


def _inviter(administrator: Administrator) -> dict[str, str]:
    return {"sender_name": administrator.member.name, "sender_address": administrator.member.address}


def _actor(administrator: Administrator) -> bytes:
    return administrator.member.root.account


def _stop_mail(ctx: Context, kept: Mapping[str, Any]) -> None:
    outbox.settle(ctx, _outbox(kept), "cancelled")


def _end(ctx: Context, row: Pending, state: Literal["joined", "withdrawn"]) -> None:
    row.state = state
    tokens.sign(ctx, row)
    ctx.db.flush()


def _of(ctx: Context, administrator: Administrator, *states: str) -> list[Pending]:
    mine = Pending.kind == KIND, Pending.organisation == administrator.organisation, Pending.state.in_(states)
    return list(ctx.db.scalars(select(Pending).where(*mine)))


def _open_for(ctx: Context, organisation: bytes, address: str) -> list[Pending]:
    wanted = select(Pending).where(
        Pending.kind == KIND, Pending.organisation == organisation, Pending.state == "open",
        Pending.address_tag.in_(ctx.keys.address_tags(address)),
    )  # fmt: skip
    return [row for row in ctx.db.scalars(wanted).all() if tokens.genuine(ctx, row)]


def _locked(ctx: Context, invitation: bytes) -> Pending | None:
    """The row as it is now; who would change it waits until this transaction ends."""
    wanted = select(Pending).where(Pending.id == invitation, Pending.kind == KIND).with_for_update()
    return ctx.db.scalar(wanted, execution_options={"populate_existing": True})


def _ours(ctx: Context, administrator: Administrator, row: Pending | None) -> Pending:
    if row is None or (row.kind, row.organisation) != (KIND, administrator.organisation):
        raise NotFound
    if not tokens.genuine(ctx, row):
        raise NotFound
    return row


def _require_open(ctx: Context, administrator: Administrator, invitation: bytes) -> Pending:
    row = _ours(ctx, administrator, _locked(ctx, invitation))
    if row.state != "open":
        raise Conflict
    return row


def _kept(administrator: Administrator, row: Pending) -> dict[str, Any]:
    opened = _opened(administrator, row)
    if opened is None:
        raise NotFound
    return opened


def _opened(administrator: Administrator, row: Pending) -> dict[str, Any] | None:
    try:
        sealed = row.sealed_for_organisation or b""
        return epochs.open_with_any(administrator.keys, lambda pair: open_for_organisation(pair, row.id, sealed))
    except CannotOpen:
        log.error("alarm: invitation %s does not open for its organisation", row.id.hex())  # noqa: TRY400
        return None


def _outbox(kept: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(str(kept["outbox"]))


def _mails(ctx: Context, wanted: Sequence[bytes]) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for begin in range(0, len(wanted), 500):
        rows = ctx.db.execute(select(Outbox.id, Outbox.state).where(Outbox.id.in_(wanted[begin : begin + 500])))
        found.update({row.id: row.state for row in rows})
    return found


def _shown(ctx: Context, row: Pending, kept: Mapping[str, Any], mails: Mapping[bytes, str]) -> Invitation:
    state: State = "expired" if row.state == "open" and row.expires <= ctx.now else _STATES[row.state]
    mail = mails.get(_outbox(kept), "sent")  # rows of mails that went out are tidied away after a day
    return Invitation(
        row.id, str(kept["address"]), str(kept["name"]), str(kept["reference"]), str(kept["language"]),
        row.created, row.expires, state, "failed" if mail == "failed" else "waiting" if mail == "waiting" else "sent",
    )  # fmt: skip


_STATES: Final[Mapping[str, State]] = {"open": "open", "joined": "joined", "withdrawn": "withdrawn"}
