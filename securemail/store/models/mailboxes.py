"""Mailboxes, the keys published for every principal, who holds a mailbox's key, addresses and contacts."""

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from securemail.store.base import Base, Hash, Id, Moment, Sealed, Word


class Mailbox(Base):
    """What mail is sent from and to. An organisation's has no address: it receives audit details.

    `rotation_due` says that the next session of its owner has to renew the mail key before it does anything else;
    `started_anew` is when its owner, having lost every way in, began again with new keys; `closed` when the account
    was closed: nothing is delivered any more, and the row stays only so that conversations can name it.
    """

    __tablename__ = "mailbox"
    __table_args__ = (CheckConstraint("kind IN ('personal', 'organisation')", name="kind"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    kind: Mapped[Word]
    owner: Mapped[Id] = mapped_column(index=True)
    mk_epoch: Mapped[int]
    rotation_due: Mapped[bool] = mapped_column(default=False)
    started_anew: Mapped[Moment | None]
    closed: Mapped[Moment | None]
    sealed_holders: Mapped[Sealed]


class Address(Base):
    """How a mailbox is found by its mail address; the address inside is compared each time it is used."""

    __tablename__ = "address"

    address_tag: Mapped[Hash] = mapped_column(primary_key=True)
    mailbox: Mapped[Id] = mapped_column(ForeignKey("mailbox.id"), index=True)
    since: Mapped[Moment]
    sealed_address: Mapped[Sealed]


class PrincipalKey(Base):
    """A published public key; it counts only with our MAC and in the current epoch."""

    __tablename__ = "principal_key"
    __table_args__ = (CheckConstraint("kind IN ('account', 'mailbox', 'link')", name="kind"),)

    principal: Mapped[Id] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[Word]
    suite: Mapped[int]
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    created: Mapped[Moment]
    mac: Mapped[Hash]


class MailGrant(Base):
    """A mailbox's key of one epoch, locked to a holder: an account."""

    __tablename__ = "mail_grant"
    __table_args__ = (CheckConstraint("rights IN ('owner', 'administrator')", name="rights"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    mailbox: Mapped[Id] = mapped_column(ForeignKey("mailbox.id"))
    epoch: Mapped[int]
    grantee: Mapped[Id] = mapped_column(index=True)
    rights: Mapped[Word]
    created: Mapped[Moment]
    sealed_mk: Mapped[Sealed]


class MailChain(Base):
    """The mail key of the epoch before, locked to the key of this one, until nothing hangs on the older any more."""

    __tablename__ = "mail_chain"

    mailbox: Mapped[Id] = mapped_column(ForeignKey("mailbox.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    sealed_prev: Mapped[Sealed]


class Contact(Base):
    """Somebody whom a mailbox has written to."""

    __tablename__ = "contact"

    id: Mapped[Id] = mapped_column(primary_key=True)
    mailbox: Mapped[Id] = mapped_column(ForeignKey("mailbox.id"), index=True)
    epoch: Mapped[int]
    sealed_contact: Mapped[Sealed]
