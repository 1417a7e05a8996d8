"""Passkeys and security keys (WebAuthn level 3). With PRF one opens the root key and signs in alone; without it is a
second step after the password.

The browser proves possession by a signature over a challenge that it was asked once; a secret that it sends along
(PRF) never proves anything by itself. Which rows count, the vault decides: each is listed there by id and key.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.registration.verify_registration_response import VerifiedRegistration

from securemail import ids
from securemail.crypto import unlock
from securemail.crypto.keypair import KeyPair
from securemail.crypto.secrets import Secret
from securemail.crypto.unlock import RootKeys
from securemail.errors import CannotOpen
from securemail.identity import rotation, second_step, vault
from securemail.identity.challenges import Held
from securemail.identity.context import Context, Owner
from securemail.identity.factors import ceremonies
from securemail.identity.factors.ceremonies import Asked, RelyingParty
from securemail.identity.login import Proved
from securemail.identity.rotation import Rotated
from securemail.identity.second_step import Refused
from securemail.identity.vault import Listed, Vault
from securemail.mailboxes import keys
from securemail.mailboxes.addresses import clean_name
from securemail.store.models import Account, Unlocker
from securemail.store.statements import changed

log = logging.getLogger(__name__)

MOST: Final = 10
LONGEST_NAME: Final = 60
_SECRET_BYTES: Final = 32


def creation_options(ctx: Context, held: Held, owner: Owner, *, rp: RelyingParty) -> dict[str, Any]:
    """What `navigator.credentials.create` is asked for, as JSON. Noted with the browser. Raises `Refused` ('many')."""
    rows = listed_rows(ctx, owner.root.account, vault.read(ctx, owner.root))
    if len(rows) >= MOST:
        raise Refused("many")
    return ceremonies.creation(ctx, held, owner, _ids(rows), rp=rp)


def first_use_options(ctx: Context, held: Held, credential_id: str, *, rp: RelyingParty) -> dict[str, Any]:
    """The same passkey once more, straight after its creation, for the secret that many give only then.

    Raises:
        Refused: 'typing'.
    """
    made = ceremonies.credential_id(credential_id)
    return ceremonies.use(ctx, held, "new-passkey-use", [made], rp=rp, secret=True)


def add(
    ctx: Context,
    held: Held,
    owner: Owner,
    credential: Mapping[str, Any],
    *,
    name: str,
    prf: bytes | None = None,
    assertion: Mapping[str, Any] | None = None,
) -> Listed:
    """Add what the browser made. With `prf` (32 bytes) it opens the root key, without it is a second step only.

    Raises:
        Refused: 'expired', 'wrong' (not what was asked for), 'taken', 'many'.
        InvalidInput: ('passkey', 'empty' | 'long' | 'control'), the name.
    """
    cleaned = clean(name)
    made = ceremonies.verified_new(credential, ceremonies.taken(ctx, held, "new-passkey"))
    count = made.sign_count
    if assertion is not None:
        asked = ceremonies.taken(ctx, held, "new-passkey-use")
        facts = made.credential_public_key, count, made.credential_id
        count = ceremonies.verified(assertion, asked, *facts).new_sign_count
    row = _row(owner.root, made, count, prf)
    _insert(ctx, row)
    entry = vault.listed(row, name=cleaned, added=ctx.now.isoformat())
    vault.change(ctx, owner.root, lambda kept: _with(kept, entry))
    second_step.note_change(ctx, owner, "passkey-added")
    return entry


def clean(name: str) -> str:
    """A passkey's name, cut where it is long. Raises `InvalidInput` ('passkey', 'empty' | 'long' | 'control')."""
    return clean_name("passkey", name)[:LONGEST_NAME].rstrip()


def rename(ctx: Context, owner: Owner, unlocker: bytes, name: str) -> None:
    """Call a passkey otherwise. Raises `InvalidInput` ('passkey', …) and `Refused` ('unknown')."""
    cleaned = clean(name)
    vault.change(ctx, owner.root, lambda kept: _renamed(kept, unlocker.hex(), cleaned))


def require_removable(ctx: Context, owner: Owner, unlocker: bytes) -> Listed:
    """The passkey, when it may be removed.

    Raises:
        Refused: 'unknown'.
        LastStep: the organisation wants a second step, and this is the only one.
    """
    kept = vault.read(ctx, owner.root)
    found = next((entry for entry in kept.passkeys if entry.id == unlocker.hex()), None)
    if found is None:
        raise Refused("unknown")
    second_step.require_removable(ctx, owner, kept.without(unlocker))
    return found


def remove(ctx: Context, owner: Owner, unlocker: bytes) -> Rotated:
    """Remove a passkey, and with new keys make it worthless to whoever has it and an older database.

    Every session ends; the caller starts a new one.

    Raises:
        Refused, LastStep: see `require_removable`.
        StaleKeys: somebody else rotated first.
    """
    require_removable(ctx, owner, unlocker)

    def change(kept: Vault) -> Vault:
        after = second_step.settled(kept)
        second_step.require_removable(ctx, owner, after)
        return after

    mail = rotation.open_mail(ctx, owner.root)
    rotated = rotation.rotate(ctx, owner.root, mail, without=frozenset({unlocker}), change=change)
    second_step.note_change(ctx, replace(owner, root=rotated.root), "passkey-removed")
    return rotated


def request_options(ctx: Context, held: Held, kept: Vault | None, *, rp: RelyingParty) -> dict[str, Any]:
    """What `navigator.credentials.get` is asked for, as JSON: a passkey of this vault, or (None) whichever there is.

    Only the latter is asked for its secret: to sign in alone.
    """
    allowed = None if kept is None else _ids(listed_rows(ctx, held.holder, kept))
    return ceremonies.use(ctx, held, "passkey", allowed, rp=rp, secret=kept is None)


def prove(ctx: Context, held: Held, root: RootKeys, credential: Mapping[str, Any]) -> None:
    """A passkey of the account as its second step, or to show again who is there.

    Raises:
        Refused: 'expired', 'unknown', 'wrong', 'rewound'.
        UntrustedKey: a row was put there by somebody else.
    """
    asked = ceremonies.taken(ctx, held, "passkey")
    row = _found(ctx, credential)
    if row is None or row.account != root.account:
        raise Refused("unknown")
    _require_listed(row, vault.read(ctx, root))
    _count(ctx, row, _verified_of(row, credential, asked))


def prove_alone(ctx: Context, held: Held, credential: Mapping[str, Any], prf: bytes | None) -> Proved:
    """A passkey that signs in without a password: verified, opened, and listed in the vault that it opens.

    The root key is the published one. A second step is not asked for: the passkey is possession and has verified its
    user.

    Raises:
        Refused: 'expired', 'unknown', 'wrong', 'rewound', 'second-only' (log in with the password first).
        UntrustedKey: somebody wrote into the database.
    """
    asked = ceremonies.taken(ctx, held, "passkey")
    row = _found(ctx, credential)
    account = None if row is None else ctx.db.get(Account, row.account)
    if row is None or account is None or account.state != "active":
        raise Refused("unknown")
    seen = _verified_of(row, credential, asked)
    ceremonies.require_own_handle(credential, account.id)
    if prf is None or row.sealed_rk is None:
        raise Refused("second-only")
    proved = _opened(row, account.rk_epoch, Secret(prf))
    root = proved.root
    keys.require_published(ctx, "account", root.account, root.epoch, root.identity())
    _require_listed(row, vault.read(ctx, root))
    _count(ctx, row, seen)
    return proved


def listed_rows(ctx: Context, account: bytes, kept: Vault) -> list[Unlocker]:
    """The account's passkeys as rows; one that the vault does not list was put there by somebody else."""
    rows = ctx.db.scalars(select(Unlocker).where(Unlocker.account == account, Unlocker.kind == unlock.PASSKEY))
    found = list(rows)
    for row in found:
        if not kept.lists(row):
            log.error("alarm: passkey %s is not in the vault of its account", row.id.hex())
    return [row for row in found if kept.lists(row)]


# --- what came back ---


def _ids(rows: list[Unlocker]) -> list[bytes]:
    return [row.credential_id for row in rows if row.credential_id is not None]


def _verified_of(row: Unlocker, credential: Mapping[str, Any], asked: Asked) -> VerifiedAuthentication:
    return ceremonies.verified(
        credential, asked, row.credential_key or b"", row.sign_count or 0, row.credential_id or b""
    )


def _found(ctx: Context, credential: Mapping[str, Any]) -> Unlocker | None:
    wanted = ceremonies.credential_id(credential.get("id"))
    return ctx.db.scalar(select(Unlocker).where(Unlocker.credential_id == wanted, Unlocker.kind == unlock.PASSKEY))


def _require_listed(row: Unlocker, kept: Vault) -> None:
    if not kept.lists(row):
        log.error("alarm: passkey %s is not in the vault of its account", row.id.hex())
        raise keys.UntrustedKey


def _count(ctx: Context, row: Unlocker, seen: VerifiedAuthentication) -> None:
    if seen.new_sign_count == row.sign_count:
        return  # one that is shared between devices does not count
    moved = update(Unlocker).where(Unlocker.id == row.id, Unlocker.sign_count == row.sign_count)
    if changed(ctx.db, moved.values(sign_count=seen.new_sign_count)) != 1:
        raise Refused("rewound")


def _opened(row: Unlocker, epoch: int, prf: Secret) -> Proved:
    pair = _pair(prf, row.account, row.id)
    try:
        rk = unlock.open_root_key(pair, row.sealed_rk or b"", row.account, epoch, row.id, unlock.PASSKEY)
    except CannotOpen as error:
        raise Refused("wrong") from error
    return Proved(RootKeys(row.account, epoch, rk), row.id, pair)


# --- a new row ---


def _row(root: RootKeys, made: VerifiedRegistration, count: int, prf: bytes | None) -> Unlocker:
    unlocker = ids.new_id()
    row = Unlocker(
        id=unlocker, account=root.account, kind=unlock.PASSKEY, credential_id=made.credential_id,
        credential_key=made.credential_public_key, sign_count=count,
    )  # fmt: skip
    if prf is not None:
        row.public_key = _pair(Secret(prf), root.account, unlocker).public
        row.sealed_rk = unlock.seal_root_key(
            row.public_key, root.rk, root.account, root.epoch, unlocker, unlock.PASSKEY
        )
    return row


def _pair(prf: Secret, account: bytes, unlocker: bytes) -> KeyPair:
    if len(prf) != _SECRET_BYTES:
        raise Refused("typing")
    return unlock.passkey_pair(prf, account, unlocker)


def _insert(ctx: Context, row: Unlocker) -> None:
    try:
        with ctx.db.begin_nested():
            ctx.db.add(row)
    except IntegrityError as error:  # the credential's id
        raise Refused("taken") from error


def _with(kept: Vault, entry: Listed) -> Vault:
    if len(kept.passkeys) >= MOST:
        raise Refused("many")
    return replace(kept, unlockers=(*kept.unlockers, entry))


def _renamed(kept: Vault, unlocker: str, name: str) -> Vault:
    if not any(entry.id == unlocker for entry in kept.passkeys):
        raise Refused("unknown")
    entries = (replace(entry, name=name) if entry.id == unlocker else entry for entry in kept.unlockers)
    return replace(kept, unlockers=tuple(entries))
