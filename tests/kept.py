"""What a process makes once and lends to its tests in turn: engines, which compile statements, and the application.

Compiling statements and the addresses of pages anew for every test took a third of the suite's time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event, make_url

from securemail.runtime import Runtime
from securemail.store.session import make_engine
from securemail.web import create_app


@dataclass
class _Lent:
    """An engine with the statements that it has compiled, and the database that it leads to for now."""

    engine: Engine
    url: str

    def aim(self, dialect: Any, _record: Any, arguments: list[Any], named: dict[str, Any]) -> None:
        """Just before it connects."""
        arguments[:], found = dialect.create_connect_args(make_url(self.url))
        named.update(found)


_idle: dict[str, list[_Lent]] = {}


@contextmanager
def on_kept_engine(runtime: Runtime) -> Iterator[Runtime]:
    """The same runtime on an engine that has compiled the statements of earlier tests; nobody else has it meanwhile."""
    url = runtime.settings.database_url
    idle = _idle.setdefault(runtime.engine.dialect.name, [])
    lent = idle.pop() if idle else _new(url)
    lent.url = url
    yield replace(runtime, engine=lent.engine)
    lent.engine.dispose()
    idle.append(lent)


def _new(url: str) -> _Lent:
    lent = _Lent(make_engine(url), url)
    event.listen(lent.engine, "do_connect", lent.aim)
    return lent


_apps: list[Flask] = []


def app_around(runtime: Runtime) -> Flask:
    """The application, for who adds nothing to it: there is one, whose runtime is exchanged."""
    if not _apps:
        _apps.append(create_app(runtime))
    [app] = _apps
    app.extensions["securemail"] = runtime
    return app
