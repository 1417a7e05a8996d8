"""Contacts: remembered when written to, suggested by the start of a word, and only to their owner."""

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.errors import StaleKeys
from securemail.guests.checks import Check
from securemail.messages import contacts
from securemail.store.models import Contact
from tests.house import FATIMA, PETER, House
from tests.rotations import relock_all, rotate_mail


def test_who_was_written_to_is_suggested(house: House) -> None:
    house.send(FATIMA, PETER)
    with house.work() as ctx:
        assert [known.name for known in contacts.suggest(ctx, house.marieke, "fat")] == [FATIMA[1]]
        assert [known.address for known in contacts.suggest(ctx, house.marieke, "HOEK")] == [PETER[0]]
        assert contacts.suggest(ctx, house.marieke, " ") == []
        assert contacts.suggest(ctx, house.sanne, "fat") == []


def test_the_newest_name_stays_and_nobody_is_kept_twice(house: House) -> None:
    house.send((FATIMA[0], ""))
    house.send(FATIMA)
    house.send((FATIMA[0], ""))
    with house.work() as ctx:
        [known] = contacts.everybody(ctx, house.marieke)
        assert known.name == FATIMA[1]


def test_one_damaged_contact_raises_an_alarm_and_stops_nobody(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.send(FATIMA)
    with house.work() as ctx:
        ctx.db.execute(update(Contact).values(sealed_contact=b"damaged"))
    house.send(PETER)
    with house.work() as ctx:
        assert [known.address for known in contacts.everybody(ctx, house.marieke)] == [PETER[0]]
    assert "alarm: contact" in caplog.text


def test_a_send_that_is_repeated_writes_no_contact_under_keys_that_were_replaced_since(house: House) -> None:
    key, to = ids.new_id(), (*FATIMA, Check("sms", "+31612345678"))
    house.send(to, key=key)
    renewed = rotate_mail(house, house.marieke)
    with pytest.raises(StaleKeys):
        house.send(to, key=key)
    relock_all(house, renewed)
    with house.work() as ctx:
        assert set(ctx.db.scalars(select(Contact.epoch))) == {renewed.mail.epoch}
