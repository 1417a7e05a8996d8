"""Receivers made ready after sending: what waited for a number or a password goes out once it is said, and no more."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from securemail import ids
from securemail.errors import Conflict, InvalidInput, NotFound
from securemail.guests import checks
from securemail.guests.checks import Check
from securemail.messages import completing, contacts, sending
from securemail.store.models import Envelope, GuestLink, Message, Outbox, Recipient
from tests.house import FATIMA, PETER, SANNE, House

NUMBER = "+31612345678"
SMS = Check("sms", NUMBER)
NO_NUMBER = Check("sms")
NO_PASSWORD = Check("password", hint="Onze eerste fiets")


def send(house: House, *to: sending.To, **options: timedelta) -> sending.Sent:
    with house.work() as ctx:
        return sending.send(
            ctx, house.marieke, key=ids.new_id(), to=to, subject="Stukken zitting", text="Hierbij.", **options
        )


def states(house: House, message: bytes) -> list[str]:
    with house.work() as ctx:
        query = select(Recipient.state).where(Recipient.message == message).order_by(Recipient.place)
        return list(ctx.db.scalars(query))


def mails(house: House, message: bytes) -> int:
    with house.work() as ctx:
        return ctx.db.scalar(select(func.count()).select_from(Outbox).where(Outbox.message == message)) or 0


def complete(house: House, message: bytes, check: Check, place: int = 0) -> None:
    with house.work() as ctx:
        completing.complete(ctx, house.marieke, message, place, check)


def agreed(house: House, password: str = "blauwe fiets 1987") -> Check:
    with house.work() as ctx:
        return Check("password", password=checks.agree(ctx, password))


def test_the_number_said_later_sends_it(house: House) -> None:
    sent = send(house, (*FATIMA, NO_NUMBER))
    complete(house, sent.message, SMS)
    assert states(house, sent.message) == ["waiting"]
    assert mails(house, sent.message) == 1
    with house.work() as ctx:
        waits = ctx.db.scalars(select(Recipient.principal)).one()
        assert ctx.db.get(Envelope, (sent.message, waits)) is not None
        known = contacts.find(ctx, house.marieke, FATIMA[0])
    assert known is not None
    assert (known.method, known.number) == ("sms", NUMBER)
    with pytest.raises(Conflict):
        complete(house, sent.message, SMS)


def test_the_password_said_later_sends_it_with_its_hint(house: House) -> None:
    sent = send(house, (*FATIMA, NO_PASSWORD))
    with house.work() as ctx:
        assert ctx.db.scalars(select(GuestLink.sealed_dk)).one() is None
    complete(house, sent.message, agreed(house))
    assert states(house, sent.message) == ["waiting"]
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink)).one()
        assert link.sealed_dk is not None


@pytest.mark.parametrize(
    ("check", "error"), [(NO_NUMBER, InvalidInput), (Check("none"), Conflict), (Check("account"), Conflict)]
)
def test_what_does_not_complete_it_changes_nothing(house: House, check: Check, error: type[Exception]) -> None:
    sent = send(house, (*FATIMA, NO_NUMBER))
    with pytest.raises(error):
        complete(house, sent.message, check)
    assert states(house, sent.message) == ["unready"]


def test_another_cannot_complete_it(house: House) -> None:
    sent = send(house, (*FATIMA, NO_NUMBER), (*SANNE, Check()))
    with house.work() as ctx, pytest.raises(NotFound):
        completing.complete(ctx, house.sanne, sent.message, 0, SMS)


def test_an_answer_of_somebody_else_waits_with_it_and_goes_with_it(house: House) -> None:
    sent = send(house, (*FATIMA, NO_NUMBER), (*SANNE, Check()))
    house.letters(house.sanne, sent.conversation)
    with house.work() as ctx:
        answer = sending.reply(ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text="Akkoord.")
    assert "unready" in states(house, answer.message)
    house.letters(house.marieke, sent.conversation)
    complete(house, sent.message, SMS)
    assert "unready" not in states(house, answer.message) + states(house, sent.message)
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink.id)).one()
        mailed = ctx.db.scalars(select(Outbox.message).where(Outbox.kind.in_(("guest_message", "guest_answer")))).all()
        assert {sent.message, answer.message} == set(mailed)
        assert all(ctx.db.get(Envelope, (message, link)) is not None for message in mailed)


def test_a_planted_row_adds_nobody(house: House) -> None:
    sent = send(house, (*FATIMA, NO_NUMBER))
    other = house.send(PETER)
    with house.work() as ctx:
        link = ctx.db.scalars(select(Recipient.principal).where(Recipient.message == sent.message)).one()
        planted = update(Recipient).where(Recipient.message == other.message)
        ctx.db.execute(planted.values(principal=link, state="unready"))
    complete(house, sent.message, SMS)
    assert states(house, other.message) == ["unready"]
    with house.work() as ctx:
        assert ctx.db.get(Envelope, (other.message, link)) is None


def test_expiry_and_reminder_stand_at_those_who_received(house: House) -> None:
    sent = send(house, FATIMA, (*PETER, NO_NUMBER), expires=timedelta(days=30), remind=timedelta(days=2))
    house.clock.forward(days=5)
    complete(house, sent.message, SMS, place=1)
    with house.work() as ctx:
        at = ctx.db.scalars(select(Message.sent_at)).one()
        fatima, peter = ctx.db.scalars(select(Recipient).order_by(Recipient.place)).all()
    assert (fatima.expires, fatima.remind) == (at + timedelta(days=30), at + timedelta(days=2))
    assert peter.expires == fatima.expires
    assert peter.remind is not None
    assert peter.remind > at + timedelta(days=7), "who had to wait for it has as long to read it"
