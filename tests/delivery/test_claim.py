"""Taking mail out of the outbox, and what becomes of it."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from securemail import ids
from securemail.crypto.notes import seal_payload, seal_payload_key
from securemail.crypto.secrets import PayloadKey
from securemail.delivery import claim, outbox
from securemail.delivery.claim import Dropped, Job
from securemail.delivery.smtp import PermanentFailure, TemporaryFailure
from securemail.store.models import Address, Message, Outbox, OutboxLock, Recipient, Thread
from securemail.worker import Worker
from tests.delivery.office import GUEST, Office, Recorder, guest_payload


def _take(office: Office, worker: Worker) -> Job | Dropped | None:
    with office.runtime.work(write=True) as ctx:
        return claim.take(ctx, worker.key)


def test_a_mail_is_claimed_by_one_worker_only(office: Office) -> None:
    one, two = office.worker(), office.worker()
    office.add_guest_mail()
    assert isinstance(_take(office, one), Job)
    assert _take(office, two) is None


def test_a_claim_lapses_when_its_worker_is_silent(office: Office) -> None:
    one, two = office.worker(), office.worker()
    office.add_guest_mail()
    _take(office, one)
    office.clock.forward(seconds=61)
    job = _take(office, two)
    assert isinstance(job, Job)
    assert job.tries == 2


def test_a_heartbeat_keeps_a_claim(office: Office) -> None:
    one, two = office.worker(), office.worker()
    office.add_guest_mail()
    _take(office, one)
    for _ in range(5):
        office.clock.forward(seconds=30)
        one.beat()
    assert _take(office, two) is None


def test_a_delivered_mail_leaves_no_payload_and_a_notified_receiver(office: Office) -> None:
    worker = office.worker()
    mail = office.add_guest_mail()
    assert worker.step()
    row = office.row(mail)
    assert (row.state, row.sealed_payload, row.claimed_by) == ("sent", None, None)
    assert office.locks(mail) == set()
    assert office.receiver_state() == "notified"
    assert not worker.step()


def test_a_receiver_who_has_read_it_stays_so(office: Office) -> None:
    worker = office.worker()
    office.add_guest_mail()
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(Recipient).values(state="opened", opened_at=ctx.now))
    worker.step()
    assert office.receiver_state() == "opened"


def test_a_temporary_failure_is_tried_again_later(office: Office) -> None:
    worker = office.worker(Recorder(TemporaryFailure("answer 451")))
    mail = office.add_guest_mail()
    assert worker.step()
    assert not worker.step()
    assert office.row(mail).due >= office.clock.now + timedelta(seconds=30)
    office.clock.forward(seconds=37)
    worker.beat()
    assert worker.step()
    assert office.row(mail).state == "sent"


def test_a_mail_that_always_fails_is_given_up_after_two_days(office: Office) -> None:
    worker = office.worker(Recorder(*[TemporaryFailure("answer 451")] * 20))
    mail = office.add_guest_mail()
    for _ in range(10):
        assert worker.step()
        office.clock.forward(hours=24)
    assert office.row(mail).state == "failed"
    assert office.row(mail).sealed_payload is None
    assert office.receiver_state() == "bounced"


def test_a_refusal_is_shown_to_the_sender(office: Office) -> None:
    worker = office.worker(Recorder(PermanentFailure(550)))
    mail = office.add_guest_mail()
    office.clock.forward(seconds=5)
    worker.step()
    row = office.row(mail)
    assert (row.state, row.sealed_payload) == ("failed", None)
    assert office.locks(mail) == set()
    assert office.receiver_state() == "bounced"
    with office.runtime.work(write=False) as ctx:
        thread = ctx.db.get_one(Thread, (office.marieke.mailbox, office.conversation))
        assert thread.changed == office.clock.now


def test_a_withdrawn_receiver_gets_no_mail(office: Office) -> None:
    recorder = Recorder()
    worker = office.worker(recorder)
    mail = office.add_guest_mail()
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(Recipient).values(state="revoked"))
    assert worker.step()
    assert office.row(mail).state == "cancelled"
    assert recorder.raw == []


def test_withdrawal_while_a_mail_is_under_way_stands(office: Office) -> None:
    worker = office.worker()
    mail = office.add_guest_mail()
    job = _take(office, worker)
    assert isinstance(job, Job)
    with office.runtime.work(write=True) as ctx:
        outbox.cancel(ctx, office.message)
        ctx.db.execute(update(Recipient).values(state="revoked"))
    with office.runtime.work(write=True) as ctx:
        claim.delivered(ctx, job)
    assert office.row(mail).state == "cancelled"
    assert office.receiver_state() == "revoked"


def test_a_late_failure_of_a_lost_claim_changes_nothing(office: Office) -> None:
    one, two = office.worker(), office.worker()
    mail = office.add_guest_mail()
    job = _take(office, one)
    assert isinstance(job, Job)
    office.clock.forward(seconds=61)
    assert isinstance(_take(office, two), Job)
    with office.runtime.work(write=True) as ctx:
        claim.refused(ctx, one.key, job)
    assert office.row(mail).claimed_by == two.key.id
    assert office.receiver_state() == "waiting"


def test_a_planted_row_is_never_mailed(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """A writer of the database can make locks: E1 proves no sender."""
    recorder = Recorder()
    worker = office.worker(recorder)
    planted, key = ids.new_id(), PayloadKey.new()
    with office.runtime.work(write=True) as ctx:
        ctx.db.add(
            Outbox(
                id=planted, kind="guest_message", created=ctx.now, due=ctx.now, tries=0, state="waiting",
                mac=bytes(32), sealed_payload=seal_payload(key, planted, guest_payload("victim@example.org")),
            )
        )  # fmt: skip
        ctx.db.flush()
        sealed = seal_payload_key(worker.key.pair.public, key, planted, worker.key.id, 1)
        ctx.db.add(OutboxLock(outbox=planted, holder=worker.key.id, epoch=1, sealed_key=sealed))
    assert worker.step()
    assert recorder.raw == []
    assert office.row(planted).state == "failed"
    assert f"alarm: outbox row {planted.hex()}" in caplog.text


def test_a_replaced_payload_is_never_mailed(office: Office) -> None:
    recorder = Recorder()
    worker = office.worker(recorder)
    mail, key = office.add_guest_mail(), PayloadKey.new()
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(Outbox).values(sealed_payload=seal_payload(key, mail, guest_payload("x@example.org"))))
        sealed = seal_payload_key(worker.key.pair.public, key, mail, worker.key.id, 1)
        ctx.db.execute(update(OutboxLock).where(OutboxLock.holder == worker.key.id).values(sealed_key=sealed))
    assert worker.step()
    assert recorder.raw == []
    assert office.row(mail).state == "failed"


def test_no_fact_of_a_row_can_be_exchanged(office: Office) -> None:
    changes = (
        {"kind": "activation"}, {"mailbox": office.marieke.mailbox}, {"place": 0}, {"message": None},
        {"sealed_payload": b"x"},
    )  # fmt: skip
    for change in changes:
        recorder = Recorder()
        worker, mail = office.worker(recorder), office.add_member_mail()
        with office.runtime.work(write=True) as ctx:
            ctx.db.execute(update(Outbox).where(Outbox.id == mail).values(change))
        worker.step()
        assert recorder.raw == [], change


def test_a_mail_names_no_other_sender_than_the_one_who_sent(office: Office) -> None:
    recorder = Recorder()
    worker = office.worker(recorder)
    mail = office.add_member_mail()
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(Message).values(sender=office.sanne.mailbox))
    worker.step()
    assert recorder.raw == []
    assert office.row(mail).state == "failed"


def test_a_damaged_lock_leaves_the_mail_to_others(office: Office) -> None:
    one, two = office.worker(), office.worker()
    mail = office.add_guest_mail()
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(OutboxLock).where(OutboxLock.holder == one.key.id).values(sealed_key=b"\x01\x02"))
    assert one.step()
    assert not one.step()
    assert two.step()
    assert office.row(mail).state == "sent"


def test_a_mail_for_a_member_who_is_gone_is_refused(office: Office) -> None:
    worker = office.worker()
    mail = office.add_member_mail()
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(delete(Address).where(Address.mailbox == office.sanne.mailbox))
    assert worker.step()
    assert office.row(mail).state == "failed"
    assert office.receiver_state(1) == "bounced"


def test_the_guest_is_the_only_receiver(office: Office) -> None:
    recorder = Recorder()
    worker = office.worker(recorder)
    office.add_guest_mail()
    worker.step()
    assert recorder.receivers == [GUEST]


@pytest.mark.parametrize(("kind", "state"), [("member_reminder", "cancelled"), ("member_message", "sent")])
def test_nobody_is_reminded_of_what_they_have_read(office: Office, kind: str, state: str) -> None:
    worker = office.worker()
    with office.runtime.work(write=True) as ctx:
        mail = outbox.add_plain(ctx, kind, mailbox=office.sanne.mailbox, message=office.message, place=1)
        ctx.db.execute(update(Recipient).where(Recipient.place == 1).values(state="opened", opened_at=ctx.now))
    worker.step()
    assert office.row(mail).state == state


def test_a_request_for_help_reaches_the_sender_by_name(office: Office) -> None:
    transport = Recorder()
    worker = office.worker(transport)
    with office.runtime.work(write=True) as ctx:
        outbox.add_plain(ctx, "help_asked", mailbox=office.marieke.mailbox, message=office.message)
    assert worker.step()
    assert transport.receivers == ["marieke@vandalenbakker.example"]
    assert f"/login?next=/conversations/{ids.to_text(office.conversation)}".encode() in (
        transport.raw[0].replace(b"=\n", b"").replace(b"=\r\n", b"").replace(b"=3D", b"=")
    )
