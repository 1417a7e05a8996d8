"""Logging in, on its own page or over the page whose session ended, and logging out."""

import json
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from securemail import ids
from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.errors import InvalidInput, TooManyAttempts
from securemail.identity import limits, login, sessions
from securemail.identity.context import Context
from securemail.identity.login import WrongLogin
from securemail.mailboxes.addresses import normalise
from securemail.organisations import organisations
from securemail.web import forms, session
from securemail.web.error_texts import field_text
from securemail.web.filters import clock_time
from securemail.web.forms import Errors
from securemail.web.htmx import render

pages = Blueprint("login", __name__)
_IN_PLACE = {"HX-Retarget": "[data-login-place]", "HX-Reswap": "outerHTML"}


@pages.route("/login", methods=["GET", "POST"], endpoint="login")
def login_() -> ResponseReturnValue:
    """The page; a right password leads to where somebody was going. Before set-up there is nobody to log in."""
    if request.method == "GET":
        if not organisations.any_exists(session.current()):
            return redirect(url_for("setup.start"), 303)
        return redirect(_target(), 303) if current_user.is_authenticated else _form("login/login.html")
    try:
        _log_in()
    except _Refused as refused:
        return _form("login/login.html", errors=refused.errors, retry_after=refused.retry_after)
    return redirect(_target(), 303)


@pages.route("/login/again", methods=["GET", "POST"])
def fragment() -> ResponseReturnValue:
    """The same over a page on which somebody is still writing: the page learns its new form token and goes on."""
    if request.method == "GET":
        return _form("login/dialog.html")
    try:
        session_of = _log_in()
    except _Refused as refused:
        answer = make_response(_form("login/dialog.html", errors=refused.errors, retry_after=refused.retry_after))
        answer.headers.update(_IN_PLACE)
        return answer
    renewed = {
        "session-renewed": {"csrf": cookies.form_token(session_of.secret), "account": ids.to_text(session_of.account)}
    }
    return "", 204, {"HX-Trigger": json.dumps(renewed)}


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session here. Only the cache is cleared: a guest's cookie in the same browser stays."""
    secret = session.member_secret()
    if secret is not None:
        sessions.end(session.current(), secret)
    session.forget_member()
    response = redirect(url_for("login.login", bye=1), 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@dataclass(frozen=True, repr=False)
class _Begun:
    """A session that has just begun. The page says whose it was: what somebody else wrote is not sent for them."""

    secret: SessionSecret
    account: bytes


class _Refused(Exception):
    def __init__(self, errors: Errors, retry_after: int | None = None) -> None:
        super().__init__()
        self.errors = errors
        self.retry_after = retry_after


def _log_in() -> _Begun:
    """Count the try, look up, stretch without a transaction, and only then open the one that writes."""
    if g.get("cookie_missing"):
        raise _Refused(Errors())
    try:
        address = normalise(forms.text("address"))
    except InvalidInput as error:
        raise _Refused(forms.errors_of(error)) from error
    if not forms.text("password"):
        raise _Refused(forms.errors_of(InvalidInput("password", "empty")))
    try:
        limits.check_login(session.runtime(), address, session.network())
        return _prove(address)
    except TooManyAttempts as error:
        raise _Refused(Errors(), error.retry_after) from error
    except WrongLogin as error:
        raise _Refused(Errors(form=field_text("login", "wrong"))) from error


def _prove(address: str) -> _Begun:
    own, remember = session.runtime(), forms.checked("remember")
    with session.read_apart() as look:
        candidate = login.find(look, address)
    proved = login.prove(own.keys, own.hasher, candidate, forms.text("password"))
    ctx = session.current()
    _end_older(ctx)
    secret = login.finish(ctx, proved, remember=remember).secret
    limits.forgive_login(ctx, address, session.network())
    session.keep_member(secret, remember=remember)
    return _Begun(secret, proved.root.account)


def _end_older(ctx: Context) -> None:
    older = session.member_secret()
    if older is not None:
        sessions.end(ctx, older)


def _form(template: str, *, errors: Errors | None = None, retry_after: int | None = None) -> ResponseReturnValue:
    missing = bool(g.get("cookie_missing"))
    status = 200 if errors is None else 429 if retry_after else 400 if missing else 422
    page = render(
        template,
        values={"address": forms.text("address"), "remember": forms.checked("remember"), "next": _next()},
        errors=errors or Errors(),
        retry=_clock(retry_after),
        cookie_missing=missing,
        sign_up_open=session.runtime().settings.sign_up == "open",
        ended=request.args.get("ended") == "1",
        goodbye=request.args.get("bye") == "1",
        in_place=template == "login/dialog.html",
    )
    return page, status, {"Retry-After": str(retry_after)} if retry_after else {}


def _clock(retry_after: int | None) -> str | None:
    return clock_time(session.runtime().clock() + timedelta(seconds=retry_after)) if retry_after else None


def _next() -> str:
    path = request.values.get("next", "")
    return path if session.is_own_path(path) else ""


def _target() -> str:
    return _next() or url_for("mailbox.inbox")
