"""A request whose keys were replaced while it ran does it again, with fresh ones; nothing of the first try is kept."""

from collections.abc import Callable
from typing import Final, TypeVar

from securemail.errors import StaleKeys

Answer = TypeVar("Answer")
_TRIES: Final = 4
"""More than one rotation at a time is rare, and each takes milliseconds."""


def with_fresh_keys(work: Callable[[], Answer], look_again: Callable[[], None]) -> Answer:
    """Do it, and when keys were replaced meanwhile, look anew who asks and do it again.

    Raises:
        StaleKeys: it happened each time.
        Whatever `look_again` raises: the session may have ended with the rotation.
    """
    for _ in range(_TRIES - 1):
        try:
            return work()
        except StaleKeys:
            look_again()
    return work()
