"""SMS through Twilio: the real SDK against a server that speaks its API."""

import logging
from collections.abc import Iterator

import pytest

from securemail.config_sms import TwilioSms
from securemail.delivery.sms_text import Sms
from securemail.delivery.sms_transport import transport_of
from securemail.delivery.smtp import Delivered, PermanentFailure, Result, TemporaryFailure
from tests.delivery.twilio_stub import ACCOUNT, KEY, SERVICE, TOKEN, Answer, TwilioStub, twilio_stub
from tests.servers import free_port

SMS = Sms(bytes(range(16)), "+31612345678", "Je inlogcode is 123456.\n\n@mail.example.org #123456")


@pytest.fixture
def twilio() -> Iterator[TwilioStub]:
    with twilio_stub() as stub:
        yield stub


def _send(
    url: str, *, user: str = ACCOUNT, password: str = TOKEN, timeout: float = 30, service: bool = False
) -> Result:
    sender = {"sender": None, "service": SERVICE} if service else {"sender": "Bakker", "service": None}
    settings = TwilioSms(url=url, account=ACCOUNT, user=user, password=password, timeout=timeout, **sender)  # type: ignore[arg-type]
    transport = transport_of(settings)
    try:
        return transport.send(SMS)
    finally:
        transport.close()


def test_an_sms_is_handed_over_word_for_word(twilio: TwilioStub) -> None:
    assert _send(twilio.url) == Delivered()
    assert twilio.taken == [{"To": SMS.to, "Body": SMS.text, "ValidityPeriod": "600", "From": "Bakker"}]
    assert twilio.requests == [(f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json", ACCOUNT)]


def test_a_key_logs_in_for_the_account_and_a_service_chooses_the_sender(twilio: TwilioStub) -> None:
    assert _send(twilio.url, user=KEY, service=True) == Delivered()
    [taken] = twilio.taken
    assert (taken["MessagingServiceSid"], taken.get("From")) == (SERVICE, None)
    assert twilio.requests[0][1] == KEY


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [
        (400, 21211, PermanentFailure(21211)),  # not a valid number
        (400, 21610, PermanentFailure(21610)),  # the receiver has opted out
        (400, 21408, PermanentFailure(21408)),  # this country is not switched on
        (403, None, PermanentFailure(403)),
        (429, 20429, TemporaryFailure("answer 429 20429")),
        (400, 14107, TemporaryFailure("answer 400 14107")),  # too many messages at once
        (500, 20500, TemporaryFailure("answer 500 20500")),
        (503, None, TemporaryFailure("answer 503")),
        (302, None, TemporaryFailure("answer 302")),
    ],
)
def test_an_error_is_for_good_or_for_now(twilio: TwilioStub, status: int, code: int | None, result: Result) -> None:
    twilio.answers.append(Answer(status, code))
    assert _send(twilio.url) == result
    assert twilio.taken == []


def test_a_wrong_token_is_told_at_once(twilio: TwilioStub) -> None:
    assert _send(twilio.url, password="een ander geheim") == PermanentFailure(20003)


@pytest.mark.parametrize("body", [b"<html>not Twilio</html>", b"", b"[]", b"null", b"{}"])
@pytest.mark.parametrize("status", [400, 502])
def test_an_error_that_is_not_twilios_ends_nothing(twilio: TwilioStub, body: bytes, status: int) -> None:
    twilio.answers.append(Answer(status, body=body))
    assert isinstance(_send(twilio.url), TemporaryFailure | PermanentFailure)


def test_a_page_of_somebody_else_is_no_success(twilio: TwilioStub) -> None:
    twilio.answers.append(Answer(200, body=b"<html>Log in to this network</html>"))
    assert isinstance(_send(twilio.url), TemporaryFailure)


def test_a_message_that_failed_at_once_was_not_sent(twilio: TwilioStub) -> None:
    twilio.answers.append(Answer(201, body=b'{"status": "failed", "error_code": 30006, "sid": "SMx"}'))
    assert _send(twilio.url) == PermanentFailure(30006)


def test_nobody_there_and_somebody_slow_are_for_later(twilio: TwilioStub) -> None:
    assert isinstance(_send(f"http://127.0.0.1:{free_port()}"), TemporaryFailure)
    twilio.answers.append(Answer(201, wait=1.5))
    assert isinstance(_send(twilio.url, timeout=0.3), TemporaryFailure)


def test_the_environment_sends_nothing_elsewhere(twilio: TwilioStub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TWILIO_EDGE", "TWILIO_REGION", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        monkeypatch.setenv(name, "sydney")
    assert _send(twilio.url) == Delivered()


def test_nothing_of_it_is_logged(twilio: TwilioStub, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        _send(twilio.url)
        twilio.answers.append(Answer(400, 21211))
        _send(twilio.url)
    for secret in ("612345678", "123456.", "#123456", TOKEN, "Bakker"):
        assert secret not in caplog.text
    assert [record for record in caplog.records if "twilio" in record.name] == []
