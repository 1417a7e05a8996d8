"""Which language a page speaks, and the catalogues behind it, which are read from source at start."""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from typing import Any, Final

from flask import Flask, request
from flask_babel import Babel, Domain, get_locale

from securemail import i18n
from securemail.config import Language
from securemail.web import auth, session

TIME_ZONE: Final = "Europe/Amsterdam"


class _Words:
    """A catalogue under the names that Flask-Babel calls."""

    def __init__(self, catalogue: NullTranslations | GNUTranslations) -> None:
        self.ugettext = catalogue.gettext
        self.ungettext = catalogue.ngettext
        self.upgettext = catalogue.pgettext
        self.unpgettext = catalogue.npgettext


class _OurDomain(Domain):  # type: ignore[misc]
    def get_translations(self) -> _Words:
        locale = get_locale()
        return _words(locale.language if locale else "nl")


@cache
def _words(language: str) -> _Words:
    return _Words(i18n.catalogue(language))


def language() -> str:
    """The language of the page being made, for the mails that it causes."""
    return str(get_locale() or "nl")


def _asked() -> str | None:
    """The language that a guest's link asks for ("Read it in English"); the browser keeps it for what follows."""
    asked = request.args.get("language") if request.blueprint == "guest" else None
    if asked not in i18n.LOCALES:
        return None
    session.choose_language(asked)
    return asked


def register(app: Flask, default: Language) -> None:
    """Choose a language for every request: the member's own, the chosen one, the browser's, the setting's.

    A guest's letter speaks the guest's, whoever else is logged in in that browser: the page shows nothing of them.
    """

    def choose() -> str:
        owner = auth.known_owner()
        if owner is not None and request.blueprint != "guest":
            return owner.language
        return _asked() or session.chosen_language() or i18n.choose(request.headers.get("Accept-Language"), default)

    babel = Babel(app, default_locale=default, default_timezone=TIME_ZONE, locale_selector=choose)
    babel.domain_instance = _OurDomain()

    @app.context_processor
    def values() -> dict[str, Any]:
        return {"locale": str(get_locale() or default)}
