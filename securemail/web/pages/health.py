"""Whether the process lives, and whether the product can work."""

from functools import cache

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from securemail.config import ROOT
from securemail.delivery import workers
from securemail.web.session import current, settle

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def alive() -> ResponseReturnValue:
    """The process answers; nothing else is asked."""
    return {"status": "ok"}


@pages.get("/readyz")
def ready() -> ResponseReturnValue:
    """The database answers in the form that this code knows. A missing worker is told; mail then waits, pages work."""
    state = {"database": "away", "worker": "unknown"}
    try:
        ctx = current()
        found = MigrationContext.configure(ctx.db.connection()).get_current_revision()
        state["database"] = "ready" if found == _head() else "not migrated"
        if found == _head():
            state["worker"] = "alive" if workers.living(ctx) else "none"
    except SQLAlchemyError:
        settle(success=False)
    return state, 200 if state["database"] == "ready" else 503


@cache
def _head() -> str | None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head()
