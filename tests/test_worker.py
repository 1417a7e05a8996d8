"""Worker processes against real SMTP servers: racing, killed, stopped, and without a database."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from securemail.config import ROOT
from securemail.delivery import outbox, sms
from securemail.store.models import Outbox, WorkerKey
from tests import servers
from tests.delivery.office import Office, RealClock, guest_payload, make_runtime, open_office
from tests.servers import PATIENCE, SmsSink, SmtpSink, free_port, product_environ
from tests.waiting import until

pytestmark = pytest.mark.slow


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """The office in real time, with 40 guests."""
    clock = RealClock()
    runtime = make_runtime(tmp_path / "var", database_url, clock=clock)
    yield open_office(runtime, clock, guests=40)
    runtime.engine.dispose()


@pytest.fixture
def start(tmp_path: Path, database_url: str) -> Iterator[Start]:
    """Starts worker processes and waits until they are ready."""
    started: list[subprocess.Popen[str]] = []

    def start_worker(smtp_port: int, **extra: str) -> subprocess.Popen[str]:
        environ = product_environ(tmp_path / "var", database_url, port=8000, smtp_port=smtp_port, extra=extra)
        process = subprocess.Popen(
            [sys.executable, "-m", "securemail.worker"], cwd=ROOT, env=environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "worker ready\n"
        return process

    yield start_worker
    for process in started:
        process.kill()
        process.communicate()


def _states(office: Office) -> list[str]:
    with office.runtime.work(write=False) as ctx:
        return sorted(ctx.db.scalars(select(Outbox.state)))


def test_two_workers_send_each_mail_exactly_once(office: Office, start: Start, smtp_sink: SmtpSink) -> None:
    workers = [start(smtp_sink.port) for _ in range(2)]
    places = [place for place in range(41) if place != 1]
    with office.runtime.work(write=True) as ctx:
        for place in places:
            outbox.add_sealed(
                ctx, "guest_message", _payload(place), mailbox=office.marieke.mailbox, epoch=1,
                message=office.message, place=place,
            )  # fmt: skip
    until(lambda: _states(office) == ["sent"] * 40)
    receivers = sorted(mail.rcpt_tos[0] for mail in smtp_sink.mails)
    assert receivers == sorted(_payload(place)["to"] for place in places)
    for worker in workers:
        worker.terminate()
        _, errors = worker.communicate(timeout=PATIENCE)
        assert worker.returncode == 0
        assert "Traceback" not in errors
        assert "@example.org" not in errors


def test_a_mail_of_a_killed_worker_is_sent_by_another(office: Office, start: Start) -> None:
    """Killed in the middle of the hand-over; the claim's end is brought forward instead of waiting a minute."""
    with _holding_sink() as (sink, arrived, go_on):
        first, second = start(sink.port), start(sink.port)
        mail = office.add_guest_mail()
        assert arrived.wait(PATIENCE)
        claimed_by = office.row(mail).claimed_by
        dead, alive = _by_key(office, first, second, claimed_by)
        os.kill(dead.pid, signal.SIGKILL)
        go_on.set()
        with office.runtime.work(write=True) as ctx:
            lapsed = update(Outbox).where(Outbox.id == mail).values(claimed_until=ctx.now - timedelta(seconds=1))
            ctx.db.execute(lapsed)
        until(lambda: office.row(mail).state == "sent")
        assert alive.poll() is None
        assert office.receiver_state() == "notified"
        ids = {message["Message-ID"] for message in sink.to("fatima.el.amrani@example.org")}
        assert len(ids) == 1


def test_the_only_workers_mail_waits_for_its_sender(office: Office, start: Start, smtp_sink: SmtpSink) -> None:
    worker = start(free_port())
    mail = office.add_guest_mail()
    worker.kill()
    worker.wait()
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(Outbox).values(due=ctx.now, claimed_until=None))
        ctx.db.execute(update(WorkerKey).values(seen=ctx.now - timedelta(minutes=2)))
    start(smtp_sink.port)
    office.add_member_mail()
    smtp_sink.wait_for("sanne@vandalenbakker.example")  # behind the other one in the queue
    assert office.row(mail).state == "waiting"
    with office.runtime.work(write=True) as ctx:
        assert outbox.places_waiting(ctx, [office.message])[office.message]
        assert outbox.relock(ctx, office.marieke) == 1
    smtp_sink.wait_for("fatima.el.amrani@example.org")
    until(lambda: office.row(mail).state == "sent")


def test_a_worker_that_is_stopped_hands_its_mail_on(office: Office, start: Start, smtp_sink: SmtpSink) -> None:
    with _busy_sink() as busy:
        old = start(busy.port)
        mail = office.add_guest_mail()
        until(lambda: office.row(mail).tries > 0 and office.row(mail).claimed_by is None)
        start(smtp_sink.port)
        old.terminate()
        old.communicate(timeout=PATIENCE)
        assert old.returncode == 0
        with office.runtime.work(write=True) as ctx:
            ctx.db.execute(update(Outbox).values(due=ctx.now))
        smtp_sink.wait_for("fatima.el.amrani@example.org")


def test_a_refused_receiver_and_a_passing_one(office: Office, start: Start, smtp_sink: SmtpSink) -> None:
    smtp_sink.refuse["fatima.el.amrani@example.org"] = "550 5.1.1 No such mailbox"
    start(smtp_sink.port)
    office.add_guest_mail()
    office.add_member_mail()
    until(lambda: (office.receiver_state(0), office.receiver_state(1)) == ("bounced", "notified"))
    [mail] = smtp_sink.to("sanne@vandalenbakker.example")
    assert "Marieke van Dalen" in mail["Subject"]


def test_a_locked_database_is_waited_for(office: Office, start: Start) -> None:
    with _holding_sink() as (sink, arrived, go_on):
        worker = start(sink.port)
        office.add_guest_mail(place=2)
        assert arrived.wait(PATIENCE)
        with office.runtime.work(write=True) as ctx:
            # Holds the row (on SQLite the one writer) for longer than the worker waits to note that it is sent.
            ctx.db.execute(update(Outbox).values(tries=1))
            go_on.set()
            assert worker.stderr is not None
            assert any("the database is not there" in line for line in worker.stderr)
        office.add_member_mail()
        sink.wait_for("sanne@vandalenbakker.example")


def test_a_code_by_sms_is_sent_by_one_of_two_workers(
    office: Office, start: Start, smtp_sink: SmtpSink, sms_sink: SmsSink
) -> None:
    workers = [start(smtp_sink.port, **sms_sink.environ) for _ in range(2)]
    numbers = [f"+316123456{last}" for last in range(10, 30)]
    asked = {number: _ask(office, number) for number in numbers}
    assert [sms_sink.wait_for_sms(number) for number in numbers] == [number[-6:] for number in numbers]
    until(lambda: _states(office) == ["sent"] * 20)
    assert len(sms_sink.posted) == 20
    with office.runtime.work(write=False) as ctx:
        assert {sms.state_of(ctx, row) for row in asked.values()} == {"sent"}
    for worker in workers:
        worker.terminate()
        _, errors = worker.communicate(timeout=PATIENCE)
        assert worker.returncode == 0
        for secret in ("Traceback", "+316", "6123456", "mail.example.org"):
            assert secret not in errors


def test_a_code_by_sms_waits_for_a_provider_that_comes_back(office: Office, start: Start) -> None:
    port = free_port()
    address = {"SMS_WEBHOOK_URL": f"http://127.0.0.1:{port}/sms"}
    start(free_port(), **address)
    row = _ask(office, "+31612345678")
    until(lambda: _delayed(office, row))
    with servers.sms_sink(port=port) as sink:
        assert sink.wait_for_sms("+31612345678") == "345678"
        until(lambda: not _delayed(office, row))


def test_a_code_by_sms_does_not_wait_for_a_mail_server_that_hangs(
    office: Office, start: Start, sms_sink: SmsSink
) -> None:
    with _holding_sink() as (sink, arrived, _go_on):
        start(sink.port, SMTP_TIMEOUT="300", **sms_sink.environ)
        mail = office.add_guest_mail()
        assert arrived.wait(PATIENCE)
        _ask(office, "+31612345678")
        assert sms_sink.wait_for_sms("+31612345678") == "345678"
        assert office.row(mail).claimed_by is not None, "the mail is still being handed over"


def test_wrong_settings_are_told_in_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "securemail.worker"], cwd=ROOT, env={"PATH": os.environ["PATH"]}, text=True,
        capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "SECUREMAIL_SECRET is missing" in done.stderr
    assert "Traceback" not in done.stderr


def _ask(office: Office, number: str) -> bytes:
    """A code for that number: its last six digits."""
    with office.runtime.work(write=True) as ctx:
        return sms.send_code(ctx, to=number, code=number[-6:], language="nl", host="mail.example.org")


def _delayed(office: Office, row: bytes) -> bool:
    with office.runtime.work(write=False) as ctx:
        return sms.delayed(ctx, row)


def _payload(place: int) -> dict[str, str]:
    return {name: str(value) for name, value in guest_payload(f"guest{place}@example.org").items()}


def _by_key(
    office: Office, first: subprocess.Popen[str], second: subprocess.Popen[str], claimed_by: bytes | None
) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    with office.runtime.work(write=False) as ctx:
        in_order = list(ctx.db.scalars(select(WorkerKey.id).order_by(WorkerKey.started)))
    return (first, second) if claimed_by == in_order[0] else (second, first)


@contextlib.contextmanager
def _holding_sink() -> Iterator[tuple[SmtpSink, threading.Event, threading.Event]]:
    """A server that takes the first mail's words and then keeps its answer to itself until told to go on."""
    arrived, go_on = threading.Event(), threading.Event()
    with servers.smtp_sink() as sink:
        keep = sink.handle_DATA

        async def handle_data(server: object, session: object, envelope: object) -> str:
            answer = await keep(server, session, envelope)  # type: ignore[arg-type]
            arrived.set()
            while not go_on.is_set():
                await asyncio.sleep(0.02)
            return answer

        sink.handle_DATA = handle_data  # type: ignore[method-assign,assignment]
        try:
            yield sink, arrived, go_on
        finally:
            go_on.set()


@contextlib.contextmanager
def _busy_sink() -> Iterator[SmtpSink]:
    """Every receiver is for later."""
    with servers.smtp_sink() as sink:
        sink.refuse["fatima.el.amrani@example.org"] = "451 4.3.0 Later"
        yield sink
