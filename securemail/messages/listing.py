"""The lists: conversations with the newest message first, and what was sent; fifty rows by keyset, never an offset.

No public-key work here: a row costs two symmetric locks (its content key and its head) and the check that the head is
ours: a receiver, who has the content key, could otherwise write another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Subquery, and_, func, literal, select, tuple_

from securemail.clock import microseconds
from securemail.crypto import content
from securemail.crypto.locks import digest
from securemail.errors import CannotOpen
from securemail.guests import help as helping
from securemail.identity.context import Context, Member
from securemail.messages import aliases, expiry, reading, revocation
from securemail.messages.aliases import Aliases
from securemail.messages.authenticity import Forged, Heading, require_genuine_heading
from securemail.messages.heads import Head, Party
from securemail.messages.opening import Opener
from securemail.messages.receipts import Receipt, receipts_of
from securemail.store.models import Envelope, Item, Message, Recipient, Thread

PAGE = 50
_WATCHED = 100
"""Changes that the mark looks at: more than can commit out of order within one request's time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Cursor = tuple[datetime, bytes]
"""The place after which the next page begins: a time, and the id that tells two at the same time apart."""


@dataclass(frozen=True)
class ListedMessage:
    """One line of a list; `head` is None where the message was taken back from this mailbox, or has expired."""

    conversation: bytes
    message: bytes
    at: datetime
    unread: bool
    own: bool
    revoked: bool
    sender: Party | None
    head: Head | None
    receipt: Receipt | None = None
    subject_withdrawn: bool = False
    expired: bool = False
    asked: bool = False
    """Somebody in the conversation asks the reader of the list for help."""

    @property
    def subject(self) -> str | None:
        """The subject, None where the message that brought it was taken back from this mailbox."""
        return None if self.head is None or self.subject_withdrawn else self.head.subject


@dataclass(frozen=True)
class Page:
    """Some rows, and where the next ones begin."""

    rows: tuple[ListedMessage, ...]
    next: Cursor | None


def inbox(ctx: Context, member: Member, before: Cursor | None = None, limit: int = PAGE) -> Page:
    """Conversations with anything received or sent, one row each; the newest message decides."""
    first = (
        select(Thread.conversation.label("key"), Thread.newest_at.label("at"), Thread.newest, Thread.unread)
        .where(Thread.mailbox == member.mailbox)
        .order_by(Thread.newest_at.desc(), Thread.conversation.desc())
    )
    if before is not None:
        first = first.where(tuple_(Thread.newest_at, Thread.conversation) < before)
    page = first.limit(limit + 1).subquery("page")
    message = and_(Message.id == page.c.newest, Message.conversation == page.c.key)
    return _page(ctx, member, _rows(ctx, member, page, message, page.c.unread), limit)


def sent(ctx: Context, member: Member, before: Cursor | None = None, limit: int = PAGE) -> Page:
    """The mailbox's own messages, one row each."""
    first = (
        select(Item.message.label("key"), Item.sent_at.label("at"))
        .where(Item.mailbox == member.mailbox, Item.folder == "sent")
        .order_by(Item.sent_at.desc(), Item.message.desc())
    )
    if before is not None:
        first = first.where(tuple_(Item.sent_at, Item.message) < before)
    page = first.limit(limit + 1).subquery("page")
    return _page(ctx, member, _rows(ctx, member, page, Message.id == page.c.key, literal(0).label("unread")), limit)


def mark(ctx: Context, member: Member) -> str:
    """What the poll compares: when anything changed last (microseconds), and a digest of the newest changes.

    The digest is there because times are taken when a transaction begins: one that began earlier may end later, and
    would otherwise pass unseen behind a mark that is already further on.
    """
    rows = ctx.db.execute(
        select(Thread.changed, Thread.conversation)
        .where(Thread.mailbox == member.mailbox)
        .order_by(Thread.changed.desc())
        .limit(_WATCHED)
    ).all()
    facts = b"".join(microseconds(row.changed).to_bytes(8, "big") + row.conversation for row in rows)
    newest = microseconds(rows[0].changed) if rows else 0
    return f"{newest}-{digest(facts).hex()[:16]}"


def _rows(
    ctx: Context, member: Member, page: Subquery, message: ColumnElement[bool], unread: ColumnElement[Any]
) -> Sequence[Row[Any]]:
    """The cut-out page with what its rows show, in its order; without a message where the page names one wrongly.

    The page is cut out first: a planner that guesses how many messages fit may otherwise join the whole mailbox.
    """
    mailbox = member.mailbox
    query = (
        select(
            page.c.key, page.c.at, unread, Message.id, Message.conversation, Message.sender, Message.sender_kind,
            Message.account, Message.sent_at, Message.state, Message.mac, Message.sealed_head,
            Item.sealed_cek.label("item"), Item.epoch.label("item_epoch"), Envelope.sealed_cek.label("envelope"),
            Envelope.epoch.label("envelope_epoch"), Recipient.state.label("mine"),
            Message.expires.label("ends"), Recipient.expires.label("ends_for_me"),
        )
        .select_from(page)
        .outerjoin(Message, message)
        .outerjoin(Item, and_(Item.mailbox == mailbox, Item.message == Message.id))
        .outerjoin(Envelope, and_(Envelope.principal == mailbox, Envelope.message == Message.id))
        .outerjoin(Recipient, and_(Recipient.principal == mailbox, Recipient.message == Message.id))
        .order_by(page.c.at.desc(), page.c.key.desc())
    )  # fmt: skip
    return ctx.db.execute(query).all()


def _page(ctx: Context, member: Member, rows: Sequence[Row[Any]], limit: int) -> Page:
    last = rows[limit - 1] if len(rows) > limit else None
    shown = [row for row in rows[:limit] if row.id is not None]
    opener = Opener(ctx, member.mail)
    known = aliases.of_conversations(ctx, [row.conversation for row in shown])
    opened = [_open(ctx, member, row, opener, known) for row in shown]
    nameless = {row.id: row.sender for row, listed in zip(shown, opened, strict=True) if listed.head is None}
    senders = reading.known_senders(ctx, nameless)
    receipts = receipts_of(ctx, [row.message for row in opened if row.own])
    conversations = [row.conversation for row in opened]
    withdrawn = revocation.openings_withdrawn(ctx, member, conversations)
    asked = helping.asked_in(ctx, member, conversations)
    return Page(
        tuple(
            replace(
                row,
                sender=row.sender or senders.get(row.message),
                receipt=receipts.get(row.message),
                subject_withdrawn=row.conversation in withdrawn,
                asked=row.conversation in asked,
            )
            for row in opened
        ),
        (last.at, last.key) if last is not None else None,
    )


def _open(ctx: Context, member: Member, row: Row[Any], opener: Opener, known: Aliases) -> ListedMessage:
    own = known.now(row.sender) == member.mailbox
    taken_back = row.mine == "revoked" and not own
    ends = (row.ends,) if own else (row.ends, row.ends_for_me)
    over = not taken_back and expiry.is_over_at(ctx, None if own else row.mine, *ends)
    head = None if taken_back or over else _head(ctx, row, opener, known)
    return ListedMessage(
        conversation=row.conversation,
        message=row.id,
        at=row.at,
        unread=bool(row.unread),
        own=own,
        revoked=not over and (head is None or row.state == "revoked"),
        sender=head.sender if head is not None else None,
        head=head,
        expired=over,
    )


def _head(ctx: Context, row: Row[Any], opener: Opener, known: Aliases) -> Head | None:
    try:
        if row.item is not None:
            cek = opener.item(row.item_epoch, row.item, row.id)
        elif row.envelope is not None:
            # They were taken in before, unless the database could not be written just then.
            cek = opener.envelope(row.envelope_epoch, row.envelope, row.id)
        else:
            return None
        require_genuine_heading(ctx, cast("Heading", row))
        return known.head(Head.from_json(content.open_head(cek, row.id, row.sealed_head)))
    except (CannotOpen, Forged):
        return None  # one damaged row must not take the list away


def arrived_since(ctx: Context, member: Member, mark: str) -> int:
    """How many conversations have something unopened that came after a mark; none after a mangled one."""
    moment = mark.partition("-")[0]
    if not (moment.isascii() and moment.isdigit() and len(moment) < 18):
        return 0
    after = _EPOCH + timedelta(microseconds=int(moment))
    return (
        ctx.db.scalar(
            select(func.count()).where(
                Thread.mailbox == member.mailbox, Thread.changed > after, Thread.newest_at > after, Thread.unread > 0
            )
        )
        or 0
    )
