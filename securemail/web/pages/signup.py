"""Open sign-up, page by page: address, proof from the mail, name and password, recovery code."""

from datetime import timedelta

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.crypto.codes import TypingError, read_recovery_code, write_recovery_code
from securemail.errors import Forbidden, InvalidInput, TooManyAttempts
from securemail.identity import limits, passwords, signup
from securemail.mailboxes.addresses import clean_name, normalise
from securemail.web import forms, session, welcome
from securemail.web.filters import clock_time
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.languages import language

pages = Blueprint("signup", __name__)


@pages.before_request
def _require_open() -> None:
    # The meter and the recovery code serve set-up too.
    if request.endpoint in ("signup.strength", "signup.saved"):
        return
    if session.runtime().settings.sign_up != "open":
        raise Forbidden


@pages.route("/signup", methods=["GET", "POST"])
def start() -> ResponseReturnValue:
    """Ask for the address. The answer is the same whether it has an account or not."""
    if request.method == "GET":
        return _address_form(Errors())
    typed = forms.text("address")
    try:
        address = normalise(typed)
        limits.check_sign_up(session.runtime(), address, session.network())
        url = session.runtime().settings.public_url
        signup.request(session.current(), address, language=language(), public_url=url)
    except InvalidInput as error:
        return _address_form(forms.errors_of(error)), 422
    except TooManyAttempts as error:
        headers = {"Retry-After": str(error.retry_after)}
        return _address_form(Errors(), error.retry_after), 429, headers
    return render("signup/sent.html", address=typed, errors=Errors(), retry=None)


@pages.route("/signup/activate", methods=["GET", "POST"])
def activate() -> ResponseReturnValue:
    """The token from the mail, moved here from the address bar or typed."""
    if request.method == "GET":
        return _token_form(Errors())
    try:
        limits.check_token(session.runtime(), session.network())
        with session.read_apart() as look:
            invited = signup.invited(look, forms.text("token"))
    except InvalidInput as error:
        return _token_form(forms.errors_of(error)), 422
    return _profile_form(invited.address, Errors())


@pages.route("/signup/profile", methods=["GET", "POST"])
def profile() -> ResponseReturnValue:
    """Name and password; then the account is there."""
    if request.method == "GET":
        return redirect(url_for("signup.activate"), 303)
    try:
        limits.check_token(session.runtime(), session.network())
        with session.read_apart() as look:
            invited = signup.invited(look, forms.text("token"))
    except InvalidInput as error:
        return _token_form(forms.errors_of(error)), 422
    try:
        return _activate(invited)
    except InvalidInput as error:
        if error.field == "token":
            return _token_form(forms.errors_of(error)), 422
        return _profile_form(invited.address, forms.errors_of(error)), 422


@pages.post("/signup/strength")
def strength() -> ResponseReturnValue:
    """What the server thinks of a password that is being typed."""
    own = [forms.text(name) for name in ("name", "address", "organisation")]
    judged = passwords.strength(forms.text("password"), own)
    return render("signup/strength.html", verdict=judged.verdict, length=judged.length, needed=judged.needed)


@pages.post("/signup/saved")
def saved() -> ResponseReturnValue:
    """The recovery code was put away, or has to be shown once more: the form brings it along."""
    if forms.checked("saved"):
        return redirect(url_for("mailbox.inbox"), 303)
    try:
        groups = write_recovery_code(read_recovery_code(forms.text("code"))).split(" ")
    except TypingError:
        return redirect(url_for("mailbox.inbox"), 303)
    return welcome.code_page(groups, forms.errors_of(InvalidInput("saved", "empty"))), 422


def _activate(invited: signup.Invited) -> ResponseReturnValue:
    name, password = forms.text("name"), forms.text("password")
    clean_name("name", name)
    passwords.require_strong(password, (name, invited.address, invited.organisation))
    own = session.runtime()
    stretched = passwords.stretch_new(password, own.keys, own.hasher)
    ctx = session.current()
    new = signup.activate(ctx, forms.text("token"), name=name, password=stretched, language=language())
    return welcome.greet(ctx, new, action=url_for("signup.saved"))


def _address_form(errors: Errors, retry_after: int | None = None) -> str:
    retry = clock_time(session.runtime().clock() + timedelta(seconds=retry_after)) if retry_after else None
    return render("signup/start.html", values=forms.values(["address"]), errors=errors, retry=retry)


def _token_form(errors: Errors) -> str:
    return render("signup/activate.html", values=forms.values(["token"]), errors=errors, retry=None)


def _profile_form(address: str, errors: Errors) -> str:
    values = forms.values(["name", "token"])
    return render("signup/profile.html", address=address, values=values, errors=errors, retry=None)
