"""What a notification says about the check that awaits, about its end, and about typing the address by hand."""

from datetime import timedelta
from typing import cast

import pytest

from securemail.delivery import notifications
from securemail.delivery.brand import Brand
from securemail.delivery.render import Renderer
from securemail.identity.context import Context
from tests.delivery.office import START, guest_payload, job_of

URL = "https://post.vandalenbakker.example"
NO_ACCOUNT = "U heeft geen account nodig"
CHECKS = ("De berichtcode is genoeg", "sms-code naar uw telefoon", "het wachtwoord dat u met", "door in te loggen")


def _parts(kind: str = "guest_message", **said: object) -> list[str]:
    job = job_of(guest_payload(**said), kind)  # type: ignore[arg-type]
    notification = notifications.prepare(cast(Context, None), job, brand=Brand("Van Dalen & Bakker"), public_url=URL)
    mail = Renderer("bericht@post.vandalenbakker.example").mail(notification, now=START)
    return [str(part.get_content()).replace("\u2011", "-") for part in mail.iter_parts()]


@pytest.mark.parametrize("kind", ["guest_message", "guest_reminder"])
@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"check": "none"}, "De berichtcode is genoeg om het te openen."),
        ({"check": "sms"}, "Bij het openen sturen wij een sms-code naar uw telefoon."),
        ({"check": "password"}, "Bij het openen vragen wij het wachtwoord dat u met Marieke van Dalen heeft"),
        ({"check": "account"}, "U opent het door in te loggen met uw account."),
        ({"check": "none", "language": "en"}, "The message code is all you need to open it."),
        ({"check": "sms", "language": "en"}, "When you open it, we send an SMS code to your phone."),
        ({"check": "password", "language": "en"}, "we ask for the password that you agreed on with Marieke van Dalen."),
        ({"check": "account", "language": "en"}, "You open it by logging in to your account."),
    ],
)
def test_a_guest_reads_what_will_be_asked(kind: str, said: dict[str, object], words: str) -> None:
    assert [words in part for part in _parts(kind, **said)] == [True, True]


def test_of_a_number_only_its_end_is_shown() -> None:
    text, html = _parts(check="sms", number="06 •• •• •• 78")
    assert "naar uw telefoon: 06 •• •• •• 78." in text
    assert "06 •• •• •• 78" in html


@pytest.mark.parametrize("kind", ["guest_message", "guest_answer"])
def test_a_mail_queued_by_an_earlier_release_promises_nothing_about_a_check(kind: str) -> None:
    for part in _parts(kind):
        assert not [words for words in CHECKS if words in part]
        assert "lezen tot" not in part
        assert NO_ACCOUNT in part


def test_an_unknown_check_is_not_repeated() -> None:
    assert not [words for words in CHECKS for part in _parts(check="<b>fax</b>") if words in part or "fax" in part]


def test_who_has_an_account_is_not_told_that_none_is_needed() -> None:
    for kind in ("guest_message", "guest_answer"):
        assert [NO_ACCOUNT in part for part in _parts(kind, check="account")] == [False, False]


def test_a_remembered_device_is_said_only_when_there_is_one() -> None:
    words = "Op het apparaat dat u liet onthouden, gaat het open zonder code."
    assert [words in part for part in _parts(check="sms", remembered=True)] == [True, True]
    assert [words in part for part in _parts(check="sms")] == [False, False]


def test_the_end_is_a_moment_in_the_readers_words() -> None:
    until = (START + timedelta(days=30)).isoformat()
    for part in _parts(until=until):
        assert "U kunt het bericht lezen tot 22 december 2026, 9.58 uur." in part
    for part in _parts(until=until, language="en"):
        assert "You can read the message until 22 December 2026, 9:58." in part


@pytest.mark.parametrize("kind", ["guest_message", "guest_answer", "guest_reminder"])
def test_the_address_to_type_is_short_and_the_code_alone_finds_the_message(kind: str) -> None:
    text, html = _parts(kind)
    assert "Typ dan zelf post.vandalenbakker.example/b in uw browser" in text
    assert ">post.vandalenbakker.example/b</b>" in html


def test_each_part_offers_the_other_language() -> None:
    for part in _parts():
        assert "In English: Marieke van Dalen has sent you" in part.replace("<b>", "").replace("</b>", "")
        assert f"/b/{'A' * 22}?language=en#" in part
    for part in _parts(language="en"):
        assert f"/b/{'A' * 22}?language=nl#" in part


def test_why_it_came_is_said_in_a_sentence() -> None:
    words = "U krijgt deze e-mail omdat Marieke van Dalen u op dit adres een bericht stuurde."
    assert [words in part for part in _parts()] == [True, True]
