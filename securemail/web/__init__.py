"""The web edge: the only part that knows Flask. `create_app` wires it together and does nothing else."""

import logging
from importlib import import_module
from typing import Any

from flask import Flask, Response
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from securemail.config import ROOT
from securemail.runtime import Runtime
from securemail.web import (
    assets,
    auth,
    brand,
    compression,
    errors,
    filters,
    languages,
    security,
    session,
    urls,
)

AREAS = (
    "health", "pwa", "login", "setup", "signup", "mailbox", "conversation", "compose", "guest", "profile",
)  # fmt: skip


class Absent(StrictUndefined):
    """A name that a template was not given: it may ask whether it is there, and never show it."""

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


class App(Flask):
    """Flask, with the request's transaction ended between the page and its answer."""

    def dispatch_request(self) -> Response:
        """The page's answer, once what it did is committed; an answer that reports a problem keeps nothing."""
        response: Response = self.make_response(super().dispatch_request())
        session.settle(success=response.status_code < 400)
        return response


def create_app(runtime: Runtime) -> Flask:
    """The WSGI application around a runtime."""
    app = App(__name__, template_folder=str(ROOT / "templates"), static_folder=None)
    app.extensions["securemail"] = runtime
    app.jinja_env.undefined = Absent
    app.url_map.converters["identifier"] = urls.IdentifierConverter
    security.register(app, runtime.settings)
    auth.register(app)
    languages.register(app, runtime.settings.default_language)
    assets.register(app, ROOT / "static")
    filters.register(app)
    brand.register(app)
    errors.register(app)
    compression.register(app)
    app.teardown_request(_release)
    for area in AREAS:
        app.register_blueprint(import_module(f"securemail.web.pages.{area}").pages)
    _trust_proxies(app, runtime.settings.trusted_proxies)
    logging.getLogger("securemail").setLevel(runtime.settings.log_level)
    return app


def _release(_error: BaseException | None) -> None:
    session.settle(success=False)
    session.do_afterwards()


def _trust_proxies(app: Flask, count: int) -> None:
    """Believe so many proxies about a visitor's address, and nobody about the host: links come from the settings."""
    if count:
        proxied: Any = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0, x_port=0, x_prefix=0)
        app.wsgi_app = proxied  # type: ignore[method-assign]
