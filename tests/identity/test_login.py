"""Logging in takes the same work whoever asks, and believes no unlocker that the vault does not list."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event, select, update

from securemail import ids
from securemail.crypto import locks, unlock
from securemail.crypto.password import Parameters
from securemail.crypto.secrets import RootKey, SessionSecret
from securemail.identity import hashing, login, sessions
from securemail.identity.login import WrongLogin
from securemail.identity.passwords import stretch_new
from securemail.mailboxes.keys import UntrustedKey
from securemail.store.models import Account, Address, Audit, Unlocker
from tests.house import MARIEKE, PASSWORD, SANNE, House

UNKNOWN = "nobody@example.org"


def _log_in(house: House, address: str, password: str, *, remember: bool = False) -> SessionSecret:
    with house.runtime.work(write=False) as ctx:
        candidate = login.find(ctx, address)
    proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, password)
    with house.work() as ctx:
        return login.finish(ctx, proved, remember=remember).secret


def test_the_right_password_opens_the_account(house: House) -> None:
    secret = _log_in(house, SANNE[0], PASSWORD)
    with house.work() as ctx:
        assert sessions.resume(ctx, secret).member.mailbox == house.sanne.mailbox


def test_the_same_password_in_another_spelling_of_its_characters_opens_it_too(house: House) -> None:
    full_width = PASSWORD.replace("n", "\uff4e")
    _log_in(house, SANNE[0], full_width)


@pytest.mark.parametrize(
    ("address", "password"),
    [(SANNE[0], "fout"), (SANNE[0], ""), (SANNE[0], "x" * 5000), (UNKNOWN, PASSWORD), (UNKNOWN, "")],
)
def test_anything_else_does_not(house: House, address: str, password: str) -> None:
    with pytest.raises(WrongLogin):
        _log_in(house, address, password)


def test_every_log_in_has_a_secret_of_its_own(house: House) -> None:
    assert _log_in(house, SANNE[0], PASSWORD) != _log_in(house, SANNE[0], PASSWORD)


def test_it_is_in_the_audit_log(house: House) -> None:
    _log_in(house, SANNE[0], PASSWORD)
    with house.work() as ctx:
        events = ctx.db.scalars(select(Audit).where(Audit.kind == "logged-in")).all()
        assert [event.actor for event in events] == [house.sanne.root.account]


def test_known_and_unknown_addresses_cost_the_same_work(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """T15: counted, since on a machine that does other things too a clock proves little."""
    for address in (SANNE[0], UNKNOWN):  # whatever is made once is made now
        with pytest.raises(WrongLogin):
            _log_in(house, address, "fout")
    known = _work_of(house, SANNE[0], monkeypatch)
    unknown = _work_of(house, UNKNOWN, monkeypatch)
    assert known == unknown
    assert known["argon2"] == 1
    assert known["unlock_with"] == 1
    assert known["unlock"] == 1


def _work_of(house: House, address: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    counts = {"argon2": 0, "queries": 0, "unlock": 0, "unlock_with": 0}

    def counting(name: str, real: Callable) -> Callable:
        def counted(*arguments, **named):
            counts[name] += 1
            return real(*arguments, **named)

        return counted

    with monkeypatch.context() as patch, _queries(house.runtime.engine, counts):
        patch.setattr(hashing, "stretch", counting("argon2", hashing.stretch))
        patch.setattr("securemail.crypto.configured.unlock", counting("unlock", locks.unlock))
        patch.setattr("securemail.crypto.unlock.unlock_with", counting("unlock_with", locks.unlock_with))
        with pytest.raises(WrongLogin):
            _log_in(house, address, "fout")
    return counts


@contextmanager
def _queries(engine: Engine, counts: dict[str, int]) -> Iterator[None]:
    def count(*_arguments) -> None:
        counts["queries"] += 1

    event.listen(engine, "before_cursor_execute", count)
    yield
    event.remove(engine, "before_cursor_execute", count)


def test_a_planted_unlocker_with_a_root_key_of_its_own_is_refused(house: House) -> None:
    """T8: Mallory writes a password row for Sanne's account."""
    root_key = RootKey.new()
    _plant(house, root_key, "Mallory was hier vandaag")
    with pytest.raises(UntrustedKey):
        _log_in(house, SANNE[0], "Mallory was hier vandaag")


def test_an_unlocker_that_the_vault_does_not_list_is_refused(house: House) -> None:
    """T8: even one that holds the true root key, as a former holder of it could make."""
    _plant(house, house.sanne.root.rk, "Mallory was hier vandaag")
    with pytest.raises(UntrustedKey):
        _log_in(house, SANNE[0], "Mallory was hier vandaag")


def test_a_vault_that_was_exchanged_blocks_the_account(house: House) -> None:
    with house.work() as ctx:
        other = ctx.db.get_one(Account, house.marieke.root.account).sealed_vault
        ctx.db.execute(update(Account).where(Account.id == house.sanne.root.account).values(sealed_vault=other))
    with pytest.raises(UntrustedKey):
        _log_in(house, SANNE[0], PASSWORD)


def test_exchanging_two_addresses_logs_nobody_in_elsewhere(house: House) -> None:
    with house.work() as ctx:
        mine, theirs = ctx.keys.address_tag(SANNE[0]), ctx.keys.address_tag(MARIEKE[0])
        for old, new in ((mine, b"x" * 32), (theirs, mine), (b"x" * 32, theirs)):
            ctx.db.execute(update(Address).where(Address.address_tag == old).values(address_tag=new))
    with pytest.raises(WrongLogin):
        _log_in(house, SANNE[0], PASSWORD)


def test_absurd_parameters_in_a_row_cost_nothing(house: House) -> None:
    absurd = b"\x01\x01" + (2**31).to_bytes(4, "big") + (2**31).to_bytes(4, "big") + b"\x04\x01" + b"s" * 16
    with house.work() as ctx:
        ctx.db.execute(update(Unlocker).where(Unlocker.kind == "password").values(parameters=absurd))
    with pytest.raises(WrongLogin):
        _log_in(house, SANNE[0], PASSWORD)


def _plant(house: House, root_key: RootKey, password: str) -> None:
    account, unlocker = house.sanne.root.account, ids.new_id()
    new = stretch_new(password, house.runtime.keys, house.runtime.hasher)
    assert isinstance(new.parameters, Parameters)
    pair = unlock.password_pair(new.stretched, account, unlocker)
    with house.work() as ctx:
        ctx.db.execute(
            update(Unlocker)
            .where(Unlocker.account == account, Unlocker.kind == "password")
            .values(
                id=unlocker,
                parameters=new.parameters.encode(),
                public_key=pair.public,
                sealed_rk=unlock.seal_root_key(pair.public, root_key, account, 1, unlocker, "password"),
            )
        )
