"""What a browser is asked for a passkey, and whether its answer is one (WebAuthn level 3); whose it is comes after.

What was asked stands in the session, locked to its cookie, and is used up by the answer.
"""

import json
import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit

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
from securemail.crypto.locks import same
from securemail.identity import challenges
from securemail.identity.challenges import Held
from securemail.identity.context import Context, Owner
from securemail.identity.second_step import Refused

log = logging.getLogger(__name__)

Ceremony = Literal["passkey", "new-passkey", "new-passkey-use"]
"""What a browser is asked: to use a passkey, to make one, and to use the one that it has just made."""
TIMEOUT: Final = timedelta(minutes=5)
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


@dataclass(frozen=True)
class Asked:
    """What a browser was asked, for whom."""

    challenge: bytes
    rp: str
    origin: str


def taken(ctx: Context, held: Held, ceremony: Ceremony) -> Asked:
    """Use up what this browser was asked. Raises `Refused` ('expired')."""
    found = challenges.take(ctx, held, ceremony)
    if not found or ctx.now - datetime.fromisoformat(found["at"]) > TIMEOUT:
        raise Refused("expired")
    return Asked(bytes.fromhex(found["challenge"]), found["rp"], found["origin"])


def creation(ctx: Context, held: Held, owner: Owner, known: Iterable[bytes], *, rp: RelyingParty) -> dict[str, Any]:
    """What `navigator.credentials.create` is asked for, as JSON; `known` are the ids of those that are there."""
    options = generate_registration_options(
        rp_id=rp.id,
        rp_name=rp.name,
        # Opaque, and the same for every passkey of an account: by it, one that signs in alone names the account.
        user_id=owner.account,
        user_name=owner.address,
        user_display_name=owner.name,
        timeout=int(TIMEOUT.total_seconds() * 1000),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(known),
    )
    _note(ctx, held, "new-passkey", options.challenge, rp)
    return _with_secret(json.loads(options_to_json(options)))


def use(
    ctx: Context, held: Held, ceremony: Ceremony, allowed: Iterable[bytes] | None, *, rp: RelyingParty, secret: bool
) -> dict[str, Any]:
    """What `navigator.credentials.get` is asked for, as JSON: one of these, or (None) whichever there is.

    `secret` asks for the PRF result too.
    """
    options = generate_authentication_options(
        rp_id=rp.id,
        challenge=secrets.token_bytes(32),
        timeout=int(TIMEOUT.total_seconds() * 1000),
        allow_credentials=None if allowed is None else _descriptors(allowed),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    _note(ctx, held, ceremony, options.challenge, rp)
    found: dict[str, Any] = json.loads(options_to_json(options))
    return _with_secret(found) if secret else found


def verified_new(credential: Mapping[str, Any], asked: Asked) -> VerifiedRegistration:
    """A passkey that was made as asked. Raises `Refused` ('wrong')."""
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


def verified(
    credential: Mapping[str, Any], asked: Asked, public_key: bytes, count: int, credential_id: bytes
) -> VerifiedAuthentication:
    """The answer of the passkey with this id, public key (COSE) and counter.

    Raises:
        Refused: 'wrong', or 'rewound' with an alarm.
    """
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


def credential_id(text: Any) -> bytes:
    """The id that an answer names. Raises `Refused` ('typing')."""
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_ID * 4 // 3 + 2:
        raise Refused("typing")
    try:
        return ids.from_base64url(text, len(text) * 3 // 4)
    except ValueError as error:
        raise Refused("typing") from error


def require_own_handle(credential: Mapping[str, Any], account: bytes) -> None:
    """A passkey that names its account must name this one (WebAuthn level 3, 7.2 step 6).

    Raises:
        Refused: 'unknown'.
    """
    response = credential.get("response")
    handle = response.get("userHandle") if isinstance(response, Mapping) else None
    if handle is not None and handle != ids.to_base64url(account):
        raise Refused("unknown")


def _note(ctx: Context, held: Held, ceremony: Ceremony, challenge: bytes, rp: RelyingParty) -> None:
    content = {"challenge": challenge.hex(), "rp": rp.id, "origin": rp.origin, "at": ctx.now.isoformat()}
    challenges.keep(ctx, held, ceremony, content)


def _with_secret(options: dict[str, Any]) -> dict[str, Any]:
    """https://w3c.github.io/webauthn/#prf-extension; the library knows no extensions."""
    options["extensions"] = {"prf": {"eval": {"first": ids.to_base64url(unlock.prf_input())}}}
    return options


def _descriptors(known: Iterable[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=credential) for credential in known]


def _holds_secret(part: Any) -> bool:
    extensions = part.get("clientExtensionResults") if isinstance(part, Mapping) else None
    prf = extensions.get("prf") if isinstance(extensions, Mapping) else None
    return isinstance(prf, Mapping) and "results" in prf
