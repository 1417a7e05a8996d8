"""Typed and pasted lists of addresses come apart as a person means them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail.messages.typed_addresses import take_apart


@pytest.mark.parametrize(
    ("typed", "pairs"),
    [
        ("fatima@example.org", [("fatima@example.org", "")]),
        ("Fatima El Amrani <fatima@example.org>", [("fatima@example.org", "Fatima El Amrani")]),
        ('"Bakker, Jan" <jan@example.org>; b@c.nl', [("jan@example.org", "Bakker, Jan"), ("b@c.nl", "")]),
        ("a@b.nl,,\n c@d.nl ;", [("a@b.nl", ""), ("c@d.nl", "")]),
        ("Jan de Boer", [("Jan de Boer", "")]),
        ('"vergeten aanhalingsteken <a@b.nl>\nc@d.nl', [("a@b.nl", "vergeten aanhalingsteken"), ("c@d.nl", "")]),
        (" , ;\r\n", []),
    ],
)
def test_a_list_comes_apart(typed: str, pairs: list[tuple[str, str]]) -> None:
    assert take_apart(typed) == pairs


@given(st.text(max_size=300))
def test_anything_at_all_comes_apart(typed: str) -> None:
    for address, name in take_apart(typed):
        assert "\n" not in address + name
        assert address or name


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.nl", fullmatch=True),
            st.from_regex(r"[A-Za-z ,]{0,12}", fullmatch=True),
        ),
        max_size=5,
    )
)
def test_what_is_written_properly_comes_back(pairs: list[tuple[str, str]]) -> None:
    written = "; ".join(f'"{name}" <{address}>' for address, name in pairs)
    assert take_apart(written) == [(address, name.strip()) for address, name in pairs]
