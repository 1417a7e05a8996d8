"""Settings: every variable of the environment read once, checked once, and frozen."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from securemail import ids
from securemail.config_bounces import Bounces, read_bounces
from securemail.config_reader import Reader, is_loopback, require_port
from securemail.config_sms import Sms, read_sms, region
from securemail.errors import ConfigError

Environment = Literal["development", "production"]
SmtpSecurity = Literal["none", "starttls", "tls"]
SignUp = Literal["open", "invitation"]
Language = Literal["nl", "en"]

# See securemail/crypto/README.md. Not from the environment: a weaker cost must not be one typing error away.
ARGON2_KIB: Final = 65536
ARGON2_PASSES: Final = 3

ROOT: Final = Path(__file__).resolve().parent.parent
SMTP_PORTS: Final[dict[SmtpSecurity, int]] = {"none": 25, "starttls": 587, "tls": 465}
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_SIGN_UP: Final[dict[str, SignUp]] = {"open": "open", "invitation": "invitation", "closed": "invitation"}
"""How a new organisation begins; `closed` is the older word for by invitation."""
_LANGUAGES: Final[dict[str, Language]] = {"nl": "nl", "en": "en"}


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
    bounces: Bounces | None
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


def _argon2_slots() -> int:
    """Each takes a core and 64 MiB. Half of the cores are left for pages, and two log in ten people a second."""
    return min(2, max(1, (os.cpu_count() or 1) // 2))


def _read(environ: Mapping[str, str]) -> Settings:
    read = Reader(environ)
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
        bounces=read_bounces(read),
        sms=read_sms(read, sink_http_port, development=development),
        default_region=read.parsed("DEFAULT_REGION", "NL", region),
        sign_up=read.choice("SIGN_UP", "open" if development else "invitation", _SIGN_UP),
        default_language=read.choice("DEFAULT_LANGUAGE", "nl", _LANGUAGES),
        argon2_slots=read.number("ARGON2_SLOTS", _argon2_slots(), least=1, most=1024),
        log_level=read.choice("LOG_LEVEL", "INFO", {level.lower(): level for level in LOG_LEVELS}),
        wsgi=Wsgi(
            workers=read.number("WEB_CONCURRENCY", 2, least=1, most=256),
            threads=read.number("WEB_THREADS", 32, least=1, most=256),
        ),
        sink_smtp_port=sink_smtp_port,
        sink_http_port=sink_http_port,
    )
    if development:
        read.require("SECUREMAIL_SECRET", "`make run` makes one for development; elsewhere see .env.example")
    if read.problems:
        raise ConfigError("\n".join(read.problems))
    return settings


def _environment(read: Reader) -> Environment:
    choices: dict[str, Environment] = {"development": "development", "production": "production"}
    # Production unless said otherwise: forgetting the variable must not open anything.
    return read.choice("SECUREMAIL_ENV", "production", choices)


def _require_for_production(read: Reader) -> None:
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
        require_port(rest)
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite":
        return text
    raise ValueError("must start with postgresql:// or sqlite://")


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


def _smtp(read: Reader, sink_port: int, *, development: bool) -> Smtp:
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


def _address(text: str) -> str:
    """Only the bare address: the display name is the sender's and is made for each notification."""
    local, at, domain = text.rpartition("@")
    if not (local and at and domain) or any(character in text for character in ' <>",;:'):
        raise ValueError("must be a bare address such as securemail@example.org")
    return text
