"""Settings: what is read, what is refused, and in which words."""

from pathlib import Path

import pytest

from securemail.config import Settings
from securemail.config_bounces import Bounces, Listen
from securemail.config_sms import TwilioSms, WebhookSms
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
    assert settings.sign_up == "invitation"
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


TWILIO = {
    **PRODUCTION,
    "SMS_PROVIDER": "twilio",
    "SMS_TWILIO_ACCOUNT": "AC" + "0" * 32,
    "SMS_TWILIO_TOKEN": "hunter4",
    "SMS_TWILIO_FROM": "+3197010240000",
}
WEBHOOK = {
    **PRODUCTION,
    "SMS_PROVIDER": "webhook",
    "SMS_WEBHOOK_URL": "https://sms.example.org/send?token=hunter5",
    "SMS_WEBHOOK_SECRET": "hunter6" * 5,
}


def test_sms_are_offered_when_somebody_sends_them() -> None:
    assert Settings.from_environ(PRODUCTION).sms is None
    assert not Settings.from_environ(PRODUCTION).sms_offered
    for environ in (TWILIO, WEBHOOK, DEVELOPMENT):
        assert Settings.from_environ(environ).sms_offered
    assert not Settings.from_environ({**DEVELOPMENT, "SMS_PROVIDER": "none"}).sms_offered


def test_sms_in_development_go_to_the_sink() -> None:
    sms = Settings.from_environ({**DEVELOPMENT, "SINK_HTTP_PORT": "9025"}).sms
    assert isinstance(sms, WebhookSms)
    assert sms.url == "http://127.0.0.1:9025/sms"


def test_twilio_by_its_account_or_a_key() -> None:
    sms = Settings.from_environ(TWILIO).sms
    assert isinstance(sms, TwilioSms)
    assert (sms.url, sms.user, sms.account) == ("https://api.twilio.com", "AC" + "0" * 32, "AC" + "0" * 32)
    assert (sms.sender, sms.service, sms.timeout) == ("+3197010240000", None, 10)
    by_key = Settings.from_environ({**TWILIO, "SMS_TWILIO_KEY": "SK" + "1" * 32}).sms
    assert isinstance(by_key, TwilioSms)
    assert (by_key.user, by_key.account) == ("SK" + "1" * 32, "AC" + "0" * 32)


@pytest.mark.parametrize("sender", ["+3197010240000", "Bakker", "Van Dalen", "1012", "De 3 Beren"])
def test_senders_of_sms(sender: str) -> None:
    sms = Settings.from_environ({**TWILIO, "SMS_TWILIO_FROM": sender}).sms
    assert isinstance(sms, TwilioSms)
    assert sms.sender == sender


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMS_PROVIDER", "pigeon"),
        ("SMS_TIMEOUT", "0"),
        ("SMS_TWILIO_ACCOUNT", ""),
        ("SMS_TWILIO_ACCOUNT", "SK" + "0" * 32),
        ("SMS_TWILIO_ACCOUNT", "AC" + "0" * 31),
        ("SMS_TWILIO_KEY", "AC" + "0" * 32),
        ("SMS_TWILIO_TOKEN", ""),
        ("SMS_TWILIO_FROM", ""),
        ("SMS_TWILIO_FROM", "0612345678901"),
        ("SMS_TWILIO_FROM", "Van Dalen en Bakker"),
        ("SMS_TWILIO_FROM", "Bäcker"),
        ("SMS_TWILIO_SERVICE", "AC" + "0" * 32),
        ("SMS_TWILIO_URL", "http://api.example.org"),
        ("SMS_TWILIO_URL", "api.twilio.com"),
        ("SMS_WEBHOOK_URL", ""),
        ("SMS_WEBHOOK_URL", "http://sms.example.org/"),
        ("SMS_WEBHOOK_URL", "https://user:password@sms.example.org/"),
        ("SMS_WEBHOOK_URL", "https://sms.example.org:port/"),
        ("SMS_WEBHOOK_URL", "https://sms.example.org/#part"),
        ("SMS_WEBHOOK_URL", "ftp://sms.example.org/"),
        ("SMS_WEBHOOK_SECRET", ""),
        ("SMS_WEBHOOK_SECRET", "short"),
        ("DEFAULT_REGION", "Nederland"),
        ("DEFAULT_REGION", "ZZ"),
    ],
)
def test_each_wrong_value_for_sms_is_told_by_its_name(name: str, value: str) -> None:
    environ = {**(WEBHOOK if "WEBHOOK" in name else TWILIO), name: value}
    assert [line for line in problems(environ) if name in line]


def test_a_sender_and_a_service_exclude_each_other() -> None:
    told = problems({**TWILIO, "SMS_TWILIO_SERVICE": "MG" + "0" * 32})
    assert told == ["SMS_TWILIO_FROM (a sender) or SMS_TWILIO_SERVICE (a messaging service): set one of the two."]


def test_numbers_and_codes_go_in_the_clear_to_this_machine_only() -> None:
    secret = {"SMS_WEBHOOK_SECRET": "x" * 32}
    assert Settings.from_environ({**DEVELOPMENT, **secret, "SMS_WEBHOOK_URL": "http://localhost:9/sms"}).sms_offered
    told = problems({**DEVELOPMENT, **secret, "SMS_WEBHOOK_URL": "http://192.0.2.1/sms"})
    assert told == ["SMS_WEBHOOK_URL must start with https://, unless the service is this machine."]


def test_the_sinks_own_secret_is_good_for_the_sink_alone() -> None:
    told = problems({**DEVELOPMENT, "SMS_WEBHOOK_URL": "https://sms.example.org/"})
    assert [line.split()[0] for line in told] == ["SMS_WEBHOOK_SECRET"]


def test_no_secret_of_sms_shows_in_a_printed_setting() -> None:
    shown = repr(Settings.from_environ(TWILIO)) + repr(Settings.from_environ(WEBHOOK))
    assert "hunter" not in shown


def test_the_region_of_numbers_without_a_country() -> None:
    assert Settings.from_environ(PRODUCTION).default_region == "NL"
    assert Settings.from_environ({**PRODUCTION, "DEFAULT_REGION": "be"}).default_region == "BE"


def test_bounces_are_off_unless_an_address_is_set() -> None:
    assert Settings.from_environ(PRODUCTION).bounces is None


def test_bounces_have_an_address_and_perhaps_a_place_to_arrive() -> None:
    settings = Settings.from_environ({**PRODUCTION, "MAIL_BOUNCES": "Bounces@Mail.Example.org"})
    assert settings.bounces == Bounces("bounces@mail.example.org", None)
    for text, host in (("127.0.0.1:2526", "127.0.0.1"), ("[::1]:2526", "::1"), ("mail-in:2526", "mail-in")):
        settings = Settings.from_environ({**PRODUCTION, "MAIL_BOUNCES": "b@example.org", "BOUNCE_LISTEN": text})
        assert settings.bounces == Bounces("b@example.org", Listen(host, 2526))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bounces", "bare address"),
        ("@example.org", "bare address"),
        ("bounces@", "bare address"),
        ("Bounces <bounces@example.org>", "bare address"),
        ("a@b@example.org", "bare address"),
        ("bóunces@example.org", "bare address"),
        ("bounces@exámple.org", "bare address"),
        ("bounces@example", "bare address"),
        ("a..b@example.org", "bare address"),
        ("bounces@" + "a" * 60 + ".example" * 20 + ".org", "bare address"),
        ("bounces+x@example.org", "without a plus sign"),
        ("b" * 22 + "@example.org", "at most 21 characters"),
    ],
)
def test_an_address_for_bounces_that_cannot_be_is_told(text: str, told: str) -> None:
    [line] = problems({**PRODUCTION, "MAIL_BOUNCES": text})
    assert line.startswith("MAIL_BOUNCES must")
    assert told in line


@pytest.mark.parametrize("text", ["2526", ":2526", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:x", "a:70000"])
def test_a_place_for_bounces_that_cannot_be_is_told(text: str) -> None:
    [line] = problems({**PRODUCTION, "MAIL_BOUNCES": "b@example.org", "BOUNCE_LISTEN": text})
    assert line.startswith("BOUNCE_LISTEN ")


def test_a_place_for_bounces_without_an_address_is_told() -> None:
    [line] = problems({**PRODUCTION, "BOUNCE_LISTEN": "127.0.0.1:2526"})
    assert "MAIL_BOUNCES" in line
