"""Links for receivers without an account, which of them a guest's browser has opened, what it may keep, and help."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from securemail.store.base import Base, Hash, Id, Moment, Sealed, Word


class GuestLink(Base):
    """One address in one conversation, made by one mailbox; found by `link_ref`, opened by its code.

    `sealed_dk` is missing while an agreed password still is (the maker's note then keeps the key), and once the link
    was closed or claimed; `successor` is the link with a new code that took its place. `tries` are wrong codes by SMS
    or passwords; `locked` ends them until the maker releases it.
    """

    __tablename__ = "guest_link"
    __table_args__ = (
        Index("ix_guest_link_epoch", "maker", "epoch"),
        CheckConstraint("method IN ('none', 'sms', 'password')", name="method"),
        CheckConstraint("parameters IS NULL OR method = 'password'", name="parameters"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    conversation: Mapped[Id] = mapped_column(ForeignKey("conversation.id"), index=True)
    maker: Mapped[Id] = mapped_column(ForeignKey("mailbox.id"))
    epoch: Mapped[int]
    link_ref: Mapped[Id] = mapped_column(unique=True)
    method: Mapped[Word]
    created: Mapped[Moment]
    opened: Mapped[Moment | None]
    parameters: Mapped[bytes | None] = mapped_column(LargeBinary(28))
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    locked: Mapped[Moment | None]
    closed: Mapped[Moment | None]
    successor: Mapped[bytes | None] = mapped_column(LargeBinary(16), ForeignKey("guest_link.id"))
    claimed_by: Mapped[bytes | None] = mapped_column(LargeBinary(16), ForeignKey("mailbox.id"), index=True)
    mac: Mapped[Hash]
    sealed_dk: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_hint: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_guest: Mapped[Sealed]
    sealed_maker: Mapped[Sealed]


class SessionLink(Base):
    """A link that a guest's session has opened, or (state pending) whose code it gave and whose check it must pass.

    Pending: by SMS the link's key waits in `sealed_dk`, bound to that state; with an agreed password only the code.
    """

    __tablename__ = "session_link"

    session: Mapped[bytes] = mapped_column(
        LargeBinary(32), ForeignKey("session.id", ondelete="CASCADE"), primary_key=True
    )
    link: Mapped[Id] = mapped_column(ForeignKey("guest_link.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[int]
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    sealed_dk: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_challenge: Mapped[bytes | None] = mapped_column(LargeBinary)


class GuestDevice(Base):
    """A browser that a guest had remembered for one mailbox: later messages from there open on it without a code.

    The row is authenticated; it counts for later links once the maker's own list of contacts names it.
    """

    __tablename__ = "guest_device"

    id: Mapped[Id] = mapped_column(primary_key=True)
    mailbox: Mapped[Id] = mapped_column(ForeignKey("mailbox.id", ondelete="CASCADE"), index=True)
    link: Mapped[Id] = mapped_column(ForeignKey("guest_link.id", ondelete="CASCADE"), index=True)
    method: Mapped[Word]
    created: Mapped[Moment]
    seen: Mapped[Moment]
    expires: Mapped[Moment] = mapped_column(index=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    mac: Mapped[Hash]
    sealed_device: Mapped[Sealed]


class LinkDevice(Base):
    """A link's key for a remembered browser."""

    __tablename__ = "link_device"

    link: Mapped[Id] = mapped_column(ForeignKey("guest_link.id", ondelete="CASCADE"), primary_key=True)
    device: Mapped[Id] = mapped_column(ForeignKey("guest_device.id", ondelete="CASCADE"), primary_key=True, index=True)
    sealed_dk: Mapped[Sealed]


class Help(Base):
    """What a guest asks of whoever wrote to them; one open request for each link."""

    __tablename__ = "help"
    __table_args__ = (
        CheckConstraint("kind IN ('again', 'number', 'method', 'locked', 'expired')", name="kind"),
        Index(
            "ix_help_open",
            "link",
            unique=True,
            sqlite_where=text("answered IS NULL"),
            postgresql_where=text("answered IS NULL"),
        ),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    link: Mapped[Id] = mapped_column(ForeignKey("guest_link.id", ondelete="CASCADE"))
    kind: Mapped[Word]
    created: Mapped[Moment]
    answered: Mapped[Moment | None]
