"""What a closed mailbox leaves behind: rows that nobody opens any more, removed a batch at a time by the worker.

Nothing hangs on it: the locks went with the account (`identity.closing`). Messages go once no mailbox and no guest has
a part in them; until then they are their receivers'.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, delete, exists, or_, select, tuple_, update

from securemail.identity.context import Context
from securemail.messages.threads import UNOPENED
from securemail.store.models import (
    Contact,
    Conversation,
    Draft,
    Envelope,
    GuestLink,
    Item,
    Mailbox,
    Message,
    Outbox,
    Recipient,
    Thread,
)
from securemail.store.statements import changed

_BATCH: Final = 200


def clear(ctx: Context) -> int:
    """Remove one batch of each kind from one closed mailbox; how many rows. 0 when every closed mailbox is empty."""
    mailbox = ctx.db.scalar(_unfinished())
    if mailbox is None:
        return 0
    done = _tell_senders(ctx, mailbox)
    done += _delete(ctx, (Thread.mailbox, Thread.conversation), Thread.mailbox == mailbox)
    done += _delete(ctx, (Draft.id,), Draft.mailbox == mailbox)
    done += _delete(ctx, (Contact.id,), Contact.mailbox == mailbox)
    messages = _messages(ctx, mailbox)
    done += _delete_all(ctx, Item, Item.mailbox == mailbox, Item.message.in_(messages))
    done += _delete_all(ctx, Envelope, Envelope.principal == mailbox, Envelope.message.in_(messages))
    _remove_unheld(ctx, messages)
    return done


def _unfinished() -> Select[bytes]:
    mine = (
        exists().where(Thread.mailbox == Mailbox.id),
        exists().where(Draft.mailbox == Mailbox.id),
        exists().where(Contact.mailbox == Mailbox.id),
        exists().where(Item.mailbox == Mailbox.id),
        exists().where(Envelope.principal == Mailbox.id),
    )
    return select(Mailbox.id).where(Mailbox.closed.is_not(None), or_(*mine)).order_by(Mailbox.id).limit(1)


def _tell_senders(ctx: Context, mailbox: bytes) -> int:
    """What was never opened will not be: its sender sees so, in place of "not yet"."""
    waiting = select(Envelope.message).where(Envelope.principal == mailbox).union(
        select(Item.message).where(Item.mailbox == mailbox, Item.folder == "received")
    )  # fmt: skip
    unread = select(Recipient.message).where(
        Recipient.principal == mailbox, Recipient.state.in_(UNOPENED), Recipient.message.in_(waiting)
    )
    told = update(Recipient).where(Recipient.principal == mailbox, Recipient.message.in_(unread.limit(_BATCH)))
    return changed(ctx.db, told.values(state="gone", state_at=ctx.now))


def _messages(ctx: Context, mailbox: bytes) -> list[bytes]:
    items = ctx.db.scalars(select(Item.message).where(Item.mailbox == mailbox).limit(_BATCH))
    envelopes = ctx.db.scalars(select(Envelope.message).where(Envelope.principal == mailbox).limit(_BATCH))
    return sorted({*items, *envelopes})


def _delete(ctx: Context, key: tuple[Any, ...], of: ColumnElement[bool]) -> int:
    batch = select(*key).where(of).limit(_BATCH)
    return changed(ctx.db, delete(key[0].class_).where(tuple_(*key).in_(batch)))


def _delete_all(ctx: Context, model: Any, *which: ColumnElement[bool]) -> int:
    return changed(ctx.db, delete(model).where(*which))


def _remove_unheld(ctx: Context, messages: list[bytes]) -> None:
    """Messages without a key left, in conversations that stand in no list and behind no link."""
    unheld = list(
        ctx.db.execute(
            select(Message.id, Message.conversation).where(
                Message.id.in_(messages),
                ~exists().where(Item.message == Message.id),
                ~exists().where(Envelope.message == Message.id, Envelope.sealed_cek.is_not(None)),
                ~exists().where(Thread.conversation == Message.conversation),
                ~exists().where(GuestLink.conversation == Message.conversation),
            )
        )
    )
    gone = [message for message, _ in unheld]
    for model in (Recipient, Envelope, Outbox):
        _delete_all(ctx, model, model.message.in_(gone))
    _delete_all(ctx, Message, Message.id.in_(gone))
    conversations = {conversation for _, conversation in unheld}
    empty = ~exists().where(Message.conversation == Conversation.id)
    _delete_all(ctx, Conversation, Conversation.id.in_(conversations), empty)
