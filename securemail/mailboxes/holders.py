"""Who holds a mailbox's key: the list that counts, sealed for the owner. Rows are never asked for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from securemail.errors import CannotOpen


@dataclass(frozen=True)
class Holder:
    """An account that is given each new key of the mailbox, and its rights."""

    grantee: bytes
    rights: str


def to_json(holders: Iterable[Holder]) -> dict[str, Any]:
    """What is sealed."""
    return {"holders": [{"grantee": holder.grantee.hex(), "rights": holder.rights} for holder in holders]}


def from_json(content: Mapping[str, Any]) -> list[Holder]:
    """A list as it was sealed; a malformed one is a `CannotOpen`."""
    try:
        return [Holder(bytes.fromhex(entry["grantee"]), str(entry["rights"])) for entry in content["holders"]]
    except (KeyError, TypeError, ValueError) as error:
        raise CannotOpen from error
