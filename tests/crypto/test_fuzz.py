"""T7: damaged blobs of every format raise `CannotOpen` and nothing else, quickly. `FUZZ_BLOBS` says how many."""

import os
import random
import time
from collections.abc import Iterator

import pytest

from securemail.errors import CannotOpen
from tests.crypto.pairs import PAIRS, Pair
from tests.crypto.places import Place, here

BLOBS = int(os.environ.get("FUZZ_BLOBS", "20000"))
SECONDS_PER_BLOB = 0.001


def damaged(sealed: bytes, other: bytes, draw: random.Random) -> bytes:
    """The blob with one kind of damage; never the blob itself, which a splice may give by chance."""
    blob = changed(sealed, other, draw)
    return blob if blob != sealed else sealed[:-1]


def changed(sealed: bytes, other: bytes, draw: random.Random) -> bytes:
    cut = draw.randrange(len(sealed))
    kind = draw.randrange(6)
    if kind == 0:
        return sealed[:cut]
    if kind == 1:
        return sealed + draw.randbytes(draw.randint(1, 64))
    if kind == 2:
        return sealed[:2] + draw.randbytes(draw.randrange(2400))
    if kind == 3:
        return sealed[:cut] + sealed[cut + 1 :]
    if kind == 4:
        return sealed[: cut + 1] + other[cut + 1 :] + b"\x00"
    flipped = bytearray(sealed)
    for position in draw.sample(range(len(sealed)), k=min(len(sealed), draw.randint(1, 4))):
        flipped[position] ^= draw.randint(1, 255)
    return bytes(flipped)


def blobs(count: int, draw: random.Random) -> Iterator[tuple[Pair, Place, bytes]]:
    places = {pair.seal: here() for pair in PAIRS}
    sealed = {pair.seal: pair.locking(here()) for pair in PAIRS}
    for _ in range(count):
        pair, other = draw.choice(PAIRS), draw.choice(PAIRS)
        yield pair, places[pair.seal], damaged(sealed[pair.seal], sealed[other.seal], draw)


def test_fuzzed_blobs_never_open_and_never_fail_otherwise() -> None:
    seed = random.randrange(1 << 32)
    started = time.monotonic()
    for number, (pair, place, blob) in enumerate(blobs(BLOBS, random.Random(seed))):
        try:
            pair.opening(place, blob)
        except CannotOpen:
            continue
        pytest.fail(f"{pair.open} opened blob {number} of seed {seed}")
    assert time.monotonic() - started < max(20, BLOBS * SECONDS_PER_BLOB)
