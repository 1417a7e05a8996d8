"""The product's entry points for tests: the same processes, with an Argon2 that costs nothing."""

import os

from flask import Flask

from securemail.clock import now
from securemail.config import Settings
from securemail.crypto.password import Cost
from securemail.runtime import Runtime

CHEAP = Cost(64, 1)


def make_runtime() -> Runtime:
    return Runtime.assemble(Settings.from_environ(os.environ), argon2=CHEAP, clock=now)


def make_app() -> Flask:
    from securemail.web import create_app

    return create_app(make_runtime())


if __name__ == "__main__":
    from securemail import worker

    worker.run(make_runtime())
