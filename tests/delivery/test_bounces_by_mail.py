"""Real parts: a relay that takes mail and gives it back, the process that receives it, and a mail server's pipe."""

import contextlib
import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import update

from securemail import bounce_server, cli
from securemail.config import ROOT, Settings, Smtp
from securemail.delivery.bounce_addresses import address_of
from securemail.delivery.bounces import LARGEST
from securemail.delivery.smtp import Delivered, SmtpTransport
from securemail.runtime import Runtime
from securemail.store.models import Recipient
from tests.delivery.office import GUEST, Office, RealClock, open_office
from tests.delivery.reports import BACK, OUT_OF_OFFICE, SHARED, report
from tests.kinds import on_sqlite
from tests.relay import relay
from tests.serve import CHEAP
from tests.servers import PATIENCE, free_port, product_environ, smtp_sink, wait_for_port
from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def environ(tmp_path: Path, database_url: str) -> dict[str, str]:
    """The settings of all processes."""
    extra = {"MAIL_BOUNCES": BACK, "BOUNCE_LISTEN": f"127.0.0.1:{free_port()}"}
    return product_environ(tmp_path / "var", database_url, port=8000, smtp_port=free_port(), extra=extra)


@pytest.fixture
def office(environ: dict[str, str]) -> Iterator[Office]:
    """The office in real time."""
    clock = RealClock()
    runtime = Runtime.assemble(Settings.from_environ(environ), argon2=CHEAP, clock=clock)  # type: ignore[arg-type]
    yield open_office(runtime, clock)
    runtime.engine.dispose()


@pytest.fixture
def port(environ: dict[str, str]) -> Iterator[int]:
    """Where the process for bounces receives."""
    listening = int(environ["BOUNCE_LISTEN"].rpartition(":")[2])
    with _process(environ):
        wait_for_port("127.0.0.1", listening)
        yield listening


@contextlib.contextmanager
def _process(environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "securemail.cli", "bounces"], cwd=ROOT, env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "bounces ready\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _sent(office: Office) -> str:
    """The address that a mail which went out comes back to."""
    worker = office.worker()
    row = office.add_guest_mail()
    assert worker.step()
    return address_of(office.runtime.keys, BACK, row)


def _receiver(office: Office, state: str) -> None:
    with office.runtime.work(write=True) as ctx:
        ctx.db.execute(update(Recipient).where(Recipient.place == 0).values(state=state))


def _pipe(environ: dict[str, str], raw: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "securemail.cli", "bounce", *arguments],
        cwd=ROOT, env=environ, input=raw, capture_output=True, check=False, timeout=PATIENCE,
    )  # fmt: skip


# --- all the way ---


def test_a_relays_later_refusal_comes_home(office: Office, environ: dict[str, str], port: int) -> None:
    with relay() as between:
        worker = subprocess.Popen(
            [sys.executable, "-m", "securemail.worker"], cwd=ROOT,
            env={**environ, "SMTP_PORT": str(between.port)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert worker.stdout is not None
        assert worker.stdout.readline() == "worker ready\n"
        mail = office.add_guest_mail()
        between.wait_for(GUEST)
        until(lambda: office.receiver_state() == "notified")
        between.give_back(GUEST, port=port)
        until(lambda: office.receiver_state() == "bounced")
        worker.terminate()
        worker.communicate(timeout=PATIENCE)
    assert between.asked == ["RET=HDRS", f"ENVID={mail.hex()}", "NOTIFY=FAILURE"]


# --- what goes out ---


def _mail() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "securemail@example.org", GUEST, "Bericht"
    message.set_content("x\n")
    return message


def _transport(port: int) -> SmtpTransport:
    return SmtpTransport(Smtp("127.0.0.1", port, None, None, "none", 5))


def test_reports_are_asked_for_of_failures_without_the_letter() -> None:
    with relay() as between:
        transport = _transport(between.port)
        assert transport.send(_mail(), sender=BACK, receiver=GUEST, report="ab12") == Delivered()
        assert transport.send(_mail(), sender="securemail@example.org", receiver=GUEST) == Delivered()
        transport.close()
    assert between.asked == ["RET=HDRS", "ENVID=ab12", "NOTIFY=FAILURE"]


def test_a_server_that_knows_no_reports_is_not_asked_for_one() -> None:
    with smtp_sink() as plain:
        transport = _transport(plain.port)
        assert transport.send(_mail(), sender=BACK, receiver=GUEST, report="ab12") == Delivered()
        transport.close()
        assert [mail.mail_from for mail in plain.mails] == [BACK]


# --- the process that receives ---


def test_the_process_takes_the_report_of_every_server(office: Office, port: int) -> None:
    for server in SHARED:
        back = _sent(office)
        with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
            client.sendmail("<>", [back.upper()], report(server, back=back))
        assert office.receiver_state() == "bounced", server
        _receiver(office, "waiting")


@on_sqlite
def test_every_other_address_is_refused_at_once(office: Office, port: int) -> None:
    back = _sent(office)
    local, _, domain = back.partition("@")
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        client.ehlo()
        assert client.mail("<>")[0] == 250
        others = [
            BACK, GUEST, f"{local[:-1]}{'a' if local[-1] != 'a' else 'e'}@{domain}", f"{local}@example.net",
            f"postmaster@{domain}",
        ]  # fmt: skip
        assert [client.rcpt(address)[0] for address in others] == [550] * len(others)
        assert client.docmd("DATA")[0] == 503
        assert client.rcpt(back)[0] == 250
        assert client.rcpt(back)[0] == 452
    assert office.receiver_state() == "notified"


@on_sqlite
def test_other_mail_is_taken_and_changes_nothing(office: Office, port: int) -> None:
    back = _sent(office)
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        client.sendmail("fatima@example.org", [back], OUT_OF_OFFICE.format(back=back))
    assert office.receiver_state() == "notified"


@on_sqlite
def test_large_mail_is_refused_and_an_endless_line_is_cut_off(office: Office, port: int) -> None:
    back = _sent(office)
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == str(LARGEST)
        with pytest.raises(smtplib.SMTPResponseException) as caught:
            client.sendmail("<>", [back], report(back=back) + b"x" * 70 + b"\r\n" + b"\r\n" * (LARGEST // 2))
    assert caught.value.smtp_code == 552
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as raw:
        raw.sendall(f"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<{back}>\r\nDATA\r\n".encode())
        with pytest.raises(ConnectionError):
            raw.sendall(b"x" * 65536 * 200)
    assert office.receiver_state() == "notified"


@on_sqlite
def test_only_so_many_connections_are_taken_at_once_and_others_later(port: int) -> None:
    held = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(bounce_server.CONNECTIONS)]
    assert all(one.recv(3) == b"220" for one in held)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as late:
        assert late.recv(3) == b"421"
    held.pop().close()

    def taken() -> bool:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as again:
            return again.recv(3) == b"220"

    until(taken)
    for one in held:
        one.close()


@on_sqlite
def test_a_database_that_is_away_makes_the_server_keep_it(
    office: Office, environ: dict[str, str], tmp_path: Path
) -> None:
    back = _sent(office)
    nowhere = {**environ, "DATABASE_URL": f"sqlite:////{tmp_path}/none/x.db"}
    with _process(nowhere):
        port = int(environ["BOUNCE_LISTEN"].rpartition(":")[2])
        client = smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE)
        with client, pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("<>", [back], report(back=back))
    assert caught.value.smtp_code == 451


@on_sqlite
def test_its_log_names_rows_and_no_address(office: Office, environ: dict[str, str]) -> None:
    back = _sent(office)
    with _process(environ) as process:
        port = int(environ["BOUNCE_LISTEN"].rpartition(":")[2])
        with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
            client.sendmail("<>", [back], report(back=back))
            with contextlib.suppress(smtplib.SMTPException):
                client.sendmail("<>", [GUEST], "x")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    assert "came back: noted" in log
    for secret in ("@", "Traceback", "bounces+", "User unknown"):
        assert secret not in log


@on_sqlite
def test_where_to_listen_has_to_be_said(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    del environ["BOUNCE_LISTEN"]
    done = subprocess.run(
        [sys.executable, "-m", "securemail.cli", "bounces"], cwd=ROOT, env=environ, capture_output=True, text=True,
        check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 2
    assert "BOUNCE_LISTEN is missing" in done.stderr


@on_sqlite
def test_a_taken_port_is_told(environ: dict[str, str]) -> None:
    with _process(environ):
        done = subprocess.run(
            [sys.executable, "-m", "securemail.bounce_server"], cwd=ROOT, env=environ, capture_output=True, text=True,
            check=False, timeout=PATIENCE,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("BOUNCE_LISTEN: cannot listen at 127.0.0.1")


# --- the pipe ---


def test_a_pipe_takes_the_address_from_its_argument_or_from_the_headers(
    office: Office, environ: dict[str, str]
) -> None:
    ways: list[tuple[Callable[[str], bytes], Callable[[str], list[str]]]] = [
        (lambda back: report(), lambda back: ["--", back]),
        (lambda back: f"Delivered-To: {back}\r\n".encode() + report(), lambda back: []),
        (lambda back: f"Envelope-to: {back}\n".encode() + report(), lambda back: []),
        (lambda back: f"X-Original-To: {back}\n".encode() + report().replace(b"\r\n", b"\n"), lambda back: []),
        (lambda back: report(back=back), lambda back: []),
    ]
    for number, (raw, arguments) in enumerate(ways):
        back = _sent(office)
        done = _pipe(environ, raw(back), *arguments(back))
        assert (done.returncode, done.stdout) == (0, b""), (number, done.stderr)
        assert office.receiver_state() == "bounced", number
        _receiver(office, "waiting")


@on_sqlite
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\x00" * 1000,
        report(),
        OUT_OF_OFFICE.encode(),
        b"To: x\r\n" * 10 + b"\r\n",
        report() + b"x" * LARGEST * 3,
    ],
    ids=["nothing", "bytes", "another's", "out of office", "headers", "huge"],
)
def test_what_says_nothing_is_taken_quietly_from_a_pipe(environ: dict[str, str], raw: bytes) -> None:
    """Anything but success would have the mail server send it back, to nobody or to a stranger."""
    done = _pipe(environ, raw)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"@" not in done.stderr


def test_what_cannot_be_done_now_is_to_be_piped_again(office: Office, environ: dict[str, str], tmp_path: Path) -> None:
    back = _sent(office)
    raw = report(back=back)
    for broken in (
        {"DATABASE_URL": f"sqlite:////{tmp_path}/none/x.db"}, {"DATABASE_URL": "postgresql://127.0.0.1:9/x"},
        {"SECUREMAIL_SECRET": "nonsense"}, {"MAIL_BOUNCES": "nonsense"},
    ):  # fmt: skip
        done = _pipe({**environ, **broken}, raw)
        assert done.returncode == os.EX_TEMPFAIL, (broken, done.stderr)
        assert b"Traceback" not in done.stderr
        assert back.encode() not in done.stderr
    assert office.receiver_state() == "notified"
    assert _pipe(environ, raw).returncode == 0
    assert office.receiver_state() == "bounced"


def test_the_command_tells_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["bounce", "--help"])
    assert "recipient" in capsys.readouterr().out
