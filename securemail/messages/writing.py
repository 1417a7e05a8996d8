"""What may be sent: the limits of subject, text and receivers, checked once, for pages and other edges alike."""

import unicodedata
from dataclasses import dataclass

from securemail.errors import InvalidInput
from securemail.mailboxes.addresses import clean_name, normalise

MAX_TEXT_BYTES = 1_000_000
MAX_SUBJECT = 200
MAX_RECEIVERS = 100


@dataclass(frozen=True)
class Receiver:
    """Somebody a new message is for: a normalised address, and the name to show (the address when unknown)."""

    address: str
    name: str


def check_text(text: str) -> str:
    """The body: plain text with line breaks.

    Raises:
        InvalidInput: ('text', 'empty' | 'too_long' | 'control').
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise InvalidInput("text", "empty")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
        raise InvalidInput("text", "too_long")
    if _has_controls(text, allowed="\n\t"):
        raise InvalidInput("text", "control")
    return text


def check_subject(subject: str) -> str:
    """One line.

    Raises:
        InvalidInput: ('subject', 'empty' | 'too_long' | 'control').
    """
    subject = subject.strip()
    if not subject:
        raise InvalidInput("subject", "empty")
    if len(subject) > MAX_SUBJECT:
        raise InvalidInput("subject", "too_long")
    if _has_controls(subject):
        raise InvalidInput("subject", "control")
    return subject


def check_receivers(typed: list[tuple[str, str]]) -> list[Receiver]:
    """Receivers from (address, name) pairs, each address once, in the order given.

    Raises:
        InvalidInput: ('to', 'empty' | 'too_many'), or ('to', …) as `addresses.normalise` says of an address.
    """
    receivers: dict[str, Receiver] = {}
    for address, name in typed:
        normal = normalise(address)
        receivers.setdefault(normal, Receiver(normal, clean_name("name", name) if name.strip() else normal))
    if not receivers:
        raise InvalidInput("to", "empty")
    if len(receivers) > MAX_RECEIVERS:
        raise InvalidInput("to", "too_many")
    return list(receivers.values())


def _has_controls(text: str, *, allowed: str = "") -> bool:
    # Cc: control; Cs: half a character. Directional marks (Cf) stay: Arabic and Hebrew need them.
    return any(unicodedata.category(c) in ("Cc", "Cs") and c not in allowed for c in text)
