"""When a failed mail is tried again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from securemail.delivery.backoff import delay


def test_the_first_wait_is_half_a_minute() -> None:
    assert delay(1, 0.0) == timedelta(seconds=30)


def test_waits_grow_and_end_after_about_two_days() -> None:
    waits = []
    while (wait := delay(len(waits) + 1, 0.0)) is not None:
        waits.append(wait)
    assert waits == sorted(waits)
    assert timedelta(hours=40) < sum(waits, timedelta()) < timedelta(hours=56)


@given(tries=st.integers(0, 9), jitter=st.floats(0, 1))
def test_jitter_only_lengthens_and_by_a_fifth_at_most(tries: int, jitter: float) -> None:
    plain, spread = delay(tries, 0.0), delay(tries, jitter)
    assert plain is not None
    assert spread is not None
    assert plain <= spread <= plain * 1.2 + timedelta(microseconds=1)


def test_an_sms_is_tried_again_within_seconds_and_given_up_within_ten_minutes() -> None:
    waits = []
    while (wait := delay(len(waits) + 1, 1, channel="sms")) is not None:
        waits.append(wait)
    assert waits[0] < timedelta(seconds=5)
    assert waits == sorted(waits)
    assert timedelta(minutes=5) < sum(waits, timedelta()) < timedelta(minutes=10)
