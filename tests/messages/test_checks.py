"""Sending with recipient checks: which key receives, who waits, each apart, and what is remembered of it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from securemail import ids
from securemail.errors import InvalidInput
from securemail.guests import checks
from securemail.guests.checks import Check
from securemail.messages import contacts, drafts, sending
from securemail.messages.drafts import Content
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.store.models import Envelope, Message, Outbox, Recipient
from tests.house import FATIMA, PETER, SANNE, House

NUMBER = "+31612345678"
SMS = Check("sms", NUMBER)
NO_NUMBER = Check("sms")
NO_PASSWORD = Check("password", hint="Onze eerste fiets")
TEXT = {"subject": "Stukken zitting", "text": "Hierbij alle stukken."}


def send(house: House, *to: sending.To, key: bytes | None = None, **options: object) -> sending.Sent:
    with house.work() as ctx:
        return sending.send(ctx, house.marieke, key=key or ids.new_id(), to=to, **TEXT, **options)


def states(house: House, message: bytes) -> list[str]:
    with house.work() as ctx:
        query = select(Recipient.state).where(Recipient.message == message).order_by(Recipient.place)
        return list(ctx.db.scalars(query))


def mails(house: House, message: bytes) -> int:
    with house.work() as ctx:
        return ctx.db.scalar(select(func.count()).select_from(Outbox).where(Outbox.message == message)) or 0


def agreed(house: House, password: str = "blauwe fiets 1987") -> Check:
    with house.work() as ctx:
        return Check("password", password=checks.agree(ctx, password))


def decide(house: House, **rules: object) -> None:
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(sign_up="open", **rules))


def test_by_sms_or_password_a_link_receives_even_where_there_is_an_account(house: House) -> None:
    by_sms, by_account = send(house, (*SANNE, SMS)), send(house, (*SANNE, Check("account")))
    with house.work() as ctx:
        kinds = {row.message: row.kind for row in ctx.db.scalars(select(Recipient))}
    assert (kinds[by_sms.message], kinds[by_account.message]) == ("link", "mailbox")


def test_an_account_is_demanded_where_it_was_asked(house: House) -> None:
    with pytest.raises(InvalidInput) as told:
        send(house, (*FATIMA, Check("account")))
    assert (told.value.field, told.value.code) == ("check", "no_account")


@pytest.mark.parametrize("check", [NO_NUMBER, NO_PASSWORD])
def test_one_missing_thing_holds_back_one_person(house: House, check: Check) -> None:
    sent = send(house, (*FATIMA, check), (*PETER, Check()))
    assert states(house, sent.message) == ["unready", "waiting"]
    assert mails(house, sent.message) == 1
    with house.work() as ctx:
        waits = ctx.db.scalars(select(Recipient.principal).where(Recipient.state == "unready")).one()
        assert ctx.db.get(Envelope, (sent.message, waits)) is None


def test_each_apart_gets_a_conversation_once(house: House) -> None:
    key = ids.new_id()
    to = [FATIMA, PETER, SANNE]
    sent = send(house, *to, key=key, apart=True)
    assert send(house, *to, key=key, apart=True) == sent
    every = [sent, *sent.others]
    assert len({one.conversation for one in every}) == 3
    assert [states(house, one.message) for one in every] == [["waiting"]] * 3
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(Message)) == 3
    with house.work() as ctx, pytest.raises(drafts.DraftGone):
        drafts.save(ctx, house.marieke, key, 0, Content((), "x", "x"))


@pytest.mark.parametrize("first", [True, False])
def test_together_and_apart_are_two_things_for_one_key(house: House, first: bool) -> None:
    key = ids.new_id()
    send(house, FATIMA, PETER, key=key, apart=first)
    with pytest.raises(sending.AlreadySent):
        send(house, FATIMA, PETER, key=key, apart=not first)


def test_the_organisations_minimum_holds_for_who_has_no_account(house: House) -> None:
    decide(house, check_minimum="any")
    with pytest.raises(InvalidInput) as told:
        send(house, (*FATIMA, Check()))
    assert (told.value.field, told.value.code) == ("check", "minimum")
    send(house, (*SANNE, Check()))
    send(house, (*FATIMA, SMS))
    decide(house, check_minimum="sms")
    with pytest.raises(InvalidInput):
        send(house, (*FATIMA, agreed(house)))


def test_method_and_number_are_remembered_and_the_last_number_stays(house: House) -> None:
    send(house, (*FATIMA, SMS))
    house.clock.forward(days=1)
    send(house, (*FATIMA, agreed(house)))
    with house.work() as ctx:
        known = contacts.find(ctx, house.marieke, FATIMA[0])
    assert known is not None
    assert (known.method, known.number) == ("password", NUMBER)
    assert known.numbered is not None
    assert house.clock.now - known.numbered > timedelta(hours=23)


def test_a_draft_keeps_the_checks_and_loses_the_password_when_it_is_sent(house: House) -> None:
    check, key = agreed(house), ids.new_id()
    content = Content(
        (FATIMA,), "Stukken", "Hierbij.", checks={FATIMA[0]: check, PETER[0]: SMS}, apart=True, expires=30, remind=0
    )
    with house.work() as ctx:
        drafts.save(ctx, house.marieke, key, 0, content)
    with house.work() as ctx:
        kept = drafts.load(ctx, house.marieke, key).content
    assert (kept.apart, kept.expires, kept.remind) == (True, 30, 0)
    assert kept.checks[PETER[0]] == SMS
    password = kept.checks[FATIMA[0]].password
    assert password is not None
    assert check.password is not None
    assert password.parameters == check.password.parameters
    send(house, (*FATIMA, kept.checks[FATIMA[0]]), key=key)
    with house.work() as ctx:
        drafts.discard(ctx, house.marieke, key)
        assert drafts.find(ctx, house.marieke, key) is None
