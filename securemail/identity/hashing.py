"""Argon2id behind a semaphore that all processes of a host share, so that log-ins cannot take all its memory.

A slot is a lock file: the operating system frees it when a process dies. Who waits holds a thread of its process; so
that some are left for everybody else's pages, no more than `room` of them wait or work here. Who finds no room, or no
slot within the patience, is told to come back (503 with Retry-After); nobody is let through without the work.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from securemail.crypto.password import Cost, Parameters, stretch
from securemail.crypto.secrets import Secret, SymmetricKey
from securemail.errors import Busy

_PATIENCE_SECONDS = 15.0
_PAUSE_SECONDS = 0.02
_RETRY_AFTER = 5
_ANY_NUMBER = 1 << 30


@dataclass(frozen=True)
class PasswordHasher:
    """Turns passwords into key material, `slots` at a time on this host; `cost` is what new passwords get."""

    cost: Cost
    slots: int
    directory: Path
    room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_ANY_NUMBER), compare=False)
    turn: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def stretch(self, password: str, parameters: Parameters, pepper: SymmetricKey) -> Secret:
        """32 bytes from a password.

        Raises:
            Busy: too many wait, or no slot came free in time.
        """
        if not self.room.acquire(blocking=False):
            raise Busy(_RETRY_AFTER)
        try:
            with self._slot():
                return stretch(password, parameters, pepper)
        finally:
            self.room.release()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        handle = self._await_slot(time.monotonic() + _PATIENCE_SECONDS)
        try:
            yield
        finally:
            os.close(handle)

    def _await_slot(self, deadline: float) -> int:
        """One thread of a process looks for a free slot, the others wait for their turn: a crowd costs no time."""
        if not self.turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise Busy(_RETRY_AFTER)
        with _releasing(self.turn):
            self.directory.mkdir(parents=True, exist_ok=True)
            while True:
                for number in range(self.slots):
                    handle = self._try(number)
                    if handle is not None:
                        return handle
                if time.monotonic() > deadline:
                    raise Busy(_RETRY_AFTER)
                time.sleep(_PAUSE_SECONDS)

    def _try(self, number: int) -> int | None:
        handle = os.open(self.directory / f"slot-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle


@contextmanager
def _releasing(lock: threading.Lock) -> Iterator[None]:
    try:
        yield
    finally:
        lock.release()
