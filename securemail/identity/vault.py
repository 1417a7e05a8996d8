"""The vault: what only an account's owner opens. Which unlockers count, the second steps, known devices.

Every change is a compare-and-swap on the vault's revision, which is bound into its lock: a second step is used up in
the transaction that lets somebody in, and of two at the same moment one succeeds.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm.util import identity_key

from securemail.crypto import unlock
from securemail.crypto.locks import digest
from securemail.crypto.unlock import RootKeys
from securemail.errors import CannotOpen, Conflict
from securemail.identity.context import Context
from securemail.mailboxes.keys import UntrustedKey, require_unmoved
from securemail.store.models import Account, Unlocker
from securemail.store.statements import changed

log = logging.getLogger(__name__)

MOST_DEVICES: Final = 50
_SWAPS: Final = 5


class VaultChanged(Conflict):
    """Somebody else wrote the vault in between; read it again."""


@dataclass(frozen=True)
class Listed:
    """An unlocker that counts. `key` is the hash of its public key, empty for a passkey that opens nothing.

    `credential` is the hash of a passkey's credential id and key; `name` is the owner's word, `added` an ISO time.
    """

    id: str
    kind: str
    key: str
    credential: str = ""
    name: str = ""
    added: str = ""

    @property
    def opens(self) -> bool:
        """Whether it opens the root key; else it is a second step only."""
        return bool(self.key)


@dataclass(frozen=True, repr=False)
class Totp:
    """An authenticator app: its seed (base 32), and the last time step whose code was used up (RFC 6238)."""

    seed: str
    last_step: int
    added: str


@dataclass(frozen=True, repr=False)
class Phone:
    """A phone that gets codes: its number in E.164."""

    number: str
    added: str


@dataclass(frozen=True)
class Device:
    """A browser that has logged in before: `crypto.cookies.device_id` in hexadecimal."""

    id: str
    name: str
    first: str
    seen: str


@dataclass(frozen=True, repr=False)
class Vault:
    """An opened vault and its revision. `extra` is what newer code wrote and this code does not know."""

    revision: int
    unlockers: tuple[Listed, ...]
    totp: Totp | None = None
    phones: tuple[Phone, ...] = ()
    backup_codes: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    code_mailed: bool = True
    code_saved: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "<Vault>"

    @property
    def passkeys(self) -> tuple[Listed, ...]:
        """Passkeys and security keys, those that open the root key and those that do not."""
        return tuple(entry for entry in self.unlockers if entry.kind == unlock.PASSKEY)

    @property
    def has_second_step(self) -> bool:
        """Whether a password alone does not log in."""
        return bool(self.totp or self.phones or self.passkeys)

    def lists(self, row: Unlocker) -> bool:
        """Whether a row is one of those that count; any other was put there by somebody else."""
        wanted = listed(row)
        return any(
            (entry.id, entry.kind, entry.key, entry.credential)
            == (wanted.id, wanted.kind, wanted.key, wanted.credential)
            for entry in self.unlockers
        )

    def without(self, unlocker: bytes) -> "Vault":
        """The same without an unlocker."""
        return replace(self, unlockers=tuple(entry for entry in self.unlockers if entry.id != unlocker.hex()))

    def with_device(self, device: Device) -> "Vault":
        """The same with a device noted, the least recently seen forgotten when there are too many."""
        others = sorted((known for known in self.devices if known.id != device.id), key=lambda known: known.seen)
        return replace(self, devices=(*others, device)[-MOST_DEVICES:])


def listed(row: Unlocker, *, name: str = "", added: str = "") -> Listed:
    """How the vault names an unlocker."""
    key = "" if row.public_key is None else unlock.public_key_hash(row.public_key)
    credential = ""
    if row.credential_id is not None and row.credential_key is not None:
        credential = credential_hash(row.credential_id, row.credential_key)
    return Listed(row.id.hex(), row.kind, key, credential, name, added)


def credential_hash(credential_id: bytes, credential_key: bytes) -> str:
    """What binds a passkey's row to the vault: SHA-256 over length-prefixed id and COSE key, hexadecimal."""
    return digest(len(credential_id).to_bytes(4, "big") + credential_id + credential_key).hex()


def read(ctx: Context, root: RootKeys) -> Vault:
    """The account's vault of this moment.

    Raises:
        UntrustedKey: it does not open: somebody wrote in the database, or put an older state back.
        StaleKeys: the root key was rotated away since it was opened.
    """
    row = ctx.db.execute(select(Account.vault_revision, Account.sealed_vault).where(Account.id == root.account)).first()
    try:
        if row is None or row.sealed_vault is None:
            raise CannotOpen
        return from_json(row.vault_revision, root.open_vault(row.vault_revision, row.sealed_vault))
    except (CannotOpen, KeyError, TypeError) as error:
        require_unmoved(ctx, "account", root.account, root.epoch)
        log.exception("alarm: the vault of account %s does not open", root.account.hex())
        raise UntrustedKey from error


def write(ctx: Context, root: RootKeys, vault: Vault) -> Vault:
    """Replace the vault that was read as `vault.revision` by this content.

    Raises:
        VaultChanged: it was written meanwhile, or the root key was rotated away.
    """
    return move(ctx, root, root, vault)


def move(ctx: Context, before: RootKeys, after: RootKeys, vault: Vault) -> Vault:
    """The same, from one root key to the next: the account's epoch moves with its vault. Raises `VaultChanged`."""
    written = replace(vault, revision=vault.revision + 1)
    swap = update(Account).where(
        Account.id == before.account,
        Account.rk_epoch == before.epoch,
        Account.vault_revision == vault.revision,
        Account.state == "active",
    )
    sealed = after.seal_vault(written.revision, to_json(written))
    values = {"rk_epoch": after.epoch, "vault_revision": written.revision, "sealed_vault": sealed}
    if changed(ctx.db, swap.values(values)) != 1:
        raise VaultChanged
    held = ctx.db.identity_map.get(identity_key(Account, before.account))
    if held is not None:
        ctx.db.expire(held)
    return written


def change(ctx: Context, root: RootKeys, how: Callable[[Vault], Vault]) -> Vault:
    """Read, change and write. Who loses the swap looks again, so that what is single-use is found used up by then.

    Raises:
        VaultChanged: it kept changing, or the root key was rotated away.
        Whatever `how` raises.
    """
    for _ in range(_SWAPS):
        try:
            return write(ctx, root, how(read(ctx, root)))
        except VaultChanged:
            # One of another root key would not open, and that is no alarm.
            epoch = ctx.db.scalar(select(Account.rk_epoch).where(Account.id == root.account))
            if epoch != root.epoch:
                raise
    raise VaultChanged


def to_json(vault: Vault) -> dict[str, Any]:
    """What is sealed; what is empty is left out."""
    known = {
        "unlockers": [_filled(vars(entry)) for entry in vault.unlockers],
        "totp": vars(vault.totp) if vault.totp else None,
        "phones": [vars(phone) for phone in vault.phones],
        "backup_codes": list(vault.backup_codes),
        "devices": [vars(device) for device in vault.devices],
        "code_mailed": vault.code_mailed,
        "code_saved": vault.code_saved,
    }
    return {**vault.extra, **{name: value for name, value in known.items() if value or isinstance(value, bool)}}


def from_json(revision: int, content: Mapping[str, Any]) -> Vault:
    """A vault as it was sealed, by this or an earlier release.

    Raises:
        KeyError: no list of unlockers.
    """
    totp = content.get("totp")
    return Vault(
        revision=revision,
        unlockers=tuple(Listed(**entry) for entry in content["unlockers"]),
        totp=Totp(**totp) if totp else None,
        phones=tuple(Phone(**phone) for phone in content.get("phones", ())),
        backup_codes=tuple(content.get("backup_codes", ())),
        devices=tuple(Device(**device) for device in content.get("devices", ())),
        code_mailed=bool(content.get("code_mailed", True)),
        code_saved=bool(content.get("code_saved", False)),
        extra={name: value for name, value in content.items() if name not in _KNOWN},
    )


_KNOWN: Final = frozenset({"v", "unlockers", "totp", "phones", "backup_codes", "devices", "code_mailed", "code_saved"})


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    always = ("id", "kind", "key")
    return {name: value for name, value in values.items() if value or name in always}
