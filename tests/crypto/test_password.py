"""Passwords: one form for what looks the same, nothing cut; parameters bounded; Argon2id as its vectors say."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail.crypto.password import MAX_CHARACTERS, STRONG, Cost, Parameters, normalise, stretch
from securemail.crypto.secrets import Secret, SymmetricKey
from securemail.errors import CannotOpen
from tests.crypto.places import CHEAP

PEPPER = SymmetricKey(range(32))
SALT = b"s" * 16


def test_the_same_word_typed_on_two_keyboards_is_one_password() -> None:
    assert normalise("cafe\u0301 ﬁets Ⅳ") == normalise("café fiets IV")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_normal_forms_are_equal_and_nothing_is_cut(password: str) -> None:
    assert normalise(password) == normalise(unicodedata.normalize("NFD", password))
    assert normalise(password).decode() == unicodedata.normalize("NFKC", password)


def test_nothing_is_trimmed() -> None:
    assert len({normalise(password) for password in ["woord", " woord", "woord ", "woord\n", "Woord"]}) == 5


def test_the_limit_is_1024_characters_and_all_of_them_count() -> None:
    longest = "é" * (MAX_CHARACTERS - 1)
    assert normalise(longest + "a") != normalise(longest + "b")
    with pytest.raises(ValueError, match="1024"):
        normalise("a" * (MAX_CHARACTERS + 1))


def test_an_error_does_not_carry_the_password() -> None:
    with pytest.raises(ValueError, match="Unicode") as caught:
        normalise("CANARY\ud800")
    assert "CANARY" not in repr(caught.value) + repr(caught.value.__context__)


def test_password_salt_pepper_and_cost_all_count() -> None:
    base = stretch("wachtwoord", Parameters(CHEAP, 1, SALT), PEPPER)
    others = [
        stretch("wachtwoorD", Parameters(CHEAP, 1, SALT), PEPPER),
        stretch("wachtwoord", Parameters(CHEAP, 1, b"t" * 16), PEPPER),
        stretch("wachtwoord", Parameters(CHEAP, 1, SALT), SymmetricKey(bytes(32))),
        stretch("wachtwoord", Parameters(Cost(128, 1), 1, SALT), PEPPER),
        stretch("wachtwoord", Parameters(Cost(64, 2), 1, SALT), PEPPER),
    ]
    assert base not in others
    assert stretch("wachtwoord", Parameters(CHEAP, 1, SALT), PEPPER) == base
    assert isinstance(base, Secret)
    assert len(base) == 32


def test_the_cost_in_force_is_64_mib_and_3_passes() -> None:
    assert Cost(65536, 3, 1) == STRONG
    assert stretch("wachtwoord", Parameters(STRONG, 1, SALT), PEPPER).hex() == (
        "c261c641af975dbd3ecd237bcbb1e989f0d5eed4fc51f2b541acbf27edd07994"
    )


@given(st.integers(8, 131072), st.integers(1, 6), st.integers(0, 255), st.binary(min_size=16, max_size=16))
def test_parameters_come_back(kib: int, passes: int, pepper: int, salt: bytes) -> None:
    parameters = Parameters(Cost(kib, passes), pepper, salt)
    assert len(parameters.encode()) == 28
    assert Parameters.decode(parameters.encode()) == parameters


def test_parameters_have_their_written_form() -> None:
    assert Parameters(STRONG, 7, SALT).encode().hex() == "0101" + "00010000" + "00000003" + "01" + "07" + "73" * 16


@given(st.binary(max_size=40) | st.binary(min_size=28, max_size=28))
def test_stored_bytes_are_parameters_or_refused(raw: bytes) -> None:
    try:
        parameters = Parameters.decode(raw)
    except CannotOpen:
        return
    assert parameters.encode() == raw


@pytest.mark.parametrize(
    "cost",
    [Cost(2**32 - 1, 1), Cost(1 << 20, 1), Cost(65536, 7), Cost(65536, 0), Cost(7, 1), Cost(0, 0), Cost(65536, 3, 0),
     Cost(65536, 3, 5), Cost(31, 3, 4)],
)  # fmt: skip
def test_a_planted_cost_is_refused(cost: Cost) -> None:
    with pytest.raises(CannotOpen):
        Parameters.decode(Parameters(cost, 1, SALT).encode())


@pytest.mark.parametrize("start", ["00", "02", "0100", "0102"])
def test_unknown_versions_are_refused(start: str) -> None:
    raw = Parameters(STRONG, 1, SALT).encode()
    head = bytes.fromhex(start)
    with pytest.raises(CannotOpen):
        Parameters.decode(head + raw[len(head) :])


@pytest.mark.parametrize("size", [0, 8, 15, 17])
def test_a_salt_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="16"):
        Parameters(STRONG, 1, bytes(size))
