"""The time is aware and in UTC."""

from datetime import timedelta

from securemail import clock


def test_now_is_in_utc() -> None:
    assert clock.now().utcoffset() == timedelta(0)
