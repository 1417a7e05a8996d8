"""Messages whose time is over: refused by the clock wherever they could be read, and their keys deleted soon after.

The clock alone decides; the worker's deletion only makes final what every page refuses already.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update

from securemail.delivery import outbox
from securemail.identity.context import Context, Correspondent
from securemail.messages import threads
from securemail.messages.threads import BEYOND
from securemail.store.models import Envelope, Item, Message, Recipient
from securemail.store.statements import NO_SYNC, changed

_BATCH: Final = 200


def is_over(ctx: Context, message: Message, recipient: Recipient | None, *, own: bool) -> bool:
    """Whether the time of a message is over for a reader: for everybody, or for this receiver."""
    if message.expires is not None and message.expires <= ctx.now:
        return True
    if own or recipient is None:
        return False
    return is_over_at(ctx, recipient.state, recipient.expires)


def is_over_at(ctx: Context, state: str | None, *ends: datetime | None) -> bool:
    """The same from single columns: a receiver's state, and the moments at which reading ends."""
    return state == "expired" or any(end is not None and end <= ctx.now for end in ends)


def next_end(ctx: Context, reader: Correspondent, conversation: bytes) -> datetime | None:
    """When the first of what this reader still has of a conversation ends; None when nothing does."""
    return ctx.db.scalar(
        select(func.min(Recipient.expires))
        .join(Message, Message.id == Recipient.message)
        .where(
            Recipient.principal == reader.principal, Message.conversation == conversation,
            Recipient.state.not_in(("revoked", "expired")), Recipient.expires > ctx.now,
        )
    )  # fmt: skip


def still_lasts(ctx: Context) -> ColumnElement[bool]:
    """For queries over messages and receivers: neither the message's time nor the receiver's is over."""
    return and_(
        or_(Message.expires.is_(None), Message.expires > ctx.now),
        or_(Recipient.expires.is_(None), Recipient.expires > ctx.now),
        Recipient.state != "expired",
    )


def delete_due(ctx: Context) -> int:
    """Delete the keys of one batch of what is over, and the mails that wait for it; how many were found.

    What somebody changes at this moment is left for the next time.
    """
    done = [*_end_for_all(ctx), *_end_for_receivers(ctx)]
    seen: dict[bytes, set[bytes]] = {}
    for conversation, mailboxes in done:
        seen.setdefault(conversation, set()).update(mailboxes)
    for conversation in sorted(seen):
        threads.touch(ctx, conversation, seen[conversation])
    return len(done)


def end_due(ctx: Context, message: bytes) -> None:
    """End now what is due of a message that is held, as the worker would soon: making it last longer begins there."""
    _end_receivers(ctx, ctx.db.get_one(Message, message))


_Ended = tuple[bytes, set[bytes]]
"""A conversation, and in whose lists something of it ended."""


def _end_for_receivers(ctx: Context) -> list[_Ended]:
    found = ctx.db.scalars(select(Recipient.message).where(*_due(ctx)).distinct().limit(_BATCH)).all()
    return [ended for row in _held(ctx, Message.id.in_(found)) for ended in _end_receivers(ctx, row)]


def _end_receivers(ctx: Context, row: Message) -> list[_Ended]:
    due = select(Recipient.principal, Recipient.place).where(Recipient.message == row.id, *_due(ctx))
    found = ctx.db.execute(due.order_by(Recipient.principal)).all()
    for _principal, place in found:
        outbox.cancel(ctx, row.id, place)
    principals = [principal for principal, _place in found]
    _delete_keys(ctx, Envelope.message == row.id, Envelope.principal.in_(principals))
    gone = delete(Item).where(Item.message == row.id, Item.mailbox.in_(principals))
    ctx.db.execute(gone, execution_options=NO_SYNC)
    return [(row.conversation, {row.sender, principal}) for principal in principals if _expire(ctx, row.id, principal)]


def _expire(ctx: Context, message: bytes, principal: bytes) -> int:
    over = update(Recipient).where(Recipient.message == message, Recipient.principal == principal, *_due(ctx))
    return changed(ctx.db, over.values(state="expired", state_at=Recipient.expires, expires=None, remind=None))


def _due(ctx: Context) -> tuple[ColumnElement[bool], ...]:
    return Recipient.expires <= ctx.now, Recipient.state.not_in(BEYOND)


def _held(ctx: Context, *which: ColumnElement[bool]) -> Sequence[Message]:
    """Messages that nobody else holds, held until the commit: the worker waits for nobody who takes one back."""
    rows = select(Message).where(*which).order_by(Message.id).with_for_update(skip_locked=True, key_share=True)
    return ctx.db.scalars(rows.execution_options(populate_existing=True)).all()


def _delete_keys(ctx: Context, *which: ColumnElement[bool]) -> None:
    # Whoever takes an envelope in at this moment holds its row: what they write is seen by the statements after it.
    held = select(Envelope.message).where(*which).order_by(Envelope.message, Envelope.principal)
    ctx.db.execute(held.with_for_update())
    ctx.db.execute(delete(Envelope).where(*which), execution_options=NO_SYNC)


def _end_for_all(ctx: Context) -> list[_Ended]:
    keys_left = or_(exists().where(Item.message == Message.id), exists().where(Envelope.message == Message.id))
    found = ctx.db.scalars(select(Message.id).where(Message.expires <= ctx.now, keys_left).limit(_BATCH)).all()
    return [_end_all(ctx, row) for row in _held(ctx, Message.id.in_(found), Message.expires <= ctx.now)]


def _end_all(ctx: Context, row: Message) -> _Ended:
    outbox.cancel(ctx, row.id)
    everybody = set(ctx.db.scalars(select(Recipient.principal).where(Recipient.message == row.id)))
    _delete_keys(ctx, Envelope.message == row.id)
    ended = update(Recipient).where(Recipient.message == row.id, Recipient.state.not_in(BEYOND))
    for statement in (
        delete(Item).where(Item.message == row.id),
        ended.values(state="expired", state_at=row.expires, expires=None, remind=None),
    ):
        ctx.db.execute(statement, execution_options=NO_SYNC)
    return row.conversation, {row.sender, *everybody}
