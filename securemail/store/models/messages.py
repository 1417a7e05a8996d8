"""Conversations and messages, who received them and what became of that, and drafts.

Subject, words, names and addresses stand in the sealed head and body only. A message is readable by whoever has an
envelope (a lock to a receiver's public key) or an item (the same, taken in by the mailbox's own key).
"""

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from securemail.store.base import Base, Id, Moment, Sealed, Word


def _where_set(name: str, column: str) -> Index:
    """An index over the few rows that have a value there: whatever is due is looked for among them."""
    some = text(f"{column} IS NOT NULL")
    return Index(name, column, sqlite_where=some, postgresql_where=some)


class Conversation(Base):
    """What messages hang together; the subject stands in their heads."""

    __tablename__ = "conversation"

    id: Mapped[Id] = mapped_column(primary_key=True)
    created: Mapped[Moment]


class Thread(Base):
    """A conversation in one mailbox: one row of the list. `changed` is what the poll for news looks at."""

    __tablename__ = "thread"
    __table_args__ = (
        Index("ix_thread_list", "mailbox", "newest_at", "conversation"),
        Index("ix_thread_changed", "mailbox", "changed"),
        Index("ix_thread_unread", "mailbox", "unread"),
    )

    mailbox: Mapped[Id] = mapped_column(ForeignKey("mailbox.id"), primary_key=True)
    conversation: Mapped[Id] = mapped_column(ForeignKey("conversation.id"), primary_key=True)
    newest: Mapped[Id]
    newest_at: Mapped[Moment]
    unread: Mapped[int]
    changed: Mapped[Moment]


class Message(Base):
    """One sent text. The MAC binds who, where, when and the sealed parts: see `messages.authenticity`."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("sender", "idempotency_key"),
        Index("ix_message_conversation", "conversation", "sent_at"),
        _where_set("ix_message_expires", "expires"),
        CheckConstraint("sender_kind IN ('mailbox', 'link')", name="sender_kind"),
        CheckConstraint("state IN ('sent', 'revoked')", name="state"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    conversation: Mapped[Id] = mapped_column(ForeignKey("conversation.id"))
    sender: Mapped[Id]
    sender_kind: Mapped[Word]
    account: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    sent_at: Mapped[Moment]
    idempotency_key: Mapped[Id]
    state: Mapped[Word]
    expires: Mapped[Moment | None]
    mac: Mapped[bytes] = mapped_column(LargeBinary(64))
    sealed_head: Mapped[Sealed]
    sealed_body: Mapped[Sealed] = mapped_column(deferred=True)


class Recipient(Base):
    """One receiver of one message and what became of it; `place` is the position in the head's list.

    'gone': the receiver's account is closed, and the message reached nobody.
    """

    __tablename__ = "recipient"
    __table_args__ = (
        UniqueConstraint("message", "principal"),
        _where_set("ix_recipient_expires", "expires"),
        _where_set("ix_recipient_remind", "remind"),
        CheckConstraint("kind IN ('mailbox', 'link')", name="kind"),
        CheckConstraint(
            "state IN ('waiting', 'notified', 'bounced', 'opened', 'revoked', 'gone', 'unready', 'expired')",
            name="state",
        ),
    )

    message: Mapped[Id] = mapped_column(ForeignKey("message.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    principal: Mapped[Id]
    kind: Mapped[Word]
    state: Mapped[Word]
    state_at: Mapped[Moment]
    opened_at: Mapped[Moment | None]
    expires: Mapped[Moment | None]
    remind: Mapped[Moment | None]


class Envelope(Base):
    """A content key locked to a receiver; NULL once the mailbox has taken it in as an item."""

    __tablename__ = "envelope"
    __table_args__ = (
        # Only what still has to be taken in: the list asks for it at every visit.
        Index(
            "ix_envelope_waiting",
            "principal",
            sqlite_where=text("sealed_cek IS NOT NULL"),
            postgresql_where=text("sealed_cek IS NOT NULL"),
        ),
    )

    message: Mapped[Id] = mapped_column(ForeignKey("message.id"), primary_key=True)
    principal: Mapped[Id] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    delivered: Mapped[Moment]
    sealed_cek: Mapped[bytes | None] = mapped_column(LargeBinary)


class Item(Base):
    """A message in a mailbox, openable without public-key work. Whether it was opened stands at the recipient.

    'locked': kept by a mailbox that started anew and lost the key of it.
    """

    __tablename__ = "item"
    __table_args__ = (
        Index("ix_item_folder", "mailbox", "folder", "sent_at", "message"),
        # What still hangs on an older key is looked for at every visit after a rotation.
        Index("ix_item_epoch", "mailbox", "epoch"),
        CheckConstraint("folder IN ('received', 'sent', 'locked')", name="folder"),
    )

    mailbox: Mapped[Id] = mapped_column(ForeignKey("mailbox.id"), primary_key=True)
    message: Mapped[Id] = mapped_column(ForeignKey("message.id"), primary_key=True)
    epoch: Mapped[int]
    folder: Mapped[Word]
    sent_at: Mapped[Moment]
    sealed_cek: Mapped[Sealed]


class Draft(Base):
    """Something being written: receivers, subject and words sealed together, bound to their revision."""

    __tablename__ = "draft"
    __table_args__ = (Index("ix_draft_list", "mailbox", "changed", "id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    mailbox: Mapped[Id] = mapped_column(ForeignKey("mailbox.id"))
    epoch: Mapped[int]
    revision: Mapped[int]
    changed: Mapped[Moment]
    sealed_draft: Mapped[Sealed]
