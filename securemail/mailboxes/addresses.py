"""Mail addresses in the one form that everything compares, and the names that stand beside them."""

import re
import unicodedata
from typing import Final

from email_validator import EmailNotValidError, validate_email

from securemail.errors import InvalidInput

MAX_BYTES = 254
"""RFC 5321: a path of 256 octets less its angle brackets."""
MAX_NAME = 120
_MAX_TYPED = 1024
_UNSEEN = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
_LEADS_AWAY: Final = re.compile(r"://|www\.|[@<>]", re.IGNORECASE)
_BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def normalise(address: str) -> str:
    """The address as it is looked up, for ever: NFC, domain as IDNA 2008 A-labels, lower case, nothing folded away.

    Raises:
        InvalidInput: ('address', 'empty' | 'long' | 'control' | 'invalid').
    """
    typed = typed_form(address)
    try:
        # Names in an organisation's own network are addresses too; whether mail arrives there, SMTP will tell.
        valid = validate_email(typed, check_deliverability=False, globally_deliverable=False)
    except (EmailNotValidError, UnicodeError) as error:
        raise InvalidInput("address", "invalid") from error
    # Lower case can undo the composition of a few letters, hence NFC once more.
    local = unicodedata.normalize("NFC", valid.local_part.lower())
    domain = (valid.ascii_domain or "").lower()
    # What looks like an encoded word is one to many programs, and decodes into another address.
    if "." not in domain or domain.startswith("[") or "=?" in local:
        raise InvalidInput("address", "invalid")
    return _short_enough(f"{local}@{domain}")


def typed_form(address: str) -> str:
    """What was typed, without the spaces around it.

    Raises:
        InvalidInput: as `normalise` says; a line break would otherwise start a new header of the mail.
    """
    typed = address.strip(" \t\u00a0")
    if not typed:
        raise InvalidInput("address", "empty")
    if len(typed) > _MAX_TYPED:
        raise InvalidInput("address", "long")
    if has_unseen(typed):
        raise InvalidInput("address", "control")
    return _short_enough(typed)


def clean_name(field: str, name: str) -> str:
    """A person's or organisation's name: NFC, single spaces, one line.

    Raises:
        InvalidInput: (field, 'empty' | 'long' | 'control').
    """
    if has_unseen(name):
        # Also what turns the writing direction: it could make one name look like another.
        raise InvalidInput(field, "control")
    cleaned = " ".join(unicodedata.normalize("NFC", name).split())
    if not any(character.isalnum() for character in cleaned):
        raise InvalidInput(field, "empty")
    if len(cleaned) > MAX_NAME:
        raise InvalidInput(field, "long")
    return cleaned


def clean_own_name(name: str) -> str:
    """The name that somebody goes by here. It stands above mails to strangers, so it is no address and leads nowhere:
    "Kantoor <kantoor@example.org> stuurt u een bericht" would be believed, and a link in it followed.

    Raises:
        InvalidInput: ('name', 'empty' | 'long' | 'control' | 'link').
    """
    cleaned = clean_name("name", name)
    if _LEADS_AWAY.search(cleaned):
        raise InvalidInput("name", "link")
    return cleaned


def has_unseen(text: str) -> bool:
    """Whether a text holds control characters, line ends or signs that turn the writing direction."""
    return any(character in _BIDI or unicodedata.category(character) in _UNSEEN for character in text)


def _short_enough(address: str) -> str:
    if len(address.encode("utf-8")) > MAX_BYTES:
        raise InvalidInput("address", "long")
    return address
