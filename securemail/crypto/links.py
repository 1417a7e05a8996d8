"""A guest link: what its code opens, and what finds it (method "none").

The code is 128 random bits, so guessing needs no lock; its `link_ref` reveals nothing about it. Whoever reads the
recipient's mailbox has the code: with this method that is the stated limit, not an oversight.
"""

from collections.abc import Mapping
from typing import Any

from securemail.crypto.encoding import decode_content, encode_content
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, lock, unlock
from securemail.crypto.secrets import MailKey, MessageCode, SymmetricKey

NONE = "none"
"""The recipient check without a second thing to know: the code in the notification."""
EPOCH = 1
"""A link's key never rotates: a new code is a new link."""


def link_ref(code: MessageCode) -> bytes:
    """16 bytes that find the link from its code alone and prove the code genuine."""
    return bytes(derive(code, Label.LINK_REF)[:16])


def seal_link_key(code: MessageCode, dk: MailKey, link: bytes, method: str) -> bytes:
    """The link's own key behind its code."""
    return lock(_link_key(code, link), dk, Label.LINK_DK, link, method)


def open_link_key(code: MessageCode, sealed: bytes, link: bytes, method: str) -> MailKey:
    """Raises `CannotOpen` for a wrong code."""
    return MailKey.opened(unlock(_link_key(code, link), sealed, Label.LINK_DK, link, method))


def seal_guest(dk: MailKey, link: bytes, facts: Mapping[str, Any]) -> bytes:
    """The guest's address, name and language, for the guest's own session."""
    return lock(_facts_key(dk, link), encode_content(facts), Label.LINK_GUEST, link)


def open_guest(dk: MailKey, link: bytes, sealed: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` when it is another link's."""
    return decode_content(unlock(_facts_key(dk, link), sealed, Label.LINK_GUEST, link))


def _link_key(code: MessageCode, link: bytes) -> SymmetricKey:
    return derive(code, Label.LINK_KEY, link)


def _facts_key(dk: MailKey, link: bytes) -> SymmetricKey:
    return derive(dk, Label.LINK_FACTS, link)
