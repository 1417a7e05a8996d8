"""The product's entry points for tests: the same processes, with an Argon2 that costs nothing and a brisk worker."""

import os
from datetime import timedelta
from types import ModuleType

from flask import Flask

from securemail import clock
from securemail.config import Settings
from securemail.crypto.password import Cost
from securemail.runtime import Runtime
from tests.compiled import keep_templates

CHEAP = Cost(64, 1)
SHIFT = "TEST_CLOCK_SHIFT"
"""Seconds that every clock of the product is off, so that pictures can be taken at ten to twelve on any day."""


def make_runtime() -> Runtime:
    _shift_clock(float(os.environ.get(SHIFT, "0")))
    return Runtime.assemble(Settings.from_environ(os.environ), argon2=CHEAP, clock=clock.now)


def _shift_clock(seconds: float) -> None:
    if seconds:
        real, shift = clock.now, timedelta(seconds=seconds)
        clock.now = lambda: real() + shift


def hurry(module: ModuleType) -> None:
    """A worker looks for mail many times a second: each story waits for some, and nothing happens meanwhile."""
    module._SHORTEST_PAUSE = 0.05  # type: ignore[attr-defined]
    module._LONGEST_PAUSE = {"mail": 0.15, "sms": 0.15}  # type: ignore[attr-defined]
    module.HEARTBEAT_SECONDS = 2.0  # type: ignore[attr-defined]


def make_app() -> Flask:
    from securemail.web import create_app

    keep_templates()
    return create_app(make_runtime())


if __name__ == "__main__":
    from securemail import worker

    hurry(worker)
    worker.run(make_runtime())
