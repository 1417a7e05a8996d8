"""The root key: behind password and code, and what it opens."""

import pytest

from securemail.crypto.password import Parameters, stretch
from securemail.crypto.secrets import RecoveryCode, RootKey, Secret, SymmetricKey
from securemail.crypto.unlock import (
    PASSWORD,
    RECOVERY,
    RootKeys,
    open_root_key,
    password_pair,
    public_key_hash,
    recovery_pair,
    seal_root_key,
)
from securemail.errors import CannotOpen
from tests.crypto.places import CHEAP

ACCOUNT, UNLOCKER = b"A" * 16, b"U" * 16
RK = RootKey(range(32))


def stretched(password: str) -> Secret:
    return stretch(password, Parameters(CHEAP, 1, b"s" * 16), SymmetricKey(bytes(32)))


def test_the_right_password_opens_and_a_wrong_one_does_not() -> None:
    public = password_pair(stretched("paard batterij"), ACCOUNT, UNLOCKER).public
    sealed = seal_root_key(public, RK, ACCOUNT, 1, UNLOCKER, PASSWORD)
    again = password_pair(stretched("paard batterij"), ACCOUNT, UNLOCKER)
    assert open_root_key(again, sealed, ACCOUNT, 1, UNLOCKER, PASSWORD) == RK
    wrong = password_pair(stretched("paard Batterij"), ACCOUNT, UNLOCKER)
    with pytest.raises(CannotOpen):
        open_root_key(wrong, sealed, ACCOUNT, 1, UNLOCKER, PASSWORD)


def test_a_new_root_key_goes_behind_a_code_that_is_not_there() -> None:
    code = RecoveryCode.new()
    public = recovery_pair(code, ACCOUNT, UNLOCKER).public
    newer = RootKey.new()
    sealed = seal_root_key(public, newer, ACCOUNT, 2, UNLOCKER, RECOVERY)
    assert open_root_key(recovery_pair(code, ACCOUNT, UNLOCKER), sealed, ACCOUNT, 2, UNLOCKER, RECOVERY) == newer


def test_the_same_password_gives_other_pairs_elsewhere() -> None:
    secret = stretched("paard batterij")
    publics = {
        password_pair(secret, ACCOUNT, UNLOCKER).public,
        password_pair(secret, b"B" * 16, UNLOCKER).public,
        password_pair(secret, ACCOUNT, b"V" * 16).public,
        recovery_pair(RecoveryCode(secret), ACCOUNT, UNLOCKER).public,
    }
    assert len(publics) == 4


def test_every_account_and_epoch_has_its_own_identity() -> None:
    places = [(ACCOUNT, 1), (ACCOUNT, 2), (b"B" * 16, 1)]
    assert len({RootKeys(account, epoch, RK).identity().public for account, epoch in places}) == 3
    assert RootKeys(ACCOUNT, 1, RK).identity().public == RootKeys(ACCOUNT, 1, RootKey(RK)).identity().public


def test_the_vault_names_a_public_key_by_its_hash() -> None:
    assert public_key_hash(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_older_vault_does_not_pass_for_the_newer() -> None:
    keys = RootKeys(ACCOUNT, 1, RK)
    older = keys.seal_vault(1, {"unlockers": []})
    with pytest.raises(CannotOpen):
        keys.open_vault(2, older)
