"""What the member's templates take: plain values, opened and sorted by the pages, worded by the templates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from securemail.guests.help import Asked

Tone = Literal[1, 2, 3, 4, 5]
Folder = Literal["inbox", "sent", "drafts"]
RowState = Literal["normal", "revoked_own", "revoked_theirs", "expired"]
LetterState = Literal["open", "closed", "revoked", "expired"]
_NOT_IN_A_TYPED_NAME = str.maketrans("", "", '"<>')
Waits = Literal["help", "bounced", "unready"]
"""What waits for the sender to do something: somebody asks for help, a mail came back, a check is not complete."""
PlaceState = Literal["unread", "read", "waiting", "bounced", "revoked", "gone", "unready", "expired"]
ChipState = Literal["ok", "warn", "error"]
CheckMethod = Literal["none", "sms", "password", "account"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a picture: a photo by its address, else initials; a group is square."""

    name: str
    address: str
    initials: str
    tone: Tone
    square: bool = False
    photo: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One recipient of one of my messages: who, and how far the message got."""

    id: str
    person: Person
    state: PlaceState = "unread"
    read_at: datetime | None = None
    state_at: datetime | None = None
    until: datetime | None = None
    """When this recipient's time is over; for one whose time is over already, since when stands in `state_at`."""


@dataclass(frozen=True, slots=True)
class PlaceCheck:
    """How a recipient proves to be the one, and what stands in their way; an account where there is no link."""

    method: CheckMethod
    locked: bool = False
    ended: bool = False
    renewable: bool = False
    """Whether the reader made the link, and can give it a new code."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The read state of one own message; `read` is in the order of reading."""

    read: int
    total: int

    @property
    def state(self) -> Literal["none", "some", "all"]:
        if self.read <= 0:
            return "none"
        return "all" if self.read >= self.total else "some"


@dataclass(frozen=True, slots=True)
class ListRow:
    """One conversation in the inbox or among the sent ones; its newest message decides."""

    id: str
    person: Person
    names: tuple[str, ...]
    subject: str | None
    first_words: str
    at: datetime
    own: bool = False
    unread: bool = False
    state: RowState = "normal"
    receipt: Receipt | None = None
    waits: Waits | None = None


@dataclass(frozen=True, slots=True)
class MailList:
    """A page of rows. `next_cursor` leads to the next page; `after` is the time of the last row before it."""

    folder: Folder
    rows: tuple[ListRow, ...]
    unread: int = 0
    next_cursor: str | None = None
    after: datetime | None = None
    selected: str | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class DraftRow:
    """One draft in the list of drafts."""

    id: str
    names: tuple[str, ...]
    subject: str
    first_words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DraftList:
    """A page of drafts."""

    rows: tuple[DraftRow, ...]
    next_cursor: str | None = None
    after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of a conversation as its reader may see it now."""

    id: str
    sender: Person
    names: tuple[str, ...]
    at: datetime
    own: bool = False
    to_me: bool = False
    state: LetterState = "open"
    body: str = ""
    places: tuple[Place, ...] = ()
    folded: bool = False

    @property
    def receipt(self) -> Receipt:
        counted = [place for place in self.places if place.state != "revoked"]
        return Receipt(read=sum(place.read_at is not None for place in counted), total=len(counted))

    @property
    def readers(self) -> tuple[Place, ...]:
        read = [place for place in self.places if place.read_at is not None]
        return tuple(sorted(read, key=lambda place: place.read_at or self.at))

    @property
    def not_yet(self) -> tuple[Place, ...]:
        return tuple(place for place in self.places if place.state in ("unread", "waiting"))

    @property
    def bounced(self) -> tuple[Place, ...]:
        return tuple(place for place in self.places if place.state == "bounced")

    @property
    def gone(self) -> tuple[Place, ...]:
        """Recipients whose account was closed: it reached nobody there."""
        return tuple(place for place in self.places if place.state == "gone")

    @property
    def unready(self) -> tuple[Place, ...]:
        """Recipients who get it once a number or a password is said."""
        return tuple(place for place in self.places if place.state == "unready")

    @property
    def expired(self) -> tuple[Place, ...]:
        """Recipients whose time is over."""
        return tuple(place for place in self.places if place.state == "expired")

    @property
    def until(self) -> datetime | None:
        """When the first recipient's time is over; None when nobody's will be."""
        ends = [place.until for place in self.places if place.until is not None and place.state != "expired"]
        return min(ends, default=None)

    @property
    def waiting(self) -> tuple[Place, ...]:
        return tuple(place for place in self.places if place.state == "waiting")

    @property
    def reachable(self) -> tuple[Place, ...]:
        """The recipients whose access can still be taken back."""
        return tuple(place for place in self.places if place.state != "revoked")


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer being written below a conversation. `key` makes a double click send once."""

    key: str
    names: tuple[str, ...]
    body: str = ""
    draft: str = ""
    revision: int = 0
    saved_at: datetime | None = None
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A subject and its letters, oldest first; deserted when everybody else has closed their account."""

    id: str
    subject: str | None
    people: tuple[str, ...]
    letters: tuple[Letter, ...]
    reply: Reply | None = None
    folder: Folder = "inbox"
    mark: str = ""
    deserted: bool = False
    asked: tuple[Asked, ...] = ()
    """What guests ask of the reader here, and wait for."""
    days_more: int = 7
    """For how long what is over may be read again, with one tap."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One recipient in the composer; `problem` is a whole sentence when the address is wrong.

    `missing` is what the recipient's check still lacks; `too_little` says that the organisation asks for more.
    """

    person: Person
    check: CheckMethod = "none"
    state: ChipState = "ok"
    problem: str = ""
    missing: Literal["", "number", "password"] = ""
    too_little: bool = False

    @property
    def id(self) -> str:
        """By which the page finds it; an address has signs that an id may not have."""
        return f"chip-{self.person.address.encode().hex()}"

    @property
    def typed(self) -> str:
        """As it could have been typed: the name travels with the address, also through a form without script."""
        if self.person.name == self.person.address:
            return self.person.address
        return f'"{self.person.name.translate(_NOT_IN_A_TYPED_NAME)}" <{self.person.address}>'


@dataclass(frozen=True, slots=True)
class Conflict:
    """What another tab wrote into the same draft; an answer's draft has its conversation."""

    draft: str
    saved_at: datetime
    revision: int
    conversation: str = ""


@dataclass(frozen=True, slots=True)
class Compose:
    """A message being written. `entry` is text in the address field that is no recipient yet."""

    key: str
    draft: str = ""
    revision: int = 0
    chips: tuple[Chip, ...] = ()
    entry: str = ""
    subject: str = ""
    body: str = ""
    saved_at: datetime | None = None
    errors: dict[str, str] = field(default_factory=dict)
    conflict: Conflict | None = None
    problem: str = ""
    apart: bool = False
    expires: int = 0
    remind: int = 0

    @property
    def recipients(self) -> int:
        return sum(chip.state != "error" for chip in self.chips)

    @property
    def valid(self) -> tuple[Chip, ...]:
        """The recipients whose address is right."""
        return tuple(chip for chip in self.chips if chip.state != "error")

    @property
    def unchecked(self) -> tuple[Chip, ...]:
        """Who opens it with the code in the mail alone."""
        return tuple(chip for chip in self.valid if chip.check == "none")

    @property
    def unready(self) -> tuple[Chip, ...]:
        """Who gets it only once the sender has said a number or a password."""
        return tuple(chip for chip in self.valid if chip.missing)

    @property
    def outside(self) -> int:
        """How many get it without an account of their own."""
        return sum(chip.check != "account" for chip in self.valid)


@dataclass(frozen=True, slots=True)
class CheckSheet:
    """The recipient check of one person: what is chosen, and what there is to choose from.

    `number` as typed or as last used on `number_used`; `agreed`: a password was set already; `proposal` one to agree
    on. `account_since` is None where there is no account; `account_is_new` when it should be looked at twice. `least`
    is the organisation's minimum. `at_once`: nothing can be said later. `takes_part`: the account is there already.
    `sms_offered`: codes by SMS leave from here.
    """

    person: Person
    method: CheckMethod
    number: str = ""
    number_used: datetime | None = None
    agreed: bool = False
    hint: str = ""
    proposal: str = ""
    account_since: datetime | None = None
    account_is_new: bool = False
    started_anew: datetime | None = None
    least: Literal["none", "any", "sms"] = "none"
    key: str = ""
    who: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    at_once: bool = False
    takes_part: bool = False
    sms_offered: bool = True
