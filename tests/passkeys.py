"""A passkey in software: makes credentials and signs as an authenticator does, and lies where a test wants it to."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from securemail import ids

ORIGIN = "http://localhost:8000"
RP = "localhost"
_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


@dataclass
class SoftKey:
    """One credential. `prf` are the 32 bytes that it makes of every question, None for one without the extension."""

    prf: bytes | None = field(default_factory=lambda: secrets.token_bytes(32))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0
    origin: str = ORIGIN
    rp: str = RP
    verified: bool = True
    handle: bytes | None = None
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The answer to `navigator.credentials.create`, without the secret."""
        self.handle = ids.from_base64url(options["user"]["id"], 16)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(attested=True)}
        response = {
            "clientDataJSON": _text(self._client_data("webauthn.create", options)),
            "attestationObject": _text(cbor2.dumps(attestation)),
            "transports": ["internal"],
        }
        return self._credential(response, **changes)

    def get(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The answer to `navigator.credentials.get`; the counter goes on."""
        self.count += 1
        client, data = self._client_data("webauthn.get", options), self._data(attested=False)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": _text(client),
            "authenticatorData": _text(data),
            "signature": _text(signature),
            "userHandle": None if self.handle is None else _text(self.handle),
        }
        return self._credential(response, **changes)

    @property
    def secret(self) -> str | None:
        """The secret as the page sends it beside the credential."""
        return None if self.prf is None else _text(self.prf)

    def _credential(self, response: dict[str, Any], **changes: Any) -> dict[str, Any]:
        extensions = {"prf": {"enabled": self.prf is not None}}
        return {
            "id": _text(self.id), "rawId": _text(self.id), "type": "public-key", "response": response,
            "authenticatorAttachment": "platform", "clientExtensionResults": extensions, **changes,
        }  # fmt: skip

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        data = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(data).encode("utf-8")

    def _data(self, *, attested: bool) -> bytes:
        flags = _PRESENT | (_VERIFIED if self.verified else 0) | (_ATTESTED if attested else 0)
        head = hashlib.sha256(self.rp.encode("ascii")).digest() + bytes([flags]) + self.count.to_bytes(4, "big")
        if not attested:
            return head
        return head + bytes(range(16)) + len(self.id).to_bytes(2, "big") + self.id + self._public_key()

    def _public_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})


def _text(raw: bytes) -> str:
    return ids.to_base64url(raw)
