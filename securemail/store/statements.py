"""Statements that both databases have and SQLAlchemy spells per dialect: insert, unless it is there already."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from securemail.store.base import Base

NO_SYNC: Final = {"synchronize_session": False}
"""For statements over rows that this transaction holds no objects of, or reads anew before it looks at them."""


def insert_if_absent(db: Session, model: type[Base], values: Mapping[str, Any]) -> bool:
    """Insert a row unless a unique key stands in the way; a race with another transaction waits for its end.

    Returns:
        Whether the row is new.
    """
    table: Any = model.__table__
    if db.get_bind().dialect.name == "postgresql":
        statement: Any = postgresql.insert(table).values(values).on_conflict_do_nothing()
    else:
        statement = sqlite.insert(table).values(values).on_conflict_do_nothing()
    return db.execute(statement.returning(literal(1))).first() is not None


def upsert(
    db: Session, model: type[Base], values: Mapping[str, Any], *, key: list[str], update: Mapping[str, Any]
) -> None:
    """Insert a row, or change the one with the same `key` to `update` (which may use columns of the model)."""
    if db.get_bind().dialect.name == "postgresql":
        ours = postgresql.insert(model).values(values)
        db.execute(ours.on_conflict_do_update(index_elements=key, set_=dict(update)))
        return
    theirs = sqlite.insert(model).values(values)
    db.execute(theirs.on_conflict_do_update(index_elements=key, set_=dict(update)))


def changed(db: Session, statement: Any) -> int:
    """How many rows a statement changed: compare-and-swap looks at nothing else."""
    result: Any = db.execute(statement, execution_options=NO_SYNC)
    return int(result.rowcount)
