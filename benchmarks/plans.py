"""What a database does for the queries of a list: a page's worth, without skipping or counting the mailbox."""

import json
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Engine, event

from benchmarks.visits import Environ, visit

MOST_STEPS = 50_000
"""Instructions of SQLite's machine for one query; a page of fifty rows takes about a tenth of it."""
MOST_ROWS = 1_000
"""Rows that any part of PostgreSQL's plan may look at. A sort of the fifty that are shown is no harm."""
_COUNT = re.compile(r"count\(", re.IGNORECASE)
_BOUNDED = re.compile(r"count\(\*\) AS \w+\s+FROM \(SELECT .* LIMIT ", re.IGNORECASE | re.DOTALL)
Asked = tuple[str, Any]


def asked_for(app: Flask, engine: Engine, environ: Environ) -> list[Asked]:
    """Every query of a page, with its values."""
    asked: list[Asked] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        visit(app, environ)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return asked


def complaints(engine: Engine, asked: list[Asked]) -> list[str]:
    """What is wrong with these queries, in words; nothing when each touches only what it shows."""
    with engine.connect() as connection:
        return [wrong for statement, values in asked for wrong in _about(connection, statement, values)]


def _about(connection: Connection, statement: str, values: Any) -> Iterator[str]:
    short = " ".join(statement.split())[:160]
    if _COUNT.search(statement) and not _BOUNDED.search(statement):
        yield f"counts without a limit: {short}"
    if _skips(statement, values):
        yield f"skips rows: {short}"
    if connection.dialect.name == "sqlite":
        steps = _steps(connection, statement, values)
        if steps > MOST_STEPS:
            yield f"takes {steps} steps: {short}"
        return
    rows = max(_rows(_plan(connection, statement, values)))
    if rows > MOST_ROWS:
        yield f"looks at {rows:.0f} rows: {short}"


def _skips(statement: str, values: Any) -> bool:
    # On SQLite the library writes "OFFSET ?" with the value 0 behind every limit.
    places = statement.count("?", 0, statement.upper().find(" OFFSET ?"))
    if " OFFSET ?" in statement.upper() and isinstance(values, tuple):
        return bool(values[places] != 0)
    return " OFFSET " in statement.upper()


def _steps(connection: Connection, statement: str, values: Any) -> int:
    raw: Any = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 100
        return 0

    raw.set_progress_handler(count, 100)
    try:
        connection.exec_driver_sql(statement, values).all()
    finally:
        raw.set_progress_handler(None, 0)
    return steps


def _plan(connection: Connection, statement: str, values: Any) -> Any:
    told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).scalar_one()
    return (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]


def _rows(node: Any) -> Iterator[float]:
    """How many rows each part of a plan looked at, those that it then left out included."""
    seen = node["Actual Rows"] + sum(value for key, value in node.items() if key.startswith("Rows Removed by"))
    yield seen * node["Actual Loops"]
    for part in node.get("Plans", ()):
        yield from _rows(part)
