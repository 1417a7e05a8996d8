"""A message's head and body hang on its content key, and are each other's not."""

import pytest

from securemail.crypto.content import open_body, open_head, seal_body, seal_head
from securemail.crypto.secrets import ContentKey
from securemail.errors import CannotOpen

CEK, MESSAGE = ContentKey(range(32)), b"M" * 16


def test_head_and_body_come_back() -> None:
    assert open_head(CEK, MESSAGE, seal_head(CEK, MESSAGE, {"subject": "Dag"}))["subject"] == "Dag"
    assert open_body(CEK, MESSAGE, seal_body(CEK, MESSAGE, {"text": "x" * 100_000}))["text"] == "x" * 100_000


def test_a_head_is_no_body() -> None:
    with pytest.raises(CannotOpen):
        open_body(CEK, MESSAGE, seal_head(CEK, MESSAGE, {}))


@pytest.mark.parametrize(("left", "right"), [("", "x" * 40), ("ja", "nee"), ("x" * 1100, "x" * 1090)])
def test_sizes_near_each_other_look_alike(left: str, right: str) -> None:
    sizes = {len(seal_body(CEK, MESSAGE, {"text": text})) for text in (left, right)}
    assert len(sizes) == 1
