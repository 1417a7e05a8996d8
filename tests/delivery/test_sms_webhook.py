"""SMS by the generic webhook, against a server that records: the form that docs/operations.md promises."""

import hashlib
import hmac
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from securemail.config_sms import WebhookSms
from securemail.delivery.sms_text import Sms
from securemail.delivery.sms_transport import transport_of
from securemail.delivery.sms_webhook import WebhookTransport
from securemail.delivery.smtp import Delivered, PermanentFailure, Result, TemporaryFailure
from tests import servers
from tests.servers import SMS_SECRET, SmsSink

SMS = Sms(bytes(range(16)), "+31612345678", "Je inlogcode is 123456 €.\n\n@mail.example.org #123456")
ID = "AAECAwQFBgcICQoLDA0ODw"


def _settings(url: str, *, timeout: float = 30) -> WebhookSms:
    return WebhookSms(url=url, secret=SMS_SECRET, timeout=timeout)


def _send(sink: SmsSink, *, timeout: float = 30, path: str = "/sms") -> Result:
    return transport_of(_settings(f"http://127.0.0.1:{sink.port}{path}", timeout=timeout)).send(SMS)


def test_an_sms_is_one_signed_post(sms_sink: SmsSink) -> None:
    url = f"http://127.0.0.1:{sms_sink.port}/sms?token=a"
    assert WebhookTransport(_settings(url), unix_time=lambda: 1763801880.9).send(SMS) == Delivered()
    [posted] = sms_sink.posted
    assert posted.body == json.dumps(
        {"id": ID, "to": SMS.to, "text": SMS.text}, ensure_ascii=False, separators=(",", ":")
    ).encode("utf-8")
    signed = hmac.new(SMS_SECRET.encode(), b"1763801880." + posted.body, hashlib.sha256).hexdigest()
    expected = {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(posted.body)),
        "Idempotency-Key": ID,
        "Securemail-Timestamp": "1763801880",
        "Securemail-Signature": f"v1={signed}",
    }
    assert {name: posted.headers[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, Delivered()),
        (204, Delivered()),
        (400, PermanentFailure(400)),
        (404, PermanentFailure(404)),
        (422, PermanentFailure(422)),
        (408, TemporaryFailure("answer 408")),
        (425, TemporaryFailure("answer 425")),
        (429, TemporaryFailure("answer 429")),
        (500, TemporaryFailure("answer 500")),
        (503, TemporaryFailure("answer 503")),
        (307, TemporaryFailure("answer 307")),
    ],
)
def test_the_answer_decides(sms_sink: SmsSink, status: int, result: Result) -> None:
    sms_sink.refuse[SMS.to] = status
    assert _send(sms_sink) == result


def test_nobody_there_is_for_later() -> None:
    assert isinstance(transport_of(_settings(f"http://127.0.0.1:{servers.free_port()}")).send(SMS), TemporaryFailure)


def test_somebody_slow_is_for_later(sms_sink: SmsSink) -> None:
    sms_sink.slow = 1
    assert _send(sms_sink, timeout=0.2) == TemporaryFailure("TimeoutError")


def test_somebody_who_says_nothing_is_for_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        result = transport_of(_settings(f"https://localhost:{port}/", timeout=0.2)).send(SMS)
    assert result == TemporaryFailure("TimeoutError")


def test_a_redirect_is_not_followed(sms_sink: SmsSink) -> None:
    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{sms_sink.port}/sms")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Silent."""

    with _serving(HTTPServer(("127.0.0.1", 0), Elsewhere)) as port:
        assert transport_of(_settings(f"http://127.0.0.1:{port}")).send(SMS) == TemporaryFailure("answer 307")
    assert sms_sink.posted == []


def test_what_is_no_http_is_for_later() -> None:
    class Rubbish(BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 mail.example.org ESMTP\r\n")

    with _serving(HTTPServer(("127.0.0.1", 0), Rubbish)) as port:
        assert isinstance(transport_of(_settings(f"http://127.0.0.1:{port}")).send(SMS), TemporaryFailure)


def test_the_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = servers.server_certificate(tmp_path)
    server = HTTPServer(("127.0.0.1", 0), _Taking)
    server.socket = servers.tls_context(certificate).wrap_socket(server.socket, server_side=True)
    with _serving(server) as port:
        url = f"https://localhost:{port}/"
        assert transport_of(_settings(url)).send(SMS) == TemporaryFailure("SSLCertVerificationError")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert transport_of(_settings(url)).send(SMS) == Delivered()


def test_nothing_of_it_is_logged(sms_sink: SmsSink, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        _send(sms_sink)
        sms_sink.refuse[SMS.to] = 422
        _send(sms_sink)
    assert caplog.text == ""
    assert "612345678" not in repr(SMS)


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Silent."""


@contextmanager
def _serving(server: HTTPServer) -> Iterator[int]:
    """A server in a thread, for a while; refused handshakes are no errors of the test."""
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
