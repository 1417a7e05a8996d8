"""The sink of `make run`: an SMTP server and a webhook for SMS on loopback, kept in memory, with a page to read them.

The product speaks to it as to any mail server and any provider of SMS, and knows no other way.
"""

import argparse
import email
import email.message
import email.policy
import http.server
import json
import logging
import os
import re
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from securemail import clock
from securemail.config_sms import SINK_SMS_SECRET
from securemail.crypto.locks import same
from securemail.crypto.webhooks import signature
from securemail.devsink_pages import (
    CSP,
    MAIL_CSP,
    STYLE,
    links_in_new_tab,
    list_page,
    mail_page,
    not_found_page,
)

KEPT: Final = 200
SIZE_LIMIT: Final = 32 * 1024 * 1024
REFUSED: Final = "550 5.1.1 This mailbox does not exist here"
LATER: Final = "451 4.3.0 Try again later"
SMS_SIZE_LIMIT: Final = 64 * 1024
SMS_SECONDS: Final = 300
_NUMBER: Final = re.compile(r"\+[0-9]{3,15}")
_REFUSED_NUMBERS: Final = "0000"
_LATER_NUMBERS: Final = "0001"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mail:
    number: int
    received: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    def message(self) -> email.message.EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    def part(self, kind: str) -> str | None:
        part = self.message().get_body(preferencelist=(kind,))
        return None if part is None else str(part.get_content())


@dataclass(frozen=True)
class Text:
    """An SMS."""

    id: str
    received: datetime
    to: str
    text: str

    @property
    def code(self) -> str | None:
        """The code of its last line, as a phone finds it."""
        found = re.search(r"^@\S+ #(\S+)\Z", self.text, re.MULTILINE)
        return None if found is None else found[1]


@dataclass
class Box:
    """The last mails and SMS. `refuse` holds addresses beside the two local parts everybody can try."""

    refuse: frozenset[str] = frozenset()
    sms_secret: str = SINK_SMS_SECRET
    mails: deque[Mail] = field(default_factory=lambda: deque(maxlen=KEPT))
    texts: deque[Text] = field(default_factory=lambda: deque(maxlen=KEPT))
    _counted: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer_to(self, address: str) -> str:
        local = address.partition("@")[0].lower()
        if address.lower() in self.refuse or local.startswith("bounce"):
            return REFUSED
        if local.startswith("later"):
            return LATER
        return "250 OK"

    def add(self, sender: str, recipients: Iterable[str], raw: bytes) -> None:
        with self._lock:
            self._counted += 1
            self.mails.append(Mail(self._counted, clock.now(), sender, tuple(recipients), raw))

    def add_text(self, id: str, to: str, text: str) -> int:
        """The status of the answer; one that came before is taken again and kept once."""
        if to.endswith(_REFUSED_NUMBERS):
            return 422
        if to.endswith(_LATER_NUMBERS):
            return 503
        with self._lock:
            if all(known.id != id for known in self.texts):
                self.texts.append(Text(id, clock.now(), to, text))
        return 202

    def texts_newest_first(self) -> list[Text]:
        with self._lock:
            return list(reversed(self.texts))

    def newest_first(self) -> list[Mail]:
        with self._lock:
            return list(reversed(self.mails))

    def mail(self, number: int) -> Mail | None:
        return next((mail for mail in self.newest_first() if mail.number == number), None)


class SmtpHandler:
    """What aiosmtpd asks at each step of a delivery."""

    def __init__(self, box: Box) -> None:
        self.box = box

    async def handle_RCPT(  # noqa: N802 the name aiosmtpd looks for
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.box.answer_to(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode("utf-8")
        self.box.add(envelope.mail_from or "", envelope.rcpt_tos, raw)
        return "250 OK"


def page_handler(box: Box) -> type[http.server.BaseHTTPRequestHandler]:
    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not _asked_for_this_machine(self.headers.get("Host", "")):
                self._send(421, "text/plain", "This page is for this machine only.", CSP)
                return
            url = urlsplit(self.path)
            self._route(url.path.strip("/").split("/"), parse_qs(url.query))

        def do_POST(self) -> None:
            if not _asked_for_this_machine(self.headers.get("Host", "")):
                self._send(421, "text/plain", "This page is for this machine only.", CSP)
            elif urlsplit(self.path).path != "/sms":
                self._send(404, "text/plain", "SMS are posted to /sms.", CSP)
            else:
                status = self._take_sms()
                self._send(status, "text/plain", f"{status}\n", CSP)

        def _take_sms(self) -> int:
            size = self.headers.get("Content-Length", "")
            if not (size.isdigit() and int(size) <= SMS_SIZE_LIMIT):
                self.close_connection = True
                return 413
            body = self.rfile.read(int(size))
            if not _signed(box.sms_secret, self.headers, body):
                return 401
            sms = _sms_fields(body)
            if sms is None or sms["id"] != self.headers.get("Idempotency-Key"):
                return 400
            return box.add_text(**sms)

        def _route(self, path: list[str], query: dict[str, list[str]]) -> None:
            match path:
                case [""]:
                    wanted = query.get("to", [""])[0]
                    page = list_page(_matching(box, wanted), _matching_texts(box, wanted), wanted)
                    self._send(200, "text/html", page, CSP)
                case ["style.css"]:
                    self._send(200, "text/css", STYLE, CSP)
                case ["mail", number, *view] if number.isdigit() and (mail := box.mail(int(number))):
                    self._mail(mail, view)
                case _:
                    self._send(404, "text/html", not_found_page(), CSP)

        def _mail(self, mail: Mail, view: list[str]) -> None:
            match view:
                case []:
                    self._send(200, "text/html", mail_page(mail), CSP)
                case ["html"] if (body := mail.part("html")) is not None:
                    self._send(200, "text/html", links_in_new_tab(body), MAIL_CSP)
                case ["text"] if (body := mail.part("plain")) is not None:
                    self._send(200, "text/plain", body, CSP)
                case ["raw"]:
                    self._send(200, "text/plain", mail.raw.decode("utf-8", "replace"), CSP)
                case _:
                    self._send(404, "text/html", not_found_page(), CSP)

        def _send(self, status: int, kind: str, body: str, policy: str) -> None:
            content = body.encode("utf-8")
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", policy)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Silent: the lines would only stand between those of the product."""

    return Pages


def _asked_for_this_machine(host: str) -> bool:
    # A page elsewhere that points its own name at 127.0.0.1 must not read these mails.
    return host.rpartition(":")[0] in ("localhost", "127.0.0.1")


def _matching(box: Box, wanted: str) -> list[Mail]:
    wanted = wanted.lower()
    return [mail for mail in box.newest_first() if any(wanted in to.lower() for to in mail.recipients)]


def _matching_texts(box: Box, wanted: str) -> list[Text]:
    digits = re.sub(r"\D", "", wanted).lstrip("0")
    if wanted and not digits:
        return []
    return [text for text in box.texts_newest_first() if digits in text.to]


def _signed(secret: str, headers: email.message.Message, body: bytes) -> bool:
    """As docs/operations.md tells every receiver to check it. Pages elsewhere cannot post here: they do not sign."""
    timestamp, given = headers.get("Securemail-Timestamp", ""), headers.get("Securemail-Signature", "")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or not given.isascii():
        return False
    fresh = abs(clock.now().timestamp() - int(timestamp)) <= SMS_SECONDS
    return fresh and same(given.encode("ascii"), signature(secret, int(timestamp), body).encode("ascii"))


def _sms_fields(body: bytes) -> dict[str, str] | None:
    try:
        fields = json.loads(body)
    except ValueError:
        return None
    if not isinstance(fields, dict) or set(fields) != {"id", "to", "text"}:
        return None
    if not all(isinstance(value, str) and value for value in fields.values()) or not _NUMBER.fullmatch(fields["to"]):
        return None
    return fields


def serve(box: Box, *, smtp_port: int, http_port: int, ready: Callable[[], None]) -> None:
    """Serve both until SIGTERM or Ctrl-C."""
    smtp = Controller(
        SmtpHandler(box), hostname="127.0.0.1", port=smtp_port, data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True
    )
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", http_port), page_handler(box))
    smtp.start()
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    ready()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    pages.shutdown()
    smtp.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smtp-port", type=int, default=2525)
    parser.add_argument("--http-port", type=int, default=8025)
    parser.add_argument("--refuse", default="", help="addresses to refuse for good, comma separated")
    options = parser.parse_args()
    # As the settings read it; not an argument, because other users of the machine see those.
    to_sink = not os.environ.get("SMS_WEBHOOK_URL", "").strip()
    sms_secret = SINK_SMS_SECRET if to_sink else os.environ.get("SMS_WEBHOOK_SECRET", "").strip()
    refuse = frozenset(address.strip().lower() for address in options.refuse.split(",") if address.strip())
    # aiosmtpd logs each session's addresses at INFO.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    serve(Box(refuse, sms_secret), smtp_port=options.smtp_port, http_port=options.http_port, ready=_say_ready)


def _say_ready() -> None:
    sys.stdout.write("sink ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
