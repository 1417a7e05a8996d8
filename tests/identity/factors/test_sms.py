"""Codes by SMS: five minutes, once, one number after another; the waits between them are the server's."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail.errors import InvalidInput, TooManyAttempts
from securemail.identity import challenges, limits
from securemail.identity.factors import sms
from securemail.identity.second_step import Refused
from tests.house import House
from tests.identity.factors.helpers import Browser, refused, sixty_four

HERE = {"language": "nl", "host": "post.vandalenbakker.example"}
PHONE = "06 12 34 56 78"


def _begin(browser: Browser, number: str = PHONE) -> sms.Sent:
    sent: sms.Sent = browser.do(sms.begin, browser.held, browser.owner, number, region="NL", host=HERE["host"])
    return sent


def _code(browser: Browser, name: str = "phone") -> str:
    """What stands in the SMS."""
    return str(browser.do(challenges.asked, browser.held)[name]["code"])


def _add(browser: Browser, number: str = PHONE) -> None:
    _begin(browser, number)
    browser.do(sms.enrol, browser.held, browser.owner, _code(browser))


def _send(browser: Browser, **named: Any) -> sms.Sent:
    sent: sms.Sent = browser.do(sms.send, browser.held, browser.owner.root, **HERE, **named)
    return sent


def test_a_number_counts_once_its_code_came_back(sanne: Browser) -> None:
    sent = _begin(sanne)
    assert sent.masked == "06 •• •• •• 78"
    assert not sanne.vault.has_second_step
    sanne.do(sms.enrol, sanne.held, sanne.owner, _code(sanne))
    assert [phone.number for phone in sanne.vault.phones] == ["+31612345678"]


@pytest.mark.parametrize("number", ["", "12", "06-GEENNUMMER", "+999 123456", "010 123 45 67", "0900 1234"])
def test_a_number_that_cannot_be_sends_nothing(sanne: Browser, number: str) -> None:
    with pytest.raises(InvalidInput):
        _begin(sanne, number)
    assert sanne.do(sms.begun, sanne.held) is None


def test_a_wrong_code_leaves_nothing_half_set(sanne: Browser) -> None:
    _begin(sanne)
    wrong = f"{(int(_code(sanne)) + 1) % 10**6:06d}"
    assert refused(lambda: sanne.do(sms.enrol, sanne.held, sanne.owner, wrong)) == "wrong"
    assert not sanne.vault.has_second_step
    sanne.do(sms.enrol, sanne.held, sanne.owner, _code(sanne))


def test_no_number_twice_and_three_at_most(sanne: Browser) -> None:
    for last in range(3):
        _add(sanne, f"06 12 34 56 7{last}")
        sanne.house.clock.forward(minutes=15)
    with pytest.raises(InvalidInput):
        _begin(sanne, "+31 6 12345670")
    assert refused(lambda: _begin(sanne, "+44 7400 123456")) == "many"


def test_a_code_is_used_once(sanne: Browser) -> None:
    _add(sanne)
    _send(sanne)
    code = _code(sanne, "sms")
    assert refused(lambda: sanne.do(sms.prove, sanne.held, code)) == "done"
    assert refused(lambda: sanne.do(sms.prove, sanne.held, code)) == "expired"


def test_a_code_works_for_five_minutes(sanne: Browser) -> None:
    _add(sanne)
    _send(sanne)
    code = _code(sanne, "sms")
    sanne.house.clock.forward(minutes=5, seconds=1)
    assert refused(lambda: sanne.do(sms.prove, sanne.held, code)) == "expired"


def test_the_code_of_an_enrolment_logs_nobody_in(sanne: Browser) -> None:
    _begin(sanne)
    code = _code(sanne)
    assert refused(lambda: sanne.do(sms.prove, sanne.held, code)) == "expired"


def test_a_new_code_replaces_the_older_one(sanne: Browser) -> None:
    _add(sanne)
    _send(sanne)
    old = _code(sanne, "sms")
    sanne.house.clock.forward(seconds=45)
    _send(sanne)
    new = _code(sanne, "sms")
    assert old == new or refused(lambda: sanne.do(sms.prove, sanne.held, old)) == "wrong"
    sanne.do(sms.prove, sanne.held, new)


def test_the_wait_for_another_grows_and_the_server_keeps_it(sanne: Browser) -> None:
    _add(sanne)
    for wait in (45, 90, 180, 360, 720, 720):
        sent = _send(sanne)
        assert (
            timedelta(0) <= timedelta(seconds=wait) - (sent.again_after - sanne.house.clock.now) < timedelta(seconds=1)
        )
        assert sent.wait(sanne.house.clock.now) == wait
        sanne.house.clock.forward(seconds=wait - 1)
        with pytest.raises(TooManyAttempts):
            _send(sanne)
        sanne.house.clock.forward(seconds=1)


def test_another_browser_knows_nothing_of_the_code(sanne: Browser) -> None:
    _add(sanne)
    _send(sanne)
    other = Browser(sanne.house)
    assert refused(lambda: other.do(sms.prove, other.held, _code(sanne, "sms"))) == "expired"


def test_a_phone_that_is_not_there_is_sent_nothing(sanne: Browser) -> None:
    assert refused(lambda: _send(sanne)) == "unknown"
    _add(sanne)
    assert refused(lambda: _send(sanne, phone=1)) == "unknown"
    assert refused(lambda: _send(sanne, phone=-1)) == "unknown"


def test_of_sixty_four_answers_one_is_let_through(sanne: Browser) -> None:
    _add(sanne)
    _send(sanne)
    code = _code(sanne, "sms")
    said = sixty_four(lambda: sanne.do(sms.prove, sanne.held, code))
    assert said.count("done") == 1
    assert set(said) == {"done", "expired"}


def test_of_sixty_four_enrolments_one_succeeds(sanne: Browser) -> None:
    _begin(sanne)
    code = _code(sanne)
    said = sixty_four(lambda: sanne.do(sms.enrol, sanne.held, sanne.owner, code))
    assert said.count("done") == 1
    assert len(sanne.vault.phones) == 1


def test_sixty_four_requests_for_a_code_send_one(sanne: Browser) -> None:
    _add(sanne)
    said = sixty_four(lambda: _send(sanne))
    assert said.count("done") == 1
    assert set(said) <= {"done", "TooManyAttempts", "Conflict"}


def test_a_phone_is_removed_by_when_it_was_added(sanne: Browser) -> None:
    _add(sanne)
    sanne.house.clock.forward(minutes=15)
    _add(sanne, "+44 7400 123456")
    sanne.do(sms.remove, sanne.owner, sanne.vault.phones[0].added)
    assert [phone.number for phone in sanne.vault.phones] == ["+447400123456"]
    assert refused(lambda: sanne.do(sms.remove, sanne.owner, "2026-01-01")) == "unknown"


def test_a_number_is_sent_few_codes_while_it_is_being_added(house: House) -> None:
    number = "+31612345678"
    for account in range(6):
        _count(house, account, number, adding=True)
    with pytest.raises(TooManyAttempts):
        _count(house, 7, number, adding=True)
    _count(house, 8, "+31612345679", adding=True)


def test_strangers_who_type_a_number_do_not_keep_its_owner_from_logging_in(house: House) -> None:
    number = "+31612345678"
    for account in range(6):
        _count(house, account, number, adding=True)
    for _ in range(10):
        _count(house, 99, number)
    with pytest.raises(TooManyAttempts):
        _count(house, 99, number)


def _count(house: House, account: int, number: str, *, adding: bool = False) -> None:
    who = account.to_bytes(16, "big")
    network = account.to_bytes(4, "big")
    limits.check_sms(house.runtime, account=who, number=number, network=network, adding=adding)


def test_a_code_is_no_secret_in_words(sanne: Browser) -> None:
    sent = _begin(sanne)
    assert "345678" not in repr(sent)


@given(typed=st.text(max_size=60))
def test_a_typed_code_is_six_digits_or_a_slip(typed: str) -> None:
    with suppress(Refused):
        digits = sms._digits(typed)
        assert len(digits) == 6
        assert digits.isdigit()
