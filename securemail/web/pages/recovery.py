"""A forgotten password, page by page: address, link from the mail, recovery code, second step, new password."""

from dataclasses import replace

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.crypto import cookies
from securemail.crypto.codes import TypingError, read_recovery_code, write_recovery_code
from securemail.crypto.notes import token_hash
from securemail.errors import InvalidInput, TooManyAttempts
from securemail.identity import arrivals, limits, recovery, tokens, vault
from securemail.identity.arrivals import Arriving
from securemail.identity.challenges import SessionEnded
from securemail.identity.context import Context
from securemail.identity.recovery import Step, WrongCode
from securemail.web import auth, choosing, forms, session
from securemail.web.entering import clock_after
from securemail.web.error_texts import field_text
from securemail.web.forms import Errors
from securemail.web.htmx import render

pages = Blueprint("recovery", __name__)


@pages.route("/recovery", methods=["GET", "POST"])
def start() -> ResponseReturnValue:
    """Ask for the address. The answer is the same whether it has an account or not."""
    return choosing.ask_for_mail("recovery", "recovery/start.html")


@pages.route("/recovery/open", methods=["GET", "POST"], endpoint="open")
def open_() -> ResponseReturnValue:
    """The token from the mail, moved here from the address bar or typed."""
    return _token_form(Errors()) if request.method == "GET" else _code_page(Errors(), 200)


@pages.route("/recovery/code", methods=["GET", "POST"])
def code() -> ResponseReturnValue:
    """The recovery code opens the account; what is still missing, the vault says."""
    if request.method == "GET":
        return redirect(url_for("recovery.open"), 303)
    try:
        typed = read_recovery_code(forms.text("code"))
    except TypingError:
        slip = "typing" if forms.text("code").strip() else "empty"
        return _code_page(Errors(code=field_text("recovery_code", slip)), 422)
    try:
        token = tokens.read(forms.text("token"), field="token")
        limits.check_recovery_code(session.runtime(), token_hash(token), session.network())
        return _go_on(recovery.prove(session.current(), forms.text("token"), typed))
    except TooManyAttempts as error:
        return _code_form(Errors(), error.retry_after), 429, {"Retry-After": str(error.retry_after)}
    except WrongCode:
        return _code_form(Errors(code=field_text("recovery_code", "wrong"))), 422
    except InvalidInput as error:
        return _token_form(forms.errors_of(error)), 422


@pages.route("/recovery/password", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    """The new password; then everything is new, and the browser is logged in."""
    here = url_for("recovery.password")
    try:
        with session.read_apart() as look:
            own = recovery.own_words(look, _recovered(look).root.account)
    except SessionEnded:
        return redirect(url_for("recovery.start", ended=1), 303)
    if request.method == "GET":
        return choosing.password_page(own, Errors(), action=here)
    try:
        new_password = choosing.new_password(own)
        ctx = session.current()
        new = recovery.finish(ctx, _recovered(ctx), new_password)
    except InvalidInput as error:
        return choosing.password_page(own, forms.errors_of(error), action=here), 422
    except SessionEnded:
        return redirect(url_for("recovery.start", ended=1), 303)
    return choosing.let_in(ctx, new, own[1])


@pages.post("/recovery/saved")
def saved() -> ResponseReturnValue:
    """The new recovery code was put away, or has to be shown once more: the form brings it along."""
    ctx, me = session.current(), auth.owner()
    if forms.checked("saved"):
        vault.change(ctx, me.root, lambda kept: replace(kept, code_saved=True))
        return redirect(url_for("rotation.progress", next=url_for("mailbox.inbox")), 303)
    try:
        groups = write_recovery_code(read_recovery_code(forms.text("code"))).split(" ")
    except TypingError:
        return redirect(url_for("mailbox.inbox"), 303)
    mailed = vault.read(ctx, me.root).code_mailed
    errors = forms.errors_of(InvalidInput("saved", "empty"))
    return choosing.code_page(groups, errors, mailed=mailed, address=me.address), 422


def _recovered(ctx: Context) -> Arriving:
    secret = session.arriving_secret()
    if secret is None:
        raise SessionEnded
    return arrivals.arriving(ctx, secret, cookies.RECOVERED)


def _go_on(step: Step) -> ResponseReturnValue:
    if step.secret is None:
        return render("recovery/wait.html", wait=step.wait, errors=Errors(), retry=None)
    session.keep_arriving(step.secret)
    page = "login_step.show" if step.state == cookies.RECOVERING else "recovery.password"
    return redirect(url_for(page), 303)


def _code_page(errors: Errors, status: int) -> ResponseReturnValue:
    try:
        limits.check_token(session.runtime(), session.network())
        with session.read_apart() as look:
            wait = recovery.asked(look, forms.text("token"))
    except InvalidInput as error:
        return _token_form(forms.errors_of(error)), 422
    if wait is not None:
        return render("recovery/wait.html", wait=wait, errors=Errors(), retry=None)
    return _code_form(errors), status


def _code_form(errors: Errors, retry_after: int | None = None) -> str:
    values = forms.values(["token", "code"])
    return render("recovery/code.html", values=values, errors=errors, retry=clock_after(retry_after))


def _token_form(errors: Errors) -> str:
    return choosing.token_page(url_for("recovery.open"), url_for("recovery.start"), errors)
