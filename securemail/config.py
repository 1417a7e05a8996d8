"""Settings: every variable of the environment read once, checked once, and frozen."""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

import phonenumbers

from securemail import ids
from securemail.errors import ConfigError

Environment = Literal["development", "production"]
SmtpSecurity = Literal["none", "starttls", "tls"]
SignUp = Literal["open", "invitation"]
Language = Literal["nl", "en"]
SmsProvider = Literal["none", "twilio", "webhook"]

# See securemail/crypto/README.md. Not from the environment: a weaker cost must not be one typing error away.
ARGON2_KIB: Final = 65536
ARGON2_PASSES: Final = 3

ROOT: Final = Path(__file__).resolve().parent.parent
SMTP_PORTS: Final[dict[SmtpSecurity, int]] = {"none": 25, "starttls": 587, "tls": 465}
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
SINK_SMS_SECRET: Final = "the sink of make run, on this machine only"  # noqa: S105 no secret
"""What the product signs with for the development sink, which takes SMS from nobody else."""
_SHORTEST_SMS_SECRET: Final = 32
_TWILIO_ID: Final = re.compile(r"[A-Z]{2}[0-9a-f]{32}")
_SMS_SENDER: Final = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=[A-Za-z0-9 ]*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_SIGN_UP: Final[dict[str, SignUp]] = {"open": "open", "invitation": "invitation", "closed": "invitation"}
"""How a new organisation begins; `closed` is the older word for by invitation."""
_LANGUAGES: Final[dict[str, Language]] = {"nl": "nl", "en": "en"}

T = TypeVar("T")


class Secret(NamedTuple):
    """A server secret; the id stands in everything made with it, so that secrets can be replaced."""

    id: int
    value: bytes

    def __repr__(self) -> str:
        return f"Secret(id={self.id}, value=***)"


@dataclass(frozen=True)
class Smtp:
    """The submission server that notifications go to."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    security: SmtpSecurity
    timeout: float


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


@dataclass(frozen=True)
class Wsgi:
    """How many web processes, and threads in each."""

    workers: int
    threads: int


@dataclass(frozen=True)
class Settings:
    environment: Environment
    database_url: str = field(repr=False)
    var_dir: Path
    host: str
    port: int
    public_url: str
    trusted_proxies: int
    secrets: tuple[Secret, ...]
    smtp: Smtp
    mail_from: str
    sms: Sms | None
    default_region: str
    sign_up: SignUp
    default_language: Language
    argon2_slots: int
    log_level: str
    wsgi: Wsgi
    sink_smtp_port: int
    sink_http_port: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        return _read(environ)

    @property
    def development(self) -> bool:
        return self.environment == "development"

    @property
    def sms_offered(self) -> bool:
        """Whether people can choose to get codes by SMS."""
        return self.sms is not None

    @property
    def sink_url(self) -> str | None:
        """The page of the development sink; there is none outside development."""
        return f"http://localhost:{self.sink_http_port}" if self.development else None


class _Reader:
    """Reads variables and collects every problem, so that one start tells them all."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        value = self.environ.get(name, "").strip()
        if any(ord(character) < 32 for character in value):
            self.problems.append(f"{name} contains a control character.")
            return default
        return value or default

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        value = self.text(name, str(default))
        if value.isascii() and value.isdigit() and least <= int(value) <= most:
            return int(value)
        self.problems.append(f"{name} must be a whole number from {least} to {most}.")
        return default

    def choice(self, name: str, default: T, choices: Mapping[str, T]) -> T:
        value = self.text(name).lower()
        if not value:
            return default
        if value in choices:
            return choices[value]
        self.problems.append(f"{name} must be one of: {', '.join(choices)}.")
        return default

    def parsed(self, name: str, default: T, parse: Callable[[str], T]) -> T:
        """`parse` raises a ValueError whose words finish the sentence '<name> …'."""
        value = self.text(name)
        if not value:
            return default
        try:
            return parse(value)
        except ValueError as error:
            self.problems.append(f"{name} {error}.")
            return default

    def require(self, name: str, why: str) -> None:
        if not self.environ.get(name, "").strip():
            self.problems.append(f"{name} is missing: {why}.")


def _read(environ: Mapping[str, str]) -> Settings:
    read = _Reader(environ)
    environment = _environment(read)
    development = environment == "development"
    if not development:
        _require_for_production(read)
    port = read.number("PORT", 8000, least=1, most=65535)
    sink_smtp_port = read.number("SINK_SMTP_PORT", 2525, least=1, most=65535)
    sink_http_port = read.number("SINK_HTTP_PORT", 8025, least=1, most=65535)
    var_dir = Path(read.text("VAR_DIR", str(ROOT / "var"))).absolute()
    settings = Settings(
        environment=environment,
        database_url=read.parsed("DATABASE_URL", f"sqlite:///{var_dir / 'securemail.db'}", database_url),
        var_dir=var_dir,
        host=read.text("LISTEN_HOST", "127.0.0.1" if development else "0.0.0.0"),  # noqa: S104 behind a router
        port=port,
        public_url=read.parsed("PUBLIC_URL", f"http://localhost:{port}", _public_url_parser(development)),
        trusted_proxies=read.number("TRUSTED_PROXIES", 0, least=0, most=5),
        secrets=read.parsed("SECUREMAIL_SECRET", (), parse_secrets),
        smtp=_smtp(read, sink_smtp_port, development=development),
        mail_from=read.parsed("MAIL_FROM", "securemail@localhost", _address),
        sms=_sms(read, sink_http_port, development=development),
        default_region=read.parsed("DEFAULT_REGION", "NL", _region),
        sign_up=read.choice("SIGN_UP", "open" if development else "invitation", _SIGN_UP),
        default_language=read.choice("DEFAULT_LANGUAGE", "nl", _LANGUAGES),
        argon2_slots=read.number("ARGON2_SLOTS", os.cpu_count() or 1, least=1, most=1024),
        log_level=read.choice("LOG_LEVEL", "INFO", {level.lower(): level for level in LOG_LEVELS}),
        wsgi=Wsgi(
            workers=read.number("WEB_CONCURRENCY", 2, least=1, most=256),
            threads=read.number("WEB_THREADS", 8, least=1, most=256),
        ),
        sink_smtp_port=sink_smtp_port,
        sink_http_port=sink_http_port,
    )
    if development:
        read.require("SECUREMAIL_SECRET", "`make run` makes one for development; elsewhere see .env.example")
    if read.problems:
        raise ConfigError("\n".join(read.problems))
    return settings


def _environment(read: _Reader) -> Environment:
    choices: dict[str, Environment] = {"development": "development", "production": "production"}
    # Production unless said otherwise: forgetting the variable must not open anything.
    return read.choice("SECUREMAIL_ENV", "production", choices)


def _require_for_production(read: _Reader) -> None:
    read.require("SECUREMAIL_SECRET", "make one with `python -m securemail.cli new-secret`")
    read.require("PUBLIC_URL", "the https address people type, such as https://mail.example.org")
    read.require("SMTP_HOST", "the server that sends the notifications")
    read.require("MAIL_FROM", "the address notifications come from")


def database_url(text: str) -> str:
    """Hosts still hand out `postgres://`, which SQLAlchemy refuses; the driver is always psycopg 3."""
    scheme, separator, rest = text.partition("://")
    if not separator or not rest:
        raise ValueError("must be an address such as postgresql://user:password@host/name or sqlite:////path")
    if scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        _require_port(rest)
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite":
        return text
    raise ValueError("must start with postgresql:// or sqlite://")


def _require_port(rest: str) -> None:
    try:
        _ = urlsplit(f"//{rest}").port
    except ValueError:
        raise ValueError("has a port that is no number from 0 to 65535") from None


def parse_secrets(text: str) -> tuple[Secret, ...]:
    """`2:new,1:old`: the first is used for everything new, the others only open what they once made."""
    secrets = tuple(_secret(part.strip()) for part in text.split(","))
    if len({secret.id for secret in secrets}) != len(secrets):
        raise ValueError("uses one number twice")
    if len({secret.value for secret in secrets}) != len(secrets):
        raise ValueError("has the same secret under two numbers")
    return secrets


def _secret(text: str) -> Secret:
    number, _, value = text.partition(":")
    # The words of these errors never hold the value itself: they end up in logs.
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= 255):
        raise ValueError("must read <number from 1 to 255>:<43 characters>, older ones after a comma")
    try:
        return Secret(int(number), ids.token_from_text(value))
    except ValueError:
        raise ValueError("must hold 32 random bytes as 43 base64url characters after the colon") from None


def _public_url_parser(development: bool) -> Callable[[str], str]:
    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address such as https://mail.example.org")
        if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
            raise ValueError("must be a scheme and a host name only, without a path")
        if parts.scheme == "http" and not development and not is_loopback(parts.hostname):
            raise ValueError("must start with https:// outside development")
        return f"{parts.scheme}://{parts.netloc.lower()}"

    return parse


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _smtp(read: _Reader, sink_port: int, *, development: bool) -> Smtp:
    host = read.text("SMTP_HOST", "127.0.0.1" if development else "")
    loopback = is_loopback(host)
    choices: dict[str, SmtpSecurity] = {"none": "none", "starttls": "starttls", "tls": "tls"}
    security = read.choice("SMTP_SECURITY", "none" if development and loopback else "starttls", choices)
    if security == "none" and not loopback and not development:
        read.problems.append("SMTP_SECURITY must be starttls or tls, unless the server is this machine.")
    user, password = read.text("SMTP_USER"), read.text("SMTP_PASSWORD")
    if bool(user) != bool(password):
        read.problems.append("SMTP_USER and SMTP_PASSWORD belong together: set both or neither.")
    if user and security == "none" and not loopback:
        read.problems.append("SMTP_PASSWORD would travel in the clear: set SMTP_SECURITY to starttls or tls.")
    default_port = sink_port if development and not read.text("SMTP_HOST") else SMTP_PORTS[security]
    return Smtp(
        host=host,
        port=read.number("SMTP_PORT", default_port, least=1, most=65535),
        user=user or None,
        password=password or None,
        security=security,
        timeout=read.number("SMTP_TIMEOUT", 20, least=1, most=300),
    )


def _sms(read: _Reader, sink_port: int, *, development: bool) -> Sms | None:
    choices: dict[str, SmsProvider] = {"none": "none", "twilio": "twilio", "webhook": "webhook"}
    provider = read.choice("SMS_PROVIDER", "webhook" if development else "none", choices)
    timeout = read.number("SMS_TIMEOUT", 10, least=1, most=60)
    if provider == "twilio":
        return _twilio(read, timeout)
    if provider == "webhook":
        return _webhook(read, timeout, sink_port, development=development)
    return None


def _twilio(read: _Reader, timeout: float) -> TwilioSms:
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


def _webhook(read: _Reader, timeout: float, sink_port: int, *, development: bool) -> WebhookSms:
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
    _require_port(parts.netloc)
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


def _region(text: str) -> str:
    if text.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("must be a country's two letters, such as NL")
    return text.upper()


def _address(text: str) -> str:
    """Only the bare address: the display name is the sender's and is made for each notification."""
    local, at, domain = text.rpartition("@")
    if not (local and at and domain) or any(character in text for character in ' <>",;:'):
        raise ValueError("must be a bare address such as securemail@example.org")
    return text
