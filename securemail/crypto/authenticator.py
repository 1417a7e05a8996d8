"""Codes of authenticator apps: TOTP (RFC 6238) of 6 digits, every 30 seconds, over HMAC-SHA-1 as every app has it."""

import base64
import binascii
import secrets

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from securemail.crypto.secrets import Secret

SECONDS = 30
DIGITS = 6
_SEED_BYTES = 20  # RFC 4226, R6: 160 bits are recommended


def new_seed() -> Secret:
    """A fresh seed of 160 bits."""
    return Secret(secrets.token_bytes(_SEED_BYTES))


def write_seed(seed: Secret) -> str:
    """The 32 characters of base 32 (RFC 4648) that apps take."""
    return base64.b32encode(seed).decode("ascii")


def read_seed(text: str) -> Secret:
    """The seed behind 32 characters.

    Raises:
        ValueError: they are none of ours.
    """
    try:
        seed = Secret(base64.b32decode(text))
    except binascii.Error as error:
        raise ValueError("no seed") from error
    if len(seed) != _SEED_BYTES:
        raise ValueError("no seed")
    return seed


def step_at(seconds: float) -> int:
    """The time step of a moment, in seconds since 1970."""
    return int(seconds) // SECONDS


def code_of(seed: Secret, step: int) -> bytes:
    """The six ASCII digits of a time step."""
    # SHA-1's collisions do not touch HMAC, and apps read no other algorithm (RFC 6238, 1.2).
    return HOTP(seed, DIGITS, SHA1()).generate(step)  # noqa: S303
