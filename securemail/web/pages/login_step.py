"""The second step of a log-in: a code from the app, by SMS or from the list, or a passkey. Opened by a pending session.

A GET sends nothing and counts nothing. A wrong code is counted before it is looked at.
"""

from collections.abc import Callable

from flask import Blueprint, Response, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.errors import TooManyAttempts
from securemail.identity import arrivals, browsers, limits, steps, vault
from securemail.identity.arrivals import Arriving
from securemail.identity.challenges import SessionEnded
from securemail.identity.factors import ceremonies, passkeys
from securemail.identity.login import WrongLogin
from securemail.identity.second_step import Method, Refused
from securemail.web import auth, entering, forms, login_steps, session
from securemail.web.auth import ArrivalEnded
from securemail.web.devices import describe, this_browser
from securemail.web.entering import in_place
from securemail.web.forms import Errors

pages = Blueprint("login_step", __name__)
_STATES = (cookies.PENDING, cookies.RECOVERING)
"""Who logs in, and who recovers an account that has a second step."""
_MAILED_AT = frozenset({5, 25, 125, 625})
"""Wrong codes within a day, over all sessions, at which the owner hears of it: often enough, and no flood."""


@pages.get("/login/step")
def show() -> ResponseReturnValue:
    """The step, with the way that was chosen or the best there is."""
    return _answer(login_steps.page(session.current(), _waiting(), login_steps.chosen()))


@pages.post("/login/step")
def code() -> ResponseReturnValue:
    """A code was typed."""
    method, typed = login_steps.chosen() or "totp", forms.text("code")
    waiting = _waiting_apart()
    if not steps.can_be(method, typed):
        return _told(waiting, method, Refused("typing"), left=0)
    try:
        left = _count(waiting)
        secret = _passed(
            waiting, lambda: steps.enter(session.current(), waiting, method, typed, browser=this_browser())
        )
    except TooManyAttempts as error:
        return _wait_before(waiting, method, error.retry_after)
    except Refused as refused:
        _note_failure(waiting, refused, left)
        return _told(waiting, method, refused, left=left) if left else _over(waiting)
    if waiting.state == cookies.RECOVERING:
        return redirect(url_for("recovery.password"), 303)
    return entering.arrived(secret, waiting.root.account)


@pages.post("/login/sms")
def send() -> ResponseReturnValue:
    """Send a code by SMS, or another one."""
    phone, waiting = login_steps.chosen_phone(), _waiting_apart()
    if not session.runtime().settings.sms_offered:
        return _answer(login_steps.page(session.current(), waiting, "sms"), 422)
    with session.read_apart() as look:
        kept = vault.read(look, waiting.root)
    try:
        login_steps.count_sms(kept, waiting.root.account, phone)
        login_steps.send(session.current(), waiting, phone)
    except TooManyAttempts as error:
        return _wait_before(waiting, "sms", error.retry_after)
    except Refused as refused:
        return _told(waiting, "sms", refused, left=0)
    if entering.is_in_place():
        return in_place(login_steps.page(session.current(), waiting, "sms"))
    return redirect(url_for("login_step.show", method="sms", next=entering.next_path() or None), 303)


@pages.post("/login/cancel")
def cancel() -> ResponseReturnValue:
    """Not now: the waiting session ends, and with it what the password opened."""
    arrivals.leave(session.current(), _waiting().held)
    session.forget_arriving()
    if entering.is_in_place():
        return in_place(entering.password_form("login/dialog.html"))
    return redirect(url_for("login.login", next=entering.next_path() or None), 303)


@pages.post("/login/step/passkey/options")
def passkey_options() -> ResponseReturnValue:
    """What the browser asks one of the account's passkeys."""
    waiting = _waiting()
    ctx = session.current()
    return passkeys.request_options(ctx, waiting.held, vault.read(ctx, waiting.root), rp=login_steps.relying_party())


@pages.post("/login/step/passkey")
def passkey() -> ResponseReturnValue:
    """What the passkey answered."""
    body, waiting = forms.json_body(), _waiting_apart()
    credential, left = body.get("credential"), arrivals.TRIES
    try:
        ceremonies.reject_secret(body)
        left = _count(waiting)
        secret = _passed(
            waiting,
            lambda: steps.enter_with_passkey(
                session.current(), waiting, credential if isinstance(credential, dict) else {}, browser=this_browser()
            ),
        )
    except TooManyAttempts as error:
        return login_steps.script_waits(error.retry_after)
    except Refused as refused:
        _note_failure(waiting, refused, left)
        if not left:
            session.forget_arriving()
            return {"next": _begin_again(waiting)}
        return {"error": login_steps.passkey_text(refused)}, 422
    if waiting.state == cookies.RECOVERING:
        return {"next": url_for("recovery.password")}
    return login_steps.script_arrived(body, secret, waiting.root.account)


def _waiting() -> Arriving:
    return auth.arriving(*_STATES)


def _waiting_apart() -> Arriving:
    """The same, before the transaction that writes: the tries are counted in between."""
    secret = session.arriving_secret()
    try:
        with session.read_apart() as look:
            return arrivals.arriving(look, secret or SessionSecret.new(), *_STATES)
    except SessionEnded as error:
        raise ArrivalEnded from error


def _count(waiting: Arriving) -> int:
    """Count the try for the account and for this session, each in a transaction of its own; how many are left."""
    with session.read_apart() as look:
        entry = browsers.entry_of(look, waiting.root.account)
    if entry is None:
        raise ArrivalEnded
    limits.check_second_step(session.runtime(), entry.address, session.network())
    try:
        with session.write_apart() as ctx:
            return arrivals.count_try(ctx, waiting.held)
    except SessionEnded as error:
        raise ArrivalEnded from error


def _passed(waiting: Arriving, enter: Callable[[], SessionSecret]) -> SessionSecret:
    try:
        secret = enter()
    except (SessionEnded, WrongLogin) as error:  # another request was first, or the account has changed meanwhile
        raise ArrivalEnded from error
    if waiting.state == cookies.RECOVERING:
        session.keep_arriving(secret)
    else:
        entering.let_in(session.current(), secret, waiting.root.account, remember=waiting.remember, by="step")
    return secret


def _note_failure(waiting: Arriving, refused: Refused, left: int) -> None:
    """Tell the owner in time, in a transaction that stands although the page was refused."""
    if refused.reason in ("typing", "expired") and left:
        return
    session.settle(success=False)
    about = describe(request)
    with session.write_apart() as ctx:
        entry = browsers.entry_of(ctx, waiting.root.account)
        count = limits.count_failed_step(ctx, entry.address) if entry is not None else 0
        if not left:
            steps.give_up(ctx, waiting, about=about)
        elif count in _MAILED_AT:
            steps.tell_of_failures(ctx, waiting, about=about)


def _told(waiting: Arriving, method: Method, refused: Refused, *, left: int) -> ResponseReturnValue:
    session.settle(success=False)
    errors = Errors(code=login_steps.refused_text(method, refused, left))
    return _answer(login_steps.page(session.current(), waiting, method, errors=errors), 422)


def _wait_before(waiting: Arriving, method: Method, seconds: int) -> ResponseReturnValue:
    session.settle(success=False)
    page = login_steps.page(session.current(), waiting, method, retry_after=seconds)
    response = _answer(page, 429)
    response.headers["Retry-After"] = str(seconds)
    return response


def _over(waiting: Arriving) -> ResponseReturnValue:
    session.forget_arriving()
    if entering.is_in_place():
        return in_place((entering.password_form("login/dialog.html", failed=True), 422))
    return redirect(_begin_again(waiting), 303)


def _begin_again(waiting: Arriving) -> str:
    if waiting.state == cookies.RECOVERING:
        return url_for("recovery.start", failed=1)
    return url_for("login.login", failed=1, next=entering.next_path() or None)


def _answer(page: str, status: int = 200) -> Response:
    answer = make_response(page, status)
    return in_place(answer) if entering.is_in_place() else answer
