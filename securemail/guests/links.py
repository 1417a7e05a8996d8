"""Guest links: made for an address in a conversation, found by what their code gives, opened by the code.

Whoever has the code opens the link; the notification carries it only when the maker's own session caused the mail.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import delete, or_, select, update

from securemail import ids
from securemail.crypto import links as locks
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MailKey, MessageCode, Secret
from securemail.errors import CannotOpen, Conflict, NotFound, SecuremailError, StaleKeys
from securemail.guests.checks import NONE, AgreedPassword, Check
from securemail.identity.context import Context, Correspondent, Member
from securemail.mailboxes import epochs, keys
from securemail.store.models import GuestDevice, GuestLink, LinkDevice, SessionLink
from securemail.store.statements import NO_SYNC, changed

log = logging.getLogger(__name__)
FURTHEST: Final = 50
"""Links that follow each other are looked at no further."""


class WrongCode(SecuremailError):
    """The code is well written but opens nothing here."""


@dataclass(frozen=True)
class NewLink:
    """A link that is not in the database yet."""

    row: GuestLink
    public_key: bytes


def make(
    ctx: Context,
    maker: Member,
    *,
    conversation: bytes,
    address: str,
    name: str,
    check: Check = NONE,
    language: str | None = None,
) -> NewLink:
    """A link with a new code and key; the guest is written to in the maker's language until they choose another.

    While the number or password of its check is missing, its maker's note keeps the key, and it lets nobody in.
    """
    if check.method == "account":
        raise ValueError("an account needs no link")
    link, dk, code = ids.new_id(), MailKey.new(), MessageCode.new()
    row = GuestLink(
        id=link, conversation=conversation, maker=maker.mailbox, epoch=maker.mail.epoch, link_ref=locks.link_ref(code),
        method=check.method, created=ctx.now, opened=None, parameters=None, tries=0, locked=None, closed=None,
        successor=None, claimed_by=None,
    )  # fmt: skip
    kept = Kept(address, name, language or maker.language, check.number, check.hint, code, dk)
    _lock(ctx, maker, row, kept, check)
    return NewLink(row, MailKeys(link, locks.EPOCH, dk).pair().public)


def _lock(ctx: Context, maker: Member, row: GuestLink, kept: "Kept", check: Check) -> None:
    """Write the locks of a link for its check, and sign it."""
    agreed = check.password
    row.parameters = None if agreed is None else agreed.parameters
    row.sealed_dk = None
    if check.missing != "password":
        stretched = None if agreed is None else agreed.stretched
        row.sealed_dk = locks.seal_link_key(kept.code, kept.dk, row.id, row.method, stretched=stretched)
    hinted = agreed is not None and kept.hint
    row.sealed_hint = locks.seal_hint(kept.code, row.id, kept.hint) if hinted else None
    row.sealed_guest = locks.seal_guest(kept.dk, row.id, kept.for_guest())
    row.epoch = maker.mail.epoch
    row.sealed_maker = maker.mail.seal_maker(row.id, kept.for_maker())
    row.mac = sign(ctx, row)


@dataclass(frozen=True, repr=False)
class Kept:
    """What the maker of a link keeps of it: whom it is for, the number and hint of its check, its code and its key."""

    address: str
    name: str
    language: str
    number: str
    hint: str
    code: MessageCode
    dk: MailKey

    def for_guest(self) -> dict[str, str]:
        """What stands in the guest's own part."""
        facts = {"address": self.address, "name": self.name, "language": self.language}
        return facts | ({"phone": self.number} if self.number else {}) | ({"hint": self.hint} if self.hint else {})

    def for_maker(self) -> dict[str, str]:
        """What stands in the maker's note. It holds the key too: the code alone does not give it beside a password."""
        return self.for_guest() | {"code": bytes(self.code).hex(), "dk": bytes(self.dk).hex()}


def kept_of(ctx: Context, maker: Member, row: GuestLink) -> Kept:
    """The maker's note of a link of theirs.

    Raises:
        NotFound: another's link, or one from before a fresh start.
    """
    note = note_of(ctx, maker, row)
    if note is None:
        raise NotFound
    code = MessageCode(bytes.fromhex(note["code"]))
    # Links of the first release have no key in their note: it follows from the code.
    dk = (
        bytes.fromhex(note["dk"])
        if "dk" in note
        else locks.open_link_key(code, row.sealed_dk or b"", row.id, row.method)
    )
    return Kept(
        str(note["address"]), str(note["name"]), str(note["language"]), str(note.get("phone", "")),
        str(note.get("hint", "")), code, MailKey.opened(dk),
    )  # fmt: skip


def agree(ctx: Context, maker: Member, row: GuestLink, password: AgreedPassword, *, hint: str = "") -> None:
    """Say the password that a link's check still lacked.

    Raises:
        NotFound: another's link.
        Conflict: it asks no password, has one, or is closed.
    """
    row = hold_alone(ctx, row.id)
    if row.method != locks.PASSWORD or row.sealed_dk is not None or not living(row):
        raise Conflict("no password is missing there")
    kept = kept_of(ctx, maker, _genuine(ctx, row))
    kept = replace(kept, hint=hint or kept.hint)
    _lock(ctx, maker, row, kept, Check("password", password=password, hint=kept.hint))
    ctx.db.flush()


def correct_number(ctx: Context, maker: Member, row: GuestLink, number: str) -> None:
    """Give a link by SMS its number (E.164), or another: whoever passed with the one before has to pass again.

    Raises:
        NotFound: another's link.
        Conflict: it asks no code by SMS, or is closed.
    """
    row = hold_alone(ctx, row.id)
    if row.method != locks.SMS or not living(row):
        raise Conflict("no number is asked there")
    kept = replace(kept_of(ctx, maker, _genuine(ctx, row)), number=number)
    _lock(ctx, maker, row, kept, Check("sms", number))
    ctx.db.flush()
    end_browsers(ctx, row.id)


def lacks_something(ctx: Context, maker: Member, row: GuestLink) -> bool:
    """Whether the maker of a link has yet to say the number or the password of its check."""
    if row.method == locks.PASSWORD:
        return row.sealed_dk is None
    return row.method == locks.SMS and not kept_of(ctx, maker, row).number


def release(ctx: Context, maker: Member, row: GuestLink) -> bool:
    """Let a guest try again whose link was locked by wrong entries; whether it was locked.

    Raises:
        NotFound: another's link.
    """
    if row.maker != maker.mailbox:
        raise NotFound
    _genuine(ctx, row)
    locked = update(GuestLink).where(GuestLink.id == row.id, GuestLink.locked.is_not(None))
    released = changed(ctx.db, locked.values(tries=0, locked=None)) == 1
    ctx.db.expire(row)
    return released


def end_browsers(ctx: Context, link: bytes) -> None:
    """Whatever browsers hold of a link: opened letters, steps half-way, and being remembered for what was passed there.

    What a browser remembered elsewhere opens at other links stays.
    """
    passed_here = select(GuestDevice.id).where(GuestDevice.link == link)
    for statement in (
        delete(SessionLink).where(SessionLink.link == link),
        delete(LinkDevice).where(or_(LinkDevice.link == link, LinkDevice.device.in_(passed_here))),
        delete(GuestDevice).where(GuestDevice.link == link),
    ):
        ctx.db.execute(statement, execution_options=NO_SYNC)


def living(row: GuestLink) -> bool:
    """Whether a link still leads to its letters: not closed, and not taken along into an account."""
    return row.closed is None and row.claimed_by is None


def hold(ctx: Context, wanted: Collection[bytes]) -> None:
    """Hold links shared until the commit: nobody closes, replaces or takes one along while somebody writes to it.

    Raises:
        StaleKeys: one of them was just now; what leads on leads elsewhere at the next look.
    """
    rows = ctx.db.execute(
        select(GuestLink.closed, GuestLink.claimed_by).where(GuestLink.id.in_(set(wanted)))
        .order_by(GuestLink.id).with_for_update(read=True)
    ).all()  # fmt: skip
    if any(row.closed is not None or row.claimed_by is not None for row in rows):
        raise StaleKeys


def hold_alone(ctx: Context, link: bytes) -> GuestLink:
    """A link as it is now, held until the commit against everybody else who changes it or writes to it."""
    held = select(GuestLink).where(GuestLink.id == link).with_for_update(key_share=True)
    return ctx.db.scalars(held.execution_options(populate_existing=True)).one()


def lead_on(ctx: Context, row: GuestLink, *, to_link: bytes | None = None, to_mailbox: bytes | None = None) -> None:
    """A link that is held alone leads on from now: to the link in its place, or to the account that has its messages.

    Its code opens nothing any more. What it opened is moved by `messages.moving`.

    Raises:
        Conflict: it leads on already, or is closed.
    """
    if (to_link is None) == (to_mailbox is None):
        raise ValueError("a link leads to one place")
    values: dict[str, Any] = {
        "successor": to_link, "claimed_by": to_mailbox, "sealed_dk": None, "sealed_hint": None,
        "closed": ctx.now if to_link is not None else None,
        "mac": ctx.keys.sign_link(*_written(row, successor=to_link, claimed_by=to_mailbox)),
    }  # fmt: skip
    alive = (GuestLink.closed.is_(None), GuestLink.successor.is_(None), GuestLink.claimed_by.is_(None))
    if changed(ctx.db, update(GuestLink).where(GuestLink.id == row.id, *alive).values(values)) != 1:
        raise Conflict("the link leads on already")
    ctx.db.expire(row)


def keep(ctx: Context, link: NewLink) -> None:
    """Add a new link and publish its key."""
    ctx.db.add(link.row)
    keys.publish(ctx, "link", link.row.id, locks.EPOCH, link.public_key)
    ctx.db.flush()


def find(ctx: Context, ref: bytes) -> GuestLink:
    """The link behind 16 bytes of an address; nothing secret follows from having it.

    Raises:
        NotFound: there is none, or its row is not as we wrote it.
    """
    row = ctx.db.scalar(select(GuestLink).where(GuestLink.link_ref == ref))
    if row is None:
        raise NotFound
    return _genuine(ctx, row)


def newest(ctx: Context, link: GuestLink) -> GuestLink:
    """The link in whose place a link leads by now; itself where it leads nowhere."""
    for _ in range(FURTHEST):
        if link.successor is None:
            break
        after = ctx.db.get(GuestLink, link.successor)
        if after is None or not genuine(ctx, after):
            break
        link = after
    return link


def several(ctx: Context, wanted: Collection[bytes]) -> dict[bytes, GuestLink]:
    """Links by their ids, without those whose row is not as we wrote it."""
    rows = ctx.db.scalars(select(GuestLink).where(GuestLink.id.in_(wanted)))
    return {row.id: row for row in rows if genuine(ctx, row)}


def by_code(ctx: Context, code: MessageCode) -> GuestLink:
    """The link that a code belongs to, wherever it was typed: a code that gives its reference is genuine.

    Raises:
        WrongCode: there is none.
    """
    try:
        return find(ctx, locks.link_ref(code))
    except NotFound as error:
        raise WrongCode from error


def open_row(ctx: Context, row: GuestLink, code: MessageCode, *, stretched: Secret | None = None) -> MailKeys:
    """The keys of a link, from its code and, where its check is one, the agreed password.

    Raises:
        WrongCode: they do not open it.
    """
    try:
        dk = locks.open_link_key(code, row.sealed_dk or b"", row.id, row.method, stretched=stretched)
    except CannotOpen as error:
        raise WrongCode from error
    return trusted(ctx, row, dk)


def trusted(ctx: Context, row: GuestLink, dk: MailKey) -> MailKeys:
    """A link's key, once it is found to be the published one. Raises `UntrustedKey`."""
    opened = MailKeys(row.id, locks.EPOCH, dk)
    keys.require_published(ctx, "link", row.id, locks.EPOCH, opened.pair())
    return opened


def note_of(ctx: Context, author: Correspondent, row: GuestLink) -> dict[str, Any] | None:
    """What the author kept of a link of their own; None for another's, and for one from before a fresh start."""
    if author.kind != "mailbox" or row.maker != author.principal:
        return None
    if row.epoch < author.mail.epoch and row.epoch not in author.mail.epochs:
        log.warning("the note of guest link %s is locked for good: its mail goes without the code", row.id.hex())
        return None
    return epochs.at(ctx, author.mail, row.epoch).open_maker(row.id, row.sealed_maker)


def sign(ctx: Context, row: GuestLink) -> bytes:
    """The MAC of a link's row."""
    return ctx.keys.sign_link(*_facts(row))


def genuine(ctx: Context, row: GuestLink) -> bool:
    """Whether a link's row is as we wrote it; an alarm in the log when not."""
    if ctx.keys.trusts_link(row.mac, *_facts(row)):
        return True
    log.error("alarm: guest link %s is not as it was written", row.id.hex())
    return False


def _genuine(ctx: Context, row: GuestLink) -> GuestLink:
    if not genuine(ctx, row):
        raise NotFound
    return row


def _facts(row: GuestLink) -> tuple[bytes | str | int, ...]:
    return _written(row, successor=row.successor, claimed_by=row.claimed_by)


def _written(row: GuestLink, *, successor: bytes | None, claimed_by: bytes | None) -> tuple[bytes | str | int, ...]:
    facts = (row.id, row.conversation, row.maker, row.link_ref, row.method)
    later = (row.parameters, successor, claimed_by)
    # Without any of these as before there were any: rows of the first release stay genuine.
    return (*facts, *(value or b"" for value in later)) if any(later) else facts
