"""Reminders: who has not read a message by the chosen time is mailed once more, by the sender's next session.

Only that session can write it: the code in a guest's mail opens with the sender's key alone.
"""

from typing import Any, Final

from sqlalchemy import or_, select, update

from securemail.delivery import outbox
from securemail.errors import NotFound
from securemail.guests import notify
from securemail.identity.context import Context, Member
from securemail.mailboxes import epochs
from securemail.messages import expiry, reading
from securemail.store.models import Envelope, GuestLink, Item, Message, Recipient
from securemail.store.statements import changed

_AT_ONCE: Final = 20
_TOLD: Final = ("notified",)
"""Who was mailed and has not read it: one whose first mail waits, or came back, is not sent a second one."""


def anything_due(ctx: Context, member: Member) -> bool:
    """Whether a reminder of this member's is due: one indexed query, nothing written."""
    return ctx.db.execute(_due(ctx, member).limit(1)).first() is not None


def queue_due(ctx: Context, member: Member) -> int:
    """Queue the reminders that are due, a few at a time; how many mails. Needs a transaction that writes.

    Raises:
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    epochs.hold(ctx, member.mail)
    due = ctx.db.execute(_due(ctx, member).order_by(Recipient.message, Recipient.place).limit(_AT_ONCE)).all()
    return sum(_remind(ctx, member, message, recipient) for message, recipient in due)


def _due(ctx: Context, member: Member) -> Any:
    own = select(Item.message).where(Item.mailbox == member.mailbox, Item.message == Message.id)
    ended = select(GuestLink.id).where(
        GuestLink.id == Recipient.principal, or_(GuestLink.closed.is_not(None), GuestLink.locked.is_not(None))
    )
    reached = select(Envelope.message).where(
        Envelope.message == Recipient.message, Envelope.principal == Recipient.principal
    )
    return (
        select(Message, Recipient)
        .join(Recipient, Recipient.message == Message.id)
        .where(
            Recipient.remind <= ctx.now, Recipient.state.in_(_TOLD), Message.sender == member.mailbox,
            Message.state == "sent", expiry.still_lasts(ctx), own.exists(), reached.exists(), ~ended.exists(),
        )
    )  # fmt: skip


def _remind(ctx: Context, member: Member, message: Message, recipient: Recipient) -> int:
    # Used up before anything is made: of two sessions at once, one reminds; one that cannot be made is not tried again.
    mine = (Recipient.message == message.id, Recipient.place == recipient.place)
    once = update(Recipient).where(*mine, Recipient.remind.is_not(None), Recipient.state.in_(_TOLD))
    if changed(ctx.db, once.values(remind=None)) != 1:
        return 0
    try:
        head, _text = reading.open_own(ctx, member, message)
    except NotFound:
        return 0
    if not head.names(recipient):
        return 0
    party = head.to[recipient.place]
    if party.kind == "mailbox":
        outbox.add_plain(ctx, "member_reminder", mailbox=party.principal, message=message.id, place=recipient.place)
    else:
        notify.tell(ctx, member, message, recipient.place, party, reminder=True)
    return 1
