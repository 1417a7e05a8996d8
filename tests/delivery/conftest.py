"""The office on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.office import MovingClock, Office, make_runtime, open_office
from tests.kept import on_kept_engine


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """The office on a fresh database of each kind."""
    clock = MovingClock()
    with on_kept_engine(make_runtime(tmp_path / "var", database_url, clock=clock)) as runtime:
        yield open_office(runtime, clock)
