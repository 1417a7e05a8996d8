"""A furnished house on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import House, furnish_copy


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Marieke and Sanne, on SQLite and on PostgreSQL."""
    furnished = furnish_copy(tmp_path, database_url)
    yield furnished
    furnished.runtime.engine.dispose()
