"""One running product per database and test process; every test brings fresh people into it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import open_context
from tests.journeys.people import Office, open_office
from tests.servers import Postgres, Sqlite

HERE = Path(__file__).parent
CROSSED = (("sqlite", "phone"), ("postgresql", "desktop"))


@pytest.fixture(scope="session")
def office(sqlite: Sqlite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """On SQLite, for stories to which the database does not matter."""
    with open_office(tmp_path_factory.mktemp("office"), sqlite.new_database()) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_office(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("office"), postgres.new_database()) as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def every_office(request: pytest.FixtureRequest) -> Office:
    """On each kind of database in turn; with `page` also on each size, crossed: a story runs twice."""
    name = {"sqlite": "office", "postgresql": "postgres_office"}[request.param]
    found: Office = request.getfixturevalue(name)
    return found


@pytest.fixture
def somebody(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Gives each person of a story a browser of their own: `somebody()` a phone, `somebody("desktop")` that."""
    with ExitStack() as closing:

        def open_page(size: str = "phone", **options: Any) -> Page:
            return closing.enter_context(open_context(chromium, size, **options)).new_page()

        yield open_page


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A story for every database and every size is told on a phone with one and on a desktop with the other."""
    items[:] = [item for item in items if not _told_already(item)]
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("slow")


def _told_already(item: pytest.Item) -> bool:
    chosen = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    pair = chosen.get("every_office", chosen.get("databases")), chosen.get("size")
    return None not in pair and pair not in CROSSED
