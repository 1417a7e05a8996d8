"""Identifiers and tokens: random bytes, and the one way to write them as text."""

import base64
import binascii
import secrets

ID_BYTES = 16
TOKEN_BYTES = 32


def new_id() -> bytes:
    return secrets.token_bytes(ID_BYTES)


def new_token() -> bytes:
    return secrets.token_bytes(TOKEN_BYTES)


def to_base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: str, length: int) -> bytes:
    """Read exactly `length` bytes; anything that is not the canonical text of them is a ValueError.

    Two spellings of one id would be two addresses of one thing, so stray bits and padding are refused.
    """
    if len(text) != (length * 8 + 5) // 6 or not text.isascii():
        raise ValueError("wrong length")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if to_base64url(raw) != text:
        raise ValueError("not canonical")
    return raw


def to_text(identifier: bytes) -> str:
    """An id as 22 characters for addresses and forms."""
    if len(identifier) != ID_BYTES:
        raise ValueError("not an id")
    return to_base64url(identifier)


def from_text(text: str) -> bytes:
    return from_base64url(text, ID_BYTES)


def token_to_text(token: bytes) -> str:
    """A token as 43 characters."""
    if len(token) != TOKEN_BYTES:
        raise ValueError("not a token")
    return to_base64url(token)


def token_from_text(text: str) -> bytes:
    return from_base64url(text, TOKEN_BYTES)
