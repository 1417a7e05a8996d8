"""A new code and another check in a browser: from the receipts and from a call for help, in the same conversation."""

import re
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from securemail import ids
from securemail.guests.checks import Check
from securemail.messages.sending import Sent
from tests.browser import axe_findings_day_and_night
from tests.house import FATIMA, SANNE
from tests.journeys.people import Office, arrive, ask_for_news, code_in, let_in, link_in, open_letter, reply_as_guest
from tests.journeys.test_guest import fresh
from tests.journeys.test_landing import AGREED, CROSSED, agreed, new_number, open_message
from tests.servers import text_part

Somebody = Callable[..., Page]
Language = Literal["nl", "en"]
TEXT = "Het bedrag komt uit op € 384."
OWN = "Klopt het dat dit vanaf mei ingaat?"
LOCALES = {"nl": "nl-NL", "en": "en-GB"}
WORDS: dict[Language, dict[str, str]] = {
    "nl": {
        "code": "Nieuwe code sturen", "check": "Controle wijzigen", "done": "Er gaat een nieuwe code naar de ontvanger",
        "changed": "De controle is gewijzigd", "change": "Wijzigen en versturen", "gone": "Er is een nieuwe code",
        "mail": "Dit is een nieuwe berichtcode", "number": "Mobiel nummer", "ask": "om hulp",
        "warns": "De eerdere code werkt dan niet meer",
    },
    "en": {
        "code": "Send a new code", "check": "Change check", "done": "A new code is on its way to the recipient",
        "changed": "The check has been changed", "change": "Change and send", "gone": "There is a new code",
        "mail": "This is a new message code", "number": "Mobile number", "ask": "Ask the sender",
        "warns": "The earlier code will stop working",
    },
}  # fmt: skip


def look(page: Page, name: str) -> None:
    """By day and by night nothing is found, and nothing sticks out."""
    assert axe_findings_day_and_night(page) == [], name
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), f"{name} sticks out"


def receipts(page: Page, office: Office, sent: Sent) -> None:
    """Wie heeft dit gelezen, at her letter, as a page of its own without script."""
    page.goto(f"{office.url}/conversations/{ids.to_text(sent.conversation)}")
    page.locator(".letter-own a.receipt-line").first.click()
    expect(page.locator("#dialog-title")).to_be_visible()


def open_with(page: Page, mail: object, *, script: bool) -> None:
    """A guest with a mail: the link where script fills its code in, else the code by hand."""
    link, code = link_in(mail), code_in(mail)  # type: ignore[arg-type]
    page.goto(link)
    if not script:
        page.locator("#code").fill(code)
    with page.expect_navigation():
        page.locator("main form button.button-primary").first.click()


@pytest.mark.parametrize(("size", "language", "script"), CROSSED, ids=str)
def test_a_new_code_then_another_check_from_the_receipts(
    office: Office, somebody: Somebody, size: str, language: Language, script: bool
) -> None:
    words = WORDS[language]
    marieke, fatima = office.member(language=language), fresh(FATIMA)
    sent = office.send(marieke, fatima)
    [first] = office.sink.wait_for(fatima[0])
    phone = somebody()
    open_letter(phone, first)
    reply_as_guest(phone, OWN)
    page = somebody(size, java_script_enabled=script, locale=LOCALES[language])
    let_in(page, office, marieke)

    receipts(page, office, sent)
    if script:
        look(page, f"receipts {language}")
    page.get_by_role("link", name=words["code"]).click()
    expect(page.get_by_text(words["warns"])).to_be_visible()
    if script:
        look(page, f"new code {language}")
    page.get_by_role("button", name=words["code"]).click()
    expect(page.get_by_text(words["done"])).to_be_visible()

    second = office.sink.wait_for(fatima[0], 2)[1]
    assert words["mail"] in " ".join(text_part(second).split())
    assert code_in(second) != code_in(first)
    ask_for_news(phone)
    expect(phone.get_by_text(TEXT)).to_have_count(0)
    guest = somebody(java_script_enabled=script, locale=LOCALES[language])
    open_with(guest, first, script=script)
    expect(guest.get_by_role("heading", name=words["gone"])).to_be_visible()
    expect(guest.get_by_role("link", name=words["ask"])).to_be_visible()
    if script:
        look(guest, f"gone {language}")
    open_with(guest, second, script=script)
    expect(guest.get_by_text(TEXT)).to_be_visible()
    expect(guest.get_by_text(OWN)).to_be_visible()

    number = new_number()
    receipts(page, office, sent)
    page.get_by_role("link", name=words["check"]).click()
    page.locator("#check-sms").check()
    page.get_by_label(words["number"]).fill("12")
    page.get_by_role("button", name=words["change"]).click()
    expect(page.locator("#check-number-error")).to_be_visible()
    if script:
        look(page, f"check {language}")
    page.get_by_label(words["number"]).fill(number)
    page.get_by_role("button", name=words["change"]).click()
    expect(page.get_by_text(words["changed"])).to_be_visible()
    third = office.sink.wait_for(fatima[0], 3)[2]
    guest.goto(f"{guest.url}")
    expect(guest.get_by_text(TEXT)).to_have_count(0)
    open_with(guest, third, script=script)
    guest.locator("#f-code").fill(office.wait_for_sms(number))
    if not script:
        guest.locator("main form button.button-primary").first.click()
    expect(guest.get_by_text(TEXT)).to_be_visible()
    expect(guest.get_by_text(OWN)).to_be_visible()


def test_a_guest_who_cannot_pass_gets_another_check_in_the_same_conversation(
    office: Office, somebody: Somebody, size: str
) -> None:
    marieke, fatima = office.member(), fresh(FATIMA)
    sent = office.send(marieke, (*fatima, Check("sms", new_number())))
    [first] = office.sink.wait_for(fatima[0])
    phone, page = somebody(), somebody(size)
    phone.goto(link_in(first))
    open_message(phone)
    phone.goto(f"{link_in(first).partition('#')[0]}/help?kind=method")
    phone.get_by_role("button", name="Stuur mijn vraag").click()
    expect(phone.get_by_role("heading", name="Uw vraag is verstuurd")).to_be_visible()
    arrive(page, office, marieke, f"/conversations/{ids.to_text(sent.conversation)}")
    page.get_by_role("link", name="Andere controle kiezen").click()
    expect(page.get_by_role("heading", name="Andere controle kiezen")).to_be_visible()
    look(page, f"another check {size}")
    page.get_by_label("Wachtwoord", exact=False).first.check()
    page.get_by_label("Afgesproken wachtwoord").fill(AGREED)
    page.get_by_role("button", name="Wijzigen en versturen").click()
    expect(page.get_by_text("De controle is gewijzigd")).to_be_visible()
    expect(page.get_by_text("vraagt om hulp")).to_have_count(0)
    expect(page).to_have_url(re.compile(re.escape(ids.to_text(sent.conversation))))
    second = office.sink.wait_for(fatima[0], 2)[1]
    phone.goto(link_in(second))
    open_message(phone)
    phone.get_by_label("Afgesproken wachtwoord").fill(AGREED)
    phone.get_by_role("button", name="Verder").click()
    expect(phone.get_by_text(TEXT)).to_be_visible()


def test_a_password_is_said_again_since_nobody_kept_it(office: Office, somebody: Somebody) -> None:
    marieke, fatima = office.member(), fresh(FATIMA)
    sent = office.send(marieke, (*fatima, agreed(office)))
    page = somebody("desktop")
    let_in(page, office, marieke)
    receipts(page, office, sent)
    expect(page.get_by_role("link", name="Nieuwe code sturen")).to_have_count(0)
    page.get_by_role("link", name="Controle wijzigen").click()
    expect(page.get_by_label("Afgesproken wachtwoord")).not_to_have_value("")


def test_who_has_an_account_reads_it_there_from_now_on(office: Office, somebody: Somebody, size: str) -> None:
    marieke, sanne = office.member(), office.member(SANNE[1])
    sent = office.send(marieke, (sanne.address, SANNE[1], Check("sms", new_number())))
    first = next(mail for mail in office.sink.wait_for(sanne.address, 2) if "/b/" in text_part(mail))
    page, hers = somebody(size), somebody()
    let_in(page, office, marieke)
    receipts(page, office, sent)
    page.get_by_role("link", name="Controle wijzigen").click()
    expect(page.locator("#check-account")).to_be_visible()
    look(page, f"account {size}")
    page.locator("#check-account").check()
    page.get_by_role("button", name="Wijzigen en versturen").click()
    expect(page.get_by_text("De controle is gewijzigd")).to_be_visible()
    receipts(page, office, sent)
    expect(page.locator(".place")).to_contain_text("Eigen account")
    expect(page.get_by_role("link", name="Nieuwe code sturen")).to_have_count(0)
    hers.goto(link_in(first))
    hers.get_by_role("button", name="Bericht openen").click()
    expect(hers.get_by_role("heading", name="Dit bericht staat in uw postvak")).to_be_visible()
    look(hers, f"in the account {size}")
    arrive(hers, office, sanne, f"/conversations/{ids.to_text(sent.conversation)}")
    hers.get_by_role("button", name="Bericht openen").click()
    expect(hers.locator(".letter-body", has_text=TEXT)).to_be_visible()
