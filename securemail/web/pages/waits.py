"""Stopping a recovery or a fresh start: with the link from the mail, or from any session."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.errors import InvalidInput, NotFound
from securemail.identity import limits, waits
from securemail.web import auth, forms, session
from securemail.web.forms import Errors
from securemail.web.htmx import render

pages = Blueprint("waits", __name__)


@pages.route("/recovery/stop", methods=["GET", "POST"])
def stop() -> ResponseReturnValue:
    """The link from the mail; a robot that only opens it stops nothing."""
    if request.method == "GET":
        return _stop_form(Errors())
    try:
        limits.check_token(session.runtime(), session.network())
        stopped = waits.stop(session.current(), forms.text("token"))
    except InvalidInput as error:
        return _stop_form(forms.errors_of(error)), 422
    return render("recovery/stopped.html", wait=stopped, errors=Errors(), retry=None)


@pages.get("/security/waiting")
def own() -> ResponseReturnValue:
    """What somebody asked for with this account, and what it means to stop it."""
    asking = auth.owner()
    found = waits.of_account(session.current(), asking.account)
    if not found:
        return redirect(url_for("mailbox.start"), 303)
    return render("recovery/own.html", waits=found, stopped=None, errors=Errors())


@pages.post("/security/waiting/<identifier:wait>")
def stop_own(wait: bytes) -> ResponseReturnValue:
    """Stop it. One that is gone already is nothing to complain about."""
    asking = auth.owner()
    try:
        stopped = waits.stop_own(session.current(), asking.account, wait)
    except NotFound:
        return redirect(url_for("waits.own"), 303)
    return render("recovery/own.html", waits=[], stopped=stopped, errors=Errors())


def _stop_form(errors: Errors) -> str:
    return render("recovery/stop.html", values=forms.values(["token"]), errors=errors, retry=None)
