"""A second reader of S1 and E1, from the specifications alone: old data must never depend on one library's recipe.

S1: C2SP chunked-encryption v1 with AES-256-GCM. E1: HPKE (RFC 9180) with the X-Wing combiner (MLKEM768-X25519).
"""

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

AES_256_GCM, CHACHA20 = 0x0002, 0x0003
_CHUNK = 16384 + 16
_AEAD = {AES_256_GCM: AESGCM, CHACHA20: ChaCha20Poly1305}


def chunked(
    key: bytes, context: bytes, message: bytes, *, algorithm: type[hashes.HashAlgorithm] = hashes.SHA512
) -> bytes:
    """The content of a Cobblestone-256 message, which is what follows the two first bytes of S1."""
    salt, commitment, chunks = message[:24], message[24:56], message[56:]
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    derived = HKDFExpand(algorithm(), 32 + 12 + 32, info).derive(key)
    if len(key) != 32 or commitment != derived[44:] or len(chunks) % _CHUNK < 16:
        raise InvalidTag
    aead, base, content = AESGCM(derived[:32]), int.from_bytes(derived[32:44], "big"), b""
    for number, start in enumerate(range(0, len(chunks), _CHUNK)):
        nonce = (base ^ number).to_bytes(12, "big")
        content += aead.decrypt(nonce, chunks[start : start + _CHUNK], None)
    return content


def hpke(seed: bytes, info: bytes, message: bytes, *, aead: int = AES_256_GCM, aad: bytes = b"") -> bytes:
    """The content of an HPKE base mode message to the key pair of a seed, which is what follows the E1 bytes."""
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x647A, 0x0001, aead))
    shared = _decapsulate(seed, message[:1120])
    hashed = b"".join(_extract(suite, b"", part, text) for part, text in ((b"psk_id_hash", b""), (b"info_hash", info)))
    secret = _extract(suite, shared, b"secret", b"")
    key = _expand(suite, secret, b"key", b"\x00" + hashed, 32)
    nonce = _expand(suite, secret, b"base_nonce", b"\x00" + hashed, 12)
    return _AEAD[aead](key).decrypt(nonce, message[1120:], aad)


def _decapsulate(seed: bytes, enc: bytes) -> bytes:
    expanded = hashlib.shake_256(seed).digest(96)
    lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    curve = X25519PrivateKey.from_private_bytes(expanded[64:])
    shared = lattice.decapsulate(enc[:1088]) + curve.exchange(X25519PublicKey.from_public_bytes(enc[1088:]))
    shared += enc[1088:] + curve.public_key().public_bytes_raw()
    return hashlib.sha3_256(shared + b"\\.//^\\").digest()


def _extract(suite: bytes, salt: bytes, label: bytes, text: bytes) -> bytes:
    mac = hmac.HMAC(salt or bytes(32), hashes.SHA256())
    mac.update(b"HPKE-v1" + suite + label + text)
    return mac.finalize()


def _expand(suite: bytes, secret: bytes, label: bytes, context: bytes, size: int) -> bytes:
    info = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
    return HKDFExpand(hashes.SHA256(), size, info).derive(secret)
