"""Every notification as a mail program meets it: its headers, its parts, nothing fetched, nothing left open."""

import re
from datetime import timedelta
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Final

import pytest

from securemail.delivery import notifications
from securemail.delivery.brand import Brand
from securemail.delivery.notifications import Notification
from securemail.delivery.render import Renderer
from tests.delivery.office import CODE, START

URL = "https://post.vandalenbakker.example"
LINK = f"{URL}/b/{'A' * 22}#{CODE.replace(' ', '')}"
VALUES: Final = {
    "sender_name": "Marieke van Dalen", "sender_address": "marieke@vandalenbakker.example", "link": LINK,
    "short_link": "post.vandalenbakker.example/b", "host": "post.vandalenbakker.example", "code_groups": CODE.split(),
    "change": "totp-added", "new": "b@example.org", "browser": "Firefox · Linux", "network": "192.0.2.7",
    "until": START + timedelta(days=30), "check": "sms", "number": "06 •• •• •• 78", "remembered": True,
    "renewed": True, "helped": True,
}  # fmt: skip
VOID = {"meta", "br", "hr"}
CLIPPED = 100_000
"""Bytes: a little under what Gmail shows before it cuts a mail off."""
every_mail = pytest.mark.parametrize(
    ("kind", "language"), [(kind, language) for kind in notifications.KINDS for language in ("nl", "en")]
)


def _mail(kind: str, language: str) -> EmailMessage:
    fatima = Notification(
        bytes(range(16)), kind, "fatima@example.org", "Fatima El Amrani", language, Brand("Van Dalen & Bakker"),
        dict(VALUES), START,
    )  # fmt: skip
    return Renderer("bericht@post.vandalenbakker.example").mail(fatima, now=START)


def _html(kind: str, language: str) -> str:
    part = _mail(kind, language).get_body(("html",))
    assert part is not None
    return str(part.get_content())


class Markup(HTMLParser):
    """Tags that close as they opened, and every address that something points to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute stands twice at <{tag}>"
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "background", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


@every_mail
def test_every_mail_has_the_headers_of_one_that_a_machine_wrote(kind: str, language: str) -> None:
    mail = _mail(kind, language)
    assert set(mail) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "MIME-Version",
        "Content-Type",
    }  # fmt: skip
    assert mail["From"] == "Van Dalen & Bakker <bericht@post.vandalenbakker.example>"
    assert mail["Message-ID"] == "<000102030405060708090a0b0c0d0e0f@post.vandalenbakker.example>"
    assert (mail["Auto-Submitted"], mail["Content-Language"]) == ("auto-generated", language)


@every_mail
def test_every_mail_is_text_and_html_without_an_attachment(kind: str, language: str) -> None:
    mail = _mail(kind, language)
    parts = list(mail.iter_parts())
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert all(part["Content-Disposition"] is None for part in parts)
    assert max(len(line) for line in mail.as_bytes().splitlines()) <= 998
    assert len(mail.as_bytes()) < CLIPPED


@every_mail
def test_the_markup_closes_what_it_opens_and_fetches_nothing(kind: str, language: str) -> None:
    html = _html(kind, language)
    markup = Markup()
    markup.feed(html)
    markup.close()
    assert markup.open == []
    assert not markup.tags & {"img", "script", "link", "iframe", "form", "input", "object", "video", "svg"}
    assert not re.search(r"url\(|@import|@font-face", html)
    assert all(link.startswith(f"{URL}/") for link in markup.links), "it leads to our own site only"
    assert not re.search(r"utm_|[?&](track|id|u)=", " ".join(markup.links))


@every_mail
def test_outlook_finds_every_condition_ended(kind: str, language: str) -> None:
    html = _html(kind, language)
    assert len(re.findall(r"<!--\[if ", html)) == len(re.findall(r"<!\[endif\]-->", html)) >= 2
    hidden = re.sub(r"<!--\[if !mso\]><!-->.*?<!--<!\[endif\]-->", "", html, flags=re.DOTALL)
    for_outlook = re.sub(r"<!--\[if mso\]>|<!\[endif\]-->", "", hidden)
    assert for_outlook.count("<table") == for_outlook.count("</table>")
    assert for_outlook.count("<tr") == for_outlook.count("</tr>")
    assert "linear-gradient(to top right,#fffefd" not in for_outlook


@every_mail
def test_every_mail_says_that_it_has_dark_colours(kind: str, language: str) -> None:
    html = _html(kind, language)
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "@media (prefers-color-scheme: dark)" in html


@pytest.mark.parametrize(
    ("kind", "sealed"),
    [("guest_message", True), ("guest_reminder", True), ("member_message", True), ("new_device", False)],
)
def test_the_seal_bears_the_organisations_initials_where_something_is_sealed(kind: str, sealed: bool) -> None:
    assert (">VB</div>" in _html(kind, "nl")) is sealed


def test_a_request_for_help_names_nobody() -> None:
    mail = _mail("help_asked", "nl")
    said = "".join(str(part.get_content()) for part in mail.iter_parts())
    assert "Marieke van Dalen" not in said + mail["Subject"]
    assert "Bel eerst op het nummer dat je al hebt" in said


def test_a_reminder_says_that_it_is_one_and_of_when() -> None:
    mail = _mail("guest_reminder", "nl")
    assert mail["Subject"] == "Herinnering: beveiligd bericht van Marieke van Dalen"
    for part in mail.iter_parts():
        said = str(part.get_content())
        assert "het bericht van 22 november 2026, 9.58 uur, is nog niet geopend" in said
        assert "7K4M Q2ZD 9XHT R6WN" in said
