"""A conversation's row in each mailbox: which message is newest, how many are unopened, when anything changed."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import func, select, update

from securemail.identity.context import Context
from securemail.store.models import Message, Recipient, Thread
from securemail.store.statements import upsert

UNOPENED: Final = ("waiting", "notified", "bounced")
"""States of a recipient who has not opened the message."""
BEYOND: Final = ("revoked", "gone", "expired")
"""States of a recipient who reads the message no more, whatever becomes of its time."""


def arrived(ctx: Context, message: Message, mailboxes: Collection[bytes]) -> None:
    """The conversation moves up in the sender's mailbox, and in each receiver's with one more to open.

    In the order of ids, as `touch` does: two that answer each other at once would otherwise wait for each other.
    """
    for mailbox in sorted(set(mailboxes)):
        _newest(ctx, mailbox, message, unread=0 if mailbox == message.sender else 1)


def _newest(ctx: Context, mailbox: bytes, message: Message, *, unread: int) -> None:
    newest = {"newest": message.id, "newest_at": message.sent_at, "changed": ctx.now}
    upsert(
        ctx.db,
        Thread,
        {"mailbox": mailbox, "conversation": message.conversation, "unread": unread, **newest},
        key=["mailbox", "conversation"],
        update={**newest, "unread": Thread.unread + unread},
    )


def hold(ctx: Context, message: bytes) -> None:
    """Hold a message's row until the commit: nobody takes it back, or makes it last longer, at the same time.

    Everybody holds in one order, so that no two wait for each other: link, message, outbox, envelope, receiver, thread.
    Not against who only refers to it: whoever takes an envelope in holds that, and needs the message for the item.
    """
    ctx.db.execute(select(Message.id).where(Message.id == message).with_for_update(key_share=True))


def touch(ctx: Context, conversation: bytes, mailboxes: Collection[bytes]) -> None:
    """Recount what is unopened in these mailboxes, and let their owners' pages know that something changed."""
    # An update that waits for a row would count as things were before; one that holds it counts what has arrived since.
    mine = select(Thread.mailbox).where(Thread.conversation == conversation, Thread.mailbox.in_(mailboxes))
    ctx.db.execute(mine.order_by(Thread.mailbox).with_for_update())
    for mailbox in sorted(mailboxes):
        unopened = (
            select(func.count())
            .select_from(Recipient)
            .join(Message, Message.id == Recipient.message)
            .where(
                Message.conversation == conversation,
                Recipient.principal == mailbox,
                Recipient.state.in_(UNOPENED),
            )
            .scalar_subquery()
        )
        ctx.db.execute(
            update(Thread)
            .where(Thread.mailbox == mailbox, Thread.conversation == conversation)
            .values(unread=unopened, changed=ctx.now)
            .execution_options(synchronize_session=False)
        )
