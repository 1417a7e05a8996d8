"""The web edge: the only part that knows Flask. `create_app` wires it together and does nothing else."""

import logging
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response
from flask.typing import ResponseReturnValue
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from securemail.config import ROOT
from securemail.runtime import Runtime
from securemail.web import (
    again,
    assets,
    auth,
    banners,
    brand,
    compression,
    errors,
    filters,
    languages,
    sections,
    security,
    session,
    urls,
)

AREAS = (
    "health", "pwa", "login", "login_passkey", "login_step", "stepup", "setup", "signup", "mailbox", "conversation",
    "control", "renewal", "compose", "compose_checks", "guest", "guest_check", "guest_help", "guest_devices",
    "member_link", "claims", "help", "profile", "settings", "rotation", "recovery", "fresh_start", "waits", "requests",
    "members", "invitations", "policy", "reference", "factors", "phones", "passkeys", "address", "devices", "closing",
)  # fmt: skip


class Absent(StrictUndefined):
    """A name that a template was not given: it may ask whether it is there, and never show it."""

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


class App(Flask):
    """Flask, with the request's transaction ended between the page and its answer."""

    def dispatch_request(self) -> Response:
        """The page's answer, once what it did is committed; an answer that reports a problem keeps nothing."""
        return again.with_fresh_keys(self._page, auth.look_again)

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Who is asking, before the page."""
        return again.with_fresh_keys(super().preprocess_request, auth.forget)

    def _page(self) -> Response:
        response: Response = self.make_response(super().dispatch_request())
        session.settle(success=response.status_code < 400)
        return response

    def log_exception(self, exc_info: Any) -> None:
        """Where and what kind, as for every other error: the framework would write the error's words into the log."""
        errors.tell_log_of_failed_answer(exc_info[1])


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
    sections.register(app)
    banners.register(app)
    errors.register(app)
    compression.register(app)
    app.teardown_request(_release)
    for area in AREAS:
        app.register_blueprint(import_module(f"securemail.web.pages.{area}").pages)
    _answer_head_as_get(app)
    _know_own_name(app, runtime.settings.public_url)
    _trust_proxies(app, runtime.settings.trusted_proxies)
    logging.getLogger("securemail").setLevel(runtime.settings.log_level)
    return app


def _release(_error: BaseException | None) -> None:
    session.settle(success=False)
    session.do_afterwards()


def _answer_head_as_get(app: Flask) -> None:
    """The headers of a GET, made by a GET: a page that asks "is this a GET?" must not take a robot for a form."""
    inner = app.wsgi_app

    def head(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] != "HEAD":
            return inner(environ, start_response)
        body = inner({**environ, "REQUEST_METHOD": "GET"}, start_response)
        if hasattr(body, "close"):
            body.close()
        return []

    app.wsgi_app = head  # type: ignore[method-assign]


def _know_own_name(app: Flask, public_url: str) -> None:
    """Whatever a request calls us: no redirect leads to that name, and one that is no name at all breaks nothing."""
    own, inner = urlsplit(public_url), app.wsgi_app

    def named(environ: dict[str, Any], start_response: Any) -> Any:
        environ["HTTP_HOST"], environ["wsgi.url_scheme"] = own.netloc, own.scheme
        return inner(environ, start_response)

    app.wsgi_app = named  # type: ignore[method-assign]


def _trust_proxies(app: Flask, count: int) -> None:
    """Believe so many proxies about a visitor's address, and nobody about the host: links come from the settings."""
    if count:
        proxied: Any = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0, x_port=0, x_prefix=0)
        app.wsgi_app = proxied  # type: ignore[method-assign]
