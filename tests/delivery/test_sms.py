"""A code by SMS, from the request that asks for it to the provider that takes it, and what its page is told."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.delivery import claim, outbox, sms, workers
from securemail.delivery.claim import Dropped, Job
from securemail.delivery.render import Renderer
from securemail.delivery.sms_text import Sms
from securemail.delivery.smtp import Delivered, PermanentFailure, Result, TemporaryFailure
from securemail.store.models import Outbox, OutboxLock
from securemail.worker import Worker
from tests.delivery.office import Office, Recorder
from tests.servers import PATIENCE
from tests.waiting import until

NUMBER, CODE = "+31612345678", "042317"


class Phones:
    """A provider that keeps what it is given and answers as told."""

    def __init__(self, *answers: Result) -> None:
        self.answers = list(answers)
        self.taken: list[Sms] = []
        self.before: Callable[[], None] = lambda: None

    def send(self, sms: Sms) -> Result:
        self.before()
        self.taken.append(sms)
        return self.answers.pop(0) if self.answers else Delivered()

    def close(self) -> None:
        """There is nothing to close."""


def _worker(office: Office, phones: Phones, transport: Recorder | None = None) -> Worker:
    sender = Renderer(office.runtime.settings.mail_from)
    worker = Worker(office.runtime, transport or Recorder(), sender, phones)  # type: ignore[arg-type]
    worker.announce()
    return worker


def _ask(office: Office) -> bytes:
    with office.runtime.work(write=True) as ctx:
        return sms.send_code(ctx, to=NUMBER, code=CODE, language="nl", host="mail.example.org")


def _state(office: Office, row: bytes) -> sms.State:
    with office.runtime.work(write=False) as ctx:
        return sms.state_of(ctx, row)


def _delayed(office: Office, row: bytes) -> bool:
    with office.runtime.work(write=False) as ctx:
        return sms.delayed(ctx, row)


def test_a_code_is_handed_to_the_provider_and_nothing_of_it_stays(office: Office) -> None:
    phones = Phones()
    worker = _worker(office, phones)
    row = _ask(office)
    assert _state(office, row) == "waiting"
    assert worker.step()
    [taken] = phones.taken
    assert (taken.outbox, taken.to) == (row, NUMBER)
    assert taken.text == (
        "Je inlogcode voor Van Dalen & Bakker is 042317. Geef deze code aan niemand.\n\n@mail.example.org #042317"
    )
    assert _state(office, row) == "sent"
    assert office.row(row).sealed_payload is None
    assert office.locks(row) == set()
    assert not worker.step()


def test_a_waiting_code_is_locked_to_workers_alone(office: Office) -> None:
    worker = _worker(office, Phones())
    row = _ask(office)
    assert office.locks(row) == {worker.key.id}
    waiting = office.row(row)
    assert waiting.mailbox is None
    for secret in (NUMBER, CODE, "612345678", "mail.example.org"):
        assert secret.encode() not in (waiting.sealed_payload or b"")


def test_an_unplugged_provider_is_tried_at_short_intervals(office: Office) -> None:
    phones = Phones(*[TemporaryFailure("ConnectionRefusedError")] * 2)
    worker = _worker(office, phones)
    row = _ask(office)
    assert not _delayed(office, row)
    worker.step()
    assert (_state(office, row), _delayed(office, row)) == ("waiting", True)
    office.clock.forward(seconds=3)
    assert worker.step()
    office.clock.forward(seconds=4)
    assert worker.step()
    assert (_state(office, row), _delayed(office, row)) == ("sent", False)
    assert len({taken.outbox for taken in phones.taken}) == 1


@pytest.mark.slow
def test_a_provider_that_stays_away_is_given_up_within_ten_minutes(office: Office) -> None:
    phones = Phones(*[TemporaryFailure("TimeoutError")] * 100)
    worker = _worker(office, phones)
    row = _ask(office)
    began = office.clock.now
    while _state(office, row) == "waiting":
        worker.step()
        worker.beat()
        office.clock.forward(seconds=1)
    assert _state(office, row) == "failed"
    assert office.clock.now - began <= timedelta(minutes=10)
    assert len(phones.taken) >= 10
    assert office.row(row).sealed_payload is None
    assert office.locks(row) == set()


def test_a_refusal_is_told_at_once(office: Office) -> None:
    worker = _worker(office, Phones(PermanentFailure(21211)))
    row = _ask(office)
    worker.step()
    assert (_state(office, row), _delayed(office, row)) == ("failed", False)
    assert office.row(row).sealed_payload is None


def test_an_old_code_is_not_sent_any_more(office: Office) -> None:
    phones = Phones()
    worker = _worker(office, phones)
    row = _ask(office)
    for _ in range(22):
        office.clock.forward(seconds=28)
        worker.beat()
    assert _state(office, row) == "failed"
    with office.runtime.work(write=True) as ctx:
        assert isinstance(claim.take(ctx, worker.key), Dropped)
    assert phones.taken == []
    assert office.row(row).state == "cancelled"
    assert office.row(row).sealed_payload is None


def test_a_code_that_is_no_longer_valid_is_not_sent(office: Office) -> None:
    phones = Phones()
    worker = _worker(office, phones)
    with office.runtime.work(write=True) as ctx:
        row = sms.send_code(
            ctx, to=NUMBER, code=CODE, language="nl", host="mail.example.org", valid=timedelta(seconds=30)
        )
    office.clock.forward(seconds=30)
    worker.step()
    assert (phones.taken, _state(office, row)) == ([], "failed")


def test_a_mail_may_be_older_than_a_code(office: Office) -> None:
    recorder = Recorder()
    worker = _worker(office, Phones(), recorder)
    office.add_guest_mail()
    for _ in range(30):
        office.clock.forward(seconds=28)
        worker.beat()
    assert worker.step()
    assert len(recorder.raw) == 1


def test_a_code_is_lost_with_the_workers_that_could_open_it(office: Office) -> None:
    _worker(office, Phones())
    row = _ask(office)
    office.clock.forward(seconds=61)
    assert _state(office, row) == "lost"
    phones = Phones()
    newcomer = _worker(office, phones)
    assert not newcomer.step()
    assert _state(office, row) == "lost"


def test_without_any_worker_a_code_is_lost_from_the_start(office: Office) -> None:
    assert _state(office, _ask(office)) == "lost"


def test_a_second_worker_sends_what_the_first_leaves(office: Office) -> None:
    first = _worker(office, Phones())
    row = _ask(office)
    phones = Phones()
    second = _worker(office, phones)
    first.leave()
    assert _state(office, row) == "waiting"
    assert second.step()
    assert len(phones.taken) == 1


def test_one_worker_takes_it_and_after_a_crash_the_other_repeats_it(office: Office) -> None:
    first, phones = _worker(office, Phones()), Phones()
    second = _worker(office, phones)
    row = _ask(office)
    with office.runtime.work(write=True) as ctx:
        job = claim.take(ctx, first.key)
    assert isinstance(job, Job)
    assert not second.step()
    office.clock.forward(seconds=61)
    assert second.step()
    assert [taken.outbox for taken in phones.taken] == [row]


def test_what_is_no_sms_is_not_told_as_one(office: Office) -> None:
    mail = office.add_guest_mail()
    for row in (mail, ids.new_id()):
        assert _state(office, row) == "lost"
        assert not _delayed(office, row)


def test_a_planted_number_gets_nothing(office: Office) -> None:
    phones = Phones()
    worker = _worker(office, phones)
    one = _ask(office)
    with office.runtime.work(write=True) as ctx:
        other = sms.send_code(ctx, to="+31600000000", code="999999", language="nl", host="mail.example.org")
        stolen = ctx.db.scalar(select(Outbox.sealed_payload).where(Outbox.id == other))
        ctx.db.execute(update(Outbox).where(Outbox.id == one).values(sealed_payload=stolen))
    worker.step()
    worker.step()
    assert [taken.outbox for taken in phones.taken] == [other]
    assert _state(office, one) == "failed"


def test_a_mail_does_not_become_an_sms_nor_the_reverse(office: Office) -> None:
    phones, recorder = Phones(), Recorder()
    worker = _worker(office, phones, recorder)
    row, mail = _ask(office), office.add_guest_mail()
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(Outbox).where(Outbox.id == row).values(kind="activation"))
        ctx.db.execute(update(Outbox).where(Outbox.id == mail).values(kind="sms_code"))
    while worker.step():
        pass
    assert (phones.taken, recorder.raw) == ([], [])


def test_each_channel_takes_its_own(office: Office) -> None:
    phones, recorder = Phones(), Recorder()
    worker = _worker(office, phones, recorder)
    office.add_guest_mail()
    _ask(office)
    assert worker.step("sms")
    assert not worker.step("sms")
    assert (len(phones.taken), len(recorder.raw)) == (1, 0)
    assert worker.step("mail")
    assert not worker.step("mail")
    assert (len(phones.taken), len(recorder.raw)) == (1, 1)


def test_a_provider_that_hangs_holds_no_mail_up(office: Office) -> None:
    phones, recorder, go_on = Phones(), Recorder(), threading.Event()
    phones.before = lambda: (go_on.wait(2 * PATIENCE), None)[1]
    worker = _worker(office, phones, recorder)
    row = _ask(office)
    office.add_guest_mail()
    running = threading.Thread(target=worker.run, args=(lambda: None,))
    running.start()
    try:
        until(lambda: len(recorder.raw) == 1 and office.row(row).claimed_by is not None)
        assert phones.taken == []
    finally:
        go_on.set()
        worker.stopping.set()
        running.join()
    assert _state(office, row) == "sent"


def test_a_broken_channel_ends_the_worker(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a worker would look alive."""
    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    phones = Phones()
    phones.before = lambda: 1 / 0  # type: ignore[assignment,return-value]
    worker = _worker(office, phones)
    _ask(office)
    give_up = threading.Timer(20, worker.stopping.set)
    give_up.start()
    worker.run(lambda: None)
    assert give_up.is_alive()
    give_up.cancel()
    assert len(told) == 1


def test_without_a_provider_a_code_is_refused(office: Office) -> None:
    worker = Worker(office.runtime, Recorder(), Renderer("a@example.org"))  # type: ignore[arg-type]
    worker.announce()
    row = _ask(office)
    worker.step()
    assert _state(office, row) == "failed"


def test_neither_number_nor_code_is_logged(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    phones = Phones(TemporaryFailure("TimeoutError"), PermanentFailure(21211))
    worker = _worker(office, phones)
    with caplog.at_level(logging.DEBUG):
        _ask(office)
        for _ in range(3):
            worker.step()
            office.clock.forward(seconds=5)
        with office.runtime.work(write=True) as ctx:
            outbox.add_sealed(ctx, "sms_code", {"to": NUMBER, "code": CODE, "language": "nl"})
        worker.step()
    assert "not sent at try 1: TimeoutError" in caplog.text
    assert "refused with 21211" in caplog.text
    assert "cannot be made" in caplog.text
    for secret in (NUMBER, "612345678", CODE):
        assert secret not in caplog.text


def test_a_code_goes_out_once_however_many_workers_look(office: Office) -> None:
    phones = Phones()
    crowd = [_worker(office, phones) for _ in range(4)]
    rows = [_ask(office) for _ in range(6)]
    threads = [threading.Thread(target=_drain, args=(worker,)) for worker in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken.outbox for taken in phones.taken) == sorted(rows)


def test_waiting_codes_have_locks_for_the_living_only(office: Office) -> None:
    worker = _worker(office, Phones())
    with office.runtime.work(write=True) as ctx:
        workers.retire(ctx, worker.key)
    row = _ask(office)
    with office.runtime.work(write=False) as ctx:
        assert ctx.db.scalars(select(OutboxLock).where(OutboxLock.outbox == row)).all() == []


def _drain(worker: Worker) -> None:
    while worker.step("sms"):
        pass
