"""Passwords are judged by length, by a list and by the own name, and by nothing else."""

import pytest

from securemail.errors import InvalidInput
from securemail.identity import passwords
from securemail.identity.passwords import NEEDED, require_strong, strength

OWN = ("Sanne Kuipers", "sanne@vandalenbakker.example", "Van Dalen & Bakker")


@pytest.mark.parametrize(
    ("password", "verdict"),
    [
        ("", "empty"),
        ("veertien teken", "short"),
        ("vijftien tekens", "ok"),
        ("negen blauwe fietsen in de gracht", "ok"),
        ("日本語のパスワードをここに入れる", "ok"),
        ("x7#Qm2!vT9@kLp4", "ok"),
        ("Sanne fietst graag door de regen", "ok"),
        ("wachtwoordwachtwoord", "common"),
        ("wachtwoord wachtwoord", "common"),
        ("Wachtwoord12345!", "common"),
        ("password1234567", "common"),
        ("123456789012345", "common"),
        ("987654321098765", "common"),
        ("qwertyuiopasdfgh", "common"),
        ("aaaaaaaaaaaaaaaaaaa", "common"),
        ("ababababababababab", "common"),
        ("welkom01welkom01", "common"),
        ("correcthorsebatterystaple", "common"),
        ("SanneKuipers2026!", "name"),
        ("Van Dalen & Bakker 1", "name"),
        ("sanne@vandalenbakker.example", "name"),
        ("vandalenbakker12", "name"),
        ("a" * 1025, "long"),
    ],
)
def test_a_password_gets_its_verdict(password: str, verdict: str) -> None:
    assert strength(password, OWN).verdict == verdict


def test_the_same_characters_written_otherwise_are_the_same_length() -> None:
    assert strength("e\u0301" * 15, OWN).length == 15


def test_the_meter_is_told_how_much_is_needed() -> None:
    assert strength("kort", OWN).needed == NEEDED == 15


def test_what_is_not_good_enough_is_refused_at_its_field() -> None:
    with pytest.raises(InvalidInput) as refused:
        require_strong("Wachtwoord12345!", OWN)
    assert (refused.value.field, refused.value.code) == ("password", "common")


def test_the_list_is_about_twenty_thousand_words_and_says_its_licence() -> None:
    text = passwords._LIST.read_text("utf-8")
    assert "MIT License" in text
    assert 19_000 < len(passwords._common()) < 22_000


def test_a_password_of_a_thousand_characters_is_judged_at_once() -> None:
    assert strength("abc " * 256, OWN).verdict in ("ok", "common")


@pytest.mark.parametrize(("second_step", "needed"), [(False, 15), (True, 12)])
def test_beside_a_second_step_twelve_characters_are_enough(second_step: bool, needed: int) -> None:
    assert passwords.needed(second_step=second_step) == needed
    assert strength("blauwe gans", OWN, needed).verdict == "short"
    assert strength("blauwe gans 9", OWN, needed).verdict == ("ok" if second_step else "short")
    with pytest.raises(InvalidInput, match="short_12" if second_step else "short$"):
        require_strong("blauwe gans", OWN, needed)
