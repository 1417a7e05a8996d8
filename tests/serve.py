"""The product's entry points for tests: the same processes, with an Argon2 that costs nothing."""

import os
from datetime import timedelta

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


def make_app() -> Flask:
    from securemail.web import create_app

    keep_templates()
    return create_app(make_runtime())


if __name__ == "__main__":
    from securemail import worker

    worker.run(make_runtime())
