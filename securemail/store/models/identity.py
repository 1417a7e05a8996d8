"""Accounts, what unlocks them, their sessions, tokens on their way, and the counters that protect them."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from securemail.store.base import Base, Hash, Id, Moment, Sealed, Word


class Account(Base):
    """A person's log-in. A closed one has no vault any more: nothing of it opens."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("state IN ('active', 'closed')", name="state"),
        CheckConstraint("(state = 'closed') = (sealed_vault IS NULL)", name="vault"),
        CheckConstraint("(photo IS NULL) = (sealed_photo IS NULL)", name="photo"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    state: Mapped[Word]
    rk_epoch: Mapped[int]
    vault_revision: Mapped[int]
    created: Mapped[Moment]
    photo: Mapped[bytes | None] = mapped_column(LargeBinary(16), unique=True)
    sealed_entry: Mapped[Sealed]
    sealed_vault: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_photo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class Unlocker(Base):
    """A key pair that the account's root key is locked to: behind a password, the recovery code or a passkey.

    A passkey that yields no secret (PRF) has neither key nor lock: it is a second step only.
    """

    __tablename__ = "unlocker"
    __table_args__ = (
        CheckConstraint("kind IN ('password', 'recovery', 'passkey')", name="kind"),
        CheckConstraint("(kind = 'password') = (parameters IS NOT NULL)", name="parameters"),
        CheckConstraint(
            "(kind = 'passkey') = (credential_id IS NOT NULL) AND (kind = 'passkey') = (credential_key IS NOT NULL)"
            " AND (kind = 'passkey') = (sign_count IS NOT NULL)",
            name="credential",
        ),
        CheckConstraint(
            "(public_key IS NULL) = (sealed_rk IS NULL) AND (kind = 'passkey' OR public_key IS NOT NULL)", name="lock"
        ),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    account: Mapped[Id] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    kind: Mapped[Word]
    parameters: Mapped[bytes | None] = mapped_column(LargeBinary(28))
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    credential_id: Mapped[bytes | None] = mapped_column(LargeBinary(1023), unique=True)
    credential_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    sign_count: Mapped[int | None] = mapped_column(BigInteger)
    sealed_rk: Mapped[bytes | None] = mapped_column(LargeBinary)


class BrowserSession(Base):
    """A logged-in browser, one on its way in, or a guest's (no account): found by the hash of its cookie.

    `state` is one of `crypto.cookies` (pending, full, recovering, recovered) and bound into the lock. `proved` is when
    the password or a passkey was given last, `tries` how often a second step was tried.
    """

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
    proved: Mapped[Moment | None]
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)
    sealed_rk: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_challenge: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_device: Mapped[bytes | None] = mapped_column(LargeBinary)


class Pending(Base):
    """A single-use token on its way by mail (or on the console, for set-up), kept only as its hash.

    The row is authenticated (`identity.tokens`): the token alone seals what stands in it, so that whoever can write
    rows could otherwise "prove" any address to us. A wait (recovery, fresh start) ends at `ready`; its token stops it.
    """

    __tablename__ = "pending"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('set-up', 'sign-up', 'invitation', 'address-old', 'address-new', 'recovery', 'recovery-wait',"
            " 'fresh-start', 'fresh-start-wait', 'fresh-start-ready')",
            name="kind",
        ),
        CheckConstraint("state IN ('open', 'confirmed', 'consented', 'ready', 'withdrawn', 'joined')", name="state"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    kind: Mapped[Word]
    address_tag: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    token_hash: Mapped[Hash] = mapped_column(unique=True)
    created: Mapped[Moment]
    expires: Mapped[Moment] = mapped_column(index=True)
    organisation: Mapped[bytes | None] = mapped_column(LargeBinary(16), ForeignKey("organisation.id"), index=True)
    account: Mapped[bytes | None] = mapped_column(
        LargeBinary(16), ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    state: Mapped[Word] = mapped_column(default="open")
    ready: Mapped[Moment | None]
    mac: Mapped[Hash]
    sealed_address: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_for_organisation: Mapped[bytes | None] = mapped_column(LargeBinary)


class Attempt(Base):
    """How often something was tried in a window of time, under a tag that hides who tried what."""

    __tablename__ = "attempt"

    tag: Mapped[Hash] = mapped_column(primary_key=True)
    count: Mapped[int]
    window_ends: Mapped[Moment] = mapped_column(index=True)
