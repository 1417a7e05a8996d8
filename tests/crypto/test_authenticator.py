"""The codes of RFC 6238, appendix B (SHA-1), and pyotp's for any seed and time."""

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail.crypto import authenticator
from securemail.crypto.secrets import Secret

RFC_SEED = Secret(b"12345678901234567890")


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, b"287082"), (1111111109, b"081804"), (1111111111, b"050471"), (1234567890, b"005924"),
        (2000000000, b"279037"), (20000000000, b"353130"),
    ],
)  # fmt: skip
def test_the_codes_of_the_standard(seconds: int, code: bytes) -> None:
    assert authenticator.code_of(RFC_SEED, authenticator.step_at(seconds)) == code


@given(seed=st.binary(min_size=20, max_size=20), seconds=st.integers(0, 10**11))
def test_a_phone_shows_the_same(seed: bytes, seconds: int) -> None:
    text = authenticator.write_seed(Secret(seed))
    assert authenticator.read_seed(text) == seed
    phone = pyotp.TOTP(text)
    assert phone.generate_otp(seconds // 30).encode("ascii") == authenticator.code_of(
        Secret(seed), authenticator.step_at(seconds)
    )


@given(text=st.text(max_size=60))
def test_what_is_no_seed_is_refused(text: str) -> None:
    try:
        seed = authenticator.read_seed(text)
    except ValueError:
        return
    assert authenticator.write_seed(seed) == text


def test_seeds_differ_and_do_not_show_themselves() -> None:
    one, two = authenticator.new_seed(), authenticator.new_seed()
    assert one != two
    assert repr(one) == "<Secret>"
