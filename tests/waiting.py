"""Waiting for the thing itself: asked again and again, and for a lock of the database that holds it."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine, event, text

from tests.servers import PATIENCE

_AGAIN = 0.02
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
)


def until(condition: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    """Ask until it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(_AGAIN)


def somebody_waits(engine: Engine) -> bool:
    """Whether a transaction stands at a lock that another one holds.

    SQLite lets one writer in at a time: whoever comes second has not begun, and sees all that the first one did,
    whether it stands there already or not. So nobody has to wait until it does.
    """
    if engine.dialect.name == "sqlite":
        return True
    with engine.connect() as connection:
        return bool(connection.scalar(_WAITING))


def until_it_waits(engine: Engine, other: threading.Thread) -> None:
    """Until the other thread stands at a lock that this one holds, or has got through without one."""
    until(lambda: not other.is_alive() or somebody_waits(engine))


def wait_long(engine: Engine) -> None:
    """Longer than the product waits for a lock, since a machine may be busy: a race is about who wins, not how soon."""
    milliseconds = int(PATIENCE * 1000)

    def settle(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        if engine.dialect.name == "sqlite":
            cursor.execute(f"PRAGMA busy_timeout={milliseconds}")
        else:
            cursor.execute(f"SET lock_timeout = {milliseconds}")
            cursor.execute(f"SET statement_timeout = {2 * milliseconds}")
            connection.commit()  # type: ignore[attr-defined]
        cursor.close()

    event.listen(engine, "connect", settle)
