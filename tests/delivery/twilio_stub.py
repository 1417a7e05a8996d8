"""A server that speaks Twilio's documented API for messages over HTTP, as far as we use it.

Source: https://www.twilio.com/docs/messaging/api/message-resource and https://www.twilio.com/docs/usage/twilios-response.
"""

import base64
import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

ACCOUNT = "AC" + "0123456789abcdef" * 2
KEY = "SK" + "fedcba9876543210" * 2
SERVICE = "MG" + "0f" * 16
TOKEN = "een geheim van Twilio"


@dataclass(frozen=True)
class Answer:
    """What the stub answers instead of taking the message."""

    status: int
    code: int | None = None
    body: bytes | None = None
    wait: float = 0


@dataclass
class TwilioStub:
    """The messages that were taken, and every request with its path and log-in. `answers` come before success."""

    port: int
    taken: list[dict[str, str]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    users: frozenset[str] = frozenset({ACCOUNT, KEY})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str, authorization: str, form: dict[str, str]) -> tuple[int, bytes]:
        """What Twilio would say."""
        user = _user(authorization)
        self.requests.append((path, user))
        if self.answers:
            told = self.answers.pop(0)
            time.sleep(told.wait)
            return told.status, _error(told.status, told.code) if told.body is None else told.body
        if user not in self.users:
            return 401, _error(401, 20003)
        if path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return 404, _error(404, 20404)
        if not form.get("To", "").startswith("+"):
            return 400, _error(400, 21211)
        self.taken.append(form)
        return 201, json.dumps(_message(form)).encode()


def _user(authorization: str) -> str:
    user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
    return user if password == TOKEN else "nobody"


def _error(status: int, code: int | None) -> bytes:
    words = "The 'To' number +31612345678 is not a valid phone number."
    about = f"https://www.twilio.com/docs/errors/{code}"
    return json.dumps({"code": code, "message": words, "more_info": about, "status": status}).encode()


def _message(form: dict[str, str]) -> dict[str, Any]:
    sid = "SM" + "ab" * 16
    return {
        "account_sid": ACCOUNT, "api_version": "2010-04-01", "body": form["Body"], "to": form["To"],
        "from": form.get("From"), "messaging_service_sid": form.get("MessagingServiceSid"), "sid": sid,
        "date_created": "Sun, 22 Nov 2026 08:58:00 +0000", "date_updated": "Sun, 22 Nov 2026 08:58:00 +0000",
        "date_sent": None, "direction": "outbound-api", "error_code": None, "error_message": None,
        "num_media": "0", "num_segments": "1", "price": None, "price_unit": "USD", "status": "queued",
        "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json",
        "subresource_uris": {"media": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}/Media.json"},
    }  # fmt: skip


@contextlib.contextmanager
def twilio_stub() -> Iterator[TwilioStub]:
    """Listening on loopback until the end."""
    stub = TwilioStub(0)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            status, body = stub.answer(self.path, self.headers.get("Authorization", ""), form)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
