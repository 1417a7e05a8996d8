"""Reading: taking new envelopes in, and a conversation as one correspondent may see it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, exists, or_, select, update
from sqlalchemy.orm import undefer

from securemail.crypto import content
from securemail.crypto.secrets import ContentKey
from securemail.errors import CannotOpen, NotFound
from securemail.identity.context import Context, Correspondent, Member
from securemail.mailboxes import directory, epochs
from securemail.messages import aliases, authenticity, expiry
from securemail.messages.aliases import Aliases
from securemail.messages.heads import Head, Party
from securemail.messages.opening import Opener
from securemail.messages.receipts import Receipt, receipts_of
from securemail.messages.threads import UNOPENED
from securemail.store.models import Envelope, Item, Message, Recipient
from securemail.store.statements import changed, insert_if_absent

LetterState = Literal["open", "closed", "revoked", "expired"]
_BATCH = 200


@dataclass(frozen=True)
class Letter:
    """One message as the reader may see it: no text while it is closed, neither head nor text once taken back
    or once its time is over."""

    message: bytes
    state: LetterState
    own: bool
    sent_at: datetime
    sender: Party | None
    head: Head | None
    text: str | None
    receipt: Receipt | None


def anything_waiting(ctx: Context, member: Member) -> bool:
    """Whether envelopes have arrived that the mailbox has not taken in."""
    return bool(ctx.db.scalar(select(exists(_waiting(member)))))


def _waiting(member: Member) -> Select[Any]:
    # Those of an epoch that no key of this mailbox reaches stay where they are, and are not tried again and again.
    return select(Envelope).where(
        Envelope.principal == member.mailbox,
        Envelope.sealed_cek.is_not(None),
        Envelope.epoch.in_(member.mail.epochs),
    )


def take_in(ctx: Context, member: Member) -> int:
    """Turn arrived envelopes into items, at most 200 at a time, so that listing costs no public-key work.

    Each envelope is emptied by compare-and-swap in the transaction that writes its item. A withdrawal at the same
    moment waits for that and then deletes both.

    Raises:
        StaleKeys: the mailbox's keys were replaced since they were opened.
    """
    epochs.hold(ctx, member.mail)
    rows = ctx.db.execute(
        _waiting(member).add_columns(Message).join(Message, Message.id == Envelope.message)
        .order_by(Envelope.message).limit(_BATCH)
    ).all()  # fmt: skip
    opener = Opener(ctx, member.mail)
    # Answers that the member gave as a guest come in when the link leads to the mailbox: they were sent, not received.
    by_guests = {message.conversation for _, message in rows if message.sender_kind == "link"}
    known = aliases.of_conversations(ctx, by_guests) if by_guests else Aliases({})
    return sum(
        _take_one(ctx, member, opener, envelope, message.sent_at, own=known.now(message.sender) == member.mailbox)
        for envelope, message in rows
    )


def _take_one(
    ctx: Context, member: Member, opener: Opener, envelope: Envelope, sent_at: datetime, *, own: bool
) -> bool:
    sealed = envelope.sealed_cek
    if sealed is None:
        return False
    try:
        cek = opener.envelope(envelope.epoch, sealed, envelope.message)
    except CannotOpen:
        return False  # not locked to us: a row that somebody else wrote stays where it is and shows nothing
    emptied = changed(
        ctx.db,
        update(Envelope)
        .where(
            Envelope.message == envelope.message,
            Envelope.principal == member.mailbox,
            Envelope.sealed_cek.is_not(None),
        )
        .values(sealed_cek=None),
    )
    if not emptied:
        return False
    item = {
        "mailbox": member.mailbox,
        "message": envelope.message,
        "epoch": member.mail.epoch,
        "folder": "sent" if own else "received",
        "sent_at": sent_at,
        "sealed_cek": member.mail.seal_item(cek, envelope.message),
    }
    return insert_if_absent(ctx.db, Item, item)


def conversation(ctx: Context, reader: Correspondent, conversation: bytes) -> list[Letter]:
    """The letters of a conversation, oldest first.

    Raises:
        NotFound: nothing in it is, or ever was, the reader's.
    """
    return _letters(ctx, reader, conversation)


def letter(ctx: Context, reader: Correspondent, message: Message) -> Letter:
    """One message as `conversation` shows it, without opening the others.

    Raises:
        NotFound: it is not, and never was, the reader's.
    """
    [one] = _letters(ctx, reader, message.conversation, Message.id == message.id)
    return one


def require_part(ctx: Context, reader: Correspondent, conversation: bytes) -> None:
    """Raises `NotFound` where `conversation` would; nothing is opened."""
    mine = aliases.of_conversation(ctx, conversation).of(reader.principal)
    if ctx.db.execute(_rows(reader, conversation, mine).limit(1)).first() is None:
        raise NotFound


def _letters(ctx: Context, reader: Correspondent, conversation: bytes, *which: ColumnElement[bool]) -> list[Letter]:
    known = aliases.of_conversation(ctx, conversation)
    mine = known.of(reader.principal)
    wanted = _rows(reader, conversation, mine).where(*which).order_by(Message.sent_at, Message.id)
    rows = ctx.db.execute(wanted.options(undefer(Message.sealed_body))).all()
    if not rows:
        raise NotFound
    receipts = receipts_of(ctx, [row.Message.id for row in rows if row.Message.sender in mine])
    opener = Opener(ctx, reader.mail)
    letters = [
        _letter(ctx, row, known, row.Message.sender in mine, receipts.get(row.Message.id), opener) for row in rows
    ]
    nameless = {
        row.Message.id: row.Message.sender for row, letter in zip(rows, letters, strict=True) if not letter.head
    }
    senders = known_senders(ctx, nameless)
    return [replace(letter, sender=letter.sender or senders.get(letter.message)) for letter in letters]


def _rows(reader: Correspondent, conversation: bytes, called: Collection[bytes]) -> Any:
    mine = reader.principal
    return (
        select(Message, Recipient, Item, Envelope)
        .outerjoin(Recipient, and_(Recipient.message == Message.id, Recipient.principal == mine))
        .outerjoin(Item, and_(Item.message == Message.id, Item.mailbox == mine))
        .outerjoin(Envelope, and_(Envelope.message == Message.id, Envelope.principal == mine))
        .where(Message.conversation == conversation, or_(Message.sender.in_(called), Recipient.message.is_not(None)))
        # What a mailbox that started anew keeps without its key is shown to nobody.
        .where(or_(Item.folder.is_(None), Item.folder != "locked"))
    )


def _letter(ctx: Context, row: Row[Any], known: Aliases, own: bool, receipt: Receipt | None, opener: Opener) -> Letter:
    message: Message = row.Message
    recipient: Recipient | None = row.Recipient
    taken_back = recipient is not None and recipient.state == "revoked" and not own
    over = not taken_back and expiry.is_over(ctx, message, recipient, own=own)
    cek = None if taken_back or over else content_key(opener, message.id, row.Item, row.Envelope)
    if cek is None:
        return Letter(message.id, "expired" if over else "revoked", own, message.sent_at, None, None, None, receipt)
    authenticity.require_genuine(ctx, message)
    head = known.head(written_head(cek, message))
    if not own and recipient is not None and recipient.state in UNOPENED:
        return Letter(message.id, "closed", own, message.sent_at, head.sender, head, None, None)
    text = str(content.open_body(cek, message.id, message.sealed_body)["text"])
    state: LetterState = "revoked" if message.state == "revoked" else "open"
    return Letter(message.id, state, own, message.sent_at, head.sender, head, text, receipt)


def content_key(opener: Opener, message: bytes, item: Item | None, envelope: Envelope | None) -> ContentKey | None:
    """The content key from the reader's item, else from their envelope; None when neither is there."""
    if item is not None:
        return opener.item(item.epoch, item.sealed_cek, message)
    if envelope is None or envelope.sealed_cek is None:
        return None
    return opener.envelope(envelope.epoch, envelope.sealed_cek, message)


def known_senders(ctx: Context, senders: Mapping[bytes, bytes]) -> dict[bytes, Party]:
    """Who took messages back, where the reader has no key left: `senders` by message, from the directory, where guests
    do not stand."""
    entries = directory.of_mailboxes(ctx, set(senders.values()))
    return {message: Party.of_entry(entries[sender]) for message, sender in senders.items() if sender in entries}


def subject_of(letters: Sequence[Letter]) -> str | None:
    """The subject of a conversation as its reader may see it, from `conversation`'s letters.

    Every answer's head repeats it, so it is kept back once the message that brought it was taken back from the reader,
    or once its time is over.
    """
    opening = letters[0]
    if opening.head is None and not opening.own:
        return None
    return next((letter.head.subject for letter in letters if letter.head is not None), None)


def newest_readable(ctx: Context, reader: Correspondent, conversation: bytes) -> tuple[Message, Head]:
    """The newest message of a conversation that the reader can open, and its authenticated head.

    Raises:
        NotFound: there is none.
    """
    known = aliases.of_conversation(ctx, conversation)
    mine = known.of(reader.principal)
    rows = ctx.db.execute(
        _rows(reader, conversation, mine).where(Message.state == "sent").order_by(Message.sent_at.desc(), Message.id)
    ).all()
    opener = Opener(ctx, reader.mail)
    for row in rows:
        own = row.Message.sender in mine
        if row.Recipient is not None and row.Recipient.state == "revoked" and not own:
            continue
        if expiry.is_over(ctx, row.Message, row.Recipient, own=own):
            continue
        cek = content_key(opener, row.Message.id, row.Item, row.Envelope)
        if cek is not None:
            authenticity.require_genuine(ctx, row.Message)
            return row.Message, known.head(written_head(cek, row.Message))
    raise NotFound


def open_own(ctx: Context, author: Correspondent, message: Message) -> tuple[Head, str]:
    """Head and text of a message that this author sent, from the author's own copy.

    Raises:
        NotFound: there is none, or its time is over.
    """
    cek = own_key(ctx, author, message)
    return head_of(ctx, cek, message), str(content.open_body(cek, message.id, message.sealed_body)["text"])


def head_of(ctx: Context, cek: ContentKey, message: Message) -> Head:
    """The head of a genuine message, its people being who they are now."""
    return aliases.of_conversation(ctx, message.conversation).head(written_head(cek, message))


def written_head(cek: ContentKey, message: Message) -> Head:
    """The head of a genuine message as it was written."""
    return Head.from_json(content.open_head(cek, message.id, message.sealed_head))


def own_key(ctx: Context, author: Correspondent, message: Message) -> ContentKey:
    """The content key of a genuine message that this author sent or has in full; never one whose time is over for all.

    Raises:
        NotFound: there is none, or its time is over.
    """
    if expiry.is_over(ctx, message, None, own=True):
        raise NotFound
    item = ctx.db.get(Item, (author.principal, message.id))
    envelope = ctx.db.get(Envelope, (message.id, author.principal))
    cek = content_key(Opener(ctx, author.mail), message.id, item, envelope)
    if cek is None:
        raise NotFound
    authenticity.require_genuine(ctx, message)
    return cek
