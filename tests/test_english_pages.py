"""Whoever chose English meets no Dutch: every page is read for words that only the Dutch source knows."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from securemail import i18n, ids
from securemail.crypto.codes import write_message_code
from securemail.delivery.brand import Brand
from securemail.delivery.notifications import KINDS, Notification
from securemail.delivery.render import Renderer
from securemail.web import create_app
from tests import house
from tests.house import FATIMA, MARIEKE, PASSWORD, PETER, House
from tests.servers import Sqlite

WORD = re.compile(r"[^\W\d_]{2,}")
VOID = {"br", "hr", "img", "input", "link", "meta", "use", "path", "wbr"}
ENGLISH = {"Accept-Language": "en-GB,en;q=0.9"}
STRANGERS = [
    "/login", "/login/again", "/signup", "/signup/activate", "/invitation",
    "/b", "/b/AAAAAAAAAAAAAAAAAAAAAA", "/nowhere",
]  # fmt: skip
MEMBERS = [
    "/inbox", "/sent", "/drafts", "/more", "/compose", "/nowhere",
    "/admin/members", "/admin/invitations", "/admin/invitations/new", "/admin/policy",
    "/signup/secure", "/signup/ready",
    "/security", "/security/2fa", "/security/2fa/phone", "/security/2fa/passkey",
]  # fmt: skip
LETTERS = "Quarterly figures\n\nThe amount is € 384."


class Reader(HTMLParser):
    """The visible and spoken words of a page, without what says it is Dutch, and without codes, which may spell one."""

    def __init__(self) -> None:
        super().__init__()
        self.words: set[str] = set()
        self._open: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        dutch = (named.get("lang") == "nl" and tag != "html") or tag in ("script", "style")
        dutch = dutch or "data-keep-text" in named
        for name in ("aria-label", "title", "placeholder", "alt", "data-busy", "data-done"):
            self.handle_data(named.get(name) or "")
        if tag not in VOID:
            self._open.append(dutch)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._open):
            self.words |= {word.lower() for word in WORD.findall(data)}


@cache
def only_dutch() -> set[str]:
    with (i18n.TRANSLATIONS / "en" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalogue = [message for message in read_po(source, locale="en") if message.id]
    dutch = " ".join(str(message.id) for message in catalogue)
    english = " ".join(str(message.string) for message in catalogue)
    return {word.lower() for word in WORD.findall(dutch)} - {word.lower() for word in WORD.findall(english)}


def dutch_on(page: str) -> set[str]:
    reader = Reader()
    reader.feed(page)
    names = {word.lower() for name in (MARIEKE, FATIMA, PETER) for part in name for word in WORD.findall(part)}
    return (reader.words & only_dutch()) - names


@pytest.fixture
def home(tmp_path: Path, sqlite: Sqlite) -> Iterator[House]:
    url = sqlite.new_database()
    yield house.furnish(tmp_path, url)
    sqlite.drop(url)


@pytest.fixture
def browser(home: House) -> FlaskClient:
    return create_app(home.runtime).test_client()


def token(browser: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf" content="([^"]+)"', browser.get(path, headers=ENGLISH).text)
    assert found is not None
    return found[1]


def post(browser: FlaskClient, path: str, on: str, **fields: str) -> str:
    form = {"csrf_token": token(browser, on), **fields}
    return browser.post(path, data=form, headers=ENGLISH, follow_redirects=True).text


def log_in(browser: FlaskClient) -> None:
    post(browser, "/login", "/login", address=MARIEKE[0], password=PASSWORD)
    post(browser, "/profile/language", "/inbox", language="en")


def test_the_search_knows_dutch_from_english() -> None:
    assert dutch_on("<p>Nieuwe conversatie</p>") == {"nieuwe", "conversatie"}
    assert dutch_on('<p lang="nl">Nieuwe conversatie</p><p>New conversation</p>') == set()


@pytest.mark.parametrize("path", STRANGERS)
def test_strangers_read_english(browser: FlaskClient, path: str) -> None:
    assert dutch_on(browser.get(path, headers=ENGLISH).text) == set()


def test_mistakes_are_told_in_english(browser: FlaskClient) -> None:
    pages = [
        post(browser, "/login", "/login", address="marieke", password=""),
        post(browser, "/login", "/login", address=MARIEKE[0], password="not this one"),
        post(browser, "/signup", "/signup", address="a@"),
        post(browser, "/signup", "/signup", address="somebody@example.org"),
        post(browser, "/signup/activate", "/signup/activate", token="x"),
        post(browser, "/invitation", "/invitation", token="x"),
        post(browser, "/b", "/b", code="ABCD"),
        browser.post("/login", headers=ENGLISH).text,
    ]
    assert [dutch_on(page) for page in pages] == [set()] * len(pages)


def test_members_read_english(home: House, browser: FlaskClient) -> None:
    sent = home.send(FATIMA, PETER, subject="Quarterly figures", text=LETTERS)
    log_in(browser)
    conversation = f"/conversations/{ids.to_text(sent.conversation)}"
    message = f"/messages/{ids.to_text(sent.message)}"
    more = [conversation, f"{message}/receipts", f"{message}/revoke", f"{message}/access"]
    pages = {path: browser.get(path, headers=ENGLISH) for path in [*MEMBERS, *more]}
    assert {path: page.status_code for path, page in pages.items() if page.status_code != 200} == {"/nowhere": 404}
    assert {path: found for path, page in pages.items() if (found := dutch_on(page.text))} == {}


def test_guests_read_english(home: House, browser: FlaskClient) -> None:
    sent = home.send(subject="Quarterly figures", text=LETTERS)
    code = home.code_of(sent.conversation, FATIMA[0])
    opened = post(browser, "/b", "/b", code=write_message_code(code))
    assert "Quarterly figures" in opened
    assert dutch_on(opened) == set()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sender", [MARIEKE[1], None])
def test_mails_speak_english(kind: str, sender: str | None) -> None:
    now = datetime(2026, 11, 19, 8, 58, tzinfo=UTC)
    values = {"sender_name": sender, "sender_address": MARIEKE[0], "link": "https://a.example/#c", "host": "a.example"}
    values |= {"short_link": "a.example", "code_groups": ["ABCD"] * 9, "change": "totp-added", "renewed": True}
    brand = Brand("Firm")
    mail = Renderer("post@example.org").mail(
        Notification(bytes(16), kind, FATIMA[0], FATIMA[1], "en", brand, values, now), now=now
    )
    plain, html = mail.iter_parts()
    said = plain.get_content().partition("In het Nederlands:")[0]
    assert [dutch_on(part) for part in (str(mail["Subject"]), said, html.get_content())] == [set()] * 3
