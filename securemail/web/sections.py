"""The pages of settings and of administration, as their menus list them: those that are there, for whom they are."""

from dataclasses import dataclass
from typing import Any, Final

from flask import Flask, current_app, g, url_for
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from securemail.identity.context import Member
from securemail.organisations import administrators
from securemail.web import auth, session


@dataclass(frozen=True)
class Section:
    """One entry of the menu; `about` is its line on the page that lists them all."""

    name: str
    endpoint: str
    icon: str
    label: LazyString
    about: LazyString


SETTINGS: Final = (
    Section("profile", "profile.overview", "user", lazy_gettext("Profiel"), lazy_gettext("Naam, foto, taal en tijd")),
    Section(
        "security", "factors.overview", "shield-check", lazy_gettext("Beveiliging"),
        lazy_gettext("Wachtwoord, 2FA en herstelcode"),
    ),
    Section(
        "devices", "devices.overview", "monitor", lazy_gettext("Apparaten"),
        lazy_gettext("Waar je bent ingelogd"),
    ),
)  # fmt: skip
ADMINISTRATION: Final = (
    Section(
        "members", "members.overview", "users", lazy_gettext("Leden"), lazy_gettext("Wie bij de organisatie horen")
    ),
    Section(
        "invitations", "invitations.overview", "user-plus", lazy_gettext("Uitnodigingen"),
        lazy_gettext("Wie nog niet is aangemeld"),
    ),
    Section(
        "requests", "requests.overview", "life-buoy", lazy_gettext("Verzoeken"),
        lazy_gettext("Wie opnieuw wil beginnen"),
    ),
    Section(
        "policy", "policy.overview", "sliders", lazy_gettext("Beleid"),
        lazy_gettext("Wat iedereen moet instellen"),
    ),
)  # fmt: skip


def register(app: Flask) -> None:
    """Give templates `settings_sections()`, `admin_sections()` and `page_of(endpoint)`, which is None for no page."""
    app.jinja_env.globals.update(
        settings_sections=settings_sections, admin_sections=admin_sections, page_of=page_of
    )  # fmt: skip


def settings_sections() -> list[Section]:
    """What every member may set."""
    return [section for section in SETTINGS if page_of(section.endpoint)]


def admin_sections() -> list[Section]:
    """What administrators look after; nothing for anybody else."""
    if not _administers(auth.known_member()):
        return []
    return [section for section in ADMINISTRATION if page_of(section.endpoint)]


def page_of(endpoint: str, **values: Any) -> str | None:
    """The address of a page, or None where the product has no such page."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None


def _administers(member: Member | None) -> bool:
    if member is None:
        return False
    if "shows_administration" not in g:
        g.shows_administration = administrators.are_shown_to(session.current(), member)
    return bool(g.shows_administration)
