"""Closing one's account: what happens is spelled out first, then it is asked for by name."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.errors import InvalidInput
from securemail.identity import closing
from securemail.identity.closing import LastAdministrator
from securemail.identity.context import Owner
from securemail.web import forms, session, stepup
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.session import current

pages = Blueprint("closing", __name__)


@pages.route("/settings/close", methods=["GET", "POST"])
def close() -> ResponseReturnValue:
    """Say what goes and what stays; then close it, when the own address was typed."""
    me = stepup.require()
    if request.method == "GET":
        return _form(me, Errors())
    try:
        closing.require_own_address(me, forms.text("address"))
        closing.close(current(), me)
    except InvalidInput as error:
        return _form(me, forms.errors_of(error)), 422
    except LastAdministrator:
        return _form(me, Errors()), 409
    session.forget_member()
    answer = redirect(url_for("closing.closed"), 303)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@pages.get("/closed")
def closed() -> ResponseReturnValue:
    """It is done."""
    return render("settings/closed.html", errors=None, retry=None)


def _form(me: Owner, errors: Errors) -> str:
    try:
        closing.require_successor(current(), me)
        last = False
    except LastAdministrator:
        last = True
    return render("settings/close.html", last=last, values=forms.values(["address"]), errors=errors)
