"""Mail on its way out, who may send it, and the workers that are alive."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from securemail.store.base import Base, Hash, Id, Moment, Sealed, Word


class WorkerKey(Base):
    """A living worker's public key; the private half lives in that worker's memory only."""

    __tablename__ = "worker_key"

    id: Mapped[Id] = mapped_column(primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    mac: Mapped[Hash]
    started: Mapped[Moment]
    seen: Mapped[Moment]


class Outbox(Base):
    """One mail to send. With a secret in it, the payload is sealed; else ids only, rendered from the directory."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "state", "due"),
        CheckConstraint("state IN ('waiting', 'sent', 'failed', 'cancelled')", name="state"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    kind: Mapped[Word]
    message: Mapped[bytes | None] = mapped_column(LargeBinary(16), ForeignKey("message.id"), index=True)
    place: Mapped[int | None]
    mailbox: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    created: Mapped[Moment]
    due: Mapped[Moment]
    tries: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[Word]
    claimed_by: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    claimed_until: Mapped[Moment | None]
    mac: Mapped[Hash]
    sealed_payload: Mapped[bytes | None] = mapped_column(LargeBinary)


class OutboxLock(Base):
    """A payload's key for one holder: a worker, or the mailbox that caused the mail."""

    __tablename__ = "outbox_lock"

    outbox: Mapped[Id] = mapped_column(ForeignKey("outbox.id", ondelete="CASCADE"), primary_key=True)
    holder: Mapped[Id] = mapped_column(primary_key=True, index=True)
    epoch: Mapped[int]
    sealed_key: Mapped[Sealed]
