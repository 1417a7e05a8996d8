"""The two locks, S1 (symmetric) and E1 (public key), and the one derivation; the only callers of the primitives.

Binding: the library's HPKE takes no associated data, so everything a lock is bound to stands in its context.
HPKE base mode proves nothing about who made a lock (a MAC does, see `configured`).
"""

from functools import cache

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import constant_time, hashes, hmac
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from securemail.crypto.encoding import Field, context
from securemail.crypto.keypair import KeyPair, load_public_key
from securemail.crypto.labels import Label
from securemail.crypto.secrets import Secret, SymmetricKey
from securemail.errors import CannotOpen

GENERATION = 0x01
S1 = bytes([GENERATION, 0x01])
E1 = bytes([GENERATION, 0x02])
S1_OVERHEAD = 2 + 24 + 32 + 16
E1_OVERHEAD = 2 + 1120 + 16


def derive(key: Secret, label: Label, *fields: Field) -> SymmetricKey:
    """32 bytes: HKDF-SHA256 (RFC 5869) without salt, the context as `info`."""
    info = context(label, *fields)
    return SymmetricKey(HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(key))


def lock(key: SymmetricKey, content: bytes, label: Label, *fields: Field) -> bytes:
    """S1: 74 bytes longer than `content`, plus 16 for every full 16 KiB; a new salt, key and nonce each time."""
    encryptor = Cobblestone256Encryptor(key, S1 + context(label, *fields))
    return S1 + encryptor.update(content) + encryptor.finalize()


def unlock(key: SymmetricKey, sealed: bytes, label: Label, *fields: Field) -> bytes:
    """The content of an S1 lock.

    Raises:
        CannotOpen: for every reason alike: another key, another context, changed, cut or unknown bytes.
    """
    if sealed[:2] != S1:
        raise CannotOpen
    decryptor = Cobblestone256Decryptor(key, S1 + context(label, *fields))
    try:
        return decryptor.update(memoryview(sealed)[2:]) + decryptor.finalize()
    except InvalidTag as error:
        raise CannotOpen from error


@cache
def _suite() -> Suite:
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def lock_to(public_key: bytes, content: bytes, label: Label, *fields: Field) -> bytes:
    """E1: lock `content` so that only the holder of `public_key` (1216 bytes) opens it; 1138 bytes longer.

    Raises:
        CannotOpen: the public key is not one, or has an X25519 half of low order, with which no secret is shared.
    """
    key, info = load_public_key(public_key), E1 + context(label, *fields)
    try:
        return E1 + _suite().encrypt(content, key, info)
    except ValueError as error:
        raise CannotOpen from error


def unlock_with(pair: KeyPair, sealed: bytes, label: Label, *fields: Field) -> bytes:
    """The content of an E1 lock made to this key pair.

    Raises:
        CannotOpen: for every reason alike.
    """
    if sealed[:2] != E1:
        raise CannotOpen
    try:
        return _suite().decrypt(memoryview(sealed)[2:], pair.private, E1 + context(label, *fields))
    except InvalidTag as error:
        raise CannotOpen from error


def tag(key: SymmetricKey, label: Label, *fields: Field) -> bytes:
    """HMAC-SHA256 over a context: 32 bytes, for lookups and for authentication."""
    signer = hmac.HMAC(key, hashes.SHA256())
    signer.update(context(label, *fields))
    return signer.finalize()


def same(left: bytes, right: bytes) -> bool:
    """Whether two values are equal, in a time that does not tell where they differ."""
    return constant_time.bytes_eq(left, right)


def digest(content: bytes) -> bytes:
    """SHA-256."""
    sha = hashes.Hash(hashes.SHA256())
    sha.update(content)
    return sha.finalize()
