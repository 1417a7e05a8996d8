"""Identifiers: one text for one value."""

import pytest

from securemail import ids


def test_an_id_has_22_characters_and_comes_back() -> None:
    identifier = ids.new_id()
    assert len(ids.to_text(identifier)) == 22
    assert ids.from_text(ids.to_text(identifier)) == identifier


def test_a_token_has_43_characters_and_comes_back() -> None:
    token = ids.new_token()
    assert len(ids.token_to_text(token)) == 43
    assert ids.token_from_text(ids.token_to_text(token)) == token


A21 = "A" * 21


@pytest.mark.parametrize("text", ["", A21, f"{A21}AA", f"{A21}B", f"{A21}=", f"{A21}\n", "Ａ" * 22, f"+{A21}"])
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 the promise is the type
        ids.from_text(text)


def test_a_value_of_another_length_has_no_text() -> None:
    with pytest.raises(ValueError, match="not an id"):
        ids.to_text(b"short")
