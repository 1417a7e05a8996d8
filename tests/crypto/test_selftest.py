"""The self-test passes here, and notices each thing it is there to notice."""

from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from securemail.crypto import selftest
from securemail.crypto.selftest import SelfTestFailed


def test_it_passes() -> None:
    selftest.run()


@pytest.mark.parametrize("answer", ["_CONTEXT", "_IDENTITY", "_SEALED", "_PUBLIC_HASH", "_STRETCHED"])
def test_it_notices_another_answer(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    value = getattr(selftest, answer)
    monkeypatch.setattr(selftest, answer, value[:-1] + bytes([value[-1] ^ 1]))
    with pytest.raises(SelfTestFailed):
        selftest.run()


def test_it_notices_a_public_key_lock_that_no_longer_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "_ENVELOPE", selftest._ENVELOPE[:-4] + "AAA=")
    with pytest.raises(SelfTestFailed):
        selftest.run()


@pytest.mark.parametrize("part", ["context", "derive", "unlock", "key_pair", "unlock_with", "lock_to", "stretch"])
@pytest.mark.parametrize("error", [UnsupportedAlgorithm, AttributeError, TypeError, ValueError])
def test_a_library_that_lacks_something_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, part: str, error: type[Exception]
) -> None:
    def lacking(*_arguments: Any) -> None:
        raise error("not here")

    monkeypatch.setattr(selftest, part, lacking)
    with pytest.raises(SelfTestFailed):
        selftest.run()


@pytest.mark.parametrize("part", ["context", "derive", "unlock", "unlock_with", "digest", "stretch"])
def test_a_library_that_answers_otherwise_does_not_pass(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    monkeypatch.setattr(selftest, part, lambda *_arguments: b"otherwise")
    with pytest.raises(SelfTestFailed):
        selftest.run()
