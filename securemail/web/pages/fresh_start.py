"""Password and recovery code both lost: what that means, the wait, and beginning again."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.errors import InvalidInput
from securemail.identity import fresh_start, limits
from securemail.mailboxes import anew as mailboxes
from securemail.web import choosing, forms, session
from securemail.web.forms import Errors
from securemail.web.htmx import render

pages = Blueprint("fresh_start", __name__)


@pages.route("/recovery/lost", methods=["GET", "POST"])
def lost() -> ResponseReturnValue:
    """What is lost without the code and what is not, and the mail that begins a fresh start."""
    return choosing.ask_for_mail("fresh-start", "recovery/lost.html")


@pages.route("/recovery/anew", methods=["GET", "POST"])
def anew() -> ResponseReturnValue:
    """The token from either mail: explained first, waiting, or ready for a new password."""
    if request.method == "GET":
        return _token_form(Errors())
    return _standing(Errors(), 200)


@pages.route("/recovery/anew/confirm", methods=["GET", "POST"])
def confirm() -> ResponseReturnValue:
    """It is meant: the wait begins."""
    if request.method == "GET":
        return redirect(url_for("fresh_start.anew"), 303)
    if not forms.checked("understood"):
        return _standing(forms.errors_of(InvalidInput("understood", "empty")), 422)
    try:
        limits.check_token(session.runtime(), session.network())
        wait = fresh_start.begin(session.current(), forms.text("token"))
    except InvalidInput as error:
        return _token_form(forms.errors_of(error)), 422
    return _waiting(wait)


@pages.route("/recovery/anew/password", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    """The new password; then the account has begun again."""
    if request.method == "GET":
        return redirect(url_for("fresh_start.anew"), 303)
    here, token = url_for("fresh_start.password"), forms.text("token")
    try:
        limits.check_token(session.runtime(), session.network())
        with session.read_apart() as look:
            own = fresh_start.own_words(look, token)
    except InvalidInput as error:
        return _token_form(forms.errors_of(error)), 422
    try:
        chosen = choosing.new_password(own)
        ctx = session.current()
        new = fresh_start.finish(ctx, token, chosen)
    except InvalidInput as error:
        if error.field == "token":
            return _token_form(forms.errors_of(error)), 422
        return choosing.password_page(own, forms.errors_of(error), action=here, fresh=True), 422
    return choosing.let_in(ctx, new, own[1], locked=mailboxes.locked_in(ctx, new.mail.principal))


def _standing(errors: Errors, status: int) -> ResponseReturnValue:
    token = forms.text("token")
    try:
        limits.check_token(session.runtime(), session.network())
        with session.read_apart() as look:
            found = fresh_start.standing(look, token)
            own = fresh_start.own_words(look, token) if found.open else None
    except InvalidInput as error:
        return _token_form(forms.errors_of(error)), 422
    if own is not None:
        return choosing.password_page(own, Errors(), action=url_for("fresh_start.password"), fresh=True)
    if found.wait is not None:
        return _waiting(found.wait)
    return render("recovery/explain.html", values=forms.values(["token"]), errors=errors, retry=None), status


def _waiting(wait: object) -> str:
    return render("recovery/wait.html", wait=wait, errors=Errors(), retry=None)


def _token_form(errors: Errors) -> str:
    return choosing.token_page(url_for("fresh_start.anew"), url_for("fresh_start.lost"), errors)
