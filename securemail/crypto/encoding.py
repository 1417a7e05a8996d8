"""The bytes of contexts and of padded, text-like content (README.md has the tables), nothing secret in here."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from securemail.crypto.labels import Label
from securemail.errors import CannotOpen

Field = bytes | int | str
"""One context field: raw bytes, an integer (8 bytes big-endian) or a short ASCII word from a fixed list."""

_LENGTH_BYTES = 4
_SMALL = 1024
_STEP = 64
MAX_CONTENT = 8 * 1024 * 1024
"""No sealed value is larger than this many bytes: whoever can write the database cannot make us parse more."""


def context(label: Label, *fields: Field) -> bytes:
    """The injective encoding `ctx(label, f1, …, fn)`; "sm1" is frozen for ever, whatever the product is called.

    Raises:
        CannotOpen: a field that no row of ours holds: a negative number, a word outside ASCII.
    """
    name = label.encode("ascii")
    parts = [b"sm1", bytes([len(name)]), name, bytes([len(fields)])]
    for field in fields:
        raw = _field(field)
        parts += [len(raw).to_bytes(4, "big"), raw]
    return b"".join(parts)


def _field(value: Field) -> bytes:
    # Numbers and words come out of rows, which a writer of the database can make impossible.
    if isinstance(value, int):
        if not 0 <= value < 1 << 64:
            raise CannotOpen
        return value.to_bytes(8, "big")
    if isinstance(value, str):
        if not value.isascii():
            raise CannotOpen
        return value.encode("ascii")
    return value


def pad(data: bytes) -> bytes:
    """P1: `u32 length ‖ data ‖ zeros`; the length counts its own 4 bytes, so it is at least 4."""
    length = _LENGTH_BYTES + len(data)
    return length.to_bytes(_LENGTH_BYTES, "big") + data + bytes(padded_length(length) - length)


def unpad(padded: bytes) -> bytes:
    """The data inside a P1 block.

    Raises:
        CannotOpen: the length is impossible, the block has not the canonical size, or the padding is not zeros.
    """
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    if length < _LENGTH_BYTES or len(padded) != padded_length(length) or any(padded[length:]):
        raise CannotOpen
    return padded[_LENGTH_BYTES:length]


def padded_length(length: int) -> int:
    """Bytes after padding: the next multiple of 64 up to 1 KiB, above that Padmé (PETS 2019, at most 12 % more)."""
    if length <= _SMALL:
        return -(-length // _STEP) * _STEP
    exponent = length.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (length + mask) & ~mask


def encode_content(value: Mapping[str, Any]) -> bytes:
    """Text-like content as padded canonical JSON: sorted keys, `"v":1`, UTF-8, in P1.

    Raises:
        ValueError: larger than `MAX_CONTENT`, or text with half a surrogate pair, which is not Unicode.
    """
    text = json.dumps({**value, "v": 1}, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    raw = utf8(text)
    if len(raw) > MAX_CONTENT:
        raise ValueError("content is larger than any sealed value may be")
    return pad(raw)


def decode_content(padded: bytes) -> dict[str, Any]:
    """The content of a P1 block; fields that we do not know are kept, so that newer data survives older code.

    Raises:
        CannotOpen: not canonical P1, not JSON, not an object, or of a version we do not know.
    """
    if len(padded) > 2 * MAX_CONTENT:
        raise CannotOpen
    value = _parse(unpad(padded))
    if not isinstance(value, dict) or value.get("v") != 1:
        raise CannotOpen
    return value


def utf8(text: str) -> bytes:
    """The text in UTF-8; its error, unlike Python's own, does not carry the text along into a crash report.

    Raises:
        ValueError: half a surrogate pair.
    """
    with suppress(UnicodeEncodeError):
        return text.encode("utf-8")
    raise ValueError("text is not Unicode")


def _parse(raw: bytes) -> Any:
    # Both parsers put the whole plain text in their error, so neither error is chained to ours.
    try:
        return json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
