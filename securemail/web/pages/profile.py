"""What a member shows of themselves: name, photo, language and time zone."""

from typing import Final

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail import ids
from securemail.errors import InvalidInput, NotFound
from securemail.i18n import LOCALES
from securemail.identity import address_change, photos, profile
from securemail.web import auth, forms, places, session
from securemail.web.auth import owner
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.pages import credentials, reference
from securemail.web.session import current

pages = Blueprint("profile", __name__)

PHOTOS_KEPT: Final = "private, max-age=86400, immutable"
"""A day in the browser's own cache (docs/decisions/0015): a list shows the same faces again and again."""

pages.add_url_rule("/settings/password", view_func=credentials.password, methods=["GET", "POST"])
pages.add_url_rule("/settings/password/strength", view_func=credentials.strength, methods=["POST"])
pages.add_url_rule("/settings/recovery-code", view_func=credentials.recovery_code, methods=["GET", "POST"])
pages.add_url_rule("/settings/recovery-code/saved", view_func=credentials.recovery_code_saved, methods=["POST"])


@pages.get("/settings/profile")
def overview() -> ResponseReturnValue:
    """Everything about oneself, each with the way to change it."""
    me = owner()
    changing = address_change.of(current(), me) is not None
    toast = _said(request.args.get("saved", ""))
    label, told = reference.asked(current(), me)
    return render(
        "settings/profile.html", zone=places.name_of(me.zone), changing=changing, label=label, told=told, toast=toast
    )  # fmt: skip


@pages.route("/settings/profile/name", methods=["GET", "POST"])
def name() -> ResponseReturnValue:
    """The name above one's messages."""
    me = owner()
    if request.method == "GET":
        return render("settings/name.html", values={"name": me.name}, errors=Errors())
    try:
        profile.rename(current(), me, forms.text("name"))
    except InvalidInput as error:
        return render("settings/name.html", values=forms.values(["name"]), errors=forms.errors_of(error)), 422
    return _saved("name")


@pages.route("/settings/profile/photo", methods=["GET", "POST"])
def upload() -> ResponseReturnValue:
    """Choose a photo: it is read before anything is written."""
    owner()
    if request.method == "GET":
        return render("settings/photo.html", errors=Errors())
    raw = _uploaded()
    try:
        with auth.stepped_out():  # decoding may take a moment
            photo = photos.read(raw)
    except InvalidInput as error:
        return render("settings/photo.html", errors=forms.errors_of(error)), 422
    photos.keep(current(), owner(), photo)
    return _saved("photo")


@pages.post("/settings/profile/photo/remove")
def remove_photo() -> ResponseReturnValue:
    """Show initials again."""
    photos.remove(current(), owner())
    return _saved("photo")


@pages.get("/photos/<identifier:photo>")
def photo(photo: bytes) -> ResponseReturnValue:
    """A member's photo, to members; to who has to secure the account first, their own alone."""
    if auth.known_member() is None and owner().photo != photo:
        raise NotFound
    headers = {"Content-Type": photos.MEDIA_TYPE, "Cache-Control": PHOTOS_KEPT, "ETag": f'"{ids.to_text(photo)}"'}
    return photos.of(current(), photo), 200, headers


@pages.route("/settings/profile/zone", methods=["GET", "POST"])
def zone() -> ResponseReturnValue:
    """Whose clock the pages tell the time by."""
    me = owner()
    if request.method == "GET":
        return render("settings/zone.html", zones=places.by_region(), value=me.zone, errors=Errors())
    chosen = forms.text("zone")
    try:
        profile.set_zone(current(), me, chosen)
    except InvalidInput as error:
        errors = forms.errors_of(error)
        return render("settings/zone.html", zones=places.by_region(), value=me.zone, errors=errors), 422
    return _saved("zone")


@pages.post("/profile/language")
def language() -> ResponseReturnValue:
    """Choose the language of the pages and of one's own mails."""
    chosen, path = request.form.get("language", ""), request.form.get("next", "")
    if chosen not in LOCALES:
        raise InvalidInput("language", "unknown")
    profile.set_language(current(), owner(), chosen)
    return redirect(path if session.is_own_path(path) else url_for("mailbox.inbox"), 303)


def _saved(what: str) -> ResponseReturnValue:
    return redirect(url_for("profile.overview", saved=what), 303)


def _said(saved: str) -> str | None:
    told = {"password": _("Je wachtwoord is gewijzigd"), "address": _("Je houdt je oude adres")}
    return told.get(saved) or (_("Bewaard") if saved in ("name", "photo", "zone") else None)


def _uploaded() -> bytes:
    sent = request.files.get("photo")
    return b"" if sent is None else sent.read(photos.LARGEST + 1)
