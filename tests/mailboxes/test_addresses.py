"""Addresses have one form, and nothing hostile gets through as one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securemail.errors import InvalidInput
from securemail.mailboxes.addresses import MAX_BYTES, clean_name, clean_own_name, normalise


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("Fatima.El.Amrani@Example.ORG", "fatima.el.amrani@example.org"),
        (" sanne@example.org\t", "sanne@example.org"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@XN--BCHER-KVA.example", "info@xn--bcher-kva.example"),
        ("jose\u0301@example.org", "josé@example.org"),
        ("peter+post@example.org", "peter+post@example.org"),
        ("p.e.t.e.r@example.org", "p.e.t.e.r@example.org"),
        ("griffie@rechtbank.intern", "griffie@rechtbank.intern"),
    ],
)
def test_an_address_is_compared_in_one_form_and_nothing_is_folded_away(typed: str, normal: str) -> None:
    assert normalise(typed) == normal


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("sanne", "invalid"),
        ("sanne@", "invalid"),
        ("@example.org", "invalid"),
        ("sanne@example", "invalid"),
        ("sanne@exa mple.org", "invalid"),
        ("sanne@@example.org", "invalid"),
        ("sanne@example..org", "invalid"),
        ('"sanne kuipers"@example.org', "invalid"),
        ("sanne@[192.0.2.1]", "invalid"),
        ("=?utf-8?q?sanne?=@example.org", "invalid"),
        ("Sanne <sanne@example.org>", "invalid"),
        ("sanne@example.org, mallory@example.net", "invalid"),
        ("sanne@example.org\r\nBcc: mallory@example.net", "control"),
        ("sanne@example.org\nSubject: x", "control"),
        ("sanne\u0000@example.org", "control"),
        ("sanne\u202e@example.org", "control"),
        ("a" * 300 + "@example.org", "long"),
        ("a@" + ("b" * 60 + ".") * 5 + "org", "long"),
        ("x" * 5_000_000, "long"),
    ],
)
def test_an_impossible_or_hostile_address_is_refused_by_name(typed: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        normalise(typed)
    assert (refused.value.field, refused.value.code) == ("address", code)


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_whatever_is_typed_becomes_an_address_or_a_refusal(typed: str) -> None:
    try:
        normal = normalise(typed)
    except InvalidInput:
        return
    assert normalise(normal) == normal
    assert len(normal.encode()) <= MAX_BYTES
    assert normal.isprintable()
    assert normal.count("@") == 1


@given(st.from_regex(r"[a-zA-Z0-9.+]{1,20}@[a-zA-Z0-9]{1,10}\.[a-zA-Z]{2,6}", fullmatch=True))
@settings(max_examples=100, deadline=None)
def test_capitals_make_no_second_address(typed: str) -> None:
    try:
        normal = normalise(typed)
    except InvalidInput:
        return
    assert normalise(typed.upper()) == normal == normalise(typed.lower())


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("  Sanne   Kuipers ", "Sanne Kuipers"),
        ("Jose\u0301", "José"),
        ("Van Dalen & Bakker", "Van Dalen & Bakker"),
    ],
)
def test_a_name_is_one_tidy_line(typed: str, cleaned: str) -> None:
    assert clean_name("name", typed) == cleaned


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "empty"),
        (" . ", "empty"),
        ("x" * 121, "long"),
        ("Sanne\nBcc:", "control"),
        ("annaS\u202e", "control"),
    ],
)
def test_a_name_that_could_deceive_is_refused(typed: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        clean_name("name", typed)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "typed",
    [
        "Kantoor <kantoor@vandalenbakker.example>", "kantoor@vandalenbakker.example", "Uw pakket: https://kwaad.example",
        "WWW.kwaad.example", "Van Dalen & Bakker >",
    ],
)  # fmt: skip
def test_nobody_goes_by_an_address_or_a_link(typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        clean_own_name(typed)
    assert (refused.value.field, refused.value.code) == ("name", "link")


@pytest.mark.parametrize("typed", ["Prof.dr. A. de Wit-van Dalen", "J.P.de Vries", "Fatima El Amrani (Vonk & Co)"])
def test_titles_and_initials_are_names(typed: str) -> None:
    assert clean_own_name(typed) == typed
