"""Accounts, what unlocks them, their sessions, waiting sign-ups, and the counters that protect them."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from securemail.store.base import Base, Hash, Id, Moment, Sealed, Word


class Account(Base):
    """A person's log-in."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("state IN ('active')", name="state"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    state: Mapped[Word]
    rk_epoch: Mapped[int]
    vault_revision: Mapped[int]
    created: Mapped[Moment]
    sealed_entry: Mapped[Sealed]
    sealed_vault: Mapped[Sealed]


class Unlocker(Base):
    """A key pair that the account's root key is locked to: behind a password or the recovery code."""

    __tablename__ = "unlocker"
    __table_args__ = (
        CheckConstraint("kind IN ('password', 'recovery')", name="kind"),
        CheckConstraint("(kind = 'password') = (parameters IS NOT NULL)", name="parameters"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    account: Mapped[Id] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    kind: Mapped[Word]
    parameters: Mapped[bytes | None] = mapped_column(LargeBinary(28))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_rk: Mapped[Sealed]


class BrowserSession(Base):
    """A logged-in browser, or a guest's (no account): found by the hash of its cookie, opened by the cookie itself."""

    __tablename__ = "session"
    __table_args__ = (
        Index(None, "expires"),
        CheckConstraint("(account IS NULL) = (sealed_rk IS NULL)", name="holder"),
    )

    id: Mapped[Hash] = mapped_column(primary_key=True)
    account: Mapped[bytes | None] = mapped_column(
        LargeBinary(16), ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    state: Mapped[int]
    created: Mapped[Moment]
    seen: Mapped[Moment]
    expires: Mapped[Moment]
    remember: Mapped[bool]
    sealed_rk: Mapped[bytes | None] = mapped_column(LargeBinary)


class Pending(Base):
    """A single-use token on its way by mail (or on the console, for set-up), kept only as its hash."""

    __tablename__ = "pending"
    __table_args__ = (CheckConstraint("kind IN ('set-up', 'sign-up')", name="kind"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    kind: Mapped[Word]
    address_tag: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    token_hash: Mapped[Hash] = mapped_column(unique=True)
    created: Mapped[Moment]
    expires: Mapped[Moment] = mapped_column(index=True)
    sealed_address: Mapped[bytes | None] = mapped_column(LargeBinary)


class Attempt(Base):
    """How often something was tried in a window of time, under a tag that hides who tried what."""

    __tablename__ = "attempt"

    tag: Mapped[Hash] = mapped_column(primary_key=True)
    count: Mapped[int]
    window_ends: Mapped[Moment] = mapped_column(index=True)
