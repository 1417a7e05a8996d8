"""Receipts: who has opened a message and when, written when a person opens it, never by a GET."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, or_, select, update

from securemail.errors import NotFound
from securemail.guests import links
from securemail.identity.context import Context, Correspondent, Member
from securemail.messages import aliases, expiry, threads
from securemail.messages.threads import BEYOND, UNOPENED
from securemail.store.models import Envelope, GuestLink, Item, Message, Recipient, Thread
from securemail.store.statements import NO_SYNC, changed

ReceiptState = Literal["none", "some", "all"]


@dataclass(frozen=True)
class Reader:
    """One receiver's state; `place` is theirs in the head's list. `at`: since when, `expires`: until when they read.

    A state that the clock has ended is 'expired', whether the worker has been there or not.
    """

    place: int
    state: str
    at: datetime
    opened_at: datetime | None
    principal: bytes = b""
    kind: str = "mailbox"
    expires: datetime | None = None


@dataclass(frozen=True)
class Receipt:
    """The receipt of one message, in the manual's three states."""

    readers: tuple[Reader, ...]

    @property
    def opened(self) -> int:
        """How many have opened it, also when it was taken back from them afterwards."""
        return sum(reader.opened_at is not None for reader in self.readers)

    @property
    def state(self) -> ReceiptState:
        """Nobody, some, or everybody."""
        if self.opened == 0:
            return "none"
        return "all" if self.opened == len(self.readers) else "some"


def receipts_of(ctx: Context, messages: Sequence[bytes]) -> dict[bytes, Receipt]:
    """The receipts of several messages with one query."""
    if not messages:
        return {}
    readers: dict[bytes, list[Reader]] = {message: [] for message in messages}
    rows = ctx.db.execute(
        select(Recipient, Message.expires.label("ends")).join(Message, Message.id == Recipient.message)
        .where(Recipient.message.in_(messages)).order_by(Recipient.message, Recipient.place)
    )  # fmt: skip
    for row, ends in rows:
        readers[row.message].append(_reader(ctx, row, ends))
    return {message: Receipt(tuple(listed)) for message, listed in readers.items()}


def _reader(ctx: Context, row: Recipient, ends: datetime | None) -> Reader:
    ending = min((end for end in (row.expires, ends) if end is not None), default=None)
    state, at = row.state, row.state_at
    if ending is not None and ending <= ctx.now and state not in BEYOND:
        state, at = "expired", ending
    return Reader(row.place, state, at, row.opened_at, row.principal, row.kind, ending)


def mark_opened(ctx: Context, reader: Correspondent, conversation: bytes) -> int:
    """A person opens what is closed in a conversation: mark each message that they hold a key to.

    Returns:
        How many were opened just now.
    """
    mine = reader.principal
    holds_a_key = or_(
        select(Item.message).where(Item.mailbox == mine, Item.message == Recipient.message).exists(),
        select(Envelope.message).where(Envelope.principal == mine, Envelope.message == Recipient.message).exists(),
    )
    in_conversation = select(Message.id).where(
        Message.id == Recipient.message, Message.conversation == conversation, Message.state == "sent",
        expiry.still_lasts(ctx),
    )  # fmt: skip
    closed = (Recipient.principal == mine, in_conversation.exists(), Recipient.state.in_(UNOPENED), holds_a_key)
    # In the order of ids, as who takes several back: an update by itself takes them as they come.
    held = select(Recipient.message).where(*closed).order_by(Recipient.message).with_for_update()
    if not ctx.db.scalars(held).all():
        return 0
    opening = update(Recipient).where(*closed)
    opened = changed(ctx.db, opening.values(state="opened", state_at=ctx.now, opened_at=ctx.now))
    if opened:
        threads.touch(ctx, conversation, {mine, *_senders(ctx, conversation)})
    return opened


def _senders(ctx: Context, conversation: bytes) -> set[bytes]:
    senders = select(Message.sender).where(Message.conversation == conversation, Message.sender_kind == "mailbox")
    claimed = select(GuestLink.claimed_by).where(
        GuestLink.conversation == conversation, GuestLink.claimed_by.is_not(None)
    )
    return {sender for sender in ctx.db.scalars(senders.union(claimed)) if sender is not None}


def own_message(ctx: Context, sender: Correspondent, message: bytes) -> Message:
    """A message that this correspondent sent.

    Raises:
        NotFound: there is none, or it is another's.
    """
    row = ctx.db.get(Message, message)
    if row is None or not _is_of(ctx, row, sender.principal):
        raise NotFound
    return row


def own_link(ctx: Context, member: Member, message: bytes, place: int) -> GuestLink:
    """The link, made by this member, of a receiver of a message that they sent.

    Raises:
        NotFound: there is none, or it is another's.
    """
    own_message(ctx, member, message)
    recipient = ctx.db.get(Recipient, (message, place))
    if recipient is None or recipient.kind != "link":
        raise NotFound
    link = links.several(ctx, {recipient.principal}).get(recipient.principal)
    if link is None or link.maker != member.mailbox:
        raise NotFound
    return link


def _is_of(ctx: Context, message: Message, principal: bytes) -> bool:
    """Whether somebody sent a message, perhaps as a guest whose link they took along."""
    if message.sender_kind == "link" and message.sender != principal:
        return aliases.of_conversation(ctx, message.conversation).now(message.sender) == principal
    return message.sender == principal


def link_opened(ctx: Context, link: bytes) -> None:
    """Remember when a link was opened first."""
    ctx.db.execute(
        update(GuestLink).where(GuestLink.id == link, GuestLink.opened.is_(None)).values(opened=ctx.now),
        execution_options=NO_SYNC,
    )


def count_unread(ctx: Context, mailbox: bytes, *, most: int = 100) -> int:
    """Conversations with something unopened, counted no further than `most`."""
    few = select(Thread.conversation).where(Thread.mailbox == mailbox, Thread.unread > 0).limit(most).subquery()
    return ctx.db.scalar(select(func.count()).select_from(few)) or 0


def last_sent_to(ctx: Context, link: GuestLink) -> datetime | None:
    """When the maker's newest message to a guest was sent; told, with their name, to whoever has a link's address.

    One query, wherever the link leads by now: neither the answer nor its time tells that it leads elsewhere.
    """
    theirs = select(GuestLink.id.label("principal")).where(GuestLink.id == link.id).cte("theirs", recursive=True)
    after = func.coalesce(GuestLink.claimed_by, GuestLink.successor)
    theirs = theirs.union(
        select(after).join(theirs, GuestLink.id == theirs.c.principal).where(after.is_not(None))
    )  # fmt: skip
    received = select(Recipient.message).where(
        Recipient.message == Message.id, Recipient.principal.in_(select(theirs.c.principal))
    )
    makers = (Message.conversation == link.conversation, Message.sender == link.maker, received.exists())
    return ctx.db.scalar(select(func.max(Message.sent_at)).where(*makers))


def last_opened(ctx: Context, reader: Correspondent, conversation: bytes) -> datetime | None:
    """When the newest opened message of a conversation was opened by this reader."""
    return ctx.db.scalar(
        select(func.max(Recipient.opened_at))
        .join(Message, Message.id == Recipient.message)
        .where(Message.conversation == conversation, Recipient.principal == reader.principal)
    )
