"""Handing a mail to the submission server over SMTP, and telling a refusal of its receiver from every other trouble.

Only the receiver's refusal is permanent. A server that refuses our log-in, our sender or our encryption is a mistake in
the settings: mail waits until somebody mends it, and nobody is told that an address does not exist.
"""

import logging
import smtplib
import ssl
from dataclasses import dataclass
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTPUTF8
from typing import Final

from securemail.config import Smtp
from securemail.delivery.headers import AsciiPolicy

log = logging.getLogger(__name__)

_ASCII: Final = AsciiPolicy()
_NOT_POSSIBLE: Final = 553
"""Mailbox name not allowed: our own answer where the server cannot take an address with foreign letters."""


@dataclass(frozen=True)
class Delivered:
    """The server has taken responsibility for the mail."""


@dataclass(frozen=True)
class TemporaryFailure:
    """Not now; `why` names the stage and holds nothing that the server said, which may contain addresses."""

    why: str


@dataclass(frozen=True)
class PermanentFailure:
    """The server refuses this mail or its receiver for good."""

    code: int


Result = Delivered | TemporaryFailure | PermanentFailure


class SmtpTransport:
    """One connection, kept through a burst of mail and closed when there is no more. Not for several threads."""

    def __init__(self, settings: Smtp) -> None:
        self._settings = settings
        self._client: smtplib.SMTP | None = None

    def send(self, message: EmailMessage, *, sender: str, receiver: str, report: str | None = None) -> Result:
        """Hand over one mail. With `report`, `sender` is told when it fails later, by that name."""
        try:
            return _send(self._connected(), message, sender, receiver, report)
        except (OSError, smtplib.SMTPException) as error:
            # Also every reply that does not belong to this receiver: see the module's words.
            self.close()
            return TemporaryFailure(_describe(error))
        except (ValueError, MessageError) as error:
            # Cannot be written down for the wire: the next try would fail alike, and must not take the worker along.
            log.warning("a mail cannot be written: %s", type(error).__name__)
            self.close()
            return PermanentFailure(_NOT_POSSIBLE)

    def close(self) -> None:
        """Say goodbye, when there is a connection."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            client.quit()
        except (OSError, smtplib.SMTPException):
            client.close()

    def _connected(self) -> smtplib.SMTP:
        if self._client is not None and _answers(self._client):
            return self._client
        self._client = None
        self._client = _connect(self._settings)
        return self._client


def _connect(settings: Smtp) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if settings.security == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
    else:
        client = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
    try:
        _greet(client, settings, context)
    except (OSError, smtplib.SMTPException):
        client.close()
        raise
    return client


def _greet(client: smtplib.SMTP, settings: Smtp, context: ssl.SSLContext) -> None:
    client.ehlo()
    if settings.security == "starttls":
        client.starttls(context=context)
        client.ehlo()
    if settings.user and settings.password:
        client.login(settings.user, settings.password)


def _answers(client: smtplib.SMTP) -> bool:
    try:
        return client.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        client.close()
        return False


def _send(client: smtplib.SMTP, message: EmailMessage, sender: str, receiver: str, report: str | None) -> Result:
    foreign = not (sender.isascii() and receiver.isascii())
    if foreign and not client.has_extn("smtputf8"):
        return PermanentFailure(_NOT_POSSIBLE)
    options = ["SMTPUTF8", "BODY=8BITMIME"] if foreign else []
    reported, wanted = _asked(client, report)
    raw = _written(message, foreign=foreign)
    try:
        client.sendmail(sender, [receiver], raw, mail_options=options + reported, rcpt_options=wanted)
    except smtplib.SMTPRecipientsRefused as error:
        return _refusal(int(error.recipients[receiver][0]))
    except smtplib.SMTPDataError as error:
        return _refusal(error.smtp_code)
    return Delivered()


def _asked(client: smtplib.SMTP, report: str | None) -> tuple[list[str], list[str]]:
    """Options that ask for a report of failure with our headers alone, where the server knows them (RFC 3461)."""
    if report is None or not client.has_extn("dsn"):
        return [], []
    return ["RET=HDRS", f"ENVID={report}"], ["NOTIFY=FAILURE"]


def _written(message: EmailMessage, *, foreign: bool) -> bytes:
    """The mail as bytes, with the headers that were set and no other: out of a name the library may decode more."""
    raw = message.as_bytes(policy=SMTPUTF8 if foreign else _ASCII)
    lines = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    names = [line.partition(b":")[0].decode("utf-8", "replace") for line in lines if not line[:1].isspace()]
    if names != message.keys():
        raise ValueError("other headers than were set")
    return raw


def _refusal(code: int) -> Result:
    return PermanentFailure(code) if code >= 500 else TemporaryFailure(f"answer {code}")


def _describe(error: Exception) -> str:
    code = getattr(error, "smtp_code", "")
    return f"{type(error).__name__} {code}".strip()
