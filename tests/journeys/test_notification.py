"""The notification: who writes, why it can be trusted, link and code; never the subject, never the words."""

import itertools
from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import open_context
from tests.house import FATIMA, PETER
from tests.journeys.people import ORGANISATION, Office, code_in, link_in, open_letter, reply_as_guest
from tests.journeys.test_guest import fresh
from tests.servers import text_part


def html_part(mail: EmailMessage) -> str:
    body = mail.get_body(preferencelist=("html",))
    assert body is not None, "every mail has an HTML part"
    return str(body.get_content())


def notification(office: Office, *, language: str = "nl") -> EmailMessage:
    fatima = fresh(FATIMA)
    office.send(office.member(language=language), fatima, subject="Geheim onderwerp", text="Geheime woorden")
    return office.sink.wait_for(fatima[0])[0]


@pytest.mark.parametrize(
    ("language", "subject", "words", "other"),
    [
        ("nl", "Beveiligd bericht van Marieke van Dalen", "Zo weet u dat deze e-mail klopt", "In English:"),
        ("en", "Secure message from Marieke van Dalen", "How you know that this e-mail is genuine", "In het Neder"),
    ],
)
def test_it_says_who_writes_and_why_to_trust_it_and_never_what(
    office: Office, language: str, subject: str, words: str, other: str
) -> None:
    mail = notification(office, language=language)
    assert mail["Subject"] == subject
    assert ORGANISATION in mail["From"]
    for part in (text_part(mail), html_part(mail).replace("\u2011", "-").replace("&amp;", "&")):
        assert "Marieke van Dalen" in part
        assert ORGANISATION in part
        assert code_in(mail) in part
        assert words in part
        assert other in part
    assert "Geheim" not in mail.as_string()
    assert "Geheim" not in text_part(mail) + html_part(mail)


def test_the_printed_code_is_the_one_behind_the_link(office: Office) -> None:
    mail = notification(office)
    code = code_in(mail)
    groups = [code[at : at + 4] for at in range(0, 28, 4)]
    lines = text_part(mail).splitlines()
    assert lines[lines.index(" ".join(groups[:4])) + 1] == " ".join(groups[4:])
    assert link_in(mail).partition("#")[0].partition("://")[2] in text_part(mail)


def test_it_fits_a_narrow_and_a_wide_mail_program_by_day_and_by_night(office: Office, chromium: Browser) -> None:
    mail = notification(office)
    with open_context(chromium, "desktop") as context:
        page, asked = context.new_page(), list[str]()
        page.on("request", lambda request: asked.append(request.url))
        for width, scheme in itertools.product((360, 700), ("light", "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_content(html_part(mail))
            look_at(page, mail, width)
        assert not [url for url in asked if url.startswith("http")], "it fetches nothing from anywhere"


def look_at(page: Page, mail: EmailMessage, width: int) -> None:
    """Nothing sticks out, and the button is one for a thumb."""
    button = page.get_by_role("link", name="Bericht lezen")
    expect(button).to_have_attribute("href", link_in(mail))
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44


def test_a_guests_answer_reaches_the_other_guest_without_name_or_code(office: Office, phone: Page) -> None:
    fatima, peter = fresh(FATIMA), fresh(PETER)
    office.send(office.member(), fatima, peter)
    [to_peter] = office.sink.wait_for(peter[0])
    open_letter(phone, office.sink.wait_for(fatima[0])[0])
    reply_as_guest(phone, "Geheime woorden")
    answered = office.sink.wait_for(peter[0], 2)[1]
    assert "#" not in link_in(answered)
    assert code_in(to_peter) not in text_part(answered) + html_part(answered)
    assert "Geheim" not in text_part(answered) + html_part(answered)
    assert "dezelfde berichtcode als de vorige keer" in text_part(answered)


def test_a_colleague_is_told_to_look_in_the_postvak(office: Office) -> None:
    sanne = office.member("Sanne Kuipers")
    office.send(office.member(), (sanne.address, sanne.name), subject="Geheim onderwerp", text="Geheime woorden")
    mail = office.sink.wait_about(sanne.address, "Marieke van Dalen")
    for part in (text_part(mail), html_part(mail)):
        assert "Marieke van Dalen" in part
        assert "Geheim" not in part
    assert "#" not in link_in(mail)
