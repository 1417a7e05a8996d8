"""A notification that came back later stands at its receiver: once, for the newest one, and nowhere too late."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from securemail import bounce_intake
from securemail.bounce_intake import TryLater, take
from securemail.config import Settings
from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.secrets import Secret
from securemail.delivery import bounce_addresses, claim, housekeeping, outbox, returned
from securemail.delivery.claim import Job
from securemail.delivery.smtp import PermanentFailure, TemporaryFailure
from securemail.runtime import Runtime
from securemail.store.models import Outbox, Recipient, Thread
from tests.delivery.office import GUEST, MovingClock, Office, Recorder, open_office
from tests.delivery.reports import BACK, OUT_OF_OFFICE, report
from tests.serve import CHEAP
from tests.servers import PATIENCE, product_environ
from tests.waiting import somebody_waits, until


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """The office on each database, whose mail comes back to an address."""
    clock = MovingClock()
    environ = product_environ(
        tmp_path / "var", database_url, port=8000, smtp_port=2525, extra={"MAIL_BOUNCES": "Bounces@Example.org"}
    )
    runtime = Runtime.assemble(Settings.from_environ(environ), argon2=CHEAP, clock=clock)
    yield open_office(runtime, clock)
    runtime.engine.dispose()


def back_of(office: Office, row: bytes) -> str:
    return bounce_addresses.address_of(office.runtime.keys, BACK, row)


def come_back(office: Office, row: bytes, raw: bytes | None = None) -> str:
    """That mail's report arrives."""
    back = back_of(office, row)
    return take(office.runtime, report(back=back) if raw is None else raw, [back])


def sent(office: Office, add: Callable[[], bytes]) -> bytes:
    """A mail that went out: its worker lives before the mail is sealed for it."""
    worker = office.worker()
    row = add()
    while worker.step():
        pass
    assert office.row(row).state == "sent"
    return row


def moved_at(office: Office) -> object:
    with office.runtime.work(write=False) as ctx:
        return ctx.db.get_one(Thread, (office.marieke.mailbox, office.conversation)).changed


def set_state(office: Office, state: str, place: int = 0) -> None:
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(Recipient).where(Recipient.place == place).values(state=state))


def test_every_mail_has_a_sender_of_its_own(office: Office) -> None:
    recorder = Recorder()
    worker = office.worker(recorder)
    rows = [office.add_guest_mail(), office.add_member_mail()]
    while worker.step():
        pass
    assert sorted(recorder.senders) == sorted(back_of(office, row) for row in rows)
    assert all(b"From: " in raw and b"<securemail@example.org>" in raw for raw in recorder.raw)
    assert not any(BACK.partition("@")[0].encode() + b"+" in raw for raw in recorder.raw)


def test_a_guests_notification_that_comes_back_is_shown_and_moves_the_senders_page(office: Office) -> None:
    row = sent(office, office.add_guest_mail)
    office.clock.forward(hours=5)
    assert come_back(office, row) == "noted"
    assert (office.receiver_state(0), office.receiver_state(1)) == ("bounced", "waiting")
    assert moved_at(office) == office.clock.now
    with office.runtime.work(write=False) as ctx:
        assert ctx.db.get_one(Recipient, (office.message, 0)).state_at == office.clock.now


def test_a_members_notification_that_comes_back_is_shown_too(office: Office) -> None:
    row = sent(office, office.add_member_mail)
    assert come_back(office, row) == "noted"
    assert (office.receiver_state(0), office.receiver_state(1)) == ("waiting", "bounced")


def test_a_report_counts_once(office: Office) -> None:
    row = sent(office, office.add_guest_mail)
    assert come_back(office, row) == "noted"
    at = moved_at(office)
    office.clock.forward(hours=1)
    set_state(office, "notified")
    assert come_back(office, row) == "of no use"
    assert office.receiver_state() == "notified"
    assert moved_at(office) == at


@pytest.mark.parametrize("state", ["opened", "revoked", "expired", "gone", "unready"])
def test_after_opening_or_taking_back_nothing_changes(office: Office, state: str) -> None:
    row = sent(office, office.add_guest_mail)
    set_state(office, state)
    at = moved_at(office)
    office.clock.forward(hours=1)
    assert come_back(office, row) == "of no use"
    assert office.receiver_state() == state
    assert moved_at(office) == at


def test_a_later_mail_speaks_for_itself(office: Office) -> None:
    """Sent again, or reminded: a report of the earlier mail says nothing about the later one."""
    first = sent(office, office.add_guest_mail)
    office.clock.forward(hours=1)
    worker = office.worker()
    second = office.add_guest_mail()
    assert come_back(office, first) == "of no use"
    assert worker.step()
    assert come_back(office, first) == "of no use"
    assert office.receiver_state() == "notified"
    assert come_back(office, second) == "noted"


def test_a_report_that_races_a_new_mail_never_marks_the_new_one(office: Office) -> None:
    """Sent again at the moment at which the older mail's report is looked at: the report waits, and sees so."""
    first = sent(office, office.add_guest_mail)
    office.clock.forward(minutes=1)
    written = threading.Event()
    again = threading.Thread(target=_send_again, args=(office, written))
    again.start()
    assert written.wait(PATIENCE)
    assert come_back(office, first) == "of no use"
    again.join()
    assert office.receiver_state() == "notified"


def _send_again(office: Office, written: threading.Event) -> None:
    receiver = (Recipient.message == office.message, Recipient.place == 0)
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(Recipient).where(*receiver).values(state="notified", state_at=ctx.now))
        outbox.add_plain(ctx, "member_message", mailbox=office.sanne.mailbox, message=office.message, place=0)
        written.set()
        until(lambda: somebody_waits(office.runtime.engine))


def test_another_receivers_later_mail_changes_nothing(office: Office) -> None:
    first = sent(office, office.add_guest_mail)
    office.clock.forward(hours=1)
    sent(office, office.add_member_mail)
    assert come_back(office, first) == "noted"
    assert (office.receiver_state(0), office.receiver_state(1)) == ("bounced", "notified")


def test_a_later_mail_that_never_went_out_does_not_speak(office: Office) -> None:
    first = sent(office, office.add_guest_mail)
    office.clock.forward(hours=1)
    office.add_guest_mail()
    with office.runtime.work(write=True) as ctx:
        outbox.cancel(ctx, office.message)
    assert come_back(office, first) == "noted"


@pytest.mark.parametrize(("days", "outcome"), [(29, "noted"), (31, "unknown")])
def test_a_report_is_heard_for_thirty_days(office: Office, days: int, outcome: str) -> None:
    row = sent(office, office.add_guest_mail)
    office.clock.forward(days=days)
    for worker in (office.worker(), office.worker()):
        worker.tidy()
    assert come_back(office, row) == outcome
    assert office.receiver_state() == ("bounced" if outcome == "noted" else "notified")


def test_an_old_row_is_not_heard_even_where_nobody_tidied(office: Office) -> None:
    row = sent(office, office.add_guest_mail)
    office.clock.forward(days=31)
    assert office.row(row).state == "sent"
    assert come_back(office, row) == "unknown"
    assert office.receiver_state() == "notified"


def test_only_what_somebody_would_be_shown_is_known_for_so_long(office: Office) -> None:
    worker = office.worker()
    with office.runtime.work(write=True) as ctx:
        payload = {"to": GUEST, "token_link": "http://localhost/x", "language": "nl"}
        short = outbox.add_sealed(ctx, "activation", payload)
    long = office.add_guest_mail()
    while worker.step():
        pass
    office.clock.forward(days=2)
    worker.tidy()
    with office.runtime.work(write=False) as ctx:
        assert list(ctx.db.scalars(select(Outbox.id))) == [long]
        assert ctx.db.get(Outbox, short) is None
    with office.runtime.work(write=True) as ctx:
        housekeeping.tidy(ctx)
        assert ctx.db.get(Outbox, long) is None, "without an address for bounces there is no reason to keep it"


def test_an_invitation_that_comes_back_is_shown_as_refused(office: Office) -> None:
    worker = office.worker()
    with office.runtime.work(write=True) as ctx:
        payload = {"to": GUEST, "name": "", "language": "nl", "sender_name": "Marieke van Dalen",
                   "sender_address": "marieke@vandalenbakker.example", "token_link": "http://localhost/x"}  # fmt: skip
        row = outbox.add_sealed(ctx, "invitation", payload, mailbox=office.marieke.mailbox, epoch=1)
    assert worker.step()
    assert office.row(row).state == "sent"
    office.clock.forward(days=3)
    worker.tidy()
    assert come_back(office, row) == "noted"
    assert office.row(row).state == "failed"


def test_a_request_for_help_that_comes_back_is_nobodys_bounce(office: Office) -> None:
    worker = office.worker()
    with office.runtime.work(write=True) as ctx:
        row = outbox.add_plain(ctx, "help_asked", mailbox=office.marieke.mailbox, message=office.message)
    assert worker.step()
    assert come_back(office, row) == "of no use"
    assert {office.receiver_state(0), office.receiver_state(1)} == {"waiting"}


def test_a_wrong_address_changes_nothing(office: Office) -> None:
    row = sent(office, office.add_guest_mail)
    strangers = ConfiguredKeys(((1, Secret(b"x" * 32)),))
    right = back_of(office, row)
    for wrong in (
        bounce_addresses.address_of(strangers, BACK, row), BACK, "", right.replace("+", "-"), f"x{right}",
        back_of(office, bytes(16)), right[:-30] + "a" * 10 + right[-20:],
    ):  # fmt: skip
        assert take(office.runtime, report(), [wrong]) in ("not ours", "unknown")
    assert office.receiver_state() == "notified"


@pytest.mark.parametrize(
    "raw",
    [report(action="delayed", status="4.4.1"), OUT_OF_OFFICE.encode(), b"", b"\xff" * 1000],
    ids=["a delay", "out of office", "nothing", "no words"],
)
def test_other_mail_to_the_right_address_changes_nothing(office: Office, raw: bytes) -> None:
    row = sent(office, office.add_guest_mail)
    assert come_back(office, row, raw) in ("other report", "no report")
    assert office.receiver_state() == "notified"


def test_a_report_before_the_sending_is_written_down_is_to_come_again(office: Office) -> None:
    """The relay answers, and refuses, before the worker's own transaction."""
    worker = office.worker()
    row = office.add_guest_mail()
    with office.runtime.work(write=True) as ctx:
        job = claim.take(ctx, worker.key)
    assert isinstance(job, Job)
    with pytest.raises(TryLater):
        come_back(office, row)
    with office.runtime.work(write=True) as ctx:
        claim.delivered(ctx, job)
    assert come_back(office, row) == "noted"


def test_nothing_came_back_that_never_went_out(office: Office) -> None:
    row = office.add_guest_mail()
    assert come_back(office, row) == "of no use"
    assert office.receiver_state() == "waiting"


@pytest.mark.parametrize("answer", [PermanentFailure(550), TemporaryFailure("answer 450")])
def test_a_refusal_at_once_is_as_before(office: Office, answer: object) -> None:
    worker = office.worker(Recorder(answer))  # type: ignore[arg-type]
    row = office.add_guest_mail()
    worker.step()
    expected = "failed" if isinstance(answer, PermanentFailure) else "waiting"
    assert office.row(row).state == expected
    assert office.receiver_state() == ("bounced" if expected == "failed" else "waiting")


def test_a_database_that_is_away_is_waited_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    row = sent(office, office.add_guest_mail)

    def away(*_: object) -> None:
        raise OperationalError("UPDATE recipient", {"address": GUEST}, Exception("locked"))

    monkeypatch.setattr(returned, "note", away)
    with pytest.raises(TryLater) as caught:
        come_back(office, row)
    assert GUEST not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_log_holds_the_row_and_no_address(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    row = sent(office, office.add_guest_mail)
    caplog.clear()
    come_back(office, row)
    take(office.runtime, OUT_OF_OFFICE.encode(), [GUEST])
    assert f"outbox {row.hex()} came back: noted" in caplog.text
    assert "ignored" in caplog.text
    for secret in (GUEST, "bounces+", "@", "User unknown", "550"):
        assert secret not in caplog.text


def test_without_a_setting_no_address_is_ours_and_mail_is_sent_as_before(tmp_path: Path, sqlite_url: str) -> None:
    clock = MovingClock()
    environ = product_environ(tmp_path / "var", sqlite_url, port=8000, smtp_port=2525)
    runtime = Runtime.assemble(Settings.from_environ(environ), argon2=CHEAP, clock=clock)
    office, recorder = open_office(runtime, clock), Recorder()
    worker = office.worker(recorder)
    row = office.add_guest_mail()
    assert worker.step()
    assert recorder.senders == ["securemail@example.org"]
    assert bounce_intake.row_at(runtime, [back_of(office, row)]) is None
    office.clock.forward(hours=25)
    worker.tidy()
    with runtime.work(write=False) as ctx:
        assert ctx.db.get(Outbox, row) is None
    assert timedelta(days=1) == housekeeping.KEPT_AFTER_END
    runtime.engine.dispose()
