"""What the library locks, an independent reader of the written format opens: S1 of every shape, E1."""

import pytest
from cryptography.exceptions import InvalidTag

from securemail.crypto.encoding import context
from securemail.crypto.keypair import key_pair
from securemail.crypto.labels import Label
from securemail.crypto.locks import E1, E1_OVERHEAD, S1, S1_OVERHEAD, lock, lock_to
from securemail.crypto.secrets import Seed, SymmetricKey
from tests.crypto import second_reader

KEY = SymmetricKey(range(32))
CONTEXT = context(Label.DRAFT, b"M" * 16, 3)


@pytest.mark.parametrize("size", [0, 1, 32, 16383, 16384, 16385, 32768, 3 * 16384 + 5, 1_000_000])
def test_a_second_reader_opens_s1(size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    sealed = lock(KEY, content, Label.DRAFT, b"M" * 16, 3)
    assert len(sealed) == size + S1_OVERHEAD + 16 * (size // 16384)
    assert sealed[:2] == S1
    assert second_reader.chunked(KEY, S1 + CONTEXT, sealed[2:]) == content


def test_a_second_reader_refuses_another_context() -> None:
    sealed = lock(KEY, b"content", Label.DRAFT, b"M" * 16, 4)
    with pytest.raises(InvalidTag):
        second_reader.chunked(KEY, S1 + CONTEXT, sealed[2:])


@pytest.mark.parametrize("content", [b"", b"k" * 32, bytes(70_000)])
def test_a_second_reader_opens_e1(content: bytes) -> None:
    sealed = lock_to(key_pair(Seed(KEY)).public, content, Label.DRAFT, b"M" * 16, 3)
    assert len(sealed) == len(content) + E1_OVERHEAD
    assert sealed[:2] == E1
    assert second_reader.hpke(KEY, E1 + CONTEXT, sealed[2:]) == content
