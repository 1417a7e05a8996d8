"""The root key of an account: what lies behind password, recovery code and passkey, and what it opens.

Every lasting unlocker is a key pair of which only the public half is stored, so that a new root key can be put behind
the recovery code without the code being present.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from securemail.crypto.encoding import context, decode_content, encode_content
from securemail.crypto.keypair import KeyPair, key_pair
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, digest, lock, lock_to, unlock, unlock_with
from securemail.crypto.secrets import MailKey, RecoveryCode, RootKey, Secret, Seed, SymmetricKey

PASSWORD = "password"  # noqa: S105 - a kind of unlocker
RECOVERY = "recovery"
PASSKEY = "passkey"


def prf_input() -> bytes:
    """What every passkey is asked to evaluate (WebAuthn level 3, `prf.eval.first`): 32 bytes, the same for all.

    The result still differs per credential; one fixed value lets a passkey answer before its account is known.
    """
    return digest(context(Label.PRF))


def password_pair(stretched: Secret, account: bytes, unlocker: bytes) -> KeyPair:
    """The key pair behind a password, from the 32 bytes of `password.stretch`."""
    return key_pair(Seed(derive(stretched, Label.UNLOCK_PASSWORD, account, unlocker)))


def recovery_pair(code: RecoveryCode, account: bytes, unlocker: bytes) -> KeyPair:
    """The key pair behind a recovery code."""
    return key_pair(Seed(derive(code, Label.UNLOCK_RECOVERY, account, unlocker)))


def passkey_pair(prf: Secret, account: bytes, unlocker: bytes) -> KeyPair:
    """The key pair behind a passkey, from the 32 bytes that it made of `prf_input`."""
    return key_pair(Seed(derive(prf, Label.UNLOCK_PRF, account, unlocker)))


def backup_code_name(code: Secret) -> str:
    """How the vault keeps a backup code: 64 hexadecimal characters that do not tell it."""
    return derive(code, Label.BACKUP_CODE).hex()


def seal_root_key(public_key: bytes, rk: RootKey, account: bytes, epoch: int, unlocker: bytes, kind: str) -> bytes:
    """The root key locked to an unlocker."""
    return lock_to(public_key, rk, Label.UNLOCK_RK, account, epoch, unlocker, kind)


def open_root_key(pair: KeyPair, sealed: bytes, account: bytes, epoch: int, unlocker: bytes, kind: str) -> RootKey:
    """The root key behind an unlocker; success is the password check, there is no separate verifier.

    Raises:
        CannotOpen: a wrong password, or a row that is not what it says.
    """
    return RootKey.opened(unlock_with(pair, sealed, Label.UNLOCK_RK, account, epoch, unlocker, kind))


def public_key_hash(public_key: bytes) -> str:
    """How the vault names an unlocker's public key: SHA-256, hexadecimal."""
    return digest(public_key).hex()


@dataclass(frozen=True, repr=False)
class RootKeys:
    """What an opened root key can do: the vault, the identity, the list of who holds the mailbox's key."""

    account: bytes
    epoch: int
    rk: RootKey

    def __repr__(self) -> str:
        return "<RootKeys>"

    def identity(self) -> KeyPair:
        """The account's key pair, to which grants are made. Counts only when its public half is the published one."""
        return key_pair(Seed(derive(self.rk, Label.ACCOUNT_IDENTITY, self.account, self.epoch)))

    def seal_vault(self, revision: int, vault: Mapping[str, Any]) -> bytes:
        """The account's own secrets and the list of unlockers that count."""
        return lock(self._vault_key(), encode_content(vault), Label.ACCOUNT_VAULT, self.account, self.epoch, revision)

    def open_vault(self, revision: int, sealed: bytes) -> dict[str, Any]:
        """Raises `CannotOpen` when it is not this account's vault of this epoch and revision."""
        raw = unlock(self._vault_key(), sealed, Label.ACCOUNT_VAULT, self.account, self.epoch, revision)
        return decode_content(raw)

    def seal_device(self, session: bytes, device: Mapping[str, Any]) -> bytes:
        """Browser and network of a session, for its owner's list."""
        return lock(self._notes_key(), encode_content(device), Label.SESSION_DEVICE, session)

    def open_device(self, session: bytes, sealed: bytes) -> dict[str, Any]:
        """Raises `CannotOpen` when it is not that session's of this account and epoch."""
        return decode_content(unlock(self._notes_key(), sealed, Label.SESSION_DEVICE, session))

    def seal_holders(self, mailbox: bytes, holders: Mapping[str, Any]) -> bytes:
        """The list of grantees that counts, locked to the owner so that a delegate cannot add to it."""
        return _seal_holders(self.rk, mailbox, self.epoch, holders)

    def open_holders(self, mailbox: bytes, sealed: bytes) -> dict[str, Any]:
        """Raises `CannotOpen` when it is not the list of a mailbox of this account."""
        return _open_holders(self.rk, mailbox, self.epoch, sealed)

    def _notes_key(self) -> SymmetricKey:
        return derive(self.rk, Label.ACCOUNT_NOTES, self.account, self.epoch)

    def _vault_key(self) -> SymmetricKey:
        return derive(self.rk, Label.ACCOUNT_VAULT, self.account, self.epoch)


def seal_organisation_holders(mk: MailKey, mailbox: bytes, epoch: int, holders: Mapping[str, Any]) -> bytes:
    """The list of an organisation's administrators, under the organisation's own key."""
    return _seal_holders(mk, mailbox, epoch, holders)


def open_organisation_holders(mk: MailKey, mailbox: bytes, epoch: int, sealed: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` when it is not that organisation's list."""
    return _open_holders(mk, mailbox, epoch, sealed)


def _seal_holders(master: Secret, mailbox: bytes, epoch: int, holders: Mapping[str, Any]) -> bytes:
    return lock(_holders_key(master, mailbox, epoch), encode_content(holders), Label.MAIL_HOLDERS, mailbox, epoch)


def _open_holders(master: Secret, mailbox: bytes, epoch: int, sealed: bytes) -> dict[str, Any]:
    return decode_content(unlock(_holders_key(master, mailbox, epoch), sealed, Label.MAIL_HOLDERS, mailbox, epoch))


def _holders_key(master: Secret, mailbox: bytes, epoch: int) -> SymmetricKey:
    return derive(master, Label.MAIL_HOLDERS, mailbox, epoch)
