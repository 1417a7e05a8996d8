"""The text of a letter on a page: whatever a stranger writes stays text, but for web addresses. And names in a row."""

import re
from html.parser import HTMLParser

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from securemail.web.filters import letter_body, short_names

_TYPED = st.text(alphabet=st.sampled_from("<>&\"'/:. \n\t{}%wht ps=ax€\u202e"), max_size=80)
_PIECES = st.lists(st.one_of(_TYPED, st.sampled_from(["https://kwaad.example/", "www.kwaad.example", "<script>"])))


class Shown(HTMLParser):
    """What a browser makes of it: the tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(_PIECES)
def test_no_text_becomes_anything_but_paragraphs_lines_and_links(pieces: list[str]) -> None:
    text = "".join(pieces)
    shown = Shown(str(letter_body(text)))
    for tag, attributes in shown.tags:
        assert tag in ("p", "br", "a")
        assert sorted(attributes) == (["href", "rel", "target"] if tag == "a" else [])
        assert re.match("https?://", attributes.get("href") or "https://", re.IGNORECASE)
    assert re.sub(r"\s", "", shown.text) == re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    ("line", "address", "target"),
    [
        ("Zie https://example.org/a?b=1&c=2.", "https://example.org/a?b=1&c=2", "https://example.org/a?b=1&c=2"),
        ("(www.example.org)", "www.example.org", "https://www.example.org"),
        ("javascript:alert(1)//www.example.org/'x", "www.example.org/", "https://www.example.org/"),
    ],
)
def test_a_web_address_is_a_link_that_gives_nothing_away(line: str, address: str, target: str) -> None:
    html = str(letter_body(line))
    [link] = [attributes for tag, attributes in Shown(html).tags if tag == "a"]
    assert link == {"href": target, "rel": "noreferrer noopener nofollow", "target": "_blank"}
    assert Shown(html).text == line
    assert Shown(html[html.index("<a") : html.index("</a>")]).text == address


def test_empty_lines_part_paragraphs() -> None:
    assert str(letter_body("a\nb\n \n\n<c>\r\n")) == "<p>a<br>b</p><p>&lt;c&gt;</p>"


@pytest.mark.parametrize(
    ("people", "words"),
    [
        (["Peter Hoekstra"], "u en Peter Hoekstra"),
        (["Peter Hoekstra", "Anouk Visser"], "u, Peter en Anouk"),
        (["Peter Hoekstra", "Peter Bakker"], "u, Peter Hoekstra en Peter Bakker"),
        (["Fatima El Amrani", "Peter Hoekstra", "Anouk Visser", "Thijs Oosting"], "u, Fatima, Peter en 2 anderen"),
    ],
)
def test_who_reads_comes_first_in_the_list_of_names(app: Flask, people: list[str], words: str) -> None:
    with app.test_request_context("/", headers={"Accept-Language": "nl"}):
        assert short_names(people, first="u") == words
