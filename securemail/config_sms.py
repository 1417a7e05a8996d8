"""Settings of SMS: who sends them, and the country of numbers that are typed without one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

import phonenumbers

from securemail.config_reader import Reader, is_loopback, require_port

SmsProvider = Literal["none", "twilio", "webhook"]

SINK_SMS_SECRET: Final = "the sink of make run, on this machine only"  # noqa: S105 no secret
"""What the product signs with for the development sink, which takes SMS from nobody else."""
_SHORTEST_SMS_SECRET: Final = 32
_TWILIO_ID: Final = re.compile(r"[A-Z]{2}[0-9a-f]{32}")
_SMS_SENDER: Final = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=[A-Za-z0-9 ]*[A-Za-z])[A-Za-z0-9 ]{1,11}")


@dataclass(frozen=True)
class TwilioSms:
    """An account at Twilio. `user` is the account or one of its API keys; one of `sender` and `service` is set."""

    url: str
    account: str
    user: str
    password: str = field(repr=False)
    sender: str | None
    service: str | None
    timeout: float


@dataclass(frozen=True)
class WebhookSms:
    """A service of the operator's own that takes SMS from us. Its address may hold a token."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    timeout: float


Sms = TwilioSms | WebhookSms


def read_sms(read: Reader, sink_port: int, *, development: bool) -> Sms | None:
    choices: dict[str, SmsProvider] = {"none": "none", "twilio": "twilio", "webhook": "webhook"}
    provider = read.choice("SMS_PROVIDER", "webhook" if development else "none", choices)
    timeout = read.number("SMS_TIMEOUT", 10, least=1, most=60)
    if provider == "twilio":
        return _twilio(read, timeout)
    if provider == "webhook":
        return _webhook(read, timeout, sink_port, development=development)
    return None


def _twilio(read: Reader, timeout: float) -> TwilioSms:
    read.require("SMS_TWILIO_ACCOUNT", "the Account SID, which begins with AC")
    read.require("SMS_TWILIO_TOKEN", "the account's Auth Token, or the secret of the key in SMS_TWILIO_KEY")
    sender = read.parsed("SMS_TWILIO_FROM", None, _sms_sender)
    service = read.parsed("SMS_TWILIO_SERVICE", None, _twilio_id("MG"))
    if bool(read.text("SMS_TWILIO_FROM")) == bool(read.text("SMS_TWILIO_SERVICE")):
        read.problems.append(
            "SMS_TWILIO_FROM (a sender) or SMS_TWILIO_SERVICE (a messaging service): set one of the two."
        )
    account = read.parsed("SMS_TWILIO_ACCOUNT", "", _twilio_id("AC"))
    return TwilioSms(
        url=read.parsed("SMS_TWILIO_URL", "https://api.twilio.com", _provider_url).rstrip("/"),
        account=account,
        user=read.parsed("SMS_TWILIO_KEY", account, _twilio_id("SK")),
        password=read.text("SMS_TWILIO_TOKEN"),
        sender=sender,
        service=service,
        timeout=timeout,
    )


def _webhook(read: Reader, timeout: float, sink_port: int, *, development: bool) -> WebhookSms:
    to_sink = development and not read.text("SMS_WEBHOOK_URL")
    if not to_sink:
        read.require("SMS_WEBHOOK_URL", "the https address of the service that sends the SMS")
        read.require("SMS_WEBHOOK_SECRET", "the words that this service checks our signature with")
    return WebhookSms(
        url=read.parsed("SMS_WEBHOOK_URL", f"http://127.0.0.1:{sink_port}/sms", _provider_url),
        secret=SINK_SMS_SECRET if to_sink else read.parsed("SMS_WEBHOOK_SECRET", "", _sms_secret),
        timeout=timeout,
    )


def _provider_url(text: str) -> str:
    """Numbers and codes go there, in development too: in the clear only to this machine."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as https://sms.example.org/send")
    if parts.username or parts.password or parts.fragment or not text.isascii() or " " in text:
        raise ValueError("must be an address without a user, a password, a # or spaces")
    require_port(parts.netloc)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must start with https://, unless the service is this machine")
    return text


def _sms_secret(text: str) -> str:
    if len(text) < _SHORTEST_SMS_SECRET:
        raise ValueError(f"must have at least {_SHORTEST_SMS_SECRET} characters")
    return text


def _sms_sender(text: str) -> str:
    if not _SMS_SENDER.fullmatch(text):
        raise ValueError("must be a number such as +3197010240000, a short code, or at most 11 letters and digits")
    return text


def _twilio_id(prefix: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not (text.startswith(prefix) and _TWILIO_ID.fullmatch(text)):
            raise ValueError(f"must be {prefix} and 32 hexadecimal digits, as Twilio shows it")
        return text

    return parse


def region(text: str) -> str:
    if text.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("must be a country's two letters, such as NL")
    return text.upper()
