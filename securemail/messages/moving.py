"""A guest's part of a conversation moves to another principal: a link with a new code, or a mailbox.

Heads are never rewritten (`messages.aliases` reads them as who people are now). Receivers' rows move as they are, so
that receipts stay what they were; what the old link opened with is deleted. Whoever moves holds, in this order and as
everybody who writes there, the mailboxes (`epochs.hold`), the link (`guests.links.hold_alone`), the messages (`hold`).
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, func, or_, select

from securemail.guests import links
from securemail.identity.context import Context, PrincipalKind
from securemail.messages import aliases, threads
from securemail.messages.threads import UNOPENED
from securemail.store.models import Envelope, GuestLink, Message, Outbox, Recipient, Thread
from securemail.store.statements import NO_SYNC, upsert


def hold(ctx: Context, conversation: bytes) -> list[Message]:
    """The messages of a conversation as they are now, oldest first, held until the commit: nothing is taken back,
    ends or lasts longer meanwhile."""
    rows = ctx.db.scalars(
        select(Message).where(Message.conversation == conversation).order_by(Message.id)
        .with_for_update(key_share=True).execution_options(populate_existing=True)
    ).all()  # fmt: skip
    return sorted(rows, key=lambda row: (row.sent_at, row.id))


def move(
    ctx: Context, conversation: bytes, old: bytes, *, kind: PrincipalKind, new: bytes, leave: Collection[bytes] = ()
) -> list[Recipient]:
    """Move a link's receivers' rows to `new`, and end what opens the link: its envelopes, sessions and browsers.

    The rows of the messages in `leave` stay with the old link, where nothing opens them any more. Give the envelopes or
    items for `new` afterwards.

    Returns:
        The moved rows as they are now, held until the commit.
    """
    theirs = (Envelope.principal == old, Envelope.message.in_(_messages(conversation)))
    # A worker that hands over a mail holds it before its receiver's row: so here too.
    waiting = select(Outbox.id).where(Outbox.message.in_(_messages(conversation)), Outbox.state == "waiting")
    ctx.db.execute(waiting.order_by(Outbox.id).with_for_update())
    # Expiry holds an envelope before its receiver's row: so here too.
    ctx.db.execute(select(Envelope.message).where(*theirs).order_by(Envelope.message).with_for_update())
    ctx.db.execute(delete(Envelope).where(*theirs), execution_options=NO_SYNC)
    rows = ctx.db.scalars(
        select(Recipient).where(Recipient.principal == old, Recipient.message.in_(_messages(conversation)))
        .order_by(Recipient.message).with_for_update().execution_options(populate_existing=True)
    ).all()  # fmt: skip
    moved = [row for row in rows if row.message not in leave]
    for row in moved:
        row.principal, row.kind = new, kind
    ctx.db.flush()
    links.end_browsers(ctx, old)
    return moved


def give_thread(ctx: Context, conversation: bytes, mailbox: bytes) -> None:
    """The conversation stands in a mailbox's list, with its newest message there and what is unopened.

    Afterwards `threads.touch` recounts it and tells open pages.
    """
    called = aliases.of_conversation(ctx, conversation).of(mailbox)
    newest = ctx.db.execute(
        select(Message.id, Message.sent_at)
        .outerjoin(Recipient, (Recipient.message == Message.id) & (Recipient.principal == mailbox))
        .where(Message.conversation == conversation, or_(Message.sender.in_(called), Recipient.message.is_not(None)))
        .order_by(Message.sent_at.desc(), Message.id.desc()).limit(1)
    ).first()  # fmt: skip
    if newest is None:
        return
    facts: dict[str, Any] = {
        "newest": newest.id, "newest_at": newest.sent_at, "unread": _unread(ctx, conversation, mailbox),
        "changed": ctx.now,
    }  # fmt: skip
    row = {"mailbox": mailbox, "conversation": conversation, **facts}
    upsert(ctx.db, Thread, row, key=["mailbox", "conversation"], update=facts)


def takes_part(ctx: Context, conversation: bytes, mailbox: bytes) -> bool:
    """Whether a mailbox has, or had, a part in a conversation: as receiver, sender, maker of a link, or claimer."""
    of_it = select(Message.id).where(Message.conversation == conversation)
    for found in (
        of_it.where(Message.sender == mailbox),
        select(Recipient.message).where(Recipient.principal == mailbox, Recipient.message.in_(of_it)),
        select(GuestLink.id).where(
            GuestLink.conversation == conversation,
            or_(GuestLink.maker == mailbox, GuestLink.claimed_by == mailbox),
        ),
    ):
        if ctx.db.execute(found.limit(1)).first() is not None:
            return True
    return False


def tell_everybody(ctx: Context, conversation: bytes) -> None:
    """Recount the conversation in every mailbox that lists it, and let open pages know."""
    listed = select(Thread.mailbox).where(Thread.conversation == conversation)
    threads.touch(ctx, conversation, set(ctx.db.scalars(listed)))


def _messages(conversation: bytes) -> Any:
    return select(Message.id).where(Message.conversation == conversation)


def _unread(ctx: Context, conversation: bytes, mailbox: bytes) -> int:
    unopened = select(func.count()).select_from(Recipient).where(
        Recipient.principal == mailbox, Recipient.state.in_(UNOPENED), Recipient.message.in_(_messages(conversation))
    )  # fmt: skip
    return ctx.db.scalar(unopened) or 0
