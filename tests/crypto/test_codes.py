"""Codes come back however they are typed, and a slip of the finger is told from a wrong code."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail.crypto.codes import (
    TypingError,
    read_message_code,
    read_recovery_code,
    write_message_code,
    write_recovery_code,
)
from securemail.crypto.secrets import MessageCode, RecoveryCode

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Kind:
    name: str
    size: int
    groups: int
    write: Callable[[bytes], str]
    read: Callable[[str], bytes]

    def __str__(self) -> str:
        return self.name


RECOVERY = Kind("recovery code", 20, 9, lambda raw: write_recovery_code(RecoveryCode(raw)), read_recovery_code)
MESSAGE = Kind("message code", 16, 7, lambda raw: write_message_code(MessageCode(raw)), read_message_code)
every_kind = pytest.mark.parametrize("kind", [RECOVERY, MESSAGE], ids=str)

seeds = st.binary(min_size=20, max_size=20)
spellings = st.lists(st.sampled_from(["", " ", "-", "\t", "\u00a0", "\u2011", "\u2013", "\u2014", "\u2212", "\u200b"]))


@every_kind
@given(seed=seeds)
def test_a_written_code_is_read(kind: Kind, seed: bytes) -> None:
    raw = seed[: kind.size]
    written = kind.write(raw)
    assert [len(group) for group in written.split(" ")] == [4] * kind.groups
    assert set(written) <= set(ALPHABET + " ")
    assert kind.read(written) == raw


@every_kind
@given(seed=seeds, between=spellings, data=st.data())
def test_case_spaces_dashes_and_look_alikes_are_forgiven(
    kind: Kind, seed: bytes, between: list[str], data: st.DataObject
) -> None:
    alike = {"1": "1IiLl", "0": "0Oo"}
    typed = ""
    for number, character in enumerate(kind.write(seed[: kind.size]).replace(" ", "")):
        typed += data.draw(st.sampled_from(alike.get(character, character + character.lower())))
        typed += between[number] if number < len(between) else ""
    assert kind.read(typed) == seed[: kind.size]


@every_kind
def test_one_wrong_character_is_a_typing_error(kind: Kind) -> None:
    """Ten check bits let one slip in a thousand through; twenty let one in a million."""
    slips = missed = 0
    for seed in range(4):
        written = kind.write(bytes([seed * 7 + 1]) * kind.size).replace(" ", "")
        for position, right in enumerate(written):
            for wrong in ALPHABET.replace(right, ""):
                slips += 1
                try:
                    kind.read(written[:position] + wrong + written[position + 1 :])
                except TypingError:
                    continue
                missed += 1
    assert slips > 3000
    assert missed / slips < 0.01


@every_kind
@given(seed=seeds, data=st.data())
def test_two_exchanged_characters_are_almost_always_a_typing_error(
    kind: Kind, seed: bytes, data: st.DataObject
) -> None:
    written = kind.write(seed[: kind.size]).replace(" ", "")
    place = data.draw(st.integers(0, len(written) - 2))
    exchanged = written[:place] + written[place + 1] + written[place] + written[place + 2 :]
    try:
        # What slips through the check is another code, never a crash and never the same one.
        assert (kind.read(exchanged) == seed[: kind.size]) == (exchanged == written)
    except TypingError:
        assert exchanged != written


@every_kind
@given(typed=st.text(max_size=300))
def test_anything_else_is_a_typing_error(kind: Kind, typed: str) -> None:
    try:
        kind.read(typed)
    except TypingError:
        return
    assert len(typed) >= kind.groups * 4


@every_kind
@pytest.mark.parametrize("change", ["", "0", "U", "٣", "ß"])
def test_missing_extra_and_foreign_characters_are_typing_errors(kind: Kind, change: str) -> None:
    written = kind.write(bytes(kind.size))
    with pytest.raises(TypingError):
        kind.read(written[:-1] + change if change != "0" else written + change)


@every_kind
def test_endless_typing_is_refused(kind: Kind) -> None:
    with pytest.raises(TypingError):
        kind.read(kind.write(bytes(kind.size)) + " " * 1_000_000)


def test_spare_bits_are_zero() -> None:
    """Otherwise one code would have four spellings, and a link could be told apart by the way it is written."""
    written = write_message_code(MessageCode(bytes(16))).replace(" ", "")
    assert written[25] == "0"
    for other in "123":
        with pytest.raises(TypingError):
            read_message_code(written[:25] + other + written[26:])


def test_the_kinds_are_not_mistaken_for_one_another() -> None:
    with pytest.raises(TypingError):
        read_message_code(write_recovery_code(RecoveryCode.new()))
    with pytest.raises(TypingError):
        read_recovery_code(write_message_code(MessageCode.new()))
