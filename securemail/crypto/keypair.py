"""Hybrid key pairs (ML-KEM-768 + X25519) from a 32-byte seed; a private key is never stored, only derived."""

from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from securemail.crypto.secrets import Secret
from securemail.errors import CannotOpen

SUITE = 0x02
"""The suite byte of locks made to these keys."""
_KEM_BYTES = 1184
PUBLIC_KEY_BYTES = _KEM_BYTES + 32


@dataclass(frozen=True, repr=False)
class KeyPair:
    """A private key in memory and the 1216 bytes that may be published."""

    private: MLKEM768X25519PrivateKey
    public: bytes

    def __repr__(self) -> str:
        return "<KeyPair>"


def key_pair(seed: Secret) -> KeyPair:
    """The pair of a 32-byte seed, expanded as in X-Wing: SHAKE256 makes ML-KEM seed (64) and X25519 scalar (32)."""
    expand = hashes.Hash(hashes.SHAKE256(96))
    expand.update(seed)
    expanded = expand.finalize()
    lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    curve = X25519PrivateKey.from_private_bytes(expanded[64:])
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    return KeyPair(MLKEM768X25519PrivateKey(lattice, curve), public)


def load_public_key(raw: bytes) -> MLKEM768X25519PublicKey:
    """The public key in 1216 bytes.

    Raises:
        CannotOpen: wrong length, or not a key.
    """
    if len(raw) != PUBLIC_KEY_BYTES:
        raise CannotOpen
    try:
        lattice = MLKEM768PublicKey.from_public_bytes(raw[:_KEM_BYTES])
        curve = X25519PublicKey.from_public_bytes(raw[_KEM_BYTES:])
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CannotOpen from error
    return MLKEM768X25519PublicKey(lattice, curve)
