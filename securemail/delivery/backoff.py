"""When a mail or an SMS that could not be delivered is tried again: a pure function of how often it was tried."""

from datetime import timedelta
from typing import Final

from securemail.delivery.channels import Channel

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
_SMS_WAITS: Final = tuple(timedelta(seconds=wait) for wait in (2, 3, 5, 10, 15, 30, 60, 60, 60, 60, 60, 60))
"""Seven minutes, and with the time that the tries take no more than ten: a person sits and waits."""
_SPREAD: Final = 0.2


def delay(tries: int, jitter: float, *, channel: Channel = "mail") -> timedelta | None:
    """How long to wait after the try with this number (1 is the first), None when it was the last.

    `jitter` from 0 to 1 lengthens the wait by up to a fifth, so that what failed together does not come back together.
    """
    waits = _SMS_WAITS if channel == "sms" else _WAITS
    if tries > len(waits):
        return None
    return waits[max(tries, 1) - 1] * (1 + _SPREAD * jitter)
