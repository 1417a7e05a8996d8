"""How fast one may guess, as arithmetic: growing waits, an even trickle, an hour of peace."""

from datetime import UTC, datetime, timedelta

import pytest

from securemail.errors import TooManyAttempts
from securemail.identity.limit_rules import Bucket, Growing, Steady

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_waits_grow_and_stop_growing_at_a_quarter_of_an_hour() -> None:
    rule, bucket, now, waits = Growing("try", free=2), Bucket(0, NOW), NOW, []
    for _ in range(10):
        try:
            bucket = rule.spend(bucket, now)
        except TooManyAttempts as refused:
            waits.append(refused.retry_after)
            now += timedelta(seconds=refused.retry_after)
            bucket = rule.spend(bucket, now)
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_an_hour_of_peace_forgives() -> None:
    rule = Growing("try", free=2)
    assert rule.spend(Bucket(40, NOW), NOW) == Bucket(1, NOW + timedelta(hours=1))


def test_of_two_free_tries_at_once_the_one_that_began_first_may_be_counted_second() -> None:
    rule = Growing("try", free=2)
    later = rule.spend(Bucket(0, NOW), NOW + timedelta(microseconds=1))
    both = rule.spend(later, NOW)
    assert both == Bucket(2, later.ends)
    with pytest.raises(TooManyAttempts):
        rule.spend(both, NOW)


def test_a_steady_rule_gives_a_burst_and_then_one_at_a_time() -> None:
    rule, bucket = Steady("try", an_hour=60), Bucket(0, NOW)
    for _ in range(60):
        bucket = rule.spend(bucket, NOW)
    with pytest.raises(TooManyAttempts) as refused:
        rule.spend(bucket, NOW)
    assert refused.value.retry_after == 60
    rule.spend(bucket, NOW + timedelta(seconds=60))


def test_a_column_somebody_edited_does_not_overflow() -> None:
    with pytest.raises(TooManyAttempts):
        Growing("try", free=2).spend(Bucket(10**9, NOW + timedelta(hours=1)), NOW)
