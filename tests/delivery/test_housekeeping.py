"""What goes when its time has passed, and what stays."""

from datetime import timedelta

from sqlalchemy import func, select

from securemail import ids
from securemail.delivery import housekeeping, outbox
from securemail.store.models import Attempt, BrowserSession, Outbox, Pending, WorkerKey
from tests.delivery.office import Office

DAY = timedelta(days=1)


def _tidy(office: Office) -> None:
    with office.runtime.work(write=True) as ctx:
        housekeeping.tidy(ctx)


def _count(office: Office, model: type) -> int:
    with office.runtime.work(write=False) as ctx:
        return ctx.db.scalar(select(func.count()).select_from(model)) or 0


def test_an_ended_mail_goes_after_a_day(office: Office) -> None:
    office.worker().step()
    worker = office.worker()
    office.add_guest_mail()
    worker.step()
    office.clock.forward(hours=23)
    _tidy(office)
    assert _count(office, Outbox) == 1
    office.clock.forward(hours=2)
    _tidy(office)
    assert _count(office, Outbox) == 0


def test_a_waiting_mail_with_a_mailbox_waits_for_ever(office: Office) -> None:
    mail = office.add_guest_mail()
    office.clock.forward(hours=24 * 60)
    _tidy(office)
    assert office.row(mail).state == "waiting"


def test_a_mail_that_nobody_can_open_any_more_is_given_up(office: Office) -> None:
    with office.runtime.work(write=True) as ctx:
        mail = outbox.add_sealed(ctx, "activation", {"to": "a@example.org", "token_link": "x", "language": "nl"})
    _tidy(office)
    assert office.row(mail).state == "waiting"
    office.clock.forward(hours=25)
    _tidy(office)
    assert office.row(mail).state == "failed"
    assert office.row(mail).sealed_payload is None


def test_expired_rows_go_and_others_stay(office: Office) -> None:
    now = office.clock.now
    with office.runtime.work(write=True) as ctx:
        for expires in (now + timedelta(minutes=1), now + timedelta(hours=1)):
            session = {"state": 1, "created": now, "seen": now, "expires": expires, "remember": False}
            ctx.db.add(BrowserSession(id=ids.new_token(), account=None, sealed_rk=None, **session))
            ctx.db.add(Attempt(tag=ids.new_token(), count=1, window_ends=expires))
            pending = {"kind": "sign-up", "token_hash": ids.new_token(), "created": now, "expires": expires - DAY}
            ctx.db.add(Pending(id=ids.new_id(), mac=bytes(32), **pending))
    office.clock.forward(minutes=30)
    _tidy(office)
    assert [_count(office, model) for model in (BrowserSession, Attempt, Pending)] == [1, 1, 1]


def test_workers_that_are_gone_are_forgotten(office: Office) -> None:
    office.worker()
    office.clock.forward(minutes=11)
    alive = office.worker()
    _tidy(office)
    with office.runtime.work(write=False) as ctx:
        assert list(ctx.db.scalars(select(WorkerKey.id))) == [alive.key.id]
