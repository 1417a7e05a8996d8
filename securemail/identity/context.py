"""What a verb needs to know of the request that called it: the transaction, the keys, the time, and who is there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy.orm import Session

from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.unlock import RootKeys
from securemail.identity.hashing import PasswordHasher

DEFAULT_ZONE: Final = "Europe/Amsterdam"
"""The time zone of whoever has not chosen one."""
PrincipalKind = Literal["mailbox", "link"]
"""What can send and receive: a mailbox, or a guest's link."""


@dataclass(frozen=True, repr=False)
class Context:
    """One unit of work. `now` is fixed at its start; whoever opened the transaction commits it."""

    db: Session
    keys: ConfiguredKeys
    now: datetime
    hasher: PasswordHasher


@dataclass(frozen=True, repr=False)
class Correspondent:
    """Somebody whose keys are open: a member in a mailbox, or a guest in a link. Reads and writes by the same verbs."""

    kind: PrincipalKind
    mail: MailKeys
    address: str
    name: str
    language: str
    account: bytes | None

    def __repr__(self) -> str:
        return f"<Correspondent {self.kind} {self.principal.hex()}>"

    @property
    def principal(self) -> bytes:
        """The mailbox's or the link's id."""
        return self.mail.principal


@dataclass(frozen=True, repr=False)
class Owner:
    """A logged-in account: its root key is open, its mail is not.

    All that an account gets which its organisation wants secured first: it can set up a second step, and read nothing.
    """

    root: RootKeys
    session: bytes
    organisation: bytes
    mailbox: bytes
    address: str
    name: str
    language: str
    zone: str = DEFAULT_ZONE
    photo: bytes | None = None
    proved: datetime | None = None

    def __repr__(self) -> str:
        return f"<Owner {self.account.hex()}>"

    @property
    def account(self) -> bytes:
        """The account's id."""
        return self.root.account


@dataclass(frozen=True, repr=False)
class Member(Correspondent):
    """A logged-in account in its own mailbox; the root key is the owner's alone."""

    root: RootKeys
    session: bytes
    organisation: bytes
    zone: str = DEFAULT_ZONE
    photo: bytes | None = None
    proved: datetime | None = None

    @property
    def mailbox(self) -> bytes:
        """The mailbox's id."""
        return self.mail.principal

    @property
    def owner(self) -> Owner:
        """The same person without the mail."""
        return Owner(
            self.root, self.session, self.organisation, self.mailbox, self.address, self.name, self.language,
            self.zone, self.photo, self.proved,
        )  # fmt: skip


@dataclass(frozen=True, repr=False)
class Guest(Correspondent):
    """A guest whose browser has opened a link."""

    session: bytes
    conversation: bytes

    @property
    def link(self) -> bytes:
        """The link's id."""
        return self.mail.principal
