"""Telephone numbers: every way of writing one comes to the same, and what cannot get an SMS is told why."""

import re

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from securemail.errors import InvalidInput
from securemail.identity.phone_numbers import formatted, masked, normalise

DUTCH = [
    "06 12345678", "0612345678", "06-12 34 56 78", "06.12.34.56.78", "(06) 12 34 56 78", "06/12345678", "612345678",
    "+31612345678", "+31 6 12345678", "+31 (0)6 1234 5678", "0031612345678", "0031 (0)6-12345678", "31612345678",
    " 06 12345678 ", "06\u00a012345678", "06\u201112345678", "\u202a+31 6 12345678\u202c", "０６１２３４５６７８",
    "٠٦١٢٣٤٥٦٧٨", "06 – 12345678", "06 1 2 3 4 5 6 7 8", "06\t12345678",
]  # fmt: skip


@pytest.mark.parametrize("typed", DUTCH)
def test_every_dutch_way_of_writing_is_understood(typed: str) -> None:
    assert normalise(typed, region="NL") == "+31612345678"


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+44 7400 123456", "NL", "+447400123456"),
        ("0044 (0)7400 123456", "NL", "+447400123456"),
        ("07400 123456", "GB", "+447400123456"),
        ("0470 12 34 56", "BE", "+32470123456"),
        ("+1 (212) 555-0100", "NL", "+12125550100"),
        ("06 12345678", "GB", None),
        ("+31612345678", "GB", "+31612345678"),
    ],
)
def test_numbers_of_other_countries(typed: str, region: str, number: str | None) -> None:
    if number is None:
        assert _told(typed, region) == "invalid"
    else:
        assert normalise(typed, region=region) == number


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("\u00a0", "empty"),
        ("06", "invalid"),
        ("06 1234567", "invalid"),
        ("06 123456789", "invalid"),
        ("+31 6 123456789", "invalid"),
        ("0612345678 of 0687654321", "invalid"),
        ("0612345678/0687654321", "invalid"),
        ("0612345678;ext=3", "invalid"),
        ("0612345678#3", "invalid"),
        ("06-FLOWERS", "invalid"),
        ("sanne@example.org", "invalid"),
        ("<script>", "invalid"),
        ("0612345678\n0687654321", "invalid"),
        ("06\x0012345678", "invalid"),
        ("+", "invalid"),
        ("-", "invalid"),
        ("1" * 41, "invalid"),
        ("0" * 10_000, "invalid"),
        ("112", "invalid"),
        ("0900 1234567", "invalid"),  # costs the sender money
        ("0800 1234", "invalid"),
        ("088 1234567", "invalid"),
        ("+999 12345678", "country"),
        ("+881 6 12345678", "country"),  # a satellite
        ("+883 510 012345678", "country"),
        ("020 1234567", "fixed_line"),
        ("+44 20 7946 0958", "fixed_line"),
    ],
)
def test_what_cannot_get_an_sms_is_told_why(typed: str, why: str) -> None:
    assert _told(typed) == why


def test_where_the_number_does_not_tell_a_fixed_line_is_taken() -> None:
    """In North America mobile and fixed numbers look alike."""
    assert normalise("+1 415 200 1234", region="NL") == "+14152001234"


MOBILE = [
    phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
]


@given(number=st.sampled_from([number for number in MOBILE if number is not None]), data=st.data())
def test_each_countrys_mobile_numbers_come_through_in_every_form(
    number: phonenumbers.PhoneNumber, data: st.DataObject
) -> None:
    assume(phonenumbers.is_valid_number(number))
    form = data.draw(st.sampled_from([PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL]))
    expected = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    assert normalise(phonenumbers.format_number(number, form), region="NL") == expected
    own = phonenumbers.region_code_for_number(number)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    assert normalise(national, region=own or "NL") == expected


@given(typed=st.text(st.characters() | st.sampled_from("0123456789+()- /."), max_size=60))
def test_whatever_is_typed_gives_a_number_or_a_reason(typed: str) -> None:
    number = _number_or_reason(typed)
    if number in {"empty", "invalid", "country", "fixed_line"}:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", number)
    assert normalise(number, region="US") == number


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+31612345678", "06 •• •• •• 78"),
        ("+447400123456", "+44 •••••• ••56"),
        ("+32470123456", "+32 ••••• ••56"),
        ("+31851234567", "+31 ••••• ••67"),
        ("+12125550100", "+1 •••••• ••00"),
    ],
)
def test_a_masked_number_shows_the_last_two(number: str, shown: str) -> None:
    assert masked(number) == shown


@given(number=st.sampled_from([number for number in MOBILE if number is not None]))
def test_a_masked_number_tells_no_more_than_that(number: phonenumbers.PhoneNumber) -> None:
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    shown = masked(e164)
    digits = "".join(character for character in shown if character.isdigit())
    assert digits in ("06" + e164[-2:], f"{number.country_code}{e164[-2:]}")


def test_a_whole_number_is_written_as_its_owner_would() -> None:
    assert formatted("+31612345678") == "06 12345678"
    assert formatted("+447400123456") == "+44 7400 123456"


def _number_or_reason(typed: str) -> str:
    try:
        return normalise(typed, region="NL")
    except InvalidInput as told:
        return told.code


def _told(typed: str, region: str = "NL") -> str:
    with pytest.raises(InvalidInput) as caught:
        normalise(typed, region=region)
    assert caught.value.field == "phone"
    return caught.value.code
