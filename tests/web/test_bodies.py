"""Forms as anybody may send them: read as browsers write them, and with little memory."""

import tracemalloc
from urllib.parse import parse_qsl, quote_from_bytes, urlencode

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from securemail.web import bodies
from securemail.web.bodies import InMemoryRequest
from tests.visitor import Visitor

URL_ENCODED = "application/x-www-form-urlencoded"
MEGABYTE = 1_000_000


def read(body: bytes) -> list[tuple[str, str]]:
    request = InMemoryRequest.from_values(method="POST", data=body, content_type=URL_ENCODED)
    return list(request.form.items(multi=True))


@given(st.lists(st.tuples(st.text(), st.text())))
def test_what_a_browser_writes_is_read(fields: list[tuple[str, str]]) -> None:
    written = urlencode([(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in fields])
    assert sorted(read(written.encode())) == sorted(parse_qsl(written, keep_blank_values=True))


@pytest.mark.parametrize("shift", range(4))
def test_a_long_text_keeps_every_letter(shift: int) -> None:
    text = "x" * shift + "€ 384 \r\n" * 40_000
    assert read(f"body={quote_from_bytes(text.encode())}".encode()) == [("body", text)]


@pytest.mark.parametrize("body", [b"a=%", b"a=%4", b"a=%zz", b"a=\xff", b"=", b"&&", b"a", b"a=%ff%fe", b"%"])
def test_what_no_browser_writes_does_no_harm(body: bytes) -> None:
    assert len(read(body)) <= 1


@pytest.mark.parametrize("body", [b"a=" + b"%41" * (MEGABYTE // 3), b"a=" + b"%ff" * (MEGABYTE // 3), b"a=x%"])
def test_a_form_takes_little_more_memory_than_it_has_bytes(body: bytes) -> None:
    tracemalloc.start()
    try:
        read(body)
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 12 * MEGABYTE


def test_more_fields_than_any_page_has_are_refused_before_they_are_read(app: Flask) -> None:
    stranger = Visitor(app)
    stranger.get("/b")
    for path in ("/b", "/compose", "/login"):
        answer = stranger.client.post(path, data=b"a&" * (bodies.MOST_FIELDS + 1), content_type=URL_ENCODED)
        assert answer.status_code == 413, path
