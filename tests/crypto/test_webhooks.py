"""The signature on webhooks, against a second reader: Python's own hmac."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from securemail.crypto.webhooks import signature


@given(st.text(min_size=1, max_size=80), st.integers(0, 2**40), st.binary(max_size=200))
def test_a_receiver_finds_the_same_signature(secret: str, timestamp: int, body: bytes) -> None:
    theirs = hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256).hexdigest()
    assert signature(secret, timestamp, body) == f"v1={theirs}"


def test_the_example_of_the_documentation() -> None:
    body = b'{"id":"AAECAwQFBgcICQoLDA0ODw","to":"+31612345678","text":"Hallo"}'
    expected = hmac.new(b"x" * 32, b"1700000000." + body, hashlib.sha256).hexdigest()
    assert signature("x" * 32, 1700000000, body) == f"v1={expected}"
    assert signature("x" * 32, 1700000001, body) != f"v1={expected}"
