"""Somebody with one code who does everything as often as they can: what they fill and cost has an end.

A forwarded mail is enough for that, or a guest who means ill; and where everybody may sign up, a member.
"""

import pytest
from sqlalchemy import func, select

from securemail import ids
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MessageCode, Secret
from securemail.errors import TooManyAttempts
from securemail.guests import devices, gate, links
from securemail.guests.checks import Check
from securemail.identity import limits
from securemail.identity.context import Context, Member
from securemail.messages import contacts
from securemail.store.models import GuestDevice, GuestLink, LinkDevice, Message
from securemail.web import create_app
from tests.guests.test_devices import come_back, enter, remember, send
from tests.guests.test_gate import NUMBER
from tests.house import FATIMA, PETER, House
from tests.security.test_guest_interleaved import agreed
from tests.security.test_guest_stranger import Letter
from tests.visitor import Visitor

pytestmark = pytest.mark.slow


def test_no_number_of_remembered_browsers_weighs_on_whoever_wrote(house: House) -> None:
    """Each browser's key stands in the maker's contact, which is opened whenever they write to anybody."""
    link = send(house)
    for _ in range(3 * devices.MOST):
        newest = remember(house, enter(house, link))
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(GuestDevice)) == devices.MOST
        assert ctx.db.scalar(select(func.count()).select_from(LinkDevice)) == devices.MOST
    assert come_back(house, newest, link) is not None
    later = send(house)
    for _ in range(devices.MOST):
        remember(house, enter(house, later))
    last = send(house)
    with house.work() as ctx:
        known = contacts.find(ctx, house.marieke, FATIMA[0])
        assert known is not None
        assert len(known.devices) == devices.MOST
        opens = select(func.count()).select_from(LinkDevice).where(LinkDevice.link == last)
        assert ctx.db.scalar(opens) == devices.MOST


def test_a_browser_that_is_used_is_not_the_one_that_makes_room(house: House) -> None:
    link = send(house)
    fatimas = remember(house, enter(house, link))
    for _ in range(2 * devices.MOST):
        house.clock.forward(minutes=1)
        back = come_back(house, fatimas, link)
        assert back is not None
        with house.work() as ctx:
            devices.open_here(ctx, back, None)
        house.clock.forward(minutes=1)
        remember(house, enter(house, link))
    assert come_back(house, fatimas, link) is not None


# --- SMS that somebody pays for ---


def rung(house: House, author: Member, most: int) -> int:
    """How many codes leave in an hour, when one after another is asked for at links of one author."""
    for number in range(most):
        if number % limits.GUEST_SMS.most == 0:
            link = send(house, Check("sms", NUMBER), author=author)
        try:
            limits.check_guest_sms(house.runtime, link, author.mailbox)
        except TooManyAttempts:
            return number
    return most


def test_no_number_of_links_lets_a_sender_have_any_number_rung(house: House) -> None:
    enough = limits.GUEST_SMS_MAKER.an_hour
    assert rung(house, house.sanne, enough + 10) == enough
    assert rung(house, house.marieke, 5) == 5, "whoever writes beside her is not held up"
    house.clock.forward(hours=1)
    assert rung(house, house.sanne, 5) == 5


# --- answers that everybody else is mailed about ---


def answer(visitor: Visitor, letter: Letter, text: str = "En nog iets.", key: str = "") -> int:
    visitor.get(f"{letter.page}/letter")
    sent = visitor.post(f"{letter.page}/reply", {"reply": text, "key": key or ids.to_text(ids.new_id())})
    return sent.status_code


def answers(house: House) -> int:
    with house.work() as ctx:
        of_guests = select(func.count()).select_from(Message).where(Message.sender_kind == "link")
        return ctx.db.scalar(of_guests) or 0


def test_a_guest_sends_no_endless_answers_and_loses_no_word_of_the_one_refused(house: House) -> None:
    letter, app = Letter(house), create_app(house.runtime)
    fatima = Visitor(app)
    letter.open(fatima)
    enough = limits.GUEST_ANSWERS.an_hour
    assert {answer(fatima, letter) for _ in range(enough)} == {303}
    fatima.get(f"{letter.page}/letter")
    form = {"reply": "Nog één zin.", "key": ids.to_text(ids.new_id())}
    refused = fatima.post(f"{letter.page}/reply", form)
    assert refused.status_code == 429
    assert "Nog één zin.</textarea>" in refused.text
    assert answers(house) == enough
    again = Visitor(app)
    letter.open(again)
    assert answer(again, letter) == 429, "another browser is the same guest"
    house.clock.forward(minutes=3)
    assert fatima.post(f"{letter.page}/reply", form).status_code == 303
    assert answers(house) == enough + 1


def test_who_answers_much_holds_up_nobody_else_and_mistakes_count_for_nothing(house: House) -> None:
    app = create_app(house.runtime)
    hers, his = Letter(house), Letter(house, to=PETER)
    fatima, peter = Visitor(app), Visitor(app)
    hers.open(fatima)
    his.open(peter)
    assert {answer(fatima, hers, text=" ") for _ in range(limits.GUEST_ANSWERS.an_hour + 5)} == {422}
    assert {answer(fatima, hers) for _ in range(limits.GUEST_ANSWERS.an_hour)} == {303}
    assert answer(fatima, hers) == 429
    assert answer(peter, his) == 303


# --- guessing, for as long as one likes ---


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each entry that was looked at, whatever counted it."""
    looked_at: list[str] = []
    same, open_row = gate.same, links.open_row

    def compare(one: bytes, other: bytes) -> bool:
        looked_at.append("sms")
        return same(one, other)

    def unlock(ctx: Context, row: GuestLink, code: MessageCode, *, stretched: Secret | None = None) -> MailKeys:
        looked_at.extend([] if stretched is None else ["password"])
        return open_row(ctx, row, code, stretched=stretched)

    monkeypatch.setattr(gate, "same", compare)
    monkeypatch.setattr(links, "open_row", unlock)
    return looked_at


def grind(house: House, letter: Letter, *, days: int, visits: int = 2) -> None:
    """Mallory has the mail and not the phone: all that a page of hers can send, in ever new browsers, day after day."""
    app = create_app(house.runtime)
    for _ in range(days):
        for hour in range(visits):
            mallory = Visitor(app, f"198.51.100.{hour}")
            letter.open(mallory)
            mallory.get(f"{letter.page}/check")
            for typed in ("000000", "999999", "", "x" * 1100, "111111"):
                mallory.post(f"{letter.page}/check", {"code": typed})
            for act in ("help", "check/sms", "return", "remember"):
                mallory.post(f"{letter.page}/{act}", {"kind": "locked"})
            mallory.post(f"{letter.page}/check", {"code": "222222"})
            letter.open(mallory)
            mallory.post(f"{letter.page}/check", {"code": "333333"})
            mallory.post(f"{letter.page}/close")
            house.clock.forward(hours=1)
        house.clock.forward(hours=22)


@pytest.mark.parametrize("method", ["sms", "password"])
def test_no_patience_gives_an_eleventh_guess(house: House, compared: list[str], method: str) -> None:
    letter = Letter(house, Check("sms", NUMBER) if method == "sms" else agreed(house))
    grind(house, letter, days=3)
    assert compared == [method] * gate.TRIES
    with house.work() as ctx:
        links.release(ctx, house.marieke, ctx.db.get_one(GuestLink, letter.link))
    grind(house, letter, days=3)
    assert compared == [method] * 2 * gate.TRIES, "the sender let her try again, once"


def test_another_number_gives_nobody_more_guesses(house: House, compared: list[str]) -> None:
    letter = Letter(house, Check("sms", NUMBER))
    grind(house, letter, days=1, visits=1)
    assert 0 < len(compared) < gate.TRIES
    with house.work() as ctx:
        links.correct_number(ctx, house.marieke, ctx.db.get_one(GuestLink, letter.link), "+31687654321")
    grind(house, letter, days=3)
    assert len(compared) == gate.TRIES
