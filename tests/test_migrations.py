"""The migrations lead to exactly the tables that the models describe, and back to nothing."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

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


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory.from_config(_config()).get_heads()) == 1
