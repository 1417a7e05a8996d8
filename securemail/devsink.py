"""The mail sink of `make run`: a real SMTP server on loopback that keeps mails in memory, with a page to read them."""

import argparse
import email
import email.message
import email.policy
import http.server
import logging
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


@dataclass
class Box:
    """The last mails. `refuse` holds addresses beside the two local parts everybody can try."""

    refuse: frozenset[str] = frozenset()
    mails: deque[Mail] = field(default_factory=lambda: deque(maxlen=KEPT))
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

        def _route(self, path: list[str], query: dict[str, list[str]]) -> None:
            match path:
                case [""]:
                    wanted = query.get("to", [""])[0]
                    self._send(200, "text/html", list_page(_matching(box, wanted), wanted), CSP)
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
    refuse = frozenset(address.strip().lower() for address in options.refuse.split(",") if address.strip())
    # aiosmtpd logs each session's addresses at INFO.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    serve(Box(refuse), smtp_port=options.smtp_port, http_port=options.http_port, ready=_say_ready)


def _say_ready() -> None:
    sys.stdout.write("sink ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
