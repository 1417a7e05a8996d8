"""The composition root: settings become an engine, keys and a password hasher, built once and passed along."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from securemail.clock import Clock, now
from securemail.config import ARGON2_KIB, ARGON2_PASSES, Settings
from securemail.crypto import selftest
from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.password import Cost
from securemail.crypto.secrets import Secret
from securemail.errors import ConfigError
from securemail.identity.context import Context
from securemail.identity.hashing import PasswordHasher
from securemail.store.session import make_engine, transaction

_FOR_PAGES = 4
"""Threads of a web process that no password check takes, however many log in."""
FLOOR = Cost(ARGON2_KIB, ARGON2_PASSES)


@dataclass(frozen=True)
class Runtime:
    """Everything that outlives a request. No keys of people, no caches of theirs."""

    settings: Settings
    engine: Engine
    keys: ConfiguredKeys
    hasher: PasswordHasher
    clock: Clock

    @classmethod
    def from_settings(cls, settings: Settings) -> "Runtime":
        """The runtime of a real start.

        Raises:
            SelfTestFailed: the cryptographic library is not the one that stored data relies on.
        """
        return cls.assemble(settings, argon2=FLOOR, clock=now)

    @classmethod
    def assemble(cls, settings: Settings, *, argon2: Cost, clock: Clock) -> "Runtime":
        """A runtime with chosen parts; tests pass a cheap Argon2 and their own time, a production start cannot."""
        if not settings.development and (argon2.kib < FLOOR.kib or argon2.passes < FLOOR.passes):
            raise ConfigError("Argon2 below its floor is allowed in development only.")
        selftest.run()
        keys = ConfiguredKeys(tuple((secret.id, Secret(secret.value)) for secret in settings.secrets))
        room = threading.Semaphore(max(1, settings.wsgi.threads - _FOR_PAGES))
        hasher = PasswordHasher(argon2, settings.argon2_slots, _lock_directory(settings), room)
        return cls(settings, make_engine(settings.database_url), keys, hasher, clock)

    @contextmanager
    def work(self, *, write: bool) -> Iterator[Context]:
        """One transaction as a context for verbs: committed at the end, rolled back when it raises."""
        with transaction(self.engine, write=write) as db:
            yield Context(db, self.keys, self.clock(), self.hasher)


def _lock_directory(settings: Settings) -> Path:
    return settings.var_dir / "slots"
