"""The keys that follow from the configured secret: pepper, MACs, directory, address tags, limiter tags.

Older secrets are kept for reading; whatever is written hangs on the first. Without the secret nobody is found by
address and no public key is trusted. With it, a thief reads the directory of accounts and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from securemail.crypto.encoding import Field, decode_content, encode_content
from securemail.crypto.keypair import SUITE
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, lock, same, tag, unlock
from securemail.crypto.secrets import Secret, SymmetricKey
from securemail.errors import CannotOpen

BOUNCE_MAC_BYTES: Final = 10
"""What fits beside a row's id in the local part of a mail address: 80 bits (RFC 2104), tried over a network only."""
_WHOLE: Final = 32


@dataclass(frozen=True, repr=False)
class ConfiguredKeys:
    """Everything derived from the configured secrets, `(id, 32 bytes)` each, the current one first."""

    secrets: tuple[tuple[int, Secret], ...]

    def __repr__(self) -> str:
        return "<ConfiguredKeys>"

    @property
    def newest(self) -> "ConfiguredKeys":
        """The same without the older secrets: what opens with these hangs on no older one."""
        return ConfiguredKeys(self.secrets[:1])

    @property
    def pepper_id(self) -> int:
        """The id of the secret that new passwords are peppered with."""
        return self.secrets[0][0]

    def pepper(self, pepper_id: int) -> SymmetricKey:
        """The pepper with that id.

        Raises:
            CannotOpen: that secret is no longer configured.
        """
        for known, secret in self.secrets:
            if known == pepper_id:
                return derive(secret, Label.CONFIG_PEPPER)
        raise CannotOpen

    def address_tag(self, address: str) -> bytes:
        """The 32 bytes that find a mailbox by its normalised address."""
        return self.address_tags(address)[0]

    def address_tags(self, address: str) -> list[bytes]:
        """The tags of an address under every configured secret, the current one first."""
        raw = address.encode("utf-8")
        return [tag(derive(secret, Label.CONFIG_ADDRESS), Label.TAG_ADDRESS, raw) for _, secret in self.secrets]

    def attempt_tag(self, day: int, purpose: str, *subject: Field) -> bytes:
        """What a counter is kept under: unlinkable to an address or network without the secret, and new every day."""
        return tag(derive(self.secrets[0][1], Label.CONFIG_LIMITER), Label.TAG_ATTEMPT, day, purpose, *subject)

    def seal_entry(self, account: bytes, entry: Mapping[str, Any]) -> bytes:
        """An account's directory entry: name, address, language."""
        return lock(self._directory(), encode_content(entry), Label.DIRECTORY_ENTRY, account)

    def open_entry(self, account: bytes, sealed: bytes) -> dict[str, Any]:
        """Raises `CannotOpen` when it is not that account's entry."""
        return self._open_directory(sealed, Label.DIRECTORY_ENTRY, account)

    def seal_photo(self, account: bytes, photo: bytes) -> bytes:
        """An account's picture: the bytes of an image."""
        return lock(self._directory(), photo, Label.DIRECTORY_PHOTO, account)

    def open_photo(self, account: bytes, sealed: bytes) -> bytes:
        """Raises `CannotOpen` when it is not that account's picture."""
        return self._unlock_directory(sealed, Label.DIRECTORY_PHOTO, account)

    def seal_address(self, mailbox: bytes, entry: Mapping[str, Any]) -> bytes:
        """The address and name that a mailbox receives under."""
        return lock(self._directory(), encode_content(entry), Label.DIRECTORY_ADDRESS, mailbox)

    def open_address(self, mailbox: bytes, sealed: bytes) -> dict[str, Any]:
        """Raises `CannotOpen` when it is not that mailbox's address."""
        return self._open_directory(sealed, Label.DIRECTORY_ADDRESS, mailbox)

    def sign_public_key(self, kind: str, principal: bytes, epoch: int, public_key: bytes) -> bytes:
        """What makes a public key count (MAC table of README.md); kind is account, mailbox, link, token or worker."""
        return self._sign(Label.MAC_PUBLIC_KEY, kind, principal, epoch, SUITE, public_key)

    def trusts_public_key(self, mac: bytes, kind: str, principal: bytes, epoch: int, public_key: bytes) -> bool:
        """Whether we published this key ourselves."""
        return self._verify(mac, Label.MAC_PUBLIC_KEY, kind, principal, epoch, SUITE, public_key)

    def sign_message(self, *facts: Field) -> bytes:
        """Authenticates a message row: every receiver holds its content key and could otherwise rewrite it."""
        return self._sign(Label.MAC_MESSAGE, *facts)

    def trusts_message(self, mac: bytes, *facts: Field) -> bool:
        """Whether a message row is as we wrote it."""
        return self._verify(mac, Label.MAC_MESSAGE, *facts)

    def sign_outbox(self, *facts: Field) -> bytes:
        """Authenticates an outbox row: E1 proves no sender."""
        return self._sign(Label.MAC_OUTBOX, *facts)

    def trusts_outbox(self, mac: bytes, *facts: Field) -> bool:
        """Whether an outbox row is as we wrote it."""
        return self._verify(mac, Label.MAC_OUTBOX, *facts)

    def sign_organisation(self, *facts: Field) -> bytes:
        """Authenticates an organisation's name and policy."""
        return self._sign(Label.MAC_ORGANISATION, *facts)

    def trusts_organisation(self, mac: bytes, *facts: Field) -> bool:
        """Whether an organisation's row is as we wrote it."""
        return self._verify(mac, Label.MAC_ORGANISATION, *facts)

    def sign_link(self, *facts: Field) -> bytes:
        """Authenticates a guest link's row."""
        return self._sign(Label.MAC_LINK, *facts)

    def trusts_link(self, mac: bytes, *facts: Field) -> bool:
        """Whether a guest link's row is as we wrote it."""
        return self._verify(mac, Label.MAC_LINK, *facts)

    def sign_pending(self, *facts: Field) -> bytes:
        """Authenticates a token on its way: its own content proves nothing about who wrote it."""
        return self._sign(Label.MAC_PENDING, *facts)

    def trusts_pending(self, mac: bytes, *facts: Field) -> bool:
        """Whether a waiting token's row is as we wrote it."""
        return self._verify(mac, Label.MAC_PENDING, *facts)

    def sign_device(self, *facts: Field) -> bytes:
        """Authenticates the browser that a guest had remembered: its key is made by the browser's cookie alone."""
        return self._sign(Label.MAC_DEVICE, *facts)

    def trusts_device(self, mac: bytes, *facts: Field) -> bool:
        """Whether a remembered browser's row is as we wrote it."""
        return self._verify(mac, Label.MAC_DEVICE, *facts)

    def sign_bounce(self, *facts: Field) -> bytes:
        """Authenticates the address that a mail comes back to: 10 bytes."""
        return self._sign(Label.MAC_BOUNCE, *facts)[:BOUNCE_MAC_BYTES]

    def trusts_bounce(self, mac: bytes, *facts: Field) -> bool:
        """Whether a mail was sent by us from this address."""
        return self._verify(mac, Label.MAC_BOUNCE, *facts, size=BOUNCE_MAC_BYTES)

    def _directory(self) -> SymmetricKey:
        return _directory_key(self.secrets[0][1])

    def _open_directory(self, sealed: bytes, label: Label, principal: bytes) -> dict[str, Any]:
        return decode_content(self._unlock_directory(sealed, label, principal))

    def _unlock_directory(self, sealed: bytes, label: Label, principal: bytes) -> bytes:
        for _, secret in self.secrets:
            try:
                return unlock(_directory_key(secret), sealed, label, principal)
            except CannotOpen:
                continue
        raise CannotOpen

    @cached_property  # a list checks fifty rows; the secrets themselves stay in memory as long
    def _mac_keys(self) -> tuple[SymmetricKey, ...]:
        return tuple(derive(secret, Label.CONFIG_MAC) for _, secret in self.secrets)

    def _sign(self, label: Label, *facts: Field) -> bytes:
        return tag(self._mac_keys[0], label, *facts)

    def _verify(self, mac: bytes, label: Label, *facts: Field, size: int = _WHOLE) -> bool:
        try:
            return any(same(mac, tag(key, label, *facts)[:size]) for key in self._mac_keys)
        except CannotOpen:  # facts that no row of ours holds
            return False


def _directory_key(secret: Secret) -> SymmetricKey:
    return derive(secret, Label.CONFIG_DIRECTORY)
