"""The application around a furnished house, and around one that nobody has used yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from securemail.config import Settings
from securemail.runtime import Runtime
from tests.house import House, TurnedClock
from tests.kept import app_around
from tests.serve import CHEAP
from tests.servers import product_environ
from tests.visitor import Visitor


@pytest.fixture
def app(house: House) -> Flask:
    """For who adds no page of their own."""
    return app_around(house.runtime)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Somebody who is not logged in."""
    return Visitor(app)


@pytest.fixture
def sanne(app: Flask, house: House) -> Visitor:
    """Sanne, logged in."""
    browser = Visitor(app)
    browser.let_in(house, house.sanne)
    return browser


@pytest.fixture
def marieke(app: Flask, house: House) -> Visitor:
    """Marieke, the administrator, logged in."""
    browser = Visitor(app)
    browser.let_in(house, house.marieke)
    return browser


@pytest.fixture
def fresh(tmp_path: Path, database_url: str) -> Iterator[Runtime]:
    """A product before its set-up."""
    settings = Settings.from_environ(product_environ(tmp_path, database_url, port=8000, smtp_port=2525))
    runtime = Runtime.assemble(settings, argon2=CHEAP, clock=TurnedClock())
    yield runtime
    runtime.engine.dispose()
