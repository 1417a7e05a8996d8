"""Passing the recipient check: one browser at one link, step by step.

    (nothing) --message code--> open                                        method "none"
    (nothing) --message code--> sms      --code from the phone--> open      method "sms"
    (nothing) --message code--> password --agreed password------> open      method "password"

Every step that is passed draws a new cookie secret. A browser between two steps holds a row that reaches its own next
step and no letter: the state is bound into its lock. Tries are counted on the link before anything is compared, in a
transaction of their own, so that neither a race nor a crash gives a free one; ten wrong ones lock the link until its
maker releases it. A code by SMS is a gate of the running server, never key material; an agreed password is both.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import case, select, update

from securemail.crypto import cookies
from securemail.crypto import links as locks
from securemail.crypto.locks import same
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MailKey, MessageCode, Secret, SessionSecret
from securemail.delivery import sms
from securemail.errors import CannotOpen, SecuremailError
from securemail.guests import checks, guest_sessions, links
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.guests.links import WrongCode
from securemail.identity import phone_numbers
from securemail.identity.context import Context
from securemail.store.models import GuestLink, SessionLink
from securemail.store.statements import changed

Step = Literal["password", "sms", "open"]
Reason = Literal["typing", "wrong", "expired"]

TRIES: Final = 10
"""Wrong passwords, or wrong codes by SMS altogether, after which a link is locked."""
TRIES_A_CODE: Final = 5
CODE_LIVES: Final = timedelta(minutes=10)
_DIGITS: Final = 6
_BETWEEN: Final = frozenset(" \t\u00a0\u2009\u202f-")


class Locked(SecuremailError):
    """Too many wrong entries: the sender has to release the link. Told to right and wrong entries alike."""


class LinkClosed(SecuremailError):
    """The code was right once: another took its place, or access was withdrawn. Told only to who has the code."""


class Unready(SecuremailError):
    """The sender has yet to say a number or a password; nobody was told of this link."""


class Refused(SecuremailError):
    """What was typed is not it; `left` is how often it may be tried again."""

    def __init__(self, reason: Reason, left: int | None = None) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.left = left


@dataclass(frozen=True, repr=False)
class AtGate:
    """A browser that gave a link's code: what it has to do next. Its link's key is open where the check is by SMS."""

    link: GuestLink
    step: Step
    secret: SessionSecret
    session: bytes
    opened: MailKeys | None
    code: MessageCode | None

    @property
    def locked(self) -> bool:
        """Whether the sender has to release it first."""
        return self.link.locked is not None


@dataclass(frozen=True, repr=False)
class SmsSent:
    """A code on its way: to which number (masked), as which outbox row, when it was sent."""

    masked: str
    outbox: bytes
    sent: datetime


def enter_code(ctx: Context, code: MessageCode, secret: SessionSecret | None) -> AtGate:
    """Give a link's code; where nothing more is asked, the link is open and what waits there is marked opened.

    Raises:
        WrongCode: it opens nothing here.
        LinkClosed, Unready
    """
    row = _hold(ctx, links.by_code(ctx, code))
    if not links.living(row):
        raise LinkClosed
    if row.sealed_dk is None:
        raise Unready
    if row.method == locks.PASSWORD:
        secret, session = guest_sessions.renew(ctx, secret)
        sealed = cookies.seal_session_code(secret, code, session=session, link=row.id)
        _wait(ctx, session, row.id, sealed_code=sealed)
        return AtGate(row, "password", secret, session, None, code)
    opened = links.open_row(ctx, row, code)
    if row.method == locks.SMS:
        return _wait_for_sms(ctx, row, opened, secret)
    secret, session = guest_sessions.open_here(ctx, row, opened, secret)
    return AtGate(row, "open", secret, session, opened, None)


def at(ctx: Context, secret: SessionSecret | None, ref: bytes) -> AtGate:
    """The browser at the step that it has reached.

    Raises:
        GuestSessionEnded: it has to give the code again.
        NotFound: there is no such link.
    """
    link = links.find(ctx, ref)
    session = cookies.session_id(secret) if secret is not None else b""
    held = guest_sessions.held(ctx, session, link.id)
    if secret is None or held is None or not links.living(link):
        raise GuestSessionEnded
    if held.state in guest_sessions.OPEN:
        return AtGate(link, "open", secret, session, None, None)
    try:
        if held.sealed_code is not None and link.method == locks.PASSWORD:
            code = cookies.open_session_code(secret, held.sealed_code, session=session, link=link.id)
            return AtGate(link, "password", secret, session, None, code)
        dk = cookies.open_session_link_key(
            secret, held.sealed_dk or b"", session=session, link=link.id, state=cookies.PENDING
        )
    except CannotOpen as error:
        raise GuestSessionEnded from error
    if link.method != locks.SMS:
        raise GuestSessionEnded
    return AtGate(link, "sms", secret, session, links.trusted(ctx, link, dk), None)


def masked_number(gate: AtGate) -> str:
    """The end of the number that a code would go to."""
    return phone_numbers.masked(_number(gate))


def send_sms(ctx: Context, gate: AtGate, *, host: str, language: str) -> SmsSent:
    """Send a code to the number that the sender gave; an earlier one works no more. Limits were counted before.

    Raises:
        Locked
    """
    _require_unlocked(ctx, gate)
    number = _number(gate)
    code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
    outbox = sms.send_code(ctx, to=number, code=code, language=language, host=host, valid=CODE_LIVES, guest=True)
    note = {"code": code, "sent": ctx.now.isoformat(), "outbox": outbox.hex()}
    sealed = cookies.seal_link_challenge(gate.secret, note, session=gate.session, link=gate.link.id)
    asked = _row(gate).values(sealed_challenge=sealed, tries=0)
    if changed(ctx.db, asked) != 1:
        raise GuestSessionEnded
    return SmsSent(phone_numbers.masked(number), outbox, ctx.now)


def sms_sent(ctx: Context, gate: AtGate) -> SmsSent | None:
    """The code that this browser waits for; None when none was sent."""
    note, _sealed = _challenge(ctx, gate)
    if not note:
        return None
    sent = datetime.fromisoformat(note["sent"])
    return SmsSent(phone_numbers.masked(_number(gate)), bytes.fromhex(note["outbox"]), sent)


def count_try(ctx: Context, gate: AtGate) -> int:
    """Count a try before anything is compared, in a transaction of its own; how many are left after this one.

    Raises:
        Locked: there were ten, over all browsers.
        Refused: 'expired', five with this code by SMS.
    """
    _hold(ctx, gate.link)
    if gate.step == "sms":
        mine = _row(gate).where(SessionLink.tries < TRIES_A_CODE)
        if changed(ctx.db, mine.values(tries=SessionLink.tries + 1)) != 1:
            raise Refused("expired")
    counted = update(GuestLink).where(GuestLink.id == gate.link.id, GuestLink.locked.is_(None))
    last = case((GuestLink.tries + 1 >= TRIES, ctx.now), else_=None)
    if changed(ctx.db, counted.values(tries=GuestLink.tries + 1, locked=last)) != 1:
        raise Locked
    left = TRIES - ctx.db.scalars(select(GuestLink.tries).where(GuestLink.id == gate.link.id)).one()
    return left if gate.step != "sms" else min(left, TRIES_A_CODE - _tries_with_code(ctx, gate))


def give_back(ctx: Context, gate: AtGate) -> None:
    """A try that was counted and was the right one, or was not looked at after all: it was none."""
    given_back = update(GuestLink).where(GuestLink.id == gate.link.id, GuestLink.tries > 0)
    changed(ctx.db, given_back.values(tries=GuestLink.tries - 1, locked=None))


def enter_sms(ctx: Context, gate: AtGate, typed: str, *, left: int) -> SessionSecret:
    """Give the code from the phone; it is used up. The try was counted before.

    Raises:
        Refused: 'typing', 'wrong', 'expired'.
    """
    digits = digits_of(typed)
    _hold_living(ctx, gate)
    note, sealed = _challenge(ctx, gate)
    if not note or ctx.now - datetime.fromisoformat(note["sent"]) > CODE_LIVES:
        raise Refused("expired")
    if not same(str(note["code"]).encode("ascii"), digits):
        raise Refused("wrong", left)
    # Of several at once, one takes it.
    if changed(ctx.db, _row(gate).where(SessionLink.sealed_challenge == sealed).values(sealed_challenge=None)) != 1:
        raise Refused("expired")
    if gate.opened is None:
        raise GuestSessionEnded
    return _open(ctx, gate, gate.opened)


def hint(gate: AtGate) -> str:
    """What the sender wrote beside the agreed password; empty when nothing, or when it does not open."""
    if gate.code is None or gate.link.sealed_hint is None:
        return ""
    try:
        return locks.open_hint(gate.code, gate.link.id, gate.link.sealed_hint)
    except CannotOpen:
        return ""


def stretch(ctx: Context, gate: AtGate, typed: str) -> Secret:
    """What an agreed password gives: slow, and without a transaction. Raises `InvalidInput`, `Busy`."""
    return checks.stretch(ctx, typed, gate.link.parameters or b"")


def enter_password(ctx: Context, gate: AtGate, stretched: Secret, *, left: int) -> SessionSecret:
    """Open the link with code and agreed password together. The try was counted before.

    Raises:
        Refused: 'wrong'.
    """
    if gate.code is None:
        raise GuestSessionEnded
    try:
        opened = links.open_row(ctx, _hold_living(ctx, gate), gate.code, stretched=stretched)
    except WrongCode as error:
        raise Refused("wrong", left) from error
    return _open(ctx, gate, opened)


def digits_of(typed: str) -> bytes:
    """The six digits of a typed code. Raises `Refused` ('typing'), which costs no try."""
    text = "".join(character for character in typed[:40] if character not in _BETWEEN)
    if len(text) != _DIGITS or not (text.isascii() and text.isdigit()):
        raise Refused("typing")
    return text.encode("ascii")


def _open(ctx: Context, gate: AtGate, opened: MailKeys) -> SessionSecret:
    """Past the check: the try that was right is given back, and the letter opens behind a new secret."""
    give_back(ctx, gate)
    secret, _session = guest_sessions.open_here(ctx, gate.link, opened, gate.secret)
    return secret


def _wait_for_sms(ctx: Context, row: GuestLink, opened: MailKeys, secret: SessionSecret | None) -> AtGate:
    if not _facts(row, opened.mk).get("phone"):
        raise Unready
    secret, session = guest_sessions.renew(ctx, secret)
    sealed = cookies.seal_session_link_key(secret, opened.mk, session=session, link=row.id, state=cookies.PENDING)
    _wait(ctx, session, row.id, sealed_dk=sealed)
    return AtGate(row, "sms", secret, session, opened, None)


def _hold(ctx: Context, link: GuestLink) -> GuestLink:
    """The link as it is now, held until the commit: nobody is let in while it ends, or while its check changes.

    Before anything of its sessions is changed: two that held them the other way round would wait for each other.
    """
    row = links.hold_alone(ctx, link.id)
    if not links.genuine(ctx, row):
        raise WrongCode
    return row


def _hold_living(ctx: Context, gate: AtGate) -> GuestLink:
    row = _hold(ctx, gate.link)
    if not links.living(row):
        raise GuestSessionEnded
    return row


def _wait(
    ctx: Context, session: bytes, link: bytes, *, sealed_dk: bytes | None = None, sealed_code: bytes | None = None
) -> None:
    guest_sessions.forget_link(ctx, session, link)
    ctx.db.add(
        SessionLink(
            session=session, link=link, state=cookies.PENDING, tries=0, sealed_dk=sealed_dk, sealed_code=sealed_code
        )
    )
    ctx.db.flush()


def _require_unlocked(ctx: Context, gate: AtGate) -> None:
    if ctx.db.scalars(select(GuestLink.locked).where(GuestLink.id == gate.link.id)).one() is not None:
        raise Locked


def _row(gate: AtGate) -> Any:
    return update(SessionLink).where(SessionLink.session == gate.session, SessionLink.link == gate.link.id)


def _tries_with_code(ctx: Context, gate: AtGate) -> int:
    mine = (SessionLink.session == gate.session, SessionLink.link == gate.link.id)
    return ctx.db.scalars(select(SessionLink.tries).where(*mine)).one()


def _challenge(ctx: Context, gate: AtGate) -> tuple[dict[str, Any], bytes | None]:
    sealed = ctx.db.scalar(
        select(SessionLink.sealed_challenge).where(
            SessionLink.session == gate.session, SessionLink.link == gate.link.id
        )
    )
    if sealed is None:
        return {}, None
    try:
        return cookies.open_link_challenge(gate.secret, sealed, session=gate.session, link=gate.link.id), sealed
    except CannotOpen:
        return {}, None


def _number(gate: AtGate) -> str:
    if gate.opened is None:
        raise GuestSessionEnded
    return str(_facts(gate.link, gate.opened.mk).get("phone", ""))


def _facts(row: GuestLink, dk: MailKey) -> Mapping[str, Any]:
    return locks.open_guest(dk, row.id, row.sealed_guest)
