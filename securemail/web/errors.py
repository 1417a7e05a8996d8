"""One table from what went wrong to what is answered: a designed page, or a fragment for who asked for a part."""

import json
import logging
import secrets
import traceback
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from flask import Flask, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException

from securemail import ids
from securemail.clock import now
from securemail.errors import (
    Busy,
    Conflict,
    Forbidden,
    Gone,
    InvalidInput,
    NotFound,
    StaleKeys,
    TooManyAttempts,
)
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.identity import limits
from securemail.identity.challenges import SessionEnded
from securemail.identity.context import Context
from securemail.mailboxes.keys import UntrustedKey
from securemail.organisations import audit, organisations
from securemail.web import auth, entering, htmx, session, stepup
from securemail.web.auth import ArrivalEnded, LogInFirst, SecureFirst
from securemail.web.error_texts import error_text
from securemail.web.filters import clock_time
from securemail.web.security import BadToken, form_token, use_stranger_for_forms
from securemail.web.stepup import ProveAgain

log = logging.getLogger(__name__)

STATUS: Final[Mapping[type[Exception], int]] = {
    LogInFirst: 401,
    ArrivalEnded: 401,
    SessionEnded: 401,
    SecureFirst: 403,
    ProveAgain: 403,
    GuestSessionEnded: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    StaleKeys: 409,
    Gone: 410,
    InvalidInput: 422,
    TooManyAttempts: 429,
    Busy: 503,
    exc.OperationalError: 503,
    exc.InterfaceError: 503,
    exc.TimeoutError: 503,
}
"""Whatever else a page raises is a mistake of ours, or an alarm: 500."""
_COME_BACK: Final = 5
_NOT_KEPT: Final = frozenset({"csrf_token", "password"})


def register(app: Flask) -> None:
    """Answer every error."""
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer)


def _answer_http(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error  # a redirect
    response = make_response(_page(error.code))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    if isinstance(error, BadToken) and htmx.is_htmx() and (account := _account()):
        # Somebody logged in anew in another tab: this page learns its new token, and the next try works; unless it is
        # somebody else's page. Other sites cannot read the token.
        renewed = {"csrf": form_token(), "account": account}
        response.headers["HX-Trigger"] = json.dumps({"session-renewed": renewed})
    return response


def _account() -> str | None:
    """Whose session the browser holds now."""
    try:
        return ids.to_text(auth.member().root.account)
    except (LogInFirst, UntrustedKey, exc.OperationalError):
        return None


def _answer(error: Exception) -> ResponseReturnValue:
    status = _status(error)
    if isinstance(error, SecureFirst):
        return _go(url_for("factors.overview", required=1))
    if isinstance(error, ProveAgain):
        return stepup.ask()
    if isinstance(error, ArrivalEnded):
        session.settle(success=False)
        g.failed = True
        return entering.begin_again()
    if status == 401:
        return _log_in_first()
    _tell_log(error, status)
    if isinstance(error, UntrustedKey):
        session.afterwards(_record_alarm)
    retry_after = _retry_after(error, status)
    response = make_response(_page(status, retry_after))
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _go(path: str) -> ResponseReturnValue:
    """Lead somewhere else; a part of a page cannot hold it, so that script is told to leave the page."""
    if htmx.is_partial():
        return "", 204, {"HX-Redirect": path}
    return redirect(path, 303)


def _status(error: Exception) -> int:
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def _retry_after(error: Exception, status: int) -> int | None:
    if isinstance(error, TooManyAttempts | Busy):
        return error.retry_after
    return _COME_BACK if status == 503 else None


def _page(status: int, retry_after: int | None = None) -> ResponseReturnValue:
    session.settle(success=False)
    g.failed = True  # what the page asks the database from here on only reads
    minutes = retry_after is not None and retry_after >= 60
    retry = clock_time(now() + timedelta(seconds=retry_after or 0)) if minutes else None
    template = "errors/fragment.html" if _wants_fragment() else "errors/page.html"
    home = url_for("mailbox.start")
    return render_template(template, status=status, error=error_text(status), retry=retry, home=home), status


def _wants_fragment() -> bool:
    # What a service worker fetches for the address bar has no destination either: its mode tells it apart.
    headers = request.headers
    asked_by_script = headers.get("Sec-Fetch-Dest") == "empty" and headers.get("Sec-Fetch-Mode") != "navigate"
    return htmx.is_partial() or asked_by_script


def _log_in_first() -> ResponseReturnValue:
    """A page leads to the log-in; a form comes back with everything that was typed; htmx gets its fragment."""
    if _wants_fragment():
        return _page(401)
    if request.method in session.SAFE:
        ended = 1 if session.member_secret() is not None else None
        return redirect(url_for("login.login", next=request.full_path.rstrip("?"), ended=ended), 303)
    session.settle(success=False)
    g.failed = True
    try:
        typed = list(request.form.items(multi=True))
    except HTTPException as error:  # too large, or no form at all: nothing can be kept
        return _answer_http(error)
    use_stranger_for_forms()
    kept = [(name, value) for name, value in typed if name not in _NOT_KEPT]
    return render_template("login/again.html", kept=kept, action=request.path), 401


def _record_alarm(ctx: Context) -> None:
    organisation = organisations.first(ctx)
    if organisation is not None and limits.has_room_for_alarm(ctx):
        audit.alarm(ctx, organisation.id, {"reference": g.get("request_id", ""), "page": request.endpoint or ""})


def tell_log_of_failed_answer(error: BaseException) -> None:
    """The same for an error that came up while an error was answered, in place of the framework's trace with words."""
    _tell_log(error, 500)


def _tell_log(error: BaseException, status: int) -> None:
    """Where it happened and what kind of error, never its words: they may quote a letter."""
    if status < 500 or isinstance(error, Busy):
        return
    g.request_id = secrets.token_hex(4)
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    log.error("%s %s in %s at %s", g.request_id, type(error).__name__, request.endpoint, places)
