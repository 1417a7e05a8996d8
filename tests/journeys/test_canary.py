"""T1 through the pages: what people type is looked for in everything that the product leaves behind, and not found."""

import base64
import re
import secrets
import string
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import make_url

from tests.journeys.people import (
    add_recipients,
    ask_for_account,
    keep_recovery_code,
    link_in,
    open_letter,
    reply_as_guest,
    send,
    setup_link,
    try_to_log_in,
    wait_until_kept,
)
from tests.servers import Postgres, Product, SmtpSink, Sqlite, running_product, smtp_sink

Somebody = Callable[..., Page]
_EMPTY = re.compile(rb"\0{512,}")
"""Most of a database's files: nothing lies in it, and a search through it takes long."""
READABLE = {"organisation": "the public pages name the organisation to whoever comes by"}
"""What may be found, and why."""


@dataclass
class Canaries:
    """A word that exists nowhere else, for every field that a person can fill."""

    words: dict[str, str] = field(default_factory=dict)

    def new(self, name: str) -> str:
        self.words[name] = "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))
        return self.words[name]

    def address(self, name: str) -> str:
        return f"{self.new(name)}@{self.new(f'{name} domain')}.example"


def writings(word: str) -> Iterator[tuple[str, bytes]]:
    """Every way in which a word could lie on a disk."""
    raw = word.encode()
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        yield encoding, word.encode(encoding)
    yield "capitals", word.upper().encode()
    yield "hex", raw.hex().encode()
    yield "HEX", raw.hex().upper().encode()
    yield "percent", "".join(f"%{byte:02X}" for byte in raw).encode()
    yield "quoted", quote(word, safe="").encode()
    for shift in range(3):
        # The middle of a base64 text, whatever stands before and after the word.
        yield f"base64 at {shift}", base64.b64encode(b"\0" * shift + raw)[4:-4]


def test_every_writing_of_a_word_would_be_found() -> None:
    lying_around = [b"..xxabcdefghijklmnopqrst..", "abcdefghijklmnopqrst".encode("utf-16-le")]
    lying_around += [base64.b64encode(b"p" * before + b"abcdefghijklmnopqrst" + b"q") for before in range(3)]
    for data in lying_around:
        assert [name for name, written in writings("abcdefghijklmnopqrst") if written in data]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_nothing_that_people_type_can_be_read_from_what_is_left(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, somebody: Somebody
) -> None:
    databases: Sqlite | Postgres = request.getfixturevalue("sqlite" if kind == "sqlite" else "postgres")
    url, canaries, began = databases.new_database(), Canaries(), time.time()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with (
        smtp_sink() as sink,
        running_product(tmp_path / "var", url, smtp_port=sink.port, environ={"TMPDIR": str(temporary)}) as product,
    ):
        live_through(product, sink, canaries, somebody)
        left = [*_files(tmp_path / "var"), *_files(temporary), *_database_files(databases, url, began)]
        log = product.log().encode()
    if kind == "sqlite":
        left += _database_files(databases, url, began)  # without its write-ahead log now
    found = [
        f"{name}, as {writing}, in {place}"
        for place, data in [*left, ("the log", log)]
        for name, word in canaries.words.items()
        if name not in READABLE
        for writing, written in writings(word)
        if written in data
    ]
    assert found == []
    assert any(canaries.words["organisation"].encode() in data for _place, data in left), "the search finds something"


def live_through(product: Product, sink: SmtpSink, canaries: Canaries, somebody: Somebody) -> None:
    """Everything that people can do, with a word of its own in every field."""
    password = f"{canaries.new('password')} {canaries.new('rest of the password')}"
    member = canaries.address("member's address")
    office = somebody("desktop")
    _set_up(office, product, canaries, member, password)
    guest = canaries.address("guest's address")
    _write(office, product, canaries, guest)
    _read_and_answer(somebody(), sink, canaries, guest)
    _answer(office, product, canaries)
    _sign_up(somebody(), product, sink, canaries)
    _fail(somebody(), product, canaries)


def _set_up(page: Page, product: Product, canaries: Canaries, member: str, password: str) -> None:
    page.goto(setup_link(product))
    page.locator("input[name=organisation]").fill(canaries.new("organisation"))
    page.locator("input[name=name]").fill(f"{canaries.new('first name')} {canaries.new('last name')}")
    page.locator("input[name=address]").fill(member)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Ga verder").click()
    expect(page.locator("#code-sheet")).to_be_visible()
    canaries.words["recovery code"] = page.locator("#code-sheet").get_attribute("data-code") or ""
    keep_recovery_code(page)


def _write(page: Page, product: Product, canaries: Canaries, guest: str) -> None:
    page.goto(f"{product.url}/compose")
    add_recipients(page, [f"{canaries.new('name of the guest')} <{guest}>"])
    page.get_by_label("Onderwerp").fill(canaries.new("subject"))
    page.get_by_label("Bericht", exact=True).fill(canaries.new("body"))
    wait_until_kept(page)
    send(page)
    page.goto(f"{product.url}/compose")
    add_recipients(page, [canaries.address("address in a draft")])
    page.get_by_label("Onderwerp").fill(canaries.new("subject of a draft"))
    page.get_by_label("Bericht", exact=True).fill(canaries.new("draft"))
    wait_until_kept(page)


def _read_and_answer(page: Page, sink: SmtpSink, canaries: Canaries, guest: str) -> None:
    [mail] = sink.wait_for(guest)
    canaries.words["code"] = link_in(mail).partition("#")[2]
    open_letter(page, mail)
    reply_as_guest(page, canaries.new("guest's answer"))


def _answer(page: Page, product: Product, canaries: Canaries) -> None:
    page.goto(f"{product.url}/inbox")
    page.locator(".row-unread .row-link").click()
    page.locator("#reply-body").fill(canaries.new("answer"))
    wait_until_kept(page)
    page.get_by_role("button", name="Verzenden").click()
    expect(page.get_by_text("Je antwoord is verzonden")).to_be_visible()


def _sign_up(page: Page, product: Product, sink: SmtpSink, canaries: Canaries) -> None:
    address = canaries.address("address of a sign-up")
    ask_for_account(page, product.url, address)
    page.goto(link_in(sink.wait_for(address)[0]))
    page.get_by_role("button", name="Ga verder").click()
    page.get_by_label("Je naam").fill(canaries.new("name of a sign-up"))
    page.get_by_label("Wachtwoord", exact=True).fill(f"{canaries.new('second password')} abc")
    page.get_by_role("button", name="Ga verder").click()
    expect(page.locator("#code-sheet")).to_be_visible()
    ask_for_account(page, product.url, canaries.address("address that never came back"))


def _fail(page: Page, product: Product, canaries: Canaries) -> None:
    """Wrong things in every field: errors and refusals remember nothing either."""
    page.goto(f"{product.url}/login")
    try_to_log_in(page, canaries.address("unknown address"), password=canaries.new("wrong password"))
    expect(page.get_by_role("alert")).to_be_visible()
    page.goto(f"{product.url}/b")
    page.locator("#code").fill(canaries.new("wrong code"))
    page.get_by_role("button", name="Bericht openen").click()
    expect(page.locator("#code-error")).to_be_visible()
    page.goto(f"{product.url}/{canaries.new('path')}?q={canaries.new('query')}")
    page.goto(f"{product.url}/b/{canaries.new('link')}")


def _files(folder: Path, since: float = 0) -> list[tuple[str, bytes]]:
    found = []
    for path in folder.rglob("*"):
        # A database at work deletes files of its own meanwhile: what is gone holds nothing.
        with suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_mtime >= since:
                found.append((str(path), _EMPTY.sub(bytes(64), path.read_bytes())))
    return found


def _database_files(databases: Sqlite | Postgres, url: str, since: float) -> list[tuple[str, bytes]]:
    if isinstance(databases, Sqlite):
        path = Path(make_url(url).database or "")
        return [(one.name, one.read_bytes()) for one in path.parent.glob(f"{path.name}*")]
    databases.checkpoint()
    return _files(databases.folder, since)
