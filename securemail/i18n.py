"""Languages: which one to speak, and its words. Those in the source are Dutch; English has a catalogue."""

import gettext
import io
from functools import cache
from typing import Final, Literal

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from securemail.config import ROOT

Locale = Literal["nl", "en"]

LOCALES: Final[tuple[Locale, ...]] = ("nl", "en")
TRANSLATIONS: Final = ROOT / "translations"


@cache
def catalogue(locale: str) -> gettext.NullTranslations:
    """The words of a language, compiled in memory: no build step, no stale compiled file."""
    path = TRANSLATIONS / locale / "LC_MESSAGES" / "messages.po"
    if locale == "nl" or not path.is_file():
        return gettext.NullTranslations()
    with path.open("rb") as source:
        catalog = read_po(source, locale=locale)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def choose(accept_language: str | None, default: Locale) -> Locale:
    """The first language of the browser that we speak."""
    for tag in _by_preference(accept_language or ""):
        for locale in LOCALES:
            if tag == locale or tag.startswith(f"{locale}-"):
                return locale
    return default


def _by_preference(header: str) -> list[str]:
    # Bounded: the header comes from strangers.
    weighted = [_weighted(part) for part in header[:1000].split(",")]
    wanted = [(weight, tag) for weight, tag in weighted if weight > 0]
    return [tag for _, tag in sorted(wanted, key=lambda pair: -pair[0])]


def _weighted(part: str) -> tuple[float, str]:
    tag, _, parameter = part.partition(";")
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0, tag.strip().lower()
    try:
        return float(value), tag.strip().lower()
    except ValueError:
        return 0.0, tag.strip().lower()
