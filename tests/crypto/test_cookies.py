"""Cookies and form tokens: one spelling, nothing else accepted, no two pages alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail.crypto.cookies import (
    FULL,
    PENDING,
    accepts_form_token,
    form_token,
    open_session_root_key,
    read_cookie,
    seal_session_root_key,
    session_id,
    write_cookie,
)
from securemail.crypto.secrets import RootKey, SessionSecret
from securemail.errors import CannotOpen

SECRET = SessionSecret(range(32))
keys = st.binary(min_size=32, max_size=32).map(SessionSecret)


@given(keys)
def test_a_cookie_comes_back(secret: SessionSecret) -> None:
    text = write_cookie(secret)
    assert len(text) == 43
    assert read_cookie(text) == secret


@given(st.text(max_size=60) | st.text("ABCDabcd0189-_", min_size=43, max_size=43))
def test_a_secret_has_one_spelling(text: str) -> None:
    secret = read_cookie(text)
    assert secret is None or write_cookie(secret) == text


@pytest.mark.parametrize(
    "text", ["", "A" * 42, "A" * 44, "A" * 42 + "B", "A" * 42 + "=", "+" * 43, "é" * 43, "A" * 10**6]
)
def test_what_cannot_be_a_cookie_is_none(text: str) -> None:
    assert read_cookie(text) is None


def test_the_id_in_the_database_does_not_give_the_cookie() -> None:
    identifier = session_id(SECRET)
    assert len(identifier) == 32
    assert identifier != bytes(SECRET)
    assert identifier != session_id(SessionSecret.new())


def test_a_pending_session_cannot_be_made_full() -> None:
    place = {"session": session_id(SECRET), "account": b"A" * 16}
    sealed = seal_session_root_key(SECRET, RootKey.new(), **place, state=PENDING)
    with pytest.raises(CannotOpen):
        open_session_root_key(SECRET, sealed, **place, state=FULL)


@given(keys)
def test_a_form_token_is_accepted_in_its_session_only(secret: SessionSecret) -> None:
    token = form_token(secret)
    assert accepts_form_token(secret, token)
    assert accepts_form_token(SECRET, token) == (secret == SECRET)


def test_no_two_form_tokens_are_alike() -> None:
    tokens = {form_token(SECRET) for _ in range(100)}
    assert len(tokens) == len({token[:20] for token in tokens}) == len({token[-20:] for token in tokens}) == 100


@given(st.text(max_size=100) | st.binary(max_size=70).map(lambda raw: raw.hex()))
def test_anything_else_is_no_form_token(token: str) -> None:
    assert not accepts_form_token(SECRET, token)


@pytest.mark.parametrize("position", [0, 20, 44, 60, 84])
def test_a_changed_form_token_is_refused(position: int) -> None:
    token = form_token(SECRET)
    other = "A" if token[position] != "A" else "B"
    assert not accepts_form_token(SECRET, token[:position] + other + token[position + 1 :])


@pytest.mark.parametrize("token", ["", "A" * 86, "A" * 85, "é" * 86, "A" * 10**6])
def test_made_up_form_tokens_are_refused(token: str) -> None:
    assert not accepts_form_token(SECRET, token)
