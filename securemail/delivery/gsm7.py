"""The alphabet of an SMS: 160 characters of it fit in one, and a single character outside it leaves room for 70.

Source: 3GPP TS 23.038, section 6.2.1, the default alphabet and its extension table.
"""

import unicodedata
from typing import Final

ONE_SMS: Final = 160

_ALPHABET: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TAKES_TWO: Final = frozenset("^{}\\[~]|€\f")
_PLAINER: Final = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "·": "-"})


def length(text: str) -> int | None:
    """How many of the 160 places a text takes; None when it holds a character outside the alphabet."""
    if any(character not in _ALPHABET and character not in _TAKES_TWO for character in text):
        return None
    return len(text) + sum(character in _TAKES_TWO for character in text)


def folded(text: str) -> str:
    """The text within the alphabet where its letters allow (ë becomes e), else as it is."""
    plain = "".join(_within(character) for character in text.translate(_PLAINER))
    return text if length(plain) is None else plain


def _within(character: str) -> str:
    if length(character) is not None:
        return character
    apart = unicodedata.normalize("NFKD", character)
    return "".join(part for part in apart if not unicodedata.combining(part))
