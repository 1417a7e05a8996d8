"""After sending: what its sender changes for a guest who asks, and until when a message may be read, for one or all."""

from datetime import datetime

from sqlalchemy import select, update

from securemail.crypto.secrets import ContentKey
from securemail.errors import Conflict
from securemail.guests import help as helping
from securemail.guests import links
from securemail.guests.checks import Check
from securemail.guests.help import Asked
from securemail.identity.context import Context, Member
from securemail.mailboxes import epochs
from securemail.messages import contacts, envelopes, expiry, notices, reading, threads
from securemail.messages.heads import Head, Party
from securemail.messages.receipts import own_message
from securemail.messages.writing import Receiver
from securemail.organisations import audit
from securemail.store.models import Envelope, GuestLink, Message, Recipient
from securemail.store.statements import NO_SYNC


def change_expiry(ctx: Context, member: Member, message: bytes, until: datetime | None, *, everybody: bool) -> None:
    """Let a message be read until a moment (None: for ever) by its receivers or, with `everybody`, the sender too.

    Whose time was over already gets a new key from the sender's own copy, and is told by mail again.

    Raises:
        NotFound: there is no such message of this member's, or nothing is left of it.
        Conflict: it was taken back, or the moment is past.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    if until is not None and until <= ctx.now:
        raise Conflict("that moment is past")
    current = epochs.hold(ctx, member.mail, others=_mailboxes(ctx, message))
    guests = select(Recipient.principal).where(Recipient.message == message, Recipient.kind == "link")
    _hold_links(ctx, set(ctx.db.scalars(guests)))
    row, cek = _held(ctx, member, message)
    ends = until if everybody else None
    others = (Recipient.message == message, Recipient.principal != member.principal)
    for statement in (
        update(Message).where(Message.id == message).values(expires=ends),
        update(Recipient).where(*others, Recipient.state.not_in(("revoked", "gone"))).values(expires=until),
    ):
        ctx.db.execute(statement, execution_options=NO_SYNC)
    ctx.db.expire_all()
    over = ctx.db.scalars(select(Recipient).where(*others, Recipient.state == "expired")).all()
    if over:
        head = reading.head_of(ctx, cek, row)
        for recipient in over:
            _open_again(ctx, member, row, head, recipient, cek, current)
    principals = {member.principal, *_mailboxes(ctx, message)}
    threads.touch(ctx, row.conversation, principals)
    detail = {"message": message.hex(), "until": until.isoformat() if until else None, "everybody": everybody}
    audit.record(ctx, member.organisation, "expiry-changed", member.principal, detail)


def prolong(ctx: Context, member: Member, asked: Asked, until: datetime) -> None:
    """Answer a guest who asks for more time: what is over for this guest is theirs to read again until a moment.

    Nobody else's time changes. One mail, of the newest message, tells it.

    Raises:
        NotFound: nothing is left of it.
        Conflict: nothing is over, it was taken back, or the request was answered already.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    if not asked.over:
        raise Conflict("nothing is over")
    epochs.hold(ctx, member.mail)
    _hold_links(ctx, {asked.link})
    in_order = sorted(asked.over)
    for message in in_order:
        threads.hold(ctx, message)
    helping.answer(ctx, asked.request)
    for message in in_order:
        _prolong_one(ctx, member, message, asked.link, until, tell=message == asked.over[0])


def correct_number(ctx: Context, member: Member, asked: Asked, number: str) -> None:
    """Answer a guest whose number was wrong: codes go to another (E.164), those of later messages too.

    A mail says that it opens now; where wrong entries locked the link, that mail comes when it is released.

    Raises:
        NotFound: another's link.
        Conflict: it asks no code by SMS, or is closed.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    epochs.hold(ctx, member.mail)
    link = ctx.db.get_one(GuestLink, asked.link)
    links.correct_number(ctx, member, link, number)
    them = Receiver(asked.address, asked.name or asked.address)
    contacts.remember(ctx, member, [them], {asked.address: Check("sms", number)})
    helping.answer(ctx, asked.request)
    if link.locked is None:
        helping.tell(ctx, member, link)


def release(ctx: Context, member: Member, link: GuestLink) -> None:
    """Let a guest try again whose link wrong entries locked, and say so by mail; whatever they asked is answered.

    Raises:
        NotFound: another's link.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    epochs.hold(ctx, member.mail)
    if links.release(ctx, member, link):
        helping.tell(ctx, member, link)
    helping.answer_link(ctx, link.id)


def _prolong_one(ctx: Context, member: Member, message: bytes, link: bytes, until: datetime, *, tell: bool) -> None:
    row, cek = _held(ctx, member, message)
    over = (Recipient.message == message, Recipient.principal == link, Recipient.state == "expired")
    recipient = ctx.db.scalars(select(Recipient).where(*over)).one_or_none()
    if recipient is None:
        raise Conflict("it is not over any more")
    recipient.expires = until
    ctx.db.flush()
    _open_again(ctx, member, row, reading.head_of(ctx, cek, row), recipient, cek, {}, tell=tell)
    threads.touch(ctx, row.conversation, {member.principal})
    detail = {"message": message.hex(), "until": until.isoformat(), "place": recipient.place}
    audit.record(ctx, member.organisation, "expiry-changed", member.principal, detail)


def _hold_links(ctx: Context, wanted: set[bytes]) -> None:
    """Before their messages, as whoever takes the conversation back does: neither waits for the other for ever."""
    ctx.db.execute(select(GuestLink.id).where(GuestLink.id.in_(wanted)).order_by(GuestLink.id).with_for_update())


def _held(ctx: Context, member: Member, message: bytes) -> tuple[Message, ContentKey]:
    """A message of one's own, held until the commit, with its key; what of it is due has ended."""
    row = own_message(ctx, member, message)
    threads.hold(ctx, message)
    ctx.db.refresh(row)
    if row.state != "sent":
        raise Conflict("it was taken back")
    cek = reading.own_key(ctx, member, row)
    expiry.end_due(ctx, message)
    ctx.db.expire_all()
    return row, cek


def _mailboxes(ctx: Context, message: bytes) -> set[bytes]:
    mine = select(Recipient.principal).where(Recipient.message == message, Recipient.kind == "mailbox")
    return set(ctx.db.scalars(mine))


def _open_again(
    ctx: Context, member: Member, row: Message, head: Head, recipient: Recipient, cek: ContentKey,
    current: dict[bytes, int], *, tell: bool = True,
) -> None:  # fmt: skip
    """A new envelope for somebody whose time was over; not for who has no link or account any more."""
    if not head.names(recipient):
        return
    party = head.to[recipient.place]
    if not _is_there(ctx, party, current):
        return
    waits = party.kind == "link" and links.lacks_something(ctx, member, ctx.db.get_one(GuestLink, party.principal))
    state = "unready" if waits else "opened" if recipient.opened_at else "waiting"
    again = update(Recipient).where(
        Recipient.message == row.id, Recipient.place == recipient.place, Recipient.state == "expired"
    )
    ctx.db.execute(again.values(state=state, state_at=ctx.now), execution_options=NO_SYNC)
    if waits:
        return
    if ctx.db.get(Envelope, (row.id, party.principal)) is None:
        envelopes.give(ctx, row, cek, party, current)
    if tell and (recipient.opened_at is None or party.kind == "link"):
        notices.queue(ctx, member, row, recipient.place, party)
    if party.kind == "link":
        helping.answer_link(ctx, party.principal)


def _is_there(ctx: Context, party: Party, current: dict[bytes, int]) -> bool:
    if party.kind == "mailbox":
        return party.principal in current
    link = ctx.db.get(GuestLink, party.principal)
    return link is not None and link.closed is None and link.claimed_by is None and links.genuine(ctx, link)
