"""The first visit: one form makes the organisation and its first administrator."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from securemail.errors import Gone, InvalidInput
from securemail.identity import passwords
from securemail.mailboxes.addresses import clean_name, normalise
from securemail.organisations import setup
from securemail.web import forms, session, welcome
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.languages import language

pages = Blueprint("setup", __name__)
_FIELDS = ("token", "organisation", "name", "address")


@pages.route("/setup", methods=["GET", "POST"])
def start() -> ResponseReturnValue:
    """The form; once an organisation is there, it says so."""
    try:
        if request.method == "POST":
            return _set_up()
        with session.read_apart() as look:
            setup.require_needed(look)
    except Gone:
        return render("setup/done.html"), 410
    except InvalidInput as error:
        return _form(forms.errors_of(error, field="token" if error.field == "setup" else None)), 422
    return _form(Errors())


def _set_up() -> ResponseReturnValue:
    values, password = forms.values(_FIELDS), forms.text("password")
    with session.read_apart() as look:
        setup.require_open(look, values["token"])
    _require_usable(values)
    passwords.require_strong(password, (values["name"], values["address"], values["organisation"]))
    own = session.runtime()
    stretched = passwords.stretch_new(password, own.keys, own.hasher)
    new = setup.set_up(
        session.current(),
        values["token"],
        organisation=values["organisation"],
        name=values["name"],
        address=values["address"],
        password=stretched,
        language=language(),
        sign_up=own.settings.sign_up,
    )
    return welcome.greet(session.current(), new, address=values["address"])


def _require_usable(values: dict[str, str]) -> None:
    # Before the slow work, so that a slip of the finger costs nothing.
    clean_name("organisation", values["organisation"])
    clean_name("name", values["name"])
    normalise(values["address"])


def _form(errors: Errors) -> str:
    return render("setup/start.html", values=forms.values(_FIELDS), errors=errors, retry=None)
