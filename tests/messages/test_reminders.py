"""Reminders: once, after the chosen time, to who has not read it, by the sender's own session."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.messages import receipts, reminders, revocation, sending
from securemail.store.models import Outbox, Recipient
from tests.house import FATIMA, PETER, SANNE, House

DAYS = timedelta(days=3)


@pytest.fixture
def sent(house: House) -> sending.Sent:
    """To three people, to be reminded after three days; every mail has arrived."""
    with house.work() as ctx:
        message = sending.send(
            ctx, house.marieke, key=ids.new_id(), to=[FATIMA, PETER, SANNE], subject="Stukken", text="€ 384",
            remind=DAYS, expires=timedelta(days=30),
        )  # fmt: skip
        ctx.db.execute(update(Recipient).values(state="notified"))
    return message


def remind(house: House) -> list[tuple[str, int | None]]:
    """Marieke's next session; which reminders there are then."""
    with house.runtime.work(write=False) as ctx:
        due = reminders.anything_due(ctx, house.marieke)
    with house.work() as ctx:
        assert bool(reminders.queue_due(ctx, house.marieke)) == due
    with house.work() as ctx:
        rows = ctx.db.execute(
            select(Outbox.kind, Outbox.place).where(Outbox.kind.like("%reminder")).order_by(Outbox.place)
        )
        return [(row.kind, row.place) for row in rows]


def test_whoever_has_not_read_it_is_reminded_once(house: House, sent: sending.Sent) -> None:
    fatima, _ = house.enter(sent.conversation)
    with house.work() as ctx:
        receipts.mark_opened(ctx, fatima, sent.conversation)
    house.clock.forward(days=2)
    assert remind(house) == []
    house.clock.forward(days=1)
    both = [("guest_reminder", 1), ("member_reminder", 2)]
    assert remind(house) == both
    house.clock.forward(days=9)
    assert remind(house) == both


def test_nobody_else_reminds(house: House, sent: sending.Sent) -> None:
    house.clock.forward(days=4)
    with house.work() as ctx:
        assert not reminders.anything_due(ctx, house.sanne)
        assert reminders.queue_due(ctx, house.sanne) == 0


def test_nobody_is_reminded_of_what_was_taken_back_or_has_expired(house: House, sent: sending.Sent) -> None:
    with house.work() as ctx:
        revocation.revoke_access(ctx, house.marieke, sent.message, 0)
    house.clock.forward(days=31)
    assert remind(house) == []


@pytest.mark.parametrize("state", ["waiting", "bounced"])
def test_nobody_is_reminded_of_a_mail_that_never_came(house: House, sent: sending.Sent, state: str) -> None:
    with house.work() as ctx:
        ctx.db.execute(update(Recipient).values(state=state))
    house.clock.forward(days=4)
    assert remind(house) == []
