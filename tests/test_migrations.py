"""The migrations lead to exactly the tables that the models describe, and back to nothing."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from securemail.config import ROOT
from securemail.release import migrate
from securemail.store import models  # noqa: F401 the tables register themselves
from securemail.store.base import Base
from securemail.store.session import make_engine


def _config(url: str = "") -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def test_the_models_equal_the_migrations_head(database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    migrate(database_url)


def test_migrations_go_down_to_nothing_and_up_again(database_url: str) -> None:
    command.downgrade(_config(database_url), "base")
    engine = make_engine(database_url)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    migrate(database_url)
    assert {"account", "message", "outbox"} <= set(inspect(engine).get_table_names())
    engine.dispose()


def test_a_filled_house_of_the_first_release_keeps_every_row(database_url: str) -> None:
    command.downgrade(_config(database_url), "0001")
    engine = make_engine(database_url)
    with engine.execution_options(write=True).begin() as connection:
        for statement in _A_HOUSE:
            connection.execute(text(statement), _VALUES)
    migrate(database_url)
    with engine.connect() as connection:
        counts = {table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() for table in _FILLED}
        states = connection.execute(text("SELECT state, vault_revision FROM account")).all()
    engine.dispose()
    assert counts == {**dict.fromkeys(_FILLED, 1), "pending": 0}
    assert [tuple(row) for row in states] == [("active", 3)]


_FILLED = ("account", "unlocker", "session", "organisation", "member", "mailbox", "mail_grant", "item", "pending")
_VALUES = {"i": bytes(16), "h": bytes(32), "t": "2026-11-22 08:00:00+00:00", "b": b"sealed"}
_A_HOUSE = (
    "INSERT INTO account VALUES (:i, 'active', 1, 3, :t, :b, :b)",
    "INSERT INTO unlocker VALUES (:i, :i, 'recovery', NULL, :b, :b)",
    "INSERT INTO session VALUES (:h, :i, 1, :t, :t, :t, true, :b)",
    "INSERT INTO organisation VALUES (:i, 'Van Dalen & Bakker', :t, :h)",
    "INSERT INTO member VALUES (:i, :i, 'member')",
    "INSERT INTO mailbox VALUES (:i, 'personal', :i, 1, :b)",
    "INSERT INTO mail_grant VALUES (:i, :i, 1, :i, 'owner', :t, :b)",
    "INSERT INTO conversation VALUES (:i, :t)",
    "INSERT INTO message VALUES (:i, :i, :i, 'mailbox', :i, :t, :i, 'sent', :h, :b, :b)",
    "INSERT INTO item VALUES (:i, :i, 1, 'received', :t, :b)",
    "INSERT INTO pending VALUES (:i, 'sign-up', :h, :h, :t, :t, :b)",
)


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory.from_config(_config()).get_heads()) == 1
