"""The page that lists all settings: on a phone the way to each of them, on a desktop what the rail shows too."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from securemail.web.htmx import render

pages = Blueprint("settings", __name__)


@pages.get("/settings")
def overview() -> ResponseReturnValue:
    """What can be set, for this member."""
    return render("settings/overview.html")
