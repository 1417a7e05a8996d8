"""Health answers are about the process and the database, and need nobody to be logged in."""

from pathlib import Path

from sqlalchemy import text

from securemail.config import Settings
from securemail.delivery import workers
from securemail.runtime import Runtime
from securemail.web import create_app
from tests.house import House, TurnedClock
from tests.serve import CHEAP
from tests.servers import product_environ
from tests.visitor import Visitor


def test_the_process_is_alive(visitor: Visitor) -> None:
    assert visitor.get("/healthz").json == {"status": "ok"}


def test_ready_tells_of_database_and_worker(visitor: Visitor, house: House) -> None:
    answer = visitor.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"database": "ready", "worker": "none"})
    with house.work() as ctx:
        workers.announce(ctx, workers.OwnKey.new())
    assert visitor.get("/readyz").json == {"database": "ready", "worker": "alive"}


def test_a_database_of_another_form_is_not_ready(visitor: Visitor, house: House) -> None:
    with house.work() as ctx:
        ctx.db.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    answer = visitor.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["database"] == "not migrated"


def test_a_database_that_is_away_is_told_and_pages_say_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nowhere' / 'x.db'}"
    settings = Settings.from_environ(product_environ(tmp_path, url, port=8000, smtp_port=2525))
    runtime = Runtime.assemble(settings, argon2=CHEAP, clock=TurnedClock())
    visitor = Visitor(create_app(runtime))
    assert visitor.get("/healthz").status_code == 200
    assert visitor.get("/readyz").status_code == 503
    answer = visitor.get("/login")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert "<h1" in answer.text
    runtime.engine.dispose()
