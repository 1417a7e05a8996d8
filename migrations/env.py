"""Runs the migrations, each in a transaction, against the database of the caller or of DATABASE_URL."""

import os
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

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


def run() -> None:
    engine = make_engine(url())
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
    engine.dispose()


run()
