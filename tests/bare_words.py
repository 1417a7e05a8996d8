"""Finds words that a template says in one language only, outside the catalogue."""

import re
from html.parser import HTMLParser
from pathlib import Path

from securemail.config import ROOT

# These speak both languages on one page, or name a language in itself.
BOTH = ("pwa/offline.html", "guest/_language.html", "settings/_language.html", "shared/_profile_actions.html")
SPOKEN = ("alt", "aria-description", "aria-label", "aria-roledescription", "data-busy", "data-done", "label")
SPOKEN += ("placeholder", "title")
SETTINGS = re.compile(r"<meta\b[^>]*>", re.DOTALL)
UNSPOKEN = ("kbd", "script", "style")
NAMES = re.compile(r"\bSecuremail\b|&\w+;")
LETTERS = re.compile(r"[^\W\d_]{2,}")
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
CLASS = re.compile(r"\{% block \w+_(?:class|padding) %\}.*?\{% endblock %\}")
OTHER_LANGUAGE = re.compile(r"\{%-? if locale\b.*?\{%-? endif -?%\}", re.DOTALL)
TAG_BY_NAME = re.compile(r"<(/?)\{\{.*?\}\}", re.DOTALL)
TRANSLATED = re.compile(r"""\b(?:_|ngettext)\(\s*(['"]).*?\1(?:,\s*(['"]).*?\2)?""", re.DOTALL)
SENTENCE = re.compile(r"""(['"])([A-Z][^\W\d]*[ ,][^'"]*)\1""")
EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def templates() -> list[Path]:
    folder = ROOT / "templates"
    found = [*folder.rglob("*.html"), *folder.rglob("*.txt")]
    return sorted(path for path in found if path.relative_to(folder).as_posix() not in BOTH)


def in_template(source: str) -> list[str]:
    for harmless in (COMMENT, CLASS, OTHER_LANGUAGE, SETTINGS):
        source = harmless.sub("", source)
    source = TRANSLATED.sub("_(", TAG_BY_NAME.sub(r"<\1div", source))
    said = [quoted for part in EXPRESSION.findall(source) for _, quoted in SENTENCE.findall(part)]
    reader = _Reader()
    reader.feed(EXPRESSION.sub("", source))
    reader.close()
    return said + [text for text in reader.said if LETTERS.search(NAMES.sub("", text))]


class _Reader(HTMLParser):
    """What a person would see or hear of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._quiet = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.said += [value.strip() for name, value in attrs if name in SPOKEN and value]
        self._quiet += tag in UNSPOKEN

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in UNSPOKEN

    def handle_data(self, data: str) -> None:
        if not self._quiet and data.strip():
            self.said.append(data.strip())
