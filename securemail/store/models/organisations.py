"""Organisations, who belongs to them, and what was done in them."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from securemail.store.base import Base, Hash, Id, Moment, Sealed, Word


class Organisation(Base):
    """A firm, a practice, a court: its name stands on every page and mail, so the row is authenticated.

    `policy` is the JSON of `organisations.policy`, empty for the default.
    """

    __tablename__ = "organisation"

    id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    created: Mapped[Moment]
    policy: Mapped[str] = mapped_column(Text, default="")
    mac: Mapped[Hash]


class Member(Base):
    """An account's place in an organisation. The role is for display: who opens the organisation's grant decides."""

    __tablename__ = "member"
    __table_args__ = (CheckConstraint("role IN ('administrator', 'member')", name="role"),)

    organisation: Mapped[Id] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    account: Mapped[Id] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[Word]
    sealed_reference: Mapped[bytes | None] = mapped_column(LargeBinary)


class Audit(Base):
    """One thing that happened; the detail opens only for the organisation's administrators."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "organisation", "at"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    organisation: Mapped[Id] = mapped_column(ForeignKey("organisation.id"))
    at: Mapped[Moment]
    kind: Mapped[Word]
    actor: Mapped[Id]
    sealed_detail: Mapped[Sealed]
