"""What is written into the outbox, who can open it, and how waiting mail finds a new worker."""

import pytest
from sqlalchemy import update

from securemail import ids
from securemail.crypto.secrets import PayloadKey
from securemail.delivery import outbox, payload_locks, workers
from securemail.mailboxes.keys import UntrustedKey
from securemail.store.models import Outbox, OutboxLock, PrincipalKey, WorkerKey
from tests.delivery.office import GUEST, Office, guest_payload, stranger_key


def test_a_sealed_mail_is_locked_to_every_living_worker_and_its_mailbox(office: Office) -> None:
    one, two = office.worker(), office.worker()
    mail = office.add_guest_mail()
    assert office.locks(mail) == {one.key.id, two.key.id, office.marieke.mailbox}


def test_a_sealed_mail_shows_nothing_of_its_payload(office: Office) -> None:
    office.worker()
    row = office.row(office.add_guest_mail())
    assert row.sealed_payload is not None
    for word in (GUEST, "Fatima", "Marieke", "7K4M"):
        assert word.encode() not in row.sealed_payload


def test_a_plain_mail_holds_ids_only(office: Office) -> None:
    row = office.row(office.add_member_mail())
    assert (row.sealed_payload, row.mailbox, row.message) == (None, office.sanne.mailbox, office.message)


def test_a_mail_about_a_message_is_added_after_it(office: Office) -> None:
    with pytest.raises(ValueError, match="after the message"), office.runtime.work(write=True) as ctx:
        outbox.add_plain(ctx, "member_message", mailbox=office.sanne.mailbox, message=ids.new_id())


def test_a_worker_unseen_for_a_minute_gets_no_locks(office: Office) -> None:
    gone = office.worker()
    office.clock.forward(seconds=61)
    assert gone.key.id not in office.locks(office.add_guest_mail())


def test_a_retired_worker_gets_no_locks(office: Office) -> None:
    gone = office.worker()
    gone.leave()
    assert gone.key.id not in office.locks(office.add_guest_mail())


def test_a_planted_worker_key_gets_no_locks(office: Office) -> None:
    planted = ids.new_id()
    with office.runtime.work(write=True) as ctx:
        # Signed by us, but as a mailbox's key: the kind is part of what is signed.
        own = ctx.db.get_one(PrincipalKey, (office.marieke.mailbox, 1))
        ctx.db.add(WorkerKey(id=planted, public_key=stranger_key(), mac=bytes(32), started=ctx.now, seen=ctx.now))
        ctx.db.add(
            WorkerKey(id=office.marieke.mailbox, public_key=own.public_key, mac=own.mac, started=ctx.now, seen=ctx.now)
        )
    with office.runtime.work(write=True) as ctx:
        assert workers.living(ctx) == []
        mail = outbox.add_sealed(ctx, "activation", {"to": GUEST, "token_link": "x", "language": "nl"})
    assert office.locks(mail) == set()


def test_a_planted_mailbox_key_stops_the_send(office: Office) -> None:
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(PrincipalKey).values(public_key=stranger_key()))
    with pytest.raises(UntrustedKey):
        office.add_guest_mail()


def test_mail_written_while_no_worker_lives_waits_for_its_mailbox(office: Office) -> None:
    mail = office.add_guest_mail()
    with office.runtime.work(write=False) as ctx:
        assert outbox.places_waiting(ctx, [office.message]) == {office.message: {0}}
    worker = office.worker()
    assert not worker.step()
    with office.runtime.work(write=True) as ctx:
        assert outbox.stranded(ctx, office.marieke)
        assert not outbox.stranded(ctx, office.sanne)
        assert outbox.relock(ctx, office.marieke) == 1
    assert office.locks(mail) == {worker.key.id, office.marieke.mailbox}
    with office.runtime.work(write=True) as ctx:
        assert not outbox.stranded(ctx, office.marieke)
        assert outbox.places_waiting(ctx, [office.message]) == {office.message: set()}
    assert worker.step()
    assert office.receiver_state() == "notified"


def test_relocking_passes_on_no_row_that_was_changed(office: Office) -> None:
    mail = office.add_guest_mail()
    worker = office.worker()
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(Outbox).values(kind="activation"))
    with office.runtime.work(write=True) as ctx:
        assert outbox.relock(ctx, office.marieke) == 0
    assert worker.key.id not in office.locks(mail)


def test_a_new_worker_gets_locks_from_the_old_one(office: Office) -> None:
    old = office.worker()
    mail = office.add_guest_mail()
    new = office.worker()
    old.beat()
    assert new.key.id in office.locks(mail)


def test_workers_restarted_in_turn_leave_no_mail_behind(office: Office) -> None:
    first = office.worker()
    mails = [office.add_guest_mail() for _ in range(3)]
    for _ in range(3):
        second = office.worker()
        first.leave()
        first = second
    assert all(first.key.id in office.locks(mail) for mail in mails)
    while first.step():
        pass
    assert {office.row(mail).state for mail in mails} == {"sent"}


def test_a_cancelled_mail_loses_its_payload_and_locks(office: Office) -> None:
    worker = office.worker()
    guest, member = office.add_guest_mail(), office.add_member_mail()
    with office.runtime.work(write=True) as ctx:
        assert outbox.cancel(ctx, office.message, 0) == 1
    assert (office.row(guest).state, office.row(guest).sealed_payload) == ("cancelled", None)
    assert office.locks(guest) == set()
    assert office.row(member).state == "waiting"
    with office.runtime.work(write=True) as ctx:
        assert outbox.cancel(ctx, office.message) == 1
    assert not worker.step()


def test_a_lost_race_for_a_lock_is_no_error(office: Office) -> None:
    old = office.worker()
    mail = office.add_guest_mail()
    new = office.worker()
    old.beat()
    with office.runtime.work(write=True) as ctx:
        payload_locks.lock_to_workers(ctx, mail, PayloadKey.new(), workers.living(ctx))
    with office.runtime.work(write=False) as ctx:
        assert ctx.db.get(OutboxLock, (mail, new.key.id)) is not None
    assert new.step()
    assert office.row(mail).state == "sent"


def test_a_mailbox_and_its_epoch_belong_together(office: Office) -> None:
    with pytest.raises(ValueError, match="belong together"), office.runtime.work(write=True) as ctx:
        outbox.add_sealed(ctx, "guest_message", guest_payload(), mailbox=office.marieke.mailbox)
