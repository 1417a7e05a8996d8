"""Where one is logged in: every session, with what its browser said it is, and the browsers that are known."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail.errors import NotFound
from securemail.identity import devices
from securemail.web import forms, stepup
from securemail.web.auth import owner
from securemail.web.htmx import render
from securemail.web.pages import credentials
from securemail.web.session import current

pages = Blueprint("devices", __name__)

_SESSION_BYTES = 32


@pages.get("/settings/devices")
def overview() -> ResponseReturnValue:
    """This browser first, then the others."""
    me = owner()
    return render(
        "devices/overview.html",
        sessions=devices.logged_in(current(), me),
        known=devices.known(current(), me),
        toast=_said(request.args.get("done", "")),
    )


@pages.post("/settings/devices/end")
def end() -> ResponseReturnValue:
    """Log one other browser out; one that is gone already is just as well."""
    me = owner()
    try:
        session = bytes.fromhex(forms.text("session")[: 2 * _SESSION_BYTES])
    except ValueError as error:
        raise NotFound from error
    if session != me.session:
        devices.end(current(), me, session)
    return _back("ended")


@pages.post("/settings/devices/end-others")
def end_others() -> ResponseReturnValue:
    """Log every other browser out."""
    devices.end_others(current(), owner())
    return _back("others")


@pages.post("/settings/devices/forget")
def forget() -> ResponseReturnValue:
    """Be told by mail when that browser logs in again."""
    devices.forget(current(), owner(), forms.text("device"))
    return _back("forgotten")


@pages.route("/settings/devices/end-all", methods=["GET", "POST"])
def end_all() -> ResponseReturnValue:
    """After a fright: everything ends, all keys are renewed, and there is a new recovery code."""
    me = stepup.require()
    if request.method == "GET":
        return render("devices/end_all.html")
    return credentials.new_code_page(me, everything=True)


def _back(done: str) -> ResponseReturnValue:
    return redirect(url_for("devices.overview", done=done), 303)


def _said(done: str) -> str | None:
    return {
        "ended": _("Die sessie is beëindigd"),
        "others": _("Alle andere sessies zijn beëindigd"),
        "forgotten": _("Dit apparaat is vergeten"),
    }.get(done)
