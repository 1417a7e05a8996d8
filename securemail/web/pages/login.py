"""Logging in, on its own page or over the page whose session ended: password or passkey. And logging out.

The second step has pages of its own: `pages.login_step`.
"""

from dataclasses import dataclass

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.errors import Busy, InvalidInput, TooManyAttempts
from securemail.identity import arrivals, limits, login, passwords, rotation, second_step, sessions
from securemail.identity.context import Context
from securemail.identity.login import Candidate, Proved, WrongLogin
from securemail.identity.passwords import NewPassword
from securemail.mailboxes.addresses import normalise
from securemail.organisations import organisations
from securemail.web import entering, forms, login_steps, session
from securemail.web.devices import this_browser
from securemail.web.entering import in_place, password_form
from securemail.web.error_texts import field_text
from securemail.web.forms import Errors

pages = Blueprint("login", __name__)


@pages.route("/login", methods=["GET", "POST"], endpoint="login")
def login_() -> ResponseReturnValue:
    """The page; a right password leads to where somebody was going, or to the second step. Before set-up there is
    nobody to log in."""
    if request.method == "GET":
        if not organisations.any_exists(session.current()):
            return redirect(url_for("setup.start"), 303)
        if current_user.is_authenticated:
            return redirect(entering.target(), 303)
        return password_form("login/login.html")
    try:
        begun = _log_in()
    except _Refused as refused:
        return refused.answer("login/login.html")
    if begun.waits:
        return redirect(url_for("login_step.show", next=entering.next_path() or None), 303)
    return entering.arrived(begun.secret, begun.account)


@pages.route("/login/again", methods=["GET", "POST"])
def fragment() -> ResponseReturnValue:
    """The same over a page on which somebody is still writing: the page learns its new form token and goes on."""
    if request.method == "GET":
        return password_form("login/dialog.html")
    try:
        begun = _log_in()
    except _Refused as refused:
        return in_place(refused.answer("login/dialog.html"))
    if begun.waits:
        arriving = arrivals.arriving(session.current(), begun.secret, cookies.PENDING)
        return in_place(login_steps.page(session.current(), arriving))
    return entering.arrived(begun.secret, begun.account)


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session here. Only the cache is cleared: a guest's cookie in the same browser stays."""
    secret = session.member_secret()
    if secret is not None:
        sessions.end(session.current(), secret)
    session.forget_member()
    response = redirect(url_for("login.login", bye=1, next=entering.next_path() or None), 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@dataclass(frozen=True, repr=False)
class _Begun:
    """A right password: a session has begun, or the browser waits for its second step."""

    secret: SessionSecret
    account: bytes
    waits: bool


class _Refused(Exception):
    def __init__(self, errors: Errors, retry_after: int | None = None) -> None:
        super().__init__()
        self.errors = errors
        self.retry_after = retry_after

    def answer(self, template: str) -> ResponseReturnValue:
        missing = bool(g.get("cookie_missing"))
        status = 429 if self.retry_after else 400 if missing else 422
        page = password_form(
            template,
            address=forms.text("address"),
            remember=forms.checked("remember"),
            errors=self.errors,
            retry_after=self.retry_after,
            cookie_missing=missing,
        )
        return page, status, {"Retry-After": str(self.retry_after)} if self.retry_after else {}


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
    except Busy:
        session.settle(success=False)
        limits.give_back_login(session.runtime(), address, session.network())
        raise
    except TooManyAttempts as error:
        raise _Refused(Errors(), error.retry_after) from error
    except WrongLogin as error:
        raise _Refused(Errors(form=field_text("login", "wrong"))) from error


def _prove(address: str) -> _Begun:
    own, remember = session.runtime(), forms.checked("remember")
    with session.read_apart() as look:
        candidate = login.find(look, address)
    proved = login.prove(own.keys, own.hasher, candidate, forms.text("password"))
    sends, renewed = _sends_sms(proved), _renewed(candidate)
    ctx = session.current()
    passed = login.finish(ctx, proved, remember=remember, browser=this_browser())
    if renewed is not None:
        rotation.renew_password_unlocker(ctx, proved.root, renewed)
    if passed.waits:
        _wait(ctx, passed.secret, sends=sends)
    else:
        entering.let_in(ctx, passed.secret, proved.root.account, remember=remember, by="password")
    return _Begun(passed.secret, proved.root.account, passed.waits)


def _renewed(candidate: Candidate) -> NewPassword | None:
    """The password that was right, stretched as passwords are now, when it hangs on an older secret or cost."""
    own = session.runtime()
    with session.read_apart() as look:
        outdated = rotation.password_is_outdated(look, candidate.parameters)
    return passwords.stretch_new(forms.text("password"), own.keys, own.hasher) if outdated else None


def _sends_sms(proved: Proved) -> bool:
    """Whether a code goes out at once: where SMS is what the account's owner uses. It is counted here, apart."""
    with session.read_apart() as look:
        kept = login.require_listed(look, proved)
    if second_step.methods(kept)[:1] != ("sms",) or not session.runtime().settings.sms_offered:
        return False
    try:
        login_steps.count_sms(kept, proved.root.account)
    except TooManyAttempts:
        return False
    return True


def _wait(ctx: Context, secret: SessionSecret, *, sends: bool) -> None:
    arriving = arrivals.arriving(ctx, secret, cookies.PENDING)
    if sends:
        login_steps.send(ctx, arriving)
    session.keep_arriving(secret)
