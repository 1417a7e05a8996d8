"""Key pairs follow from their seed; what is no public key is refused."""

import pytest

from securemail.crypto.keypair import PUBLIC_KEY_BYTES, key_pair, load_public_key
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, digest, lock_to
from securemail.crypto.secrets import Seed, SymmetricKey
from securemail.errors import CannotOpen

KEY = SymmetricKey(range(32))


def test_the_frozen_example() -> None:
    seed = Seed(derive(KEY, Label.ACCOUNT_IDENTITY, b"A" * 16, 1))
    assert bytes(seed).hex() == "da28c35c85396411f8ea66ab039287615b29b1869bad5d7f7ea4818b32442256"
    hashed = digest(key_pair(seed).public).hex()
    assert hashed == "b2e398cfcd963c8018fff8f26813c7ffce50517e68f2b52d86cada05b814bf6b"


def test_one_seed_gives_one_pair() -> None:
    assert key_pair(Seed(KEY)).public == key_pair(Seed(KEY)).public != key_pair(Seed(bytes(32))).public
    assert len(key_pair(Seed(KEY)).public) == PUBLIC_KEY_BYTES == 1216


@pytest.mark.parametrize("raw", [b"", bytes(1215), bytes(1217), b"\xff" * 1216])
def test_what_is_no_public_key_is_refused(raw: bytes) -> None:
    with pytest.raises(CannotOpen):
        load_public_key(raw)


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_a_public_key_of_low_order_is_refused(point: bytes) -> None:
    planted = key_pair(Seed(KEY)).public[:1184] + point
    with pytest.raises(CannotOpen):
        lock_to(planted, b"content", Label.AUDIT)
