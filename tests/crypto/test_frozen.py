"""T10: frozen blobs and answers of every release still open and still hold."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from securemail.crypto.encoding import unpad
from tests.crypto.answers import answers
from tests.crypto.pairs import PAIRS
from tests.crypto.places import here
from tests.crypto.vectors import make

RELEASES = sorted(make.FOLDER.glob("*.json"))
BY_SEAL = {pair.seal: pair for pair in PAIRS}


def read(path: Path) -> Any:
    return json.loads(path.read_text())


CASES = [(path.stem, seal, blob) for path in RELEASES for seal, blob in read(path)["locks"].items()]


@pytest.mark.parametrize(("release", "seal", "blob"), CASES, ids=[f"{release} {seal}" for release, seal, _ in CASES])
def test_a_frozen_blob_still_opens(release: str, seal: str, blob: str) -> None:
    pair = BY_SEAL[seal]
    assert pair.opening(here(), base64.b64decode(blob)) == pair.content(here())


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_the_frozen_answers_still_hold(release: Path) -> None:
    now = answers()
    frozen = read(release)["answers"]
    assert {name: now.get(name) for name in frozen} == frozen


def test_a_frozen_block_of_padding_comes_off() -> None:
    frozen = read(RELEASES[0])["answers"]
    for size in (0, 1, 59, 60, 61, 124, 125):
        assert unpad(bytes.fromhex(frozen[f"pad {size}"])) == bytes([0xAA]) * size


def test_every_format_of_today_is_frozen_somewhere() -> None:
    assert {pair.seal for pair in PAIRS} == {seal for _, seal, _ in CASES}
    assert answers().keys() == {name for path in RELEASES for name in read(path)["answers"]}


def test_nothing_frozen_is_made_again() -> None:
    with pytest.raises(FileExistsError):
        make.main(RELEASES[0].stem)
