"""A member's own settings: the language."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.errors import InvalidInput
from securemail.i18n import LOCALES
from securemail.identity import profile
from securemail.web.auth import owner
from securemail.web.session import current

pages = Blueprint("profile", __name__)


@pages.post("/profile/language")
def language() -> ResponseReturnValue:
    """Choose the language of the pages and of one's own mails."""
    chosen = request.form.get("language", "")
    if chosen not in LOCALES:
        raise InvalidInput("language", "unknown")
    profile.set_language(current(), owner(), chosen)
    return redirect(url_for("mailbox.inbox"), 303)
