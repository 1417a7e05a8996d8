"""The two locks and the derivation: frozen examples, sizes, and every byte of a lock counts."""

import pytest

from securemail.crypto.keypair import key_pair
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, digest, lock, lock_to, same, tag, unlock, unlock_with
from securemail.crypto.secrets import MessageCode, Seed, SymmetricKey
from securemail.errors import CannotOpen

KEY = SymmetricKey(range(32))
PAIR = key_pair(Seed(KEY))
FROZEN = bytes.fromhex(
    "0101" + "07" * 24 + "709b3e92688ca4b1b2e2c2e97fc3403bce012a95a0fdb47a1f2995852b17bf4a"
    "8309665b61cae6e185a4ed2d229e0b51bb85678f19ddeb9fd6eab2bf03b344a4ef6b06d5e58a66c87fe18d4f3f49b9f3"
)


def test_the_frozen_symmetric_lock_opens() -> None:
    assert len(FROZEN) == 106
    assert unlock(KEY, FROZEN, Label.SESSION_RK, b"S" * 16, b"A" * 16, 1) == bytes(32)


def test_every_bit_of_a_symmetric_lock_counts() -> None:
    for position in range(len(FROZEN)):
        for bit in range(8):
            changed = bytearray(FROZEN)
            changed[position] ^= 1 << bit
            with pytest.raises(CannotOpen):
                unlock(KEY, bytes(changed), Label.SESSION_RK, b"S" * 16, b"A" * 16, 1)


def test_every_byte_of_a_public_key_lock_counts() -> None:
    """Also the highest bit of the X25519 share, which X25519 itself ignores."""
    sealed = lock_to(PAIR.public, b"content", Label.AUDIT, 1)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 0x80
        with pytest.raises(CannotOpen):
            unlock_with(PAIR, bytes(changed), Label.AUDIT, 1)


def test_one_lock_is_not_read_as_the_other() -> None:
    with pytest.raises(CannotOpen):
        unlock(KEY, lock_to(PAIR.public, b"", Label.AUDIT), Label.AUDIT)
    with pytest.raises(CannotOpen):
        unlock_with(PAIR, lock(KEY, b"", Label.AUDIT), Label.AUDIT)


@pytest.mark.parametrize("start", ["0000", "0100", "0103", "0201", "0202", "ff01"])
def test_unknown_generations_and_suites_are_refused(start: str) -> None:
    head = bytes.fromhex(start)
    with pytest.raises(CannotOpen):
        unlock(KEY, head + FROZEN[2:], Label.SESSION_RK, b"S" * 16, b"A" * 16, 1)
    with pytest.raises(CannotOpen):
        unlock_with(PAIR, head + lock_to(PAIR.public, b"", Label.AUDIT)[2:], Label.AUDIT)


def test_an_x25519_share_of_low_order_is_refused() -> None:
    sealed = lock_to(PAIR.public, b"content", Label.AUDIT)
    with pytest.raises(CannotOpen):
        unlock_with(PAIR, sealed[:1090] + bytes(32) + sealed[1122:], Label.AUDIT)


def test_chunks_cannot_be_exchanged_repeated_or_dropped() -> None:
    sealed = lock(KEY, bytes(3 * 16384 + 100), Label.DRAFT)
    head, chunks = sealed[:58], [sealed[start : start + 16400] for start in range(58, len(sealed), 16400)]
    for order in ([1, 0, 2, 3], [0, 0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2, 2, 3], [3], []):
        with pytest.raises(CannotOpen):
            unlock(KEY, head + b"".join(chunks[number] for number in order), Label.DRAFT)


def test_a_blob_opens_as_a_view_too() -> None:
    assert unlock(KEY, memoryview(FROZEN), Label.SESSION_RK, b"S" * 16, b"A" * 16, 1) == bytes(32)  # type: ignore[arg-type]


def test_derivation_hangs_on_key_label_and_fields() -> None:
    keys = [
        derive(KEY, Label.MAIL_ITEMS, b"M" * 16, 1),
        derive(SymmetricKey(bytes(32)), Label.MAIL_ITEMS, b"M" * 16, 1),
        derive(KEY, Label.MAIL_DRAFTS, b"M" * 16, 1),
        derive(KEY, Label.MAIL_ITEMS, b"N" * 16, 1),
        derive(KEY, Label.MAIL_ITEMS, b"M" * 16, 2),
        derive(MessageCode(bytes(16)), Label.MAIL_ITEMS, b"M" * 16, 1),
    ]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}


def test_tags_and_digests() -> None:
    assert tag(KEY, Label.TAG_ADDRESS, b"a") != tag(KEY, Label.TAG_ATTEMPT, b"a")
    assert digest(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert same(b"ab", b"ab")
    assert not same(b"ab", b"ac")
    assert not same(b"ab", b"abc")
