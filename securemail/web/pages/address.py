"""Another mail address: asked for by its owner, confirmed from both addresses."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.errors import InvalidInput, TooManyAttempts
from securemail.identity import address_change, limits
from securemail.mailboxes.addresses import normalise
from securemail.web import auth, entering, forms, session, stepup
from securemail.web.auth import owner
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.session import current

pages = Blueprint("address", __name__)


@pages.route("/settings/address", methods=["GET", "POST"])
def start() -> ResponseReturnValue:
    """Ask for another address, or see how far the change is."""
    me = stepup.require()
    if request.method == "GET":
        change = address_change.of(current(), me)
        if change is not None:
            return render("settings/address_waiting.html", change=change)
        return _form(Errors())
    typed = forms.text("address")
    try:
        wanted = normalise(typed)
        with auth.stepped_out():
            limits.check_sign_up(session.runtime(), wanted, session.network())
        address_change.start(current(), stepup.require(), typed)
    except InvalidInput as error:
        return _form(forms.errors_of(error)), 422
    except TooManyAttempts as error:
        return _form(Errors(), error.retry_after), 429, {"Retry-After": str(error.retry_after)}
    return redirect(url_for("address.start"), 303)


@pages.post("/settings/address/cancel")
def cancel() -> ResponseReturnValue:
    """Keep the address that there is."""
    address_change.end(current(), owner())
    return redirect(url_for("profile.overview", saved="address"), 303)


@pages.get("/address/confirm")
def confirm() -> ResponseReturnValue:
    """The token from one of the two mails, moved here from the address bar or typed."""
    return _token_form(Errors())


# Another path than the link's: from a page under the same one, the second mail's link would lead nowhere but to its #.
@pages.route("/address/confirmed", methods=["GET", "POST"])
def confirmed() -> ResponseReturnValue:
    """One of the two addresses says yes."""
    if request.method == "GET":
        return redirect(url_for("address.confirm"), 303)
    try:
        limits.check_token(session.runtime(), session.network())
        answer = address_change.confirm(current(), forms.text("token"))
    except InvalidInput as error:
        return _token_form(forms.errors_of(error)), 422
    return render("settings/address_confirmed.html", answer=answer, errors=None, retry=None)


def _form(errors: Errors, retry_after: int | None = None) -> str:
    retry = entering.clock_after(retry_after)
    return render("settings/address.html", values=forms.values(["address"]), errors=errors, retry=retry)


def _token_form(errors: Errors) -> str:
    return render("settings/address_confirm.html", values=forms.values(["token"]), errors=errors, retry=None)
