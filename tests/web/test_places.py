"""Time zones as people know them: by region, by city, with their distance from UTC today."""

from datetime import UTC, datetime

import pytest
from babel.dates import get_timezone
from flask import Flask

from securemail.web import places


def test_regions_stand_in_the_readers_language_with_cities_in_order(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "nl"}):
        regions = places.by_region()
        assert [str(region.name) for region in regions][:3] == ["Europa", "Afrika", "Amerika"]
        words = [words for _, words in regions[0].zones]
    assert words == sorted(words)
    assert any(one.startswith("Brussel (UTC+") for one in words)


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("Europe/Amsterdam", "UTC+1"), ("America/St_Johns", "UTC-3:30"), ("Africa/Abidjan", "UTC"),
        ("Asia/Kathmandu", "UTC+5:45"), ("Pacific/Chatham", "UTC+13:45"),
    ],
)  # fmt: skip
def test_the_distance_is_that_of_the_day(zone: str, said: str) -> None:
    winter = datetime(2026, 1, 15, 12, tzinfo=UTC)
    assert places._offset(winter.astimezone(get_timezone(zone))) == said
