"""Links for receivers without an account, and which of them a guest's browser has opened."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from securemail.store.base import Base, Hash, Id, Moment, Sealed, Word


class GuestLink(Base):
    """One address in one conversation, made by one mailbox; found by `link_ref`, opened by its code."""

    __tablename__ = "guest_link"
    __table_args__ = (
        Index("ix_guest_link_epoch", "maker", "epoch"),
        CheckConstraint("method IN ('none')", name="method"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    conversation: Mapped[Id] = mapped_column(ForeignKey("conversation.id"), index=True)
    maker: Mapped[Id] = mapped_column(ForeignKey("mailbox.id"))
    epoch: Mapped[int]
    link_ref: Mapped[Id] = mapped_column(unique=True)
    method: Mapped[Word]
    created: Mapped[Moment]
    opened: Mapped[Moment | None]
    mac: Mapped[Hash]
    sealed_dk: Mapped[Sealed]
    sealed_guest: Mapped[Sealed]
    sealed_maker: Mapped[Sealed]


class SessionLink(Base):
    """A link that a guest's session has opened."""

    __tablename__ = "session_link"

    session: Mapped[bytes] = mapped_column(
        LargeBinary(32), ForeignKey("session.id", ondelete="CASCADE"), primary_key=True
    )
    link: Mapped[Id] = mapped_column(ForeignKey("guest_link.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[int]
    sealed_dk: Mapped[Sealed]
