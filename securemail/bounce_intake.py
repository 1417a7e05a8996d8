"""A mail that came back, from a pipe or over SMTP, taken to the receiver it was for. It is read, and kept nowhere.

The log says which row of the outbox and what became of it: no address, and nothing of what the mail says.
"""

import logging
from collections.abc import Iterable
from typing import Final, Literal

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from securemail.delivery import bounces, returned
from securemail.delivery.bounce_addresses import row_of
from securemail.errors import SecuremailError
from securemail.runtime import Runtime

log = logging.getLogger("securemail.bounces")

Outcome = bounces.Says | returned.Outcome | Literal["not ours"]

_DATABASE_AWAY: Final = (DBAPIError, PoolTimeout)


class TryLater(SecuremailError):
    """Nothing is lost when the mail is offered again: its sender keeps it until then."""


def row_at(runtime: Runtime, given: Iterable[str]) -> bytes | None:
    """The row whose mail came back to one of these addresses or headers."""
    wanted = runtime.settings.bounces
    if wanted is None:
        return None
    return next((row for text in given if (row := row_of(runtime.keys, wanted.address, text))), None)


def take(runtime: Runtime, raw: bytes, given: Iterable[str]) -> Outcome:
    """Read a mail that came to one of these addresses, and note what it says.

    Raises:
        TryLater: the database is away, or the mail's own sending is not written down yet.
    """
    row = row_at(runtime, given)
    if row is None:
        log.info("a mail to no address of ours: ignored")
        return "not ours"
    outcome = _take(runtime, raw, row)
    log.info("outbox %s came back: %s", row.hex(), outcome)
    return outcome


def _take(runtime: Runtime, raw: bytes, row: bytes) -> Outcome:
    says = bounces.read(raw)
    if says != "refused":
        return says
    try:
        with runtime.work(write=True) as ctx:
            return returned.note(ctx, row)
    except returned.TooEarly:
        raise TryLater("its sending is not written down yet") from None
    except _DATABASE_AWAY as error:
        # Without `from`: the error's words hold the values of its statement.
        raise TryLater(f"the database is not there ({type(error).__name__})") from None
