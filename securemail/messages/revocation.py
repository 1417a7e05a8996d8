"""Taking back: a message from everybody, or one receiver's access to it; effective with the commit, in every place."""

from collections.abc import Collection

from sqlalchemy import and_, delete, select, update
from sqlalchemy.orm import aliased

from securemail.delivery import outbox
from securemail.errors import NotFound
from securemail.identity.context import Context, Correspondent, Member
from securemail.messages import threads
from securemail.messages.receipts import own_message
from securemail.organisations import audit
from securemail.store.models import Envelope, Item, Message, Recipient
from securemail.store.statements import changed


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
    _shred(ctx, member, row, None)
    outbox.cancel(ctx, message)
    audit.record(ctx, member.organisation, "message-revoked", member.principal, {"message": message.hex()})


def revoke_access(ctx: Context, member: Member, message: bytes, place: int) -> None:
    """Take one message back from one receiver.

    Raises:
        NotFound: there is no such message of this member's, or no such receiver.
    """
    row = own_message(ctx, member, message)
    recipient = ctx.db.get(Recipient, (message, place))
    if recipient is None or recipient.principal == member.principal:
        raise NotFound
    if recipient.state == "revoked":
        return
    _shred(ctx, member, row, recipient.principal)
    outbox.cancel(ctx, message, place)
    detail = {"message": message.hex(), "place": place}
    audit.record(ctx, member.organisation, "access-revoked", member.principal, detail)


def openings_withdrawn(ctx: Context, reader: Correspondent, conversations: Collection[bytes]) -> set[bytes]:
    """Which of these conversations began with a message that was taken back from the reader."""
    earlier = aliased(Message)
    began_before = select(earlier.id).where(
        earlier.conversation == Message.conversation, earlier.sent_at < Message.sent_at
    )
    rows = ctx.db.scalars(
        select(Message.conversation)
        .join(Recipient, and_(Recipient.message == Message.id, Recipient.principal == reader.principal))
        .where(Message.conversation.in_(conversations), Recipient.state == "revoked", ~began_before.exists())
    )
    return set(rows)


def _shred(ctx: Context, member: Member, message: Message, principal: bytes | None) -> None:
    """Delete the receivers' keys. Envelopes go first: whoever takes one in at this moment holds its row, so that the
    item written there is seen and deleted by the statement after it."""
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
        ctx.db.execute(statement, execution_options={"synchronize_session": False})
    mailboxes = {receiver for receiver, kind in receivers if kind == "mailbox"}
    threads.touch(ctx, message.conversation, {member.principal, *mailboxes})
