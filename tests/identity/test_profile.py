"""Name, language and zone stand in the directory, and no change loses another."""

from pathlib import Path

import pytest
from babel.dates import get_timezone

from securemail.errors import InvalidInput
from securemail.identity import profile
from securemail.mailboxes import directory
from tests.house import SANNE, House
from tests.security.processes import race


def entry(house: House) -> directory.Entry:
    with house.work() as ctx:
        found = directory.find(ctx, SANNE[0])
        assert found is not None
        return found


def test_the_directory_and_the_address_tell_the_same_name(house: House) -> None:
    with house.work() as ctx:
        profile.rename(ctx, house.sanne.owner, "  Sanne   de Wit ")
    assert entry(house).name == "Sanne de Wit"
    with house.work() as ctx:
        known = directory.of_mailbox(ctx, house.sanne.mailbox)
        assert known is not None
        assert known.name == "Sanne de Wit"


def test_one_change_keeps_the_others(house: House) -> None:
    with house.work() as ctx:
        profile.set_language(ctx, house.sanne.owner, "en")
        profile.set_zone(ctx, house.sanne.owner, "Pacific/Auckland")
        profile.rename(ctx, house.sanne.owner, "Sanne de Wit")
    found = entry(house)
    assert (found.name, found.language, found.zone, found.address) == (
        "Sanne de Wit", "en", "Pacific/Auckland", SANNE[0],
    )  # fmt: skip


def test_two_changes_at_once_are_both_kept(house: House, tmp_path: Path) -> None:
    zones = ("Europe/Paris", "Europe/Rome")

    def rename(house: House, number: int) -> None:
        with house.work() as ctx:
            profile.rename(ctx, house.sanne.owner, f"Sanne {number}")

    def move(house: House, number: int) -> None:
        with house.work() as ctx:
            profile.set_zone(ctx, house.sanne.owner, zones[number % 2])

    said = race(house, tmp_path, 10, rename, move)
    assert {word for words in said for word in words} == {"done"}
    found = entry(house)
    assert (found.name, found.zone) == ("Sanne 9", zones[1])


@pytest.mark.parametrize("zone", ["", "Europe", "Etc/GMT+3", "Europe/Nowhere", "../etc/passwd", "x" * 5000])
def test_what_is_no_place_is_refused(house: House, zone: str) -> None:
    with house.work() as ctx, pytest.raises(InvalidInput, match="zone: unknown"):
        profile.set_zone(ctx, house.sanne.owner, zone)


def test_every_place_that_is_offered_has_a_time() -> None:
    assert len(profile.zones()) > 300
    assert all(get_timezone(zone) for zone in profile.zones())
    assert profile.zones()[0].startswith("Europe/")
    assert profile.canonical_zone("Asia/Calcutta") == "Asia/Kolkata"
