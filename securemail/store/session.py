"""The engine on both databases, and the one way to open a transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session

_BUSY_MILLISECONDS = 5000


def make_engine(url: str) -> Engine:
    """An engine for SQLite (WAL, one writer) or PostgreSQL."""
    if url.startswith("sqlite"):
        return _sqlite(url)
    return create_engine(
        url, hide_parameters=True, pool_pre_ping=True, pool_size=8, max_overflow=8, pool_timeout=5,
        # Withdrawal counts on it: each of its statements sees what was committed before that statement.
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": 5, "options": "-c lock_timeout=5000 -c statement_timeout=30000"},
    )  # fmt: skip


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_MILLISECONDS / 1000})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # the driver's own BEGIN comes too late for our reads; we say it ourselves
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={_BUSY_MILLISECONDS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # One that reads first and writes later can be refused half-way; a writer therefore takes its place at once.
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def transaction(engine: Engine, *, write: bool) -> Iterator[Session]:
    """One transaction: committed when the block ends, rolled back when it raises."""
    with Session(engine.execution_options(write=write), expire_on_commit=False) as db:
        yield db
        db.commit()
