"""Handing mail to real SMTP servers: secure, refusing, slow, breaking off, and not there."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from securemail.config import Smtp, SmtpSecurity
from securemail.delivery.smtp import Delivered, PermanentFailure, SmtpTransport, TemporaryFailure
from tests.servers import free_port, server_certificate, smtp_sink, tls_context

SENDER, RECEIVER = "securemail@example.org", "fatima@example.org"


def _smtp(port: int, *, security: SmtpSecurity = "none", login: bool = False, timeout: float = 30) -> Smtp:
    user, password = ("post", "geheim") if login else (None, None)
    return Smtp(host="127.0.0.1", port=port, user=user, password=password, security=security, timeout=timeout)


def _mail(to: str = RECEIVER) -> EmailMessage:
    mail = EmailMessage(policy=SMTPUTF8)
    mail["From"], mail["To"], mail["Subject"] = f"Bücher & Co <{SENDER}>", to, "Beveiligd bericht van Zoë"
    mail.set_content("Dag Zoë\n", cte="quoted-printable")
    return mail


def _send(settings: Smtp, to: str = RECEIVER) -> object:
    transport = SmtpTransport(settings)
    try:
        return transport.send(_mail(to), sender=SENDER, receiver=to)
    finally:
        transport.close()


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that this test trusts."""
    path = server_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def test_it_delivers_over_starttls_with_a_login(certificate: Path) -> None:
    with smtp_sink(tls=tls_context(certificate), login=("post", "geheim")) as sink:
        assert _send(_smtp(sink.port, security="starttls", login=True)) == Delivered()
        assert sink.logins == ["post"]
        [mail] = sink.to(RECEIVER)
        assert mail["Subject"] == "Beveiligd bericht van Zoë"
        assert bytes(mail).isascii()


def test_it_trusts_no_unknown_certificate(tmp_path: Path) -> None:
    with smtp_sink(tls=tls_context(server_certificate(tmp_path))) as sink:
        result = _send(_smtp(sink.port, security="starttls"))
        assert isinstance(result, TemporaryFailure)
        assert sink.mails == []


def test_it_sends_nothing_in_the_clear_when_starttls_is_missing() -> None:
    with smtp_sink() as sink:
        assert isinstance(_send(_smtp(sink.port, security="starttls")), TemporaryFailure)
        assert sink.mails == []


def test_a_refused_login_is_no_refusal_of_the_receiver(certificate: Path) -> None:
    with smtp_sink(tls=tls_context(certificate), login=("post", "iets anders")) as sink:
        result = _send(_smtp(sink.port, security="starttls", login=True))
        assert isinstance(result, TemporaryFailure)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("550 5.1.1 No such mailbox", PermanentFailure(550)),
        ("553 Not here", PermanentFailure(553)),
        ("451 4.3.0 Later", TemporaryFailure("answer 451")),
        ("452 Full", TemporaryFailure("answer 452")),
    ],
)
def test_an_answer_to_the_receiver(answer: str, expected: object) -> None:
    with smtp_sink() as sink:
        sink.refuse[RECEIVER] = answer
        assert _send(_smtp(sink.port)) == expected


@pytest.mark.parametrize("code", [554, 451])
def test_an_answer_to_the_words(code: int) -> None:
    class Refusing:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            return f"{code} no"

    with _server(Refusing()) as port:
        assert _send(_smtp(port)) == (PermanentFailure(554) if code == 554 else TemporaryFailure("answer 451"))


def test_a_refused_sender_is_a_mistake_of_ours() -> None:
    class Refusing:
        async def handle_MAIL(  # noqa: N802
            self, server: Any, session: Any, envelope: Any, address: str, options: Any
        ) -> str:
            return "550 not you"

    with _server(Refusing()) as port:
        assert isinstance(_send(_smtp(port)), TemporaryFailure)


def test_nobody_listens() -> None:
    assert isinstance(_send(_smtp(free_port())), TemporaryFailure)


def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert isinstance(_send(_smtp(silent.getsockname()[1], timeout=0.3)), TemporaryFailure)


def test_a_line_that_breaks_in_the_middle_of_the_words() -> None:
    with _hangs_up_in_data() as port:
        assert isinstance(_send(_smtp(port)), TemporaryFailure)


def test_a_foreign_address_goes_out_where_the_server_can() -> None:
    with smtp_sink() as sink:
        assert _send(_smtp(sink.port), "zoë@example.org") == Delivered()
        assert sink.mails[0].smtp_utf8


def test_a_foreign_address_is_refused_where_the_server_cannot() -> None:
    with _server(object(), enable_SMTPUTF8=False) as port:
        assert _send(_smtp(port), "zoë@example.org") == PermanentFailure(553)


def test_a_plain_address_asks_for_nothing_special() -> None:
    with smtp_sink() as sink:
        _send(_smtp(sink.port))
        assert not sink.mails[0].smtp_utf8


def test_one_connection_serves_a_burst_and_is_made_again_when_it_broke() -> None:
    with smtp_sink() as sink:
        transport = SmtpTransport(_smtp(sink.port))
        assert transport.send(_mail(), sender=SENDER, receiver=RECEIVER) == Delivered()
        client = transport._client
        assert transport.send(_mail(), sender=SENDER, receiver=RECEIVER) == Delivered()
        assert transport._client is client
        assert client is not None
        assert client.sock is not None
        client.sock.shutdown(socket.SHUT_RDWR)
        assert transport.send(_mail(), sender=SENDER, receiver=RECEIVER) == Delivered()
        transport.close()
        assert len(sink.mails) == 3


@contextmanager
def _server(handler: Any, **options: Any) -> Iterator[int]:
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port, **{"enable_SMTPUTF8": True, **options})
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@contextmanager
def _hangs_up_in_data() -> Iterator[int]:
    """Speaks SMTP up to the words and then closes the line."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_talk, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def _talk(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 hello\r\n")
        for line in lines:
            if line.upper().startswith(b"DATA"):
                connection.sendall(b"354 go on\r\n")
                lines.readline()
                return
            connection.sendall(b"250 OK\r\n")


def test_a_name_that_decodes_into_a_header_is_not_handed_over() -> None:
    mail = _mail()
    mail.replace_header("Subject", "=?utf-8?q?Dag=0d=0aBcc:_x?=")
    with smtp_sink() as sink:
        transport = SmtpTransport(_smtp(sink.port))
        refused = transport.send(mail, sender=SENDER, receiver=RECEIVER)
        transport.close()
        assert isinstance(refused, PermanentFailure)
        assert not sink.to(RECEIVER)


def test_a_mail_that_cannot_be_written_takes_nobody_along() -> None:
    mail = _mail("\udcff@example.org")
    with smtp_sink() as sink:
        transport = SmtpTransport(_smtp(sink.port))
        assert isinstance(transport.send(mail, sender=SENDER, receiver="\udcff@example.org"), PermanentFailure)
        assert transport.send(_mail(), sender=SENDER, receiver=RECEIVER) == Delivered()
        transport.close()
