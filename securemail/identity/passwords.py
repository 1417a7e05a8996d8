"""Which passwords are good enough, and turning one into key material.

The password is what stands between a thief of database and configuration and the mail, so its length is a security
parameter. Length, a list and the own name are all that is judged: rules of composition make people choose worse.
"""

import re
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.password import MAX_CHARACTERS, Parameters
from securemail.crypto.secrets import Secret
from securemail.errors import InvalidInput
from securemail.identity.hashing import PasswordHasher

Verdict = Literal["empty", "short", "common", "name", "long", "ok"]

NEEDED = 15
"""Characters while an account has no second step."""
NEEDED_WITH_SECOND_STEP = 12
_SALT_BYTES = 16
_LIST = Path(__file__).with_name("common_passwords.txt")
_LEAST_OWN = 6
_LEAST_WORD = 3
_LEAST_DIFFERENT = 5
_ROWS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


@dataclass(frozen=True, repr=False)
class NewPassword:
    """An accepted password, stretched. Made before the transaction opens: it takes a fifth of a second."""

    parameters: Parameters
    stretched: Secret

    def __repr__(self) -> str:
        return "<NewPassword>"


@dataclass(frozen=True)
class Strength:
    """What the meter shows."""

    verdict: Verdict
    length: int
    needed: int = NEEDED


def needed(*, second_step: bool) -> int:
    """How many characters a password must have, beside a second step or alone."""
    return NEEDED_WITH_SECOND_STEP if second_step else NEEDED


def strength(password: str, own: Iterable[str], needed: int = NEEDED) -> Strength:
    """Judge a password; `own` are the name, the address and the organisation's name of who chose it."""
    if len(password) > MAX_CHARACTERS:
        return Strength("long", len(password), needed)
    text = unicodedata.normalize("NFKC", password)
    return Strength(_verdict(text, own, needed), len(text), needed)


def require_strong(password: str, own: Iterable[str], needed: int = NEEDED) -> None:
    """Raises InvalidInput: ('password', the verdict) unless it is 'ok'; 'short_12' where twelve would be enough."""
    verdict = strength(password, own, needed).verdict
    if verdict == "short" and needed != NEEDED:
        raise InvalidInput("password", f"short_{needed}")
    if verdict != "ok":
        raise InvalidInput("password", verdict)


def stretch_new(password: str, keys: ConfiguredKeys, hasher: PasswordHasher) -> NewPassword:
    """Stretch a new password with a fresh salt, the cost in force and the current pepper."""
    parameters = Parameters(hasher.cost, keys.pepper_id, secrets.token_bytes(_SALT_BYTES))
    return NewPassword(parameters, hasher.stretch(password, parameters, keys.pepper(keys.pepper_id)))


def _verdict(text: str, own: Iterable[str], needed: int) -> Verdict:
    if not text:
        return "empty"
    if len(text) < needed:
        return "short"
    folded = text.casefold()
    if _made_of(folded, own):
        return "name"
    return "common" if _is_common(folded) else "ok"


def _is_common(text: str) -> bool:
    """On the list, also when repeated, dressed up with digits, or walked along the keyboard."""
    plain = re.sub(r"[\W_]", "", text)
    letters = plain.strip("0123456789")
    if {text, plain, letters, _unit(text), _unit(plain), _unit(letters)} & _common():
        return True
    return len(set(plain)) < _LEAST_DIFFERENT or any(_walks(plain, row) for row in _ROWS)


def _walks(text: str, row: str) -> bool:
    endless = row * (len(text) // len(row) + 2)
    return text in endless or text in endless[::-1]


def _unit(text: str) -> str:
    """The shortest piece that a text repeats: a text found inside its own doubling is a repetition."""
    return text[: (text + text).find(text, 1)] if text else text


def _made_of(text: str, own: Iterable[str]) -> bool:
    """Whether too little is left once the own words are taken out."""
    words = {word for fact in own for word in _words(fact)}
    left = text
    for word in sorted(words, key=len, reverse=True):
        left = left.replace(word, " ")
    return left != text and len(re.sub(r"[\W_]", "", left)) < _LEAST_OWN


def _words(fact: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", fact).casefold()
    words = [folded, *re.split(r"[\W_]+", folded), re.sub(r"[\W_]", "", folded)]
    return [word for word in words if len(word) >= _LEAST_WORD]


@cache
def _common() -> frozenset[str]:
    lines = _LIST.read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line != "#" and not line.startswith("# "))
