"""A guest link: what its code opens, alone or with an agreed password, and what finds it.

The code is 128 random bits, so guessing needs no lock; its `link_ref` reveals nothing about it. Whoever reads the
recipient's mailbox has the code: with this method that is the stated limit, not an oversight.
"""

from collections.abc import Mapping
from typing import Any

from securemail.crypto.encoding import decode_content, encode_content
from securemail.crypto.keypair import KeyPair, key_pair
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, lock, lock_to, unlock, unlock_with
from securemail.crypto.secrets import MailKey, MessageCode, Secret, Seed, SessionSecret, SymmetricKey

NONE = "none"
"""The recipient check without a second thing to know: the code in the notification."""
SMS = "sms"
"""The same lock; the running server asks for a code sent to the guest's phone before it opens anything."""
PASSWORD = "password"  # noqa: S105 - a method
"""An agreed password stands in the lock itself, beside the code."""
EPOCH = 1
"""A link's key never rotates: a new code is a new link."""


def link_ref(code: MessageCode) -> bytes:
    """16 bytes that find the link from its code alone and prove the code genuine."""
    return bytes(derive(code, Label.LINK_REF)[:16])


def seal_link_key(
    code: MessageCode, dk: MailKey, link: bytes, method: str, *, stretched: Secret | None = None
) -> bytes:
    """The link's own key behind its code, and behind the 32 bytes of an agreed password where there is one."""
    return lock(_link_key(code, link, stretched), dk, Label.LINK_DK, link, method)


def open_link_key(
    code: MessageCode, sealed: bytes, link: bytes, method: str, *, stretched: Secret | None = None
) -> MailKey:
    """Raises `CannotOpen` for a wrong code or password."""
    return MailKey.opened(unlock(_link_key(code, link, stretched), sealed, Label.LINK_DK, link, method))


def seal_guest(dk: MailKey, link: bytes, facts: Mapping[str, Any]) -> bytes:
    """The guest's address, name and language, for the guest's own session."""
    return lock(_facts_key(dk, link), encode_content(facts), Label.LINK_GUEST, link)


def open_guest(dk: MailKey, link: bytes, sealed: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` when it is another link's."""
    return decode_content(unlock(_facts_key(dk, link), sealed, Label.LINK_GUEST, link))


def seal_hint(code: MessageCode, link: bytes, hint: str) -> bytes:
    """What the maker wrote beside an agreed password: for who has the code, before the password is known."""
    return lock(_hint_key(code, link), encode_content({"hint": hint}), Label.LINK_HINT, link)


def open_hint(code: MessageCode, link: bytes, sealed: bytes) -> str:
    """Raises `CannotOpen` for another link's or a wrong code."""
    opened = decode_content(unlock(_hint_key(code, link), sealed, Label.LINK_HINT, link))
    return str(opened.get("hint", ""))


def seal_for_device(public_key: bytes, dk: MailKey, link: bytes, device: bytes) -> bytes:
    """A link's key for a browser that its guest had remembered."""
    return lock_to(public_key, dk, Label.LINK_DEVICE, link, device)


def open_for_device(pair: KeyPair, sealed: bytes, link: bytes, device: bytes) -> MailKey:
    """Raises `CannotOpen` when it is another browser's, or another link's."""
    return MailKey.opened(unlock_with(pair, sealed, Label.LINK_DEVICE, link, device))


def device_id(secret: SessionSecret, mailbox: bytes) -> bytes:
    """How a remembered browser is found, for one mailbox only: 16 bytes that tell nothing to another."""
    return bytes(derive(secret, Label.REMEMBER_ID, mailbox)[:16])


def device_pair(secret: SessionSecret, mailbox: bytes) -> KeyPair:
    """The key pair of a remembered browser, for one mailbox only."""
    return key_pair(Seed(derive(secret, Label.REMEMBER_KEM, mailbox)))


def seal_device_note(secret: SessionSecret, device: bytes, note: Mapping[str, Any]) -> bytes:
    """What a remembered browser is called, for the guest's own list."""
    return lock(_note_key(secret, device), encode_content(note), Label.DEVICE_NOTE, device)


def open_device_note(secret: SessionSecret, device: bytes, sealed: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` when it is another browser's."""
    return decode_content(unlock(_note_key(secret, device), sealed, Label.DEVICE_NOTE, device))


def _note_key(secret: SessionSecret, device: bytes) -> SymmetricKey:
    return derive(secret, Label.REMEMBER_NOTE, device)


def _link_key(code: MessageCode, link: bytes, stretched: Secret | None) -> SymmetricKey:
    if stretched is None:
        return derive(code, Label.LINK_KEY, link)
    return derive(Secret(code + stretched), Label.LINK_KEY_PASSWORD, link)


def _hint_key(code: MessageCode, link: bytes) -> SymmetricKey:
    return derive(code, Label.LINK_HINT_KEY, link)


def _facts_key(dk: MailKey, link: bytes) -> SymmetricKey:
    return derive(dk, Label.LINK_FACTS, link)
