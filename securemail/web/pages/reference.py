"""What an organisation asks of its members, told or mended by the member: a staff number, say."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.errors import InvalidInput
from securemail.identity import vault
from securemail.identity.context import Context, Owner
from securemail.organisations import members, organisations
from securemail.web import forms, session
from securemail.web.auth import owner
from securemail.web.forms import Errors
from securemail.web.htmx import render

pages = Blueprint("reference", __name__)


def asked(ctx: Context, me: Owner) -> tuple[str, str]:
    """What the organisation calls it, empty when it asks for nothing, and what this member told."""
    label = organisations.policy_of(ctx, me.organisation).reference_label
    return label, members.reference_of(vault.read(ctx, me.root)) if label else ""


@pages.route("/settings/profile/reference", methods=["GET", "POST"])
def edit() -> ResponseReturnValue:
    """Only where it is asked for."""
    me = owner()
    label, told = asked(session.current(), me)
    if not label:
        return redirect(url_for("profile.overview"), 303)
    if request.method == "GET":
        return _form(label, told, Errors())
    try:
        members.set_reference(session.current(), me.root, members.clean_reference(forms.text("reference")))
    except InvalidInput as error:
        return _form(label, forms.text("reference"), forms.errors_of(error)), 422
    return redirect(url_for("profile.overview"), 303)


def _form(label: str, told: str, errors: Errors) -> str:
    return render("members/reference.html", label=label, told=told, errors=errors)
