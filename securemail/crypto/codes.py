"""The codes that people type: recovery, message and backup code, in Crockford's base 32, the first two checked."""

import unicodedata

from securemail.crypto.locks import digest
from securemail.crypto.secrets import BackupCode, MessageCode, RecoveryCode

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_ALIKE = str.maketrans("ILO", "110")
_MINUS = "\u2212"
_MAX_TYPED = 200


class TypingError(ValueError):
    """The characters cannot be a code: a slip of the finger, told as such, not counted as an attempt."""


def write_recovery_code(code: RecoveryCode) -> str:
    """Nine groups of four: 32 characters and 4 check characters."""
    return _group(_characters(code, 32) + _check(b"sm1.rc" + code, 4))


def read_recovery_code(typed: str) -> RecoveryCode:
    """The 20 bytes behind a typed recovery code.

    Raises:
        TypingError: wrong length, foreign characters, or the check characters differ.
    """
    text = _normalise(typed, 36)
    code = RecoveryCode(_bytes(text[:32], 20))
    if text[32:] != _check(b"sm1.rc" + code, 4):
        raise TypingError
    return code


def write_message_code(code: MessageCode) -> str:
    """Seven groups of four: 26 characters (the last two bits zero) and 2 check characters."""
    return _group(_characters(code, 26) + _check(b"sm1.mc" + code, 2))


def read_message_code(typed: str) -> MessageCode:
    """The 16 bytes behind a typed message code.

    Raises:
        TypingError: wrong length, foreign characters, spare bits set, or the check characters differ.
    """
    text = _normalise(typed, 28)
    code = MessageCode(_bytes(text[:26], 16))
    if text[26:] != _check(b"sm1.mc" + code, 2):
        raise TypingError
    return code


def write_backup_code(code: BackupCode) -> str:
    """Two groups of four with a dash between them, as "4F7K-92QX"."""
    return _group(_characters(code, 8)).replace(" ", "-")


def read_backup_code(typed: str) -> BackupCode:
    """The 5 bytes behind a typed backup code; it is too short for check characters.

    Raises:
        TypingError: wrong length or foreign characters.
    """
    return BackupCode(_bytes(_normalise(typed, 8), 5))


def _characters(raw: bytes, count: int) -> str:
    number = int.from_bytes(raw, "big") << (count * 5 - len(raw) * 8)
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(count)))


def _bytes(text: str, size: int) -> bytes:
    number = 0
    for character in text:
        number = number << 5 | _VALUES[character]
    spare = len(text) * 5 - size * 8
    if number & ((1 << spare) - 1):
        raise TypingError
    return (number >> spare).to_bytes(size, "big")


def _check(checked: bytes, count: int) -> str:
    number = int.from_bytes(digest(checked)[:4], "big") >> (32 - 5 * count)
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(count)))


def _normalise(typed: str, length: int) -> str:
    if len(typed) > _MAX_TYPED:
        raise TypingError
    text = "".join(character for character in typed.upper() if not _between(character)).translate(_ALIKE)
    if len(text) != length or any(character not in _VALUES for character in text):
        raise TypingError
    return text


def _between(character: str) -> bool:
    # Mail programs and phones put in hard spaces, long dashes and characters of no width of their own accord.
    return character.isspace() or character == _MINUS or unicodedata.category(character) in {"Pd", "Cf"}


def _group(text: str) -> str:
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
