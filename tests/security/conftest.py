"""A furnished house, and one that has been lived in, on each kind of database."""

from pathlib import Path

import pytest

from tests.house import House
from tests.security.town import Town, settle

HERE = Path(__file__).parent
SLOW = ("kill", "races", "robots", "swap", "thief")


@pytest.fixture
def town(house: House) -> Town:
    """The house with at least two rows of every table that holds something sealed."""
    return settle(house)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Processes that are killed or race, and all that thieves, planters and robots try, take seconds each."""
    for item in items:
        if item.path.is_relative_to(HERE) and any(word in item.path.stem for word in SLOW):
            item.add_marker("slow")
