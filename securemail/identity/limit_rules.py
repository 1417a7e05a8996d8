"""Rules of slowing guesses down, without I/O: a counter and the time in, a new counter or `TooManyAttempts` out."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from securemail.errors import TooManyAttempts

_HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Bucket:
    """A counter's row: tries so far, and the moment from which it says nothing any more."""

    count: int
    ends: datetime


class Rule(Protocol):
    """Pure: a bucket and the time in, a new bucket or `TooManyAttempts` out."""

    @property
    def purpose(self) -> str: ...

    def spend(self, bucket: Bucket, now: datetime) -> Bucket: ...


@dataclass(frozen=True)
class Growing:
    """Some tries are free, each one after them waits twice as long; an hour of peace forgives everything."""

    purpose: str
    free: int
    first_wait: timedelta = timedelta(seconds=30)
    longest_wait: timedelta = timedelta(minutes=15)

    def spend(self, bucket: Bucket, now: datetime) -> Bucket:
        """One more try; a refused one is not counted."""
        if bucket.ends <= now:
            return Bucket(1, now + _HOUR)
        tried_last = bucket.ends - _HOUR
        # Of two at once, the one whose time was taken first may get the row second.
        now = max(now, tried_last)
        require_passed(tried_last + self._wait(bucket.count), now)
        return Bucket(bucket.count + 1, now + _HOUR)

    def _wait(self, count: int) -> timedelta:
        if count < self.free:
            return timedelta(0)
        # The exponent is bounded: the count is a column, and columns can be edited.
        return min(self.longest_wait, self.first_wait * (1 << min(count - self.free, 20)))


@dataclass(frozen=True)
class Steady:
    """So many at once, then as many an hour, evenly."""

    purpose: str
    an_hour: int

    def spend(self, bucket: Bucket, now: datetime) -> Bucket:
        """One more try: it moves the bucket's end on by its share of an hour, which may lie an hour ahead at most."""
        started = max(bucket.ends, now)
        require_passed(started + self.share - _HOUR, now)
        return Bucket(bucket.count + 1 if bucket.ends > now else 1, started + self.share)

    @property
    def share(self) -> timedelta:
        """What one try takes of the hour."""
        return _HOUR / self.an_hour


@dataclass(frozen=True)
class Few:
    """So many in any stretch of time of that length, however they are spread: each takes one of `most` places, and
    leaves it free again when `within` has passed."""

    purpose: str
    most: int
    within: timedelta


@dataclass(frozen=True)
class Daily:
    """So many, and no more until a day after the first: for codes that are short enough to be guessed in a year."""

    purpose: str
    a_day: int

    def spend(self, bucket: Bucket, now: datetime) -> Bucket:
        """One more try."""
        if bucket.ends <= now:
            return Bucket(1, now + DAY)
        if bucket.count >= self.a_day:
            require_passed(bucket.ends, now)
        return Bucket(bucket.count + 1, bucket.ends)


def require_passed(moment: datetime, now: datetime) -> None:
    """Raises `TooManyAttempts`, which says how long to wait."""
    if now < moment:
        raise TooManyAttempts(math.ceil((moment - now).total_seconds()))
