"""When a mail that could not be delivered is tried again: a pure function of how often it was tried."""

from datetime import timedelta
from typing import Final

_WAITS: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=18),
)
"""Two days together: as long as mail servers commonly keep trying."""
_SPREAD: Final = 0.2


def delay(tries: int, jitter: float) -> timedelta | None:
    """How long to wait after the try with this number (1 is the first), None when it was the last.

    `jitter` from 0 to 1 lengthens the wait by up to a fifth, so that what failed together does not come back together.
    """
    if tries > len(_WAITS):
        return None
    return _WAITS[max(tries, 1) - 1] * (1 + _SPREAD * jitter)
