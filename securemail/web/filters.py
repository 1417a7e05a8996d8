"""Jinja filters: times, day headings, names and the text of a letter, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import cache, lru_cache

from babel.dates import format_date, format_skeleton, get_timezone
from flask import Flask, has_request_context
from flask_babel import get_locale, gettext, ngettext
from markupsafe import Markup, escape

from securemail import clock
from securemail.web import auth
from securemail.web.languages import TIME_ZONE
from securemail.web.viewmodels import DraftRow, ListRow

LINK = re.compile(r"\b(?:https?://|www\.)[^\s<>\"“”']+", re.IGNORECASE)
TRAILING = ".,;:!?'’)]}"


@dataclass(frozen=True, slots=True)
class DayGroup:
    """Rows under one heading; a group that the page before already opened has no heading."""

    heading: str
    rows: tuple[ListRow | DraftRow, ...]


def register(app: Flask) -> None:
    app.jinja_env.filters.update(
        clock_time=clock_time,
        row_time=row_time,
        letter_time=letter_time,
        when=when,
        iso_time=iso_time,
        full_day=full_day,
        day_groups=day_groups,
        names=names,
        short_names=short_names,
        row_names=row_names,
        first_name=first_name,
        letter_body=letter_body,
    )


def clock_time(moment: datetime) -> str:
    """9.58 in Dutch, 9:58 in English."""
    local = _local(moment)
    return f"{local.hour}{'.' if _language() == 'nl' else ':'}{local.minute:02d}"


def coming_time(moment: datetime, now: datetime) -> str:
    """A moment within a day from now: 9.58, or morgen 9.58."""
    if _local(moment).date() > _local(now).date():
        return _("morgen %(time)s", time=clock_time(moment))
    return clock_time(moment)


def row_time(moment: datetime) -> str:
    """The time at the end of a row, under its day's heading: 9.58, ma 16, 3 nov, 3 nov 2025."""
    day = _local(moment).date()
    today = _today()
    if day >= today - timedelta(days=1):
        return clock_time(moment)
    if day >= _monday(today):
        return _weekday_and_day(day)
    return _skeleton("MMMd" if day.year == today.year else "yMMMd", day, _locale_name())


def letter_time(moment: datetime) -> str:
    """The time in a letter's head: vandaag 9.58, gisteren 16.05, ma 16 november 11.20."""
    day = _local(moment).date()
    today = _today()
    if day == today:
        return _("vandaag %(time)s", time=clock_time(moment))
    if day == today - timedelta(days=1):
        return _("gisteren %(time)s", time=clock_time(moment))
    pattern = "EEE d MMMM" if day.year == today.year else "d MMMM y"
    return f"{format_date(day, pattern, locale=_locale_name())} {clock_time(moment)}"


def when(moment: datetime) -> str:
    """A moment inside a sentence: om 10.20, gisteren om 10.20, op 16 november om 10.20."""
    day = _local(moment).date()
    today = _today()
    if day == today:
        return _("om %(time)s", time=clock_time(moment))
    if day == today - timedelta(days=1):
        return _("gisteren om %(time)s", time=clock_time(moment))
    pattern = "d MMMM" if day.year == today.year else "d MMMM y"
    written = format_date(day, pattern, locale=_locale_name())
    return _("op %(day)s om %(time)s", day=written, time=clock_time(moment))


def full_day(moment: datetime) -> str:
    """19 november 2026."""
    return format_date(_local(moment).date(), "d MMMM y", locale=_locale_name())


def iso_time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def day_groups(rows: Iterable[ListRow | DraftRow], after: datetime | None = None) -> Iterator[DayGroup]:
    """Rows by day heading, in their order. `after` is the time of the last row already on the page."""
    opened = day_heading(after) if after else None
    heading: str | None = None
    group: list[ListRow | DraftRow] = []
    for row in rows:
        here = day_heading(row.at)
        if group and here != heading:
            yield _group(heading, opened, group)
            group = []
        heading = here
        group.append(row)
    if group:
        yield _group(heading, opened, group)


def day_heading(moment: datetime) -> str:
    """Vandaag, Gisteren, Eerder deze week, then the month."""
    day = _local(moment).date()
    today = _today()
    if day >= today:
        return _("Vandaag")
    if day == today - timedelta(days=1):
        return _("Gisteren")
    if day >= _monday(today):
        return _("Eerder deze week")
    return _month("LLLL" if day.year == today.year else "LLLL y", day.replace(day=1), _locale_name())


def names(people: Sequence[str]) -> str:
    """Fatima El Amrani, Peter Hoekstra en Jan de Boer."""
    if len(people) < 2:
        return "".join(people)
    start = ", ".join(people[:-1])
    return _("%(names)s en %(last)s", names=start, last=people[-1])


def short_names(people: Sequence[str], limit: int = 3, *, first: str = "") -> str:
    """First names, for sentences: Fatima en Peter; Fatima, Peter en 4 anderen. With `first`: u en Peter."""
    short = _shortened(people, limit)
    return names([first, *short] if first else short)


def _shortened(people: Sequence[str], limit: int) -> list[str]:
    if len(people) == 1:
        return [people[0]]
    first = [first_name(name) for name in people]
    if len(set(first)) < len(first):
        first = list(people)
    if len(first) <= limit:
        return first
    rest = len(first) - limit + 1
    others = str(ngettext("%(num)s ander", "%(num)s anderen", rest))
    return [*first[: limit - 1], others]


def row_names(people: Sequence[str]) -> str:
    """Fatima, Peter Hoekstra: the last in full, so that a row stays short."""
    if len(people) < 2:
        return "".join(people)
    return ", ".join([*(first_name(name) for name in people[:-1]), people[-1]])


def letter_body(text: str) -> Markup:
    """Plain text as paragraphs, with web addresses clickable. Everything else is escaped.

    Put together from plain strings, each escaped here: a stranger's megabyte of empty lines would otherwise take
    whoever reads it many seconds.
    """
    paragraphs = re.split(r"\n[ \t]*\n+", text.replace("\r\n", "\n").strip("\n"))
    return Markup("".join(f"<p>{_lines(part)}</p>" for part in paragraphs))  # noqa: S704 escaped in `_lines`


def _lines(paragraph: str) -> str:
    return "<br>".join(_linked(line) for line in paragraph.split("\n"))


def _linked(line: str) -> str:
    parts: list[str] = []
    end = 0
    for match in LINK.finditer(line):
        address = match.group().rstrip(TRAILING)
        parts += [str(escape(line[end : match.start()])), _anchor(address)]
        end = match.start() + len(address)
    return "".join([*parts, str(escape(line[end:]))])


def _anchor(address: str) -> str:
    # Strangers write these letters: no referrer, no handle on our window, no credit from us.
    target = f"https://{address}" if address[:4].lower() == "www." else address
    return f'<a href="{escape(target)}" rel="noreferrer noopener nofollow" target="_blank">{escape(address)}</a>'


def _group(heading: str | None, opened: str | None, rows: list[ListRow | DraftRow]) -> DayGroup:
    return DayGroup(heading="" if heading == opened or heading is None else heading, rows=tuple(rows))


def first_name(name: str) -> str:
    # An address has no first name, and an office is not called by its first word in a sentence.
    return name if "@" in name else name.split(" ", 1)[0]


def _weekday_and_day(day: date) -> str:
    return format_date(day, "EEE d", locale=_locale_name())


@lru_cache(maxsize=1000)
def _month(pattern: str, first: date, locale: str) -> str:
    return str(format_date(first, pattern, locale=locale)).capitalize()


@lru_cache(maxsize=1000)  # a list writes the same days again and again
def _skeleton(skeleton: str, day: date, locale: str) -> str:
    return format_skeleton(skeleton, datetime(day.year, day.month, day.day), locale=locale)  # noqa: DTZ001 - a day


def _(text: str, **values: str) -> str:
    return str(gettext(text, **values))


@cache
def _zone(name: str) -> tzinfo:
    try:
        return get_timezone(name)
    except LookupError:  # a name that another release knew
        return get_timezone(TIME_ZONE)


def _local(moment: datetime) -> datetime:
    """A moment by the reader's clock: the member's own zone, the product's for everybody else."""
    me = auth.known_owner() if has_request_context() else None
    return moment.astimezone(_zone(TIME_ZONE if me is None else me.zone))


def _today() -> date:
    return _local(clock.now()).date()


def _monday(today: date) -> date:
    return today - timedelta(days=today.weekday())


def _language() -> str:
    locale = get_locale()
    return str(locale.language) if locale else "nl"


def _locale_name() -> str:
    return {"en": "en_GB"}.get(_language(), _language())
