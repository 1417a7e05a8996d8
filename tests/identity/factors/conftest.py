"""Sanne's browser, on each kind of database."""

import pytest

from tests.house import House
from tests.identity.factors.helpers import Browser


@pytest.fixture
def sanne(house: House) -> Browser:
    return Browser(house)


@pytest.fixture
def marieke(house: House) -> Browser:
    return Browser(house, house.marieke)
