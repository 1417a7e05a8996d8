"""Runs the migrations, each in a transaction, against the database of the caller or of DATABASE_URL."""

import os
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, Engine, event

from securemail.config import database_url
from securemail.store import models  # noqa: F401 the tables register themselves
from securemail.store.base import Base, UtcDateTime
from securemail.store.session import make_engine


def url() -> str:
    given = context.config.get_main_option("sqlalchemy.url")
    return given or database_url(os.environ.get("DATABASE_URL", ""))


def render(kind: str, thing: Any, _context: AutogenContext) -> str | Literal[False]:
    # A migration stands on its own: it must still run when our column types have changed.
    if kind == "type" and isinstance(thing, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def _keep_rows_while_tables_are_made_anew(engine: Engine) -> None:
    # SQLite changes a table by copying it and dropping the old one, and a dropped table takes the rows that refer to it
    # along (ON DELETE CASCADE). The switch has no effect once a transaction has begun.
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA foreign_keys=OFF"))


def _require_whole(connection: Connection) -> None:
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise RuntimeError("a migration left rows that refer to nothing; the database is as it was before")


def run() -> None:
    engine = make_engine(url())
    _keep_rows_while_tables_are_made_anew(engine)
    # With `write`, SQLite lets one process migrate at a time; PostgreSQL sees to it with Alembic's version table.
    with engine.execution_options(write=True).connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=render,
            compare_type=True,
            transactional_ddl=True,  # SQLite can, since our engine says BEGIN itself
        )
        with context.begin_transaction():
            context.run_migrations()
            _require_whole(connection)
    engine.dispose()


run()
