"""Mails as they leave: headers, both parts, both languages."""

import re
from datetime import UTC, datetime
from email import message_from_string
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, default
from email.utils import getaddresses
from typing import cast

import pytest

from securemail.delivery import notifications
from securemail.delivery.brand import Brand
from securemail.delivery.render import Renderer, moment
from securemail.identity.context import Context
from tests.delivery.office import CODE, START, guest_payload, job_of
from tests.delivery.test_notifications import BY_IDS

URL = "https://post.vandalenbakker.example"
WHERE = {"browser": "Firefox · Linux", "network": "192.0.2.7"}


def _written(kind: str = "guest_message", **changes: object) -> EmailMessage:
    job = job_of(guest_payload(**{"to": "fatima@example.org", **changes}), kind)  # type: ignore[arg-type]
    notification = notifications.prepare(cast(Context, None), job, brand=Brand("Van Dalen & Bakker"), public_url=URL)
    return Renderer("bericht@post.vandalenbakker.example").mail(notification, now=START)


def _mail(kind: str = "guest_message", **changes: object) -> EmailMessage:
    read = message_from_string(_written(kind, **changes).as_bytes().decode("utf-8"), policy=default)
    return cast(EmailMessage, read)


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_the_headers() -> None:
    mail = _mail()
    assert mail["From"] == "Van Dalen & Bakker <bericht@post.vandalenbakker.example>"
    assert mail["To"] == "Fatima El Amrani <fatima@example.org>"
    assert mail["Message-ID"] == "<000102030405060708090a0b0c0d0e0f@post.vandalenbakker.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Sun, 22 Nov 2026 08:58:00 +0000"
    assert mail["Reply-To"] is None
    assert not [name for name in mail if name.lower().startswith("list-")]


def test_both_parts_hold_code_link_sender_and_time() -> None:
    mail = _mail()
    for part in (_part(mail, "plain"), _part(mail, "html")):
        assert "Marieke van Dalen" in part
        assert "22 november 2026, 9.58 uur" in part
        assert f"{URL}/b/{'A' * 22}#{CODE.replace(' ', '')}" in part
        assert "7K4M Q2ZD 9XHT R6WN" in part


def test_an_answer_holds_no_code() -> None:
    payload_code = CODE.split()[0]
    assert payload_code not in _mail("guest_answer").as_string()


def test_names_are_escaped_in_html_and_plain_in_text() -> None:
    mail = _mail(sender_name="<b>Ren&e</b>")
    assert "&lt;b&gt;Ren&amp;e&lt;/b&gt;" in _part(mail, "html")
    assert "<b>Ren" not in _part(mail, "html")
    assert "<b>Ren&e</b>" in _part(mail, "plain")


def test_a_name_cannot_add_a_header() -> None:
    mail = _mail(name="Fatima\r\nBcc: x@example.org", sender_name="Marieke\r\nBcc: y@example.org")
    assert mail["Bcc"] is None
    assert len(mail["To"].addresses) == 1


ENCODED = "=?utf-8?q?=22=0d=0aBcc:_x=40example.org=0d=0aQ:_=22?="


def test_a_name_that_looks_encoded_is_never_decoded() -> None:
    mail = _mail(name=ENCODED, sender_name=ENCODED)
    assert mail["Bcc"] is None
    assert len(mail["To"].addresses) == 1
    assert "=0d=0aBcc" in mail["Subject"]


@pytest.mark.parametrize("foreign", ["", "é"])
@pytest.mark.parametrize(
    "name",
    [
        ", ".join(["evil@example.org"] * 7),
        f"{'x' * 70}, <evil@example.org>, ",
        f"Bär, <evil@example.org>, {'lang woord ' * 8}",
        '"' * 59,
        "\\" * 100,
    ],
)
def test_a_long_name_never_becomes_several_addresses(name: str, foreign: str) -> None:
    mail = _written(name=name + foreign, to=f"fatima{foreign}@example.org")
    raw = mail.as_bytes(policy=SMTPUTF8 if foreign else SMTP).decode()
    found = re.search(r"^To:(.*)$", raw.replace("\r\n ", " "), re.MULTILINE)
    assert found is not None
    assert [address for _name, address in getaddresses([found[1]])] == [f"fatima{foreign}@example.org"]


def test_foreign_names_and_addresses_survive() -> None:
    mail = _mail(name="Jürgen Størmer, 東京", to="jürgen@xn--bcher-kva.example")
    assert mail["To"].addresses[0].display_name == "Jürgen Størmer, 東京"
    assert mail["To"].addresses[0].addr_spec == "jürgen@xn--bcher-kva.example"


@pytest.mark.parametrize("kind", [kind for kind in notifications.KINDS if kind not in BY_IDS])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_mail_has_a_subject_and_both_parts(kind: str, language: str) -> None:
    codes = {"token_link": f"{URL}/activate#x", "code_groups": ["AAAA"] * 9}
    extra = {**codes, **WHERE, "change": "totp-added", "new": "b@example.org", "path": "/recovery#x"}
    mail = _mail(kind, language=language, **extra)
    assert mail["Subject"].strip()
    assert "\n" not in mail["Subject"]
    assert _part(mail, "plain").strip()
    assert "<html" in _part(mail, "html")


def test_times_are_dutch_time_in_the_readers_words() -> None:
    summer = datetime(2026, 7, 1, 22, 5, tzinfo=UTC)
    assert moment(summer, "nl") == "2 juli 2026, 0.05 uur"
    assert moment(summer, "en") == "2 July 2026, 0:05"


def test_a_member_reads_the_time_of_their_own_zone() -> None:
    assert moment(datetime(2026, 7, 1, 22, 5, tzinfo=UTC), "nl", "Asia/Tokyo") == "2 juli 2026, 7.05 uur"
    assert moment(datetime(2026, 7, 1, 22, 5, tzinfo=UTC), "nl", "Long/Gone") == "2 juli 2026, 0.05 uur"
    assert "22 november 2026, 17.58 uur" in _part(_mail("new_device", zone="Asia/Tokyo", **WHERE), "plain")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", "De code uit een eerdere e-mail werkt niet meer."),
        ("en", "The code in an earlier e-mail no longer works."),
    ],
)
def test_a_new_code_says_that_the_earlier_one_is_over(language: str, words: str) -> None:
    plain, renewed = _mail(language=language), _mail(language=language, renewed=True)
    for kind in ("plain", "html"):
        assert words in _spaced(_part(renewed, kind))
        assert words not in _spaced(_part(plain, kind))
    assert words not in _spaced(_part(_mail("guest_reminder", language=language, renewed=True), "plain"))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", "Marieke van Dalen heeft ervoor gezorgd dat u het bericht nu kunt openen."),
        ("en", "Marieke van Dalen has made sure that you can open the message now."),
    ],
)
def test_who_was_helped_reads_that_it_opens_now(language: str, words: str) -> None:
    plain, helped = _mail(language=language), _mail(language=language, helped=True)
    for kind in ("plain", "html"):
        assert words in _spaced(_part(helped, kind))
        assert words not in _spaced(_part(plain, kind))


def _spaced(text: str) -> str:
    return " ".join(text.replace("\u2011", "-").split())


@pytest.mark.parametrize("kind", ["guest_message", "guest_answer", "guest_reminder"])
def test_a_guest_reads_the_organisations_own_words(kind: str) -> None:
    job = job_of(guest_payload(to="fatima@example.org"), kind)
    for words, there in (("Wij mailen u <alles> beveiligd.", True), ("", False)):
        brand = Brand("Van Dalen & Bakker", words=words)
        notification = notifications.prepare(cast(Context, None), job, brand=brand, public_url=URL)
        mail = Renderer("bericht@post.vandalenbakker.example").mail(notification, now=START)
        assert ("Wij mailen u <alles> beveiligd." in _part(mail, "plain")) is there
        assert ("Wij mailen u &lt;alles&gt; beveiligd." in _part(mail, "html")) is there


@pytest.mark.parametrize(("language", "words"), [("nl", "Bel Streekziekenhuis op"), ("en", "Call Streekziekenhuis on")])
def test_who_doubts_is_told_whom_to_call_by_the_name_that_they_know(language: str, words: str) -> None:
    job = job_of(guest_payload(to="fatima@example.org", language=language), "guest_message")
    hospital = notifications.prepare(cast(Context, None), job, brand=Brand("Streekziekenhuis"), public_url=URL)
    mail = Renderer("bericht@streekziekenhuis.example").mail(hospital, now=START)
    for kind in ("plain", "html"):
        part = _part(mail, kind)
        assert words in part
        assert "Bakker" not in part
