"""Languages: the choice, and a complete English catalogue."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from securemail import i18n
from securemail.config import ROOT
from tests import bare_words

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "nl"),
        ("", "nl"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("nl-BE", "nl"),
        ("de,en;q=0.5,nl;q=0.8", "nl"),
        ("de", "nl"),
        ("en;q=0", "nl"),
        ("en;q=often", "nl"),
        (";;;,,,q=", "nl"),
    ],
)
def test_the_browser_has_the_first_say(header: str | None, chosen: str) -> None:
    assert i18n.choose(header, "nl") == chosen


def test_dutch_is_the_source_itself() -> None:
    assert i18n.catalogue("nl").gettext("Postvak") == "Postvak"


@cache
def english() -> Catalog:
    with (i18n.TRANSLATIONS / "en" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        return read_po(source, locale="en")


def words(text: object) -> tuple[str, ...]:
    return tuple(map(str, text)) if isinstance(text, tuple | list) else (str(text or ""),)


def messages() -> list[Message]:
    return [message for message in english() if message.id]


def test_every_message_has_english() -> None:
    assert [message.id for message in messages() if not all(words(message.string))] == []


def test_no_english_is_a_guess() -> None:
    assert [message.id for message in messages() if message.fuzzy] == []


def test_english_has_the_same_placeholders() -> None:
    def placeholders(text: object) -> set[str]:
        return {found for form in words(text) for found in PLACEHOLDER.findall(form)}

    assert [message.id for message in messages() if placeholders(message.id) != placeholders(message.string)] == []


def test_the_catalogue_is_up_to_date_with_the_source() -> None:
    command = [sys.executable, str(ROOT / "bin" / "messages"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_english_is_the_dutch_itself() -> None:
    same = [message.id for message in messages() if message.id == message.string]
    assert same == ["Account", "Antarctica", "Browser:", "Log in", "Print"]


@pytest.mark.parametrize("path", bare_words.templates(), ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_have_no_words_of_one_language(path: Path) -> None:
    assert bare_words.in_template(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>{{ _('Postvak') }} · 3</p>", []),
        ("<p>Postvak</p>", ["Postvak"]),
        ("<p {% if a %}hidden{% endif %}>{% if a %}Jij{% endif %}</p>", ["Jij"]),
        ('<input placeholder="Je naam">', ["Je naam"]),
        ('<button aria-label="{{ _(\'Sluiten\') }}" class="a b"></button>', []),
        ('<button data-busy="Bezig"></button>', ["Bezig"]),
        ("<{{ level }} class=\"x\">{{ 'Er is niets' if a else '' }}</{{ level }}>", ["Er is niets"]),
        ("<kbd>Ctrl</kbd><style>p { color: red }</style>{# words #}<b>Securemail</b>", []),
    ],
)
def test_the_search_for_bare_words_finds_them(source: str, found: list[str]) -> None:
    assert bare_words.in_template(source) == found
