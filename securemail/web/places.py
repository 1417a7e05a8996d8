"""Time zones as people know them: by region, and by the name of a city."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from babel.dates import get_timezone, get_timezone_location
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from securemail import clock
from securemail.identity.profile import REGIONS, zones
from securemail.web.languages import language

_NAMES: Final[dict[str, LazyString]] = {
    "Europe": lazy_gettext("Europa"),
    "Africa": lazy_gettext("Afrika"),
    "America": lazy_gettext("Amerika"),
    "Antarctica": lazy_gettext("Antarctica"),
    "Arctic": lazy_gettext("Noordpool"),
    "Asia": lazy_gettext("Azië"),
    "Atlantic": lazy_gettext("Atlantische Oceaan"),
    "Australia": lazy_gettext("Australië"),
    "Indian": lazy_gettext("Indische Oceaan"),
    "Pacific": lazy_gettext("Grote Oceaan"),
}


@dataclass(frozen=True)
class Region:
    """One part of the list: its zones as (name, words), by city."""

    name: LazyString
    zones: tuple[tuple[str, str], ...]


def by_region() -> list[Region]:
    """Every zone that can be chosen, in the reader's language, with its distance from UTC today."""
    spoken, now = language(), clock.now()
    listed = {region: [(zone, _words(zone, spoken, now)) for zone in _zones_in(region)] for region in REGIONS}
    return [Region(_NAMES[region], tuple(sorted(found, key=lambda pair: pair[1]))) for region, found in listed.items()]


def name_of(zone: str) -> str:
    """A zone in words: Amsterdam (UTC+1)."""
    return _words(zone, language(), clock.now())


def _zones_in(region: str) -> list[str]:
    return [zone for zone in zones() if zone.startswith(f"{region}/")]


def _words(zone: str, spoken: str, now: datetime) -> str:
    return f"{_city(zone, spoken)} ({_offset(now.astimezone(get_timezone(zone)))})"


def _offset(local: datetime) -> str:
    """UTC+1, UTC-3:30, UTC."""
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}{f':{rest:02d}' if rest else ''}"


@lru_cache(maxsize=1000)
def _city(zone: str, spoken: str) -> str:
    return str(get_timezone_location(zone, locale=spoken, return_city=True))
