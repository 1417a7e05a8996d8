"""Pages that grow ask the database no more often: counted, since on a machine that does other things too a clock proves
little."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import event, select

from securemail import ids
from securemail.crypto import content
from securemail.crypto.secrets import ContentKey
from securemail.guests import claiming
from securemail.guests import help as helping
from securemail.messages import revocation, sending
from securemail.messages.sending import Sent
from securemail.store.models import GuestLink
from tests.house import FATIMA, PASSWORD, SANNE, House
from tests.visitor import Visitor

_SEVERAL = re.compile(r"\((?:\?|%\(\w+\)s)(?:, (?:\?|%\(\w+\)s))*\)")
GUESTS = [(f"gast{number}@example.org", f"Gast {number}") for number in range(5)]


@contextmanager
def _asked(house: House) -> Iterator[Counter[str]]:
    """What is asked of the database, and how often."""
    asked: Counter[str] = Counter()

    def count(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        asked[_SEVERAL.sub("(several)", statement)] += 1

    event.listen(house.runtime.engine, "before_cursor_execute", count)
    yield asked
    event.remove(house.runtime.engine, "before_cursor_execute", count)


def _of(house: House, visitor: Visitor, path: str) -> Counter[str]:
    """What a page asks once everything has been taken in."""
    visitor.get(path)
    with _asked(house) as asked:
        assert visitor.get(path).status_code == 200
    return asked


def _more(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    return {statement: count - before[statement] for statement, count in after.items() if count > before[statement]}


def _page(sent: Sent) -> str:
    return f"/conversations/{ids.to_text(sent.conversation)}"


def _conversation(house: House, *, letters: int, guests: int) -> Sent:
    """Answers to and fro, of which every fourth was taken back."""
    sent = house.send(SANNE, *GUESTS[:guests])
    for number in range(letters):
        house.letters(house.sanne, sent.conversation)
        author = (house.marieke, house.sanne)[number % 2]
        with house.work() as ctx:
            one = sending.reply(ctx, author, conversation=sent.conversation, key=ids.new_id(), text=f"Brief {number}")
            if number % 4 > 1:
                revocation.revoke(ctx, author, one.message)
    return sent


@pytest.mark.parametrize("who", ["marieke", "sanne"])
def test_a_conversation_with_thirty_letters_and_five_guests(
    house: House, request: pytest.FixtureRequest, who: str
) -> None:
    few, many = _conversation(house, letters=6, guests=1), _conversation(house, letters=30, guests=5)
    reader = request.getfixturevalue(who)
    assert _more(_of(house, reader, _page(few)), _of(house, reader, _page(many))) == {}


def test_the_receipts_of_five_guests(house: House, marieke: Visitor) -> None:
    few, many = (f"/messages/{ids.to_text(house.send(*GUESTS[:count]).message)}/receipts" for count in (1, 5))
    assert _more(_of(house, marieke, few), _of(house, marieke, many)) == {}


@pytest.mark.parametrize(
    "dialog", ["receipts", "revoke", "access", "access/conversation", "expiry", "recipients/0/check"]
)
def test_a_dialog_about_one_letter_opens_no_other(
    house: House, marieke: Visitor, monkeypatch: pytest.MonkeyPatch, dialog: str
) -> None:
    sent = house.send(FATIMA)
    for number in range(5):
        with house.work() as ctx:
            sending.reply(ctx, house.marieke, conversation=sent.conversation, key=ids.new_id(), text=f"Brief {number}")
    marieke.get(_page(sent))
    opened = _opened(monkeypatch)
    assert marieke.get(f"/messages/{ids.to_text(sent.message)}/{dialog}").status_code == 200
    assert set(opened) <= {sent.message}
    assert opened[sent.message] <= 2, "its head and its text"


def test_opening_letters_opens_each_of_them_once(house: House, sanne: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = house.send(SANNE)
    opened = _opened(monkeypatch)
    assert sanne.post(f"{_page(sent)}/open").status_code == 303
    assert opened[sent.message] == 0, "the page that follows opens it"


def test_the_texts_of_a_conversation_are_loaded_once(house: House, marieke: Visitor) -> None:
    """Who an answer goes to follows from the newest letter alone, which is checked whole."""
    page = _page(_conversation(house, letters=6, guests=1))
    loads = [words for words in _of(house, marieke, page).elements() if "sealed_body" in words]
    assert len([words for words in loads if "message.conversation = " in words]) == 1


def _opened(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often a head or a text is opened, by the message it belongs to."""
    opened: Counter[bytes] = Counter()

    def counting(name: str) -> None:
        original = getattr(content, name)

        def open_one(cek: ContentKey, message: bytes, sealed: bytes) -> object:
            opened[message] += 1
            return original(cek, message, sealed)

        monkeypatch.setattr(content, name, open_one)

    for name in ("open_head", "open_body"):
        counting(name)
    return opened


def test_a_conversation_in_which_five_guests_ask_for_help(house: House, marieke: Visitor) -> None:
    few, many = (house.send(*GUESTS[:count]) for count in (1, 5))
    with house.work() as ctx:
        for link in ctx.db.scalars(select(GuestLink)):
            helping.ask(ctx, link, "again")
    assert _more(_of(house, marieke, _page(few)), _of(house, marieke, _page(many))) == {}


@pytest.mark.parametrize("folder", ["inbox", "sent"])
def test_lists_with_conversations_that_were_taken_along(
    house: House, app: Flask, marieke: Visitor, folder: str
) -> None:
    held = [house.enter(house.send(FATIMA).conversation)[0] for _ in range(8)]
    member, browser = house.join(FATIMA), Visitor(app)
    browser.log_in(FATIMA[0], PASSWORD)
    readers, counted = (browser, marieke), []
    for guests in (held[:2], held[2:]):
        with house.work() as ctx:
            claiming.claim(ctx, member, *guests)
        counted.append([_of(house, reader, f"/{folder}") for reader in readers])
    assert [_more(*pair) for pair in zip(*counted, strict=True)] == [{}, {}]


def test_an_inbox_in_which_much_was_taken_back(house: House, sanne: Visitor) -> None:
    counted = []
    for count in (2, 8):
        for _ in range(count):
            sent = house.send(SANNE)
            with house.work() as ctx:
                revocation.revoke(ctx, house.marieke, sent.message)
        counted.append(_of(house, sanne, "/inbox"))
    assert _more(*counted) == {}
