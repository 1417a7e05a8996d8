"""Passkeys and security keys (WebAuthn level 3). With PRF one opens the root key and signs in alone; without it is a
second step after the password.

The browser proves possession by a signature over a challenge that it was asked once; a secret that it sends along
(PRF) never proves anything by itself. Which rows count, the vault decides: each is listed there by id and key.
"""

import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from securemail import ids
from securemail.crypto import unlock
from securemail.crypto.keypair import KeyPair
from securemail.crypto.locks import same
from securemail.crypto.secrets import Secret
from securemail.crypto.unlock import RootKeys
from securemail.errors import CannotOpen
from securemail.identity import challenges, rotation, second_step, vault
from securemail.identity.challenges import Held
from securemail.identity.context import Context, Owner
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
_TIMEOUT: Final = timedelta(minutes=5)
_GET, _CREATE, _FIRST_USE = "passkey", "new-passkey", "new-passkey-use"
_SECRET_BYTES: Final = 32
_LONGEST_ID: Final = 1023
_MALFORMED: Final = (
    WebAuthnException, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError,
    EOFError,
)  # fmt: skip
"""What the library raises for what no browser sends."""


@dataclass(frozen=True)
class RelyingParty:
    """Whose passkeys these are: `id` is a host name, `origin` as the address bar has it, `name` for the dialog."""

    id: str
    origin: str
    name: str

    @classmethod
    def of(cls, public_url: str, name: str) -> "RelyingParty":
        """From the address that people type."""
        url = urlsplit(public_url)
        return cls(url.hostname or "", f"{url.scheme}://{url.netloc}", name)


def reject_secret(body: Any) -> None:
    """Refuse what a browser made with `toJSON()` and did not clean: PRF results stand in it in a place that logs keep.

    Raises:
        Refused: 'typing'.
    """
    parts = [body] if not isinstance(body, Mapping) else [body, body.get("credential"), body.get("assertion")]
    if any(_holds_secret(part) for part in parts):
        raise Refused("typing")


def creation_options(ctx: Context, held: Held, owner: Owner, *, rp: RelyingParty) -> dict[str, Any]:
    """What `navigator.credentials.create` is asked for, as JSON. Noted with the browser. Raises `Refused` ('many')."""
    rows = listed_rows(ctx, owner.root.account, vault.read(ctx, owner.root))
    if len(rows) >= MOST:
        raise Refused("many")
    options = generate_registration_options(
        rp_id=rp.id,
        rp_name=rp.name,
        # Opaque, and the same for every passkey of an account, so that a second one replaces the first on its device.
        user_id=owner.account,
        user_name=owner.address,
        user_display_name=owner.name,
        timeout=int(_TIMEOUT.total_seconds() * 1000),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(rows),
    )
    _note(ctx, held, _CREATE, options.challenge, rp)
    return _with_secret(json.loads(options_to_json(options)))


def first_use_options(ctx: Context, held: Held, credential_id: str, *, rp: RelyingParty) -> dict[str, Any]:
    """The same passkey once more, straight after its creation, for the secret that many give only then.

    Raises:
        Refused: 'typing'.
    """
    options = _assertion(_TIMEOUT, rp, [PublicKeyCredentialDescriptor(id=_credential_id(credential_id))])
    _note(ctx, held, _FIRST_USE, options.challenge, rp)
    return _with_secret(json.loads(options_to_json(options)))


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
    made = _verified_new(credential, _taken(ctx, held, _CREATE))
    count = made.sign_count
    if assertion is not None:
        asked = _taken(ctx, held, _FIRST_USE)
        count = _verified(assertion, asked, made.credential_public_key, count, made.credential_id).new_sign_count
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
    allowed = None if kept is None else _descriptors(listed_rows(ctx, held.holder, kept))
    options = _assertion(_TIMEOUT, rp, allowed)
    _note(ctx, held, _GET, options.challenge, rp)
    found: dict[str, Any] = json.loads(options_to_json(options))
    return _with_secret(found) if kept is None else found


def prove(ctx: Context, held: Held, root: RootKeys, credential: Mapping[str, Any]) -> None:
    """A passkey of the account as its second step, or to show again who is there.

    Raises:
        Refused: 'expired', 'unknown', 'wrong', 'rewound'.
        UntrustedKey: a row was put there by somebody else.
    """
    asked = _taken(ctx, held, _GET)
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
    asked = _taken(ctx, held, _GET)
    row = _found(ctx, credential)
    account = None if row is None else ctx.db.get(Account, row.account)
    if row is None or account is None or account.state != "active":
        raise Refused("unknown")
    seen = _verified_of(row, credential, asked)
    _require_own_handle(credential, account.id)
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


# --- what was asked ---


def _note(ctx: Context, held: Held, name: str, challenge: bytes, rp: RelyingParty) -> None:
    content = {"challenge": challenge.hex(), "rp": rp.id, "origin": rp.origin, "at": ctx.now.isoformat()}
    challenges.keep(ctx, held, name, content)


@dataclass(frozen=True)
class _Asked:
    challenge: bytes
    rp: str
    origin: str


def _taken(ctx: Context, held: Held, name: str) -> _Asked:
    found = challenges.take(ctx, held, name)
    if not found or ctx.now - datetime.fromisoformat(found["at"]) > _TIMEOUT:
        raise Refused("expired")
    return _Asked(bytes.fromhex(found["challenge"]), found["rp"], found["origin"])


def _assertion(timeout: timedelta, rp: RelyingParty, allowed: list[PublicKeyCredentialDescriptor] | None) -> Any:
    return generate_authentication_options(
        rp_id=rp.id,
        challenge=secrets.token_bytes(32),
        timeout=int(timeout.total_seconds() * 1000),
        allow_credentials=allowed,
        user_verification=UserVerificationRequirement.REQUIRED,
    )


def _with_secret(options: dict[str, Any]) -> dict[str, Any]:
    """https://w3c.github.io/webauthn/#prf-extension; the library knows no extensions."""
    options["extensions"] = {"prf": {"eval": {"first": ids.to_base64url(unlock.prf_input())}}}
    return options


def _descriptors(rows: list[Unlocker]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=row.credential_id) for row in rows if row.credential_id is not None]


# --- what came back ---


def _verified_new(credential: Mapping[str, Any], asked: _Asked) -> VerifiedRegistration:
    try:
        made = verify_registration_response(
            credential=dict(credential),
            expected_challenge=asked.challenge,
            expected_rp_id=asked.rp,
            expected_origin=asked.origin,
            require_user_verification=True,
        )
    except _MALFORMED as error:
        log.info("a new passkey was refused: %s", type(error).__name__)
        raise Refused("wrong") from error
    if len(made.credential_id) > _LONGEST_ID:
        raise Refused("wrong")
    return made


def _verified_of(row: Unlocker, credential: Mapping[str, Any], asked: _Asked) -> VerifiedAuthentication:
    return _verified(credential, asked, row.credential_key or b"", row.sign_count or 0, row.credential_id or b"")


def _verified(
    credential: Mapping[str, Any], asked: _Asked, public_key: bytes, count: int, credential_id: bytes
) -> VerifiedAuthentication:
    try:
        seen = verify_authentication_response(
            credential=dict(credential),
            expected_challenge=asked.challenge,
            expected_rp_id=asked.rp,
            expected_origin=asked.origin,
            credential_public_key=public_key,
            # The counter is judged here: a copied passkey is told apart from one that signed wrongly.
            credential_current_sign_count=-1,
            require_user_verification=True,
        )
    except _MALFORMED as error:
        log.info("a passkey was refused: %s", type(error).__name__)
        raise Refused("wrong") from error
    if not same(seen.credential_id, credential_id):
        raise Refused("wrong")
    if (seen.new_sign_count or count) and seen.new_sign_count <= count:
        log.error("alarm: the counter of a passkey went back, it may have been copied")
        raise Refused("rewound")
    return seen


def _found(ctx: Context, credential: Mapping[str, Any]) -> Unlocker | None:
    wanted = _credential_id(credential.get("id"))
    return ctx.db.scalar(select(Unlocker).where(Unlocker.credential_id == wanted, Unlocker.kind == unlock.PASSKEY))


def _credential_id(text: Any) -> bytes:
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_ID * 4 // 3 + 2:
        raise Refused("typing")
    try:
        return ids.from_base64url(text, len(text) * 3 // 4)
    except ValueError as error:
        raise Refused("typing") from error


def _require_own_handle(credential: Mapping[str, Any], account: bytes) -> None:
    """A passkey that names its account must name this one (WebAuthn level 3, 7.2 step 6)."""
    response = credential.get("response")
    handle = response.get("userHandle") if isinstance(response, Mapping) else None
    if handle is not None and handle != ids.to_base64url(account):
        raise Refused("unknown")


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


def _holds_secret(part: Any) -> bool:
    extensions = part.get("clientExtensionResults") if isinstance(part, Mapping) else None
    prf = extensions.get("prf") if isinstance(extensions, Mapping) else None
    return isinstance(prf, Mapping) and "results" in prf
