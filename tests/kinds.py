"""Marks for what is tried on one kind of database alone."""

import pytest

on_sqlite = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
"""For what the database has no part in."""

on_postgres = pytest.mark.parametrize(
    "databases", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
"""For two who write at once: SQLite lets one writer in at a time."""
