"""What stands in a message's sealed head: who wrote it to whom, its subject and its first words.

A head is authenticated with its row; rows of the database never add a receiver to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from securemail.errors import CannotOpen
from securemail.identity.context import Correspondent, PrincipalKind
from securemail.mailboxes.directory import Entry
from securemail.store.models import Recipient

_SNIPPET = 140


@dataclass(frozen=True)
class Party:
    """A sender or receiver: the principal whose key is used, and the address and name that people see."""

    kind: PrincipalKind
    principal: bytes
    address: str
    name: str

    @classmethod
    def of(cls, who: Correspondent) -> "Party":
        """A correspondent as a party."""
        return cls(who.kind, who.principal, who.address, who.name)

    @classmethod
    def of_entry(cls, entry: Entry) -> "Party":
        """A mailbox of the directory as a party."""
        return cls("mailbox", entry.mailbox, entry.address, entry.name)

    def to_json(self) -> dict[str, str]:
        """As it stands in the head."""
        return {"kind": self.kind, "principal": self.principal.hex(), "address": self.address, "name": self.name}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Party":
        """Read from a head; a malformed one is a `CannotOpen`."""
        try:
            kind: PrincipalKind = "link" if value["kind"] == "link" else "mailbox"
            return cls(kind, bytes.fromhex(value["principal"]), str(value["address"]), str(value["name"]))
        except (KeyError, TypeError, ValueError) as error:
            raise CannotOpen from error


@dataclass(frozen=True)
class Head:
    """An opened head."""

    subject: str
    sender: Party
    to: tuple[Party, ...]
    snippet: str

    @classmethod
    def write(cls, sender: Party, to: tuple[Party, ...], subject: str, text: str) -> "Head":
        """The head of a new message; the snippet is the text's first words on one line."""
        return cls(subject, sender, to, " ".join(text[: 4 * _SNIPPET].split())[:_SNIPPET])

    def names(self, recipient: Recipient) -> bool:
        """Whether this head, once authenticated, names a receiver: a row alone adds nobody."""
        return recipient.place < len(self.to) and self.to[recipient.place].principal == recipient.principal

    def to_json(self) -> dict[str, Any]:
        """What is sealed."""
        return {
            "subject": self.subject,
            "from": self.sender.to_json(),
            "to": [party.to_json() for party in self.to],
            "snippet": self.snippet,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Head":
        """Read what was sealed; a malformed one is a `CannotOpen`."""
        try:
            to = tuple(Party.from_json(party) for party in value["to"])
            return cls(str(value["subject"]), Party.from_json(value["from"]), to, str(value["snippet"]))
        except (KeyError, TypeError) as error:
            raise CannotOpen from error
