"""Fixtures that every area may ask for: databases, mail, a free port, and the product with its browser."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import servers
from tests.compiled import keep_templates
from tests.house import House, furnished_copy
from tests.servers import Postgres, Product, SmsSink, SmtpSink, Sqlite

pytest_plugins = ["tests.browser"]

# How long an example takes says something about the machine, and nothing about the product.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    # The PostgreSQL wheel warns, and warnings are errors here, when this folder is not named.
    if "XDG_RUNTIME_DIR" not in os.environ:
        folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"runtime-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        os.environ["XDG_RUNTIME_DIR"] = str(folder)
    keep_templates()


@pytest.fixture
def free_port() -> Callable[[], int]:
    return servers.free_port


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Sqlite:
    return Sqlite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def databases(request: pytest.FixtureRequest) -> Sqlite | Postgres:
    """Each test runs once on each kind."""
    name = {"sqlite": "sqlite", "postgresql": "postgres"}[request.param]
    found: Sqlite | Postgres = request.getfixturevalue(name)
    return found


@pytest.fixture
def database_url(databases: Sqlite | Postgres) -> Iterator[str]:
    """A fresh migrated database, on SQLite and on PostgreSQL."""
    url = databases.new_database()
    yield url
    databases.drop(url)


@pytest.fixture
def house(tmp_path: Path, databases: Sqlite | Postgres) -> Iterator[House]:
    """Marieke and Sanne, on SQLite and on PostgreSQL."""
    with furnished_copy(tmp_path, databases) as furnished:
        yield furnished


@pytest.fixture
def sqlite_url(sqlite: Sqlite) -> Iterator[str]:
    """A fresh migrated SQLite, for tests to which the kind does not matter."""
    url = sqlite.new_database()
    yield url
    sqlite.drop(url)


@pytest.fixture
def empty_database_url(databases: Sqlite | Postgres) -> Iterator[str]:
    """A database without any table, for the migrations."""
    url = databases.empty_database()
    yield url
    databases.drop(url)


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    with servers.smtp_sink() as sink:
        yield sink


@pytest.fixture
def sms_sink() -> Iterator[SmsSink]:
    with servers.sms_sink() as sink:
        yield sink


@pytest.fixture
def product(tmp_path: Path, database_url: str, smtp_sink: SmtpSink, sms_sink: SmsSink) -> Iterator[Product]:
    """The product running on a fresh database of each kind; mail goes to `smtp_sink`, SMS to `sms_sink`."""
    with servers.running_product(tmp_path / "var", database_url, smtp_port=smtp_sink.port, sms=sms_sink) as running:
        yield running
        if "Traceback" in running.log():
            sys.stderr.write(running.log())
