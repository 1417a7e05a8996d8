"""Messages whose time is over: refused by the clock wherever they could be read, and their keys deleted soon after.

The clock alone decides; the worker's deletion only makes final what every page refuses already.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, update

from securemail.delivery import outbox
from securemail.identity.context import Context
from securemail.messages import threads
from securemail.store.models import Envelope, Item, Message, Recipient
from securemail.store.statements import changed

_BATCH: Final = 200
_BEYOND: Final = ("revoked", "gone", "expired")
_NO_SYNC: Final = {"synchronize_session": False}


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


def still_lasts(ctx: Context) -> ColumnElement[bool]:
    """For queries over messages and receivers: neither the message's time nor the receiver's is over."""
    return and_(
        or_(Message.expires.is_(None), Message.expires > ctx.now),
        or_(Recipient.expires.is_(None), Recipient.expires > ctx.now),
        Recipient.state != "expired",
    )


def delete_due(ctx: Context) -> int:
    """Delete the keys of one batch of what is over, and the mails that wait for it; how many were found."""
    return _delete_for_all(ctx) + _delete_for_receivers(ctx)


def end_due(ctx: Context, message: bytes) -> None:
    """End now what is due of one message, as the worker would soon: making it last longer begins from there."""
    due = (Recipient.expires <= ctx.now, Recipient.state.not_in(_BEYOND))
    found = ctx.db.scalars(select(Recipient.principal).where(Recipient.message == message, *due)).all()
    for principal in sorted(found):
        _expire(ctx, message, principal, *due)


def _delete_for_receivers(ctx: Context) -> int:
    due = (Recipient.expires <= ctx.now, Recipient.state.not_in(_BEYOND))
    found = ctx.db.execute(select(Recipient.message, Recipient.principal).where(*due).limit(_BATCH)).all()
    in_order = sorted((message, principal) for message, principal in found)
    return sum(_expire(ctx, message, principal, *due) for message, principal in in_order)


def _expire(ctx: Context, message: bytes, principal: bytes, *due: ColumnElement[bool]) -> int:
    # Whoever takes the envelope in at this moment holds its row: what they write is seen by the statements after it.
    mine = (Envelope.message == message, Envelope.principal == principal)
    ctx.db.execute(select(Envelope.message).where(*mine).with_for_update())
    over = update(Recipient).where(Recipient.message == message, Recipient.principal == principal, *due)
    # The sender may have made it last longer just now.
    if not changed(ctx.db, over.values(state="expired", state_at=Recipient.expires, expires=None, remind=None)):
        return 0
    ctx.db.execute(delete(Envelope).where(*mine), execution_options=_NO_SYNC)
    ctx.db.execute(delete(Item).where(Item.message == message, Item.mailbox == principal), execution_options=_NO_SYNC)
    row = ctx.db.get_one(Message, message)
    place = ctx.db.scalars(
        select(Recipient.place).where(Recipient.message == message, Recipient.principal == principal)
    ).one()
    outbox.cancel(ctx, message, place)
    threads.touch(ctx, row.conversation, {row.sender, principal})
    return 1


def _delete_for_all(ctx: Context) -> int:
    keys_left = or_(exists().where(Item.message == Message.id), exists().where(Envelope.message == Message.id))
    due = (Message.expires <= ctx.now, keys_left)
    found = select(Message.id).where(*due).order_by(Message.id).limit(_BATCH)
    return sum(_expire_for_all(ctx, message) for message in ctx.db.scalars(found).all())


def _expire_for_all(ctx: Context, message: bytes) -> int:
    still = select(Message).where(Message.id == message, Message.expires <= ctx.now)
    row = ctx.db.scalar(still.with_for_update().execution_options(populate_existing=True))
    if row is None:
        return 0
    everybody = set(ctx.db.scalars(select(Recipient.principal).where(Recipient.message == message)))
    ended = update(Recipient).where(Recipient.message == message, Recipient.state.not_in(_BEYOND))
    statements: tuple[Any, ...] = (
        delete(Envelope).where(Envelope.message == message),
        delete(Item).where(Item.message == message),
        ended.values(state="expired", state_at=row.expires, expires=None, remind=None),
    )
    for statement in statements:
        ctx.db.execute(statement, execution_options=_NO_SYNC)
    outbox.cancel(ctx, message)
    threads.touch(ctx, row.conversation, {row.sender, *everybody})
    return 1
