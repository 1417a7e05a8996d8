"""Taking back: a message from everybody, or one receiver's access to it; effective with the commit, in every place."""

from collections.abc import Collection, Sequence

from sqlalchemy import Row, and_, delete, func, or_, select, update
from sqlalchemy.orm import aliased

from securemail.delivery import outbox
from securemail.errors import NotFound
from securemail.guests import help as helping
from securemail.guests import links
from securemail.identity.context import Context, Correspondent, Member
from securemail.messages import aliases, expiry, threads
from securemail.messages.receipts import own_message
from securemail.organisations import audit
from securemail.store.models import Envelope, GuestLink, Item, Message, Recipient
from securemail.store.statements import NO_SYNC, changed


def revoke(ctx: Context, member: Member, message: bytes) -> None:
    """Take a message back from all; nothing of it remains but the sender's own copy. Asking twice changes nothing.

    Raises:
        NotFound: there is no such message of this member's.
    """
    row = own_message(ctx, member, message)
    taken = changed(
        ctx.db, update(Message).where(Message.id == message, Message.state == "sent").values(state="revoked")
    )
    if not taken:
        return
    outbox.cancel(ctx, message)
    threads.touch(ctx, row.conversation, _shred(ctx, member, row, None))
    audit.record(ctx, member.organisation, "message-revoked", member.principal, {"message": message.hex()})


def revoke_access(ctx: Context, member: Member, message: bytes, place: int) -> None:
    """Take one message back from one receiver.

    Raises:
        NotFound: there is no such message of this member's, or no such receiver.
    """
    row, recipient = _received(ctx, member, message, place)
    threads.hold(ctx, message)
    ctx.db.refresh(recipient)
    if recipient.state == "revoked":
        return
    outbox.cancel(ctx, message, place)
    threads.touch(ctx, row.conversation, _shred(ctx, member, row, recipient.principal))
    detail = {"message": message.hex(), "place": place}
    audit.record(ctx, member.organisation, "access-revoked", member.principal, detail)


def revoke_from_conversation(ctx: Context, member: Member, message: bytes, place: int) -> None:
    """Take a whole conversation back from one receiver of a message: everything of this member's in it.

    A guest's link that this member made ends with it, for good: its key and every browser's, and what others sent
    there; also where an account took it along. Asking twice changes nothing.

    Raises:
        NotFound: there is no such message of this member's, or no such receiver.
    """
    row, recipient = _received(ctx, member, message, place)
    kind, principal = _by_now(ctx, recipient)
    link = principal if kind == "link" else _taken_along(ctx, member, row.conversation, principal)
    ends = link is not None and _end_link(ctx, member, link)
    known = aliases.of_conversation(ctx, row.conversation)
    senders = None if ends else known.of(member.principal)
    taken = _hold_theirs(ctx, row.conversation, known.of(principal) | {recipient.principal}, senders)
    for one, theirs in taken:
        outbox.cancel(ctx, one.id, theirs.place)
    changed_in = [_shred(ctx, member, one, theirs.principal) for one, theirs in taken]
    if ends:
        ctx.db.execute(delete(Envelope).where(Envelope.principal == link), execution_options=NO_SYNC)
    threads.touch(ctx, row.conversation, set().union(*changed_in))
    if ends or taken:
        detail = {"conversation": row.conversation.hex(), "message": message.hex(), "place": place}
        audit.record(ctx, member.organisation, "conversation-revoked", member.principal, detail)


def _received(ctx: Context, member: Member, message: bytes, place: int) -> tuple[Message, Recipient]:
    """A message of this member's, and somebody else who receives it. Raises `NotFound`."""
    row = own_message(ctx, member, message)
    recipient = ctx.db.get(Recipient, (message, place))
    if recipient is None or recipient.principal == member.principal:
        raise NotFound
    return row, recipient


def _hold_theirs(
    ctx: Context, conversation: bytes, called: Collection[bytes], senders: Collection[bytes] | None
) -> Sequence[Row[Message, Recipient]]:
    """What a receiver, as they are `called` there, has of a conversation, of these senders or of all: held in order."""
    theirs = select(Message, Recipient).join(Recipient, Recipient.message == Message.id).where(
        Message.conversation == conversation, Recipient.principal.in_(called), Recipient.state != "revoked"
    )  # fmt: skip
    if senders is not None:
        theirs = theirs.where(Message.sender.in_(senders))
    in_order = theirs.order_by(Message.id).with_for_update(of=Message, key_share=True)
    return ctx.db.execute(in_order.execution_options(populate_existing=True)).all()


def _by_now(ctx: Context, recipient: Recipient) -> tuple[str, bytes]:
    """Who a receiver is by now, also when it was renewed a moment ago; a link is held, and leads nowhere else."""
    kind, principal = recipient.kind, recipient.principal
    while kind == "link" and ctx.db.get(GuestLink, principal) is not None:
        row = links.hold_alone(ctx, principal)
        if not links.genuine(ctx, row) or (row.claimed_by is None and row.successor is None):
            break
        kind, principal = ("mailbox", row.claimed_by) if row.claimed_by is not None else ("link", row.successor or b"")
    return kind, principal


def _taken_along(ctx: Context, member: Member, conversation: bytes, mailbox: bytes) -> bytes | None:
    """The link of this member's that brought an account into a conversation; None where it came there by itself."""
    claimed = select(GuestLink.id).where(
        GuestLink.conversation == conversation, GuestLink.claimed_by == mailbox, GuestLink.maker == member.mailbox
    )
    return ctx.db.scalar(claimed)


def _end_link(ctx: Context, member: Member, link: bytes) -> bool:
    """End a link of this member's with its key, its sessions and its remembered browsers; False for another's."""
    row = ctx.db.get(GuestLink, link)
    if row is None or row.maker != member.mailbox or not links.genuine(ctx, row):
        return False
    ended = update(GuestLink).where(GuestLink.id == link)
    closed = func.coalesce(GuestLink.closed, ctx.now)
    ctx.db.execute(ended.values(closed=closed, sealed_dk=None, sealed_hint=None), execution_options=NO_SYNC)
    links.end_browsers(ctx, link)
    helping.answer_link(ctx, link)
    ctx.db.expire(row)
    return True


def openings_withdrawn(ctx: Context, reader: Correspondent, conversations: Collection[bytes]) -> set[bytes]:
    """Which of these conversations began with a message that was taken back from the reader, or has expired there."""
    earlier = aliased(Message)
    began_before = select(earlier.id).where(
        earlier.conversation == Message.conversation, earlier.sent_at < Message.sent_at
    )
    rows = ctx.db.scalars(
        select(Message.conversation)
        .join(Recipient, and_(Recipient.message == Message.id, Recipient.principal == reader.principal))
        .where(Message.conversation.in_(conversations), Message.sender != reader.principal,
               or_(Recipient.state == "revoked", ~expiry.still_lasts(ctx)), ~began_before.exists())
    )  # fmt: skip
    return set(rows)


def _shred(ctx: Context, member: Member, message: Message, principal: bytes | None) -> set[bytes]:
    """Delete the receivers' keys; in which mailboxes something changed by it.

    Envelopes go first: whoever takes one in at this moment holds its row, so that the item written there is seen and
    deleted by the statement after it.
    """
    others = Recipient.principal != member.principal
    wanted = others if principal is None else Recipient.principal == principal
    receivers = ctx.db.execute(
        select(Recipient.principal, Recipient.kind).where(Recipient.message == message.id, wanted)
    ).all()
    principals = [receiver for receiver, _ in receivers]
    for statement in (
        delete(Envelope).where(Envelope.message == message.id, Envelope.principal.in_(principals)),
        delete(Item).where(Item.message == message.id, Item.mailbox.in_(principals)),
        update(Recipient)
        .where(Recipient.message == message.id, Recipient.principal.in_(principals))
        .values(state="revoked", state_at=ctx.now),
    ):
        ctx.db.execute(statement, execution_options=NO_SYNC)
    return {member.principal, message.sender, *(receiver for receiver, kind in receivers if kind == "mailbox")}
