"""Invitations: an administrator's word that somebody may join, mailed as a single-use token that works for 14 days.

A row is found by its token (whoever was invited) or opened with the organisation's key (its administrators). It ends
as joined or withdrawn and is kept for a while, so that a link can say what became of it; only an open one joins.
Nothing notes whether a mail or a link was looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from securemail import ids
from securemail.crypto.secrets import Token
from securemail.delivery import outbox
from securemail.errors import Conflict, InvalidInput
from securemail.identity import invitation_rows, tokens
from securemail.identity.context import Context
from securemail.identity.invitation_lists import Line
from securemail.identity.invitation_rows import KIND, Invitation
from securemail.mailboxes import directory
from securemail.mailboxes.addresses import clean_name, normalise, typed_form
from securemail.organisations import audit, members, organisations
from securemail.organisations.administrators import Administrator
from securemail.store.models import Pending

LIFETIME: Final = timedelta(days=14)
Verdict = Literal["new", "invited", "known", "secured", "yourself", "double", "impossible"]
"""What becomes of a line: an invitation, a new one in place of an older, a mail that asks to secure an account that is
there; or nothing, because it is secured already, the administrator's own, twice in the list, or cannot be used."""
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
    row = invitation_rows.require_open(ctx, administrator, invitation)
    kept = invitation_rows.kept(administrator, row)
    line = Line(str(kept["typed"]), str(kept["name"]), str(kept["reference"]))
    done = invite(ctx, administrator, line, language=str(kept["language"]), public_url=public_url)
    if done in ("known", "secured"):  # joined by another way meanwhile
        invitation_rows.end(ctx, row, "joined")
    return done


def withdraw(ctx: Context, administrator: Administrator, invitation: bytes) -> None:
    """End an invitation: its link says that it was withdrawn, and a mail that still waits is not sent.

    Raises:
        NotFound: there is no such invitation.
        Conflict: it was used or withdrawn before.
    """
    row = invitation_rows.require_open(ctx, administrator, invitation)
    kept = invitation_rows.kept(administrator, row)
    invitation_rows.end(ctx, row, "withdrawn")
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
    row = invitation_rows.require_open(ctx, administrator, invitation)
    kept = invitation_rows.kept(administrator, row)
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
    rows = invitation_rows.in_states(ctx, administrator, "open", "joined")
    found = [(row, kept) for row in rows if (kept := invitation_rows.opened(administrator, row)) is not None]
    return sorted(invitation_rows.shown(ctx, found), key=lambda one: (one.sent, one.id), reverse=True)


def find(ctx: Context, administrator: Administrator, invitation: bytes) -> Invitation:
    """One invitation. Raises `NotFound`."""
    row = invitation_rows.require(ctx, administrator, ctx.db.get(Pending, invitation))
    [one] = invitation_rows.shown(ctx, [(row, invitation_rows.kept(administrator, row))])
    return one


# --- what is done with them when somebody joins ---


def accept(ctx: Context, row: Pending) -> None:
    """Use an invitation up; of many at the same moment, one gets through.

    Raises:
        InvalidInput: ('token', 'joined' | 'withdrawn' | 'invalid'), for all the others.
    """
    locked = invitation_rows.locked(ctx, row.id)
    if locked is None or not tokens.genuine(ctx, locked):
        raise InvalidInput("token", "invalid")
    if locked.state != "open":
        raise InvalidInput("token", locked.state)
    invitation_rows.end(ctx, locked, "joined")


def close_for(ctx: Context, organisation: bytes, address: str) -> None:
    """Whoever joined otherwise needs their open invitations no more."""
    for found in invitation_rows.open_for(ctx, organisation, address):
        row = invitation_rows.locked(ctx, found.id)
        if row is not None and row.state == "open" and tokens.genuine(ctx, row):
            invitation_rows.end(ctx, row, "joined")


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
    waiting = any(row.expires > ctx.now for row in invitation_rows.open_for(ctx, administrator.organisation, address))
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
    older = invitation_rows.open_for(ctx, administrator.organisation, address)
    for row in older:
        opened = invitation_rows.opened(administrator, row)
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
    outbox.settle(ctx, invitation_rows.mail_of(kept), "cancelled")
