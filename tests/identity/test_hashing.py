"""Passwords are stretched a few at a time on a host, and leave threads to everybody else."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from securemail.crypto.password import Parameters
from securemail.crypto.secrets import SymmetricKey
from securemail.errors import Busy
from securemail.identity import hashing
from securemail.identity.hashing import PasswordHasher
from tests.serve import CHEAP
from tests.servers import PATIENCE

HERE = Parameters(CHEAP, 1, b"s" * 16)
PEPPER = SymmetricKey(b"p" * 32)


def hasher(folder: Path, *, slots: int = 2, room: int = 3) -> PasswordHasher:
    return PasswordHasher(CHEAP, slots, folder, threading.Semaphore(room))


def test_no_more_than_the_slots_work_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, most, lock, two = 0, 0, threading.Lock(), threading.Barrier(2)

    def slow(*_: object) -> bytes:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        two.wait(PATIENCE)  # both slots are taken at once, however slowly people come
        time.sleep(0.05)  # and for long enough that a third would be seen
        with lock:
            here -= 1
        return b""

    monkeypatch.setattr(hashing, "stretch", slow)
    own = hasher(tmp_path, slots=2, room=10)
    people = [threading.Thread(target=own.stretch, args=("wachtwoord", HERE, PEPPER)) for _ in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert most == 2


def test_who_finds_no_room_is_told_at_once_and_the_room_comes_free_again(tmp_path: Path) -> None:
    own = hasher(tmp_path, room=1)
    with own._slot(), own.room:
        started = time.monotonic()
        with pytest.raises(Busy):
            own.stretch("wachtwoord", HERE, PEPPER)
        assert time.monotonic() - started < hashing._PATIENCE_SECONDS
    assert own.stretch("wachtwoord", HERE, PEPPER) == own.stretch("wachtwoord", HERE, PEPPER)


def test_who_waits_too_long_is_told_so_and_leaves_the_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_PATIENCE_SECONDS", 0.05)
    own = hasher(tmp_path, slots=1, room=1)
    with own._slot(), pytest.raises(Busy):
        own.stretch("wachtwoord", HERE, PEPPER)
    assert own.stretch("wachtwoord", HERE, PEPPER)


def test_a_dearer_hasher_shares_the_room(tmp_path: Path) -> None:
    own = hasher(tmp_path)
    assert replace(own, cost=CHEAP).room is own.room
