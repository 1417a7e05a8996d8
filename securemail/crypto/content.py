"""What hangs on the content key of one message: its head (subject, from, to, first words) and its body."""

from collections.abc import Mapping
from typing import Any

from securemail.crypto.encoding import decode_content, encode_content
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, lock, unlock
from securemail.crypto.secrets import ContentKey, SymmetricKey


def seal_head(cek: ContentKey, message: bytes, head: Mapping[str, Any]) -> bytes:
    """Subject, sender, receivers and first words."""
    return lock(_head_key(cek, message), encode_content(head), Label.MSG_HEAD, message)


def open_head(cek: ContentKey, message: bytes, sealed: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` when it is not that message's head."""
    return decode_content(unlock(_head_key(cek, message), sealed, Label.MSG_HEAD, message))


def seal_body(cek: ContentKey, message: bytes, body: Mapping[str, Any]) -> bytes:
    """The text with its media type."""
    return lock(_body_key(cek, message), encode_content(body), Label.MSG_BODY, message)


def open_body(cek: ContentKey, message: bytes, sealed: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` when it is not that message's body."""
    return decode_content(unlock(_body_key(cek, message), sealed, Label.MSG_BODY, message))


def _head_key(cek: ContentKey, message: bytes) -> SymmetricKey:
    return derive(cek, Label.MSG_HEAD, message)


def _body_key(cek: ContentKey, message: bytes) -> SymmetricKey:
    return derive(cek, Label.MSG_BODY, message)
