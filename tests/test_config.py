"""Settings: what is read, what is refused, and in which words."""

from pathlib import Path

import pytest

from securemail.config import Settings
from securemail.errors import ConfigError
from tests.servers import SECRET

OLDER = "2:" + "B" * 42 + "A"
DEVELOPMENT = {"SECUREMAIL_ENV": "development", "SECUREMAIL_SECRET": SECRET}
PRODUCTION = {
    "SECUREMAIL_SECRET": SECRET,
    "PUBLIC_URL": "https://mail.example.org",
    "SMTP_HOST": "smtp.example.org",
    "MAIL_FROM": "securemail@example.org",
}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Settings.from_environ(environ)
    return str(caught.value).splitlines()


def test_development_needs_only_a_secret() -> None:
    settings = Settings.from_environ(DEVELOPMENT)
    assert settings.development
    assert settings.host == "127.0.0.1"
    assert settings.public_url == "http://localhost:8000"
    assert (settings.smtp.host, settings.smtp.port, settings.smtp.security) == ("127.0.0.1", 2525, "none")
    assert settings.sign_up == "open"
    assert settings.sink_url == "http://localhost:8025"


def test_nothing_set_is_production_and_tells_everything_at_once() -> None:
    told = problems({})
    for name in ("SECUREMAIL_SECRET", "PUBLIC_URL", "SMTP_HOST", "MAIL_FROM"):
        assert any(line.startswith(f"{name} is missing") for line in told)


def test_production_is_careful() -> None:
    settings = Settings.from_environ(PRODUCTION)
    assert settings.sign_up == "closed"
    assert (settings.smtp.security, settings.smtp.port) == ("starttls", 587)
    assert settings.sink_url is None
    assert settings.trusted_proxies == 0


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("sqlite:////srv/rows.db", "sqlite:////srv/rows.db"),
    ],
)
def test_every_spelling_of_the_database_is_understood(given: str, used: str) -> None:
    assert Settings.from_environ({**DEVELOPMENT, "DATABASE_URL": given}).database_url == used


def test_the_default_database_lies_in_the_folder_for_data(tmp_path: Path) -> None:
    settings = Settings.from_environ({**DEVELOPMENT, "VAR_DIR": str(tmp_path)})
    assert settings.database_url == f"sqlite:///{tmp_path}/securemail.db"


def test_older_secrets_stand_behind_the_current_one() -> None:
    settings = Settings.from_environ({**DEVELOPMENT, "SECUREMAIL_SECRET": f"{OLDER}, {SECRET}"})
    assert [secret.id for secret in settings.secrets] == [2, 1]
    assert all(len(secret.value) == 32 for secret in settings.secrets)


@pytest.mark.parametrize(
    "bad",
    [
        "A" * 43,
        "0:" + "A" * 43,
        "256:" + "A" * 43,
        "1:" + "A" * 42,
        "1:" + "A" * 44,
        "1:" + "A" * 42 + "B",  # not the canonical text of its bytes
        f"{SECRET},{SECRET}",
        f"{SECRET},2:{SECRET[2:]}",
        f"{SECRET},",
    ],
)
def test_a_wrong_secret_is_refused_without_being_repeated(bad: str) -> None:
    [told] = [line for line in problems({**DEVELOPMENT, "SECUREMAIL_SECRET": bad}) if "is missing" not in line]
    assert told.startswith("SECUREMAIL_SECRET ")
    assert "AAAA" not in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "٣"),
        ("DATABASE_URL", "mysql://h/d"),
        ("DATABASE_URL", "rows.db"),
        ("PUBLIC_URL", "mail.example.org"),
        ("PUBLIC_URL", "http://mail.example.org"),
        ("PUBLIC_URL", "https://mail.example.org/path"),
        ("SMTP_SECURITY", "none"),
        ("SMTP_SECURITY", "ssl"),
        ("SMTP_USER", "without a password"),
        ("MAIL_FROM", "Securemail <post@example.org>"),
        ("MAIL_FROM", "post@example.org\nBcc: x@example.org"),
        ("SIGN_UP", "maybe"),
        ("SECUREMAIL_ENV", "prodution"),
        ("TRUSTED_PROXIES", "-1"),
        ("DEFAULT_LANGUAGE", "de"),
    ],
)
def test_each_wrong_value_is_told_by_its_name(name: str, value: str) -> None:
    assert any(line.startswith(name) for line in problems({**PRODUCTION, name: value}))


def test_a_mail_server_on_this_machine_needs_no_tls() -> None:
    settings = Settings.from_environ({**PRODUCTION, "SMTP_HOST": "127.0.0.1", "SMTP_SECURITY": "none"})
    assert settings.smtp.port == 25


def test_no_secret_shows_in_a_printed_setting() -> None:
    secrets = {"SMTP_USER": "u", "SMTP_PASSWORD": "hunter2", "DATABASE_URL": "postgres://u:hunter3@h/d"}
    shown = repr(Settings.from_environ({**PRODUCTION, **secrets}))
    for value in ("hunter2", "hunter3", SECRET[2:], r"\x00"):
        assert value not in shown


def test_an_empty_smtp_host_is_none_at_all() -> None:
    assert Settings.from_environ({**DEVELOPMENT, "SMTP_HOST": ""}).smtp == Settings.from_environ(DEVELOPMENT).smtp


def test_a_port_that_is_no_number_is_told() -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL has a port"):
        Settings.from_environ({**DEVELOPMENT, "DATABASE_URL": "postgresql://u:geheim@localhost:abc/x"})
