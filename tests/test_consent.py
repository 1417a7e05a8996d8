"""The operator's consent on the console: who waits is listed, and nothing happens without the address typed in full."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from securemail import consent
from securemail.delivery.workers import OwnKey
from securemail.identity import waits
from tests.house import MARIEKE, SANNE, House, furnish
from tests.identity import mails
from tests.identity.test_fresh_start import begin


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    furnished = furnish(tmp_path, database_url)
    yield furnished
    furnished.runtime.engine.dispose()


@pytest.fixture
def worker(house: House) -> OwnKey:
    return mails.hire(house)


def run(house: House, *answers: str) -> list[str]:
    """What the console says to these answers."""
    told, left = [], list(answers)
    consent.ask(house.runtime, lambda _question: left.pop(0), told.append)
    assert not left
    return told


def state(house: House, account: bytes) -> str:
    with house.work() as ctx:
        [wait] = waits.of_account(ctx, account)
    return wait.state


def test_nobody_waits(house: House) -> None:
    assert run(house) == ["Nobody waits for consent to start anew."]


def test_the_only_administrator_is_allowed_with_the_organisation(house: House, worker: OwnKey) -> None:
    begin(house, worker, MARIEKE[0])
    told = run(house, "1", MARIEKE[0])
    assert "Marieke van Dalen" in told[0]
    assert "the only administrator" in told[0]
    assert any("stay locked for good" in line for line in told)
    assert state(house, house.marieke.root.account) == waits.CONFIRMED


def test_a_member_is_allowed_without_it(house: House, worker: OwnKey) -> None:
    begin(house, worker, SANNE[0])
    told = run(house, "1", SANNE[0])
    assert not any("organisation" in line for line in told)
    assert state(house, house.sanne.root.account) == waits.CONSENTED


@pytest.mark.parametrize("answers", [("",), ("2",), ("x",), ("0",), ("-1",), ("1", ""), ("1", MARIEKE[0])])
def test_anything_else_changes_nothing(house: House, worker: OwnKey, answers: tuple[str, ...]) -> None:
    begin(house, worker, SANNE[0])
    assert run(house, *answers)[-1] == "Nothing was changed."
    assert state(house, house.sanne.root.account) == "open"
