"""How a database answers the list's queries: by an index, without sorting, skipping or counting the mailbox."""

import re
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Engine, event

from benchmarks.visits import Environ, visit

_LARGE = re.compile(r"\b(?:FROM|JOIN) (?:thread|message|item|envelope|recipient|conversation|draft|outbox)\b")
_SQLITE_BAD = re.compile(r"^SCAN (?!\(|few|anon)|USE TEMP B-TREE")
_POSTGRES_BAD = re.compile(r"Seq Scan|\bSort\b")
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
    """What is wrong with these queries, in words; nothing when each is answered by an index alone.

    Tables that do not grow with the mailbox (workers, organisations) may be read from end to end and sorted.
    """
    large = [query for query in asked if _LARGE.search(query[0])]
    with engine.connect() as connection:
        return [wrong for statement, values in large for wrong in _about(connection, statement, values)]


def _about(connection: Connection, statement: str, values: Any) -> list[str]:
    found = []
    if _COUNT.search(statement) and not _BOUNDED.search(statement):
        found.append(f"counts without a limit: {_short(statement)}")
    if _skips(statement, values):
        found.append(f"skips rows: {_short(statement)}")
    bad = _SQLITE_BAD if connection.dialect.name == "sqlite" else _POSTGRES_BAD
    lines = [line.strip() for line in _plan(connection, statement, values) if bad.search(line)]
    return found + [f"{line}: {_short(statement)}" for line in lines]


def _plan(connection: Connection, statement: str, values: Any) -> list[str]:
    if connection.dialect.name == "sqlite":
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values)]


def _skips(statement: str, values: Any) -> bool:
    # On SQLite the library writes "OFFSET ?" with the value 0 behind every limit, as the last of the values.
    if not re.search(r"\bOFFSET\b", statement):
        return False
    return not isinstance(values, tuple) or values[-1] != 0


def _short(statement: str) -> str:
    return " ".join(statement.split())[:160]
