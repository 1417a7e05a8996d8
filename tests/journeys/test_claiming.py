"""Fatima becomes a user: what she opened with a code goes along into her own account, and answers find her there."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from securemail.guests.checks import Check
from securemail.identity.context import Member
from tests.browser import examine
from tests.house import FATIMA, PASSWORD
from tests.journeys.people import Office, arrive, link_in, open_letter, reply_as_guest, try_to_log_in
from tests.journeys.test_guest import fresh
from tests.journeys.test_landing import new_number
from tests.servers import text_part

Somebody = Callable[..., Page]
TEXT = "Het bedrag komt uit op € 384."
LINE = "Bewaar deze berichten in een eigen account"


def written_to(office: Office, author: Member, to: tuple[str, str], check: Check | None = None) -> str:
    """A message to Fatima; the link of its mail."""
    office.send(author, (*to, check or Check()))
    return link_in(office.sink.wait_for(to[0])[-1])


def open_by_hand(page: Page, link: str) -> None:
    """Also without script: the code from the mail, typed."""
    page.goto(link)
    code = page.locator("#code")
    if not code.input_value():
        code.fill(link.partition("#")[2])
    page.locator("main form button.button-primary").first.click()
    reads(page, TEXT)


def reads(page: Page, words: str) -> None:
    """In the letters themselves, as a guest or as a member."""
    expect(page.locator("#letters").get_by_text(words)).to_be_visible()


def test_fatima_makes_an_account_and_keeps_what_she_opened(
    every_office: Office, page: Page, somebody: Somebody
) -> None:
    office, author, to = every_office, every_office.member(), fresh(FATIMA)
    office.send(author, to)
    [mail] = office.sink.wait_for(to[0])
    open_letter(page, mail)
    reply_as_guest(page, "Dank u wel.")
    page.get_by_role("link", name=LINE).click()
    expect(page.get_by_text("2\u00a0berichten")).to_be_visible()
    examine(page, "what an account is for")

    page.get_by_role("link", name="Account maken").click()
    expect(page.get_by_label("E-mailadres")).to_have_value(to[0])
    page.get_by_role("button", name="Ga verder").click()
    expect(page.get_by_role("heading", name="Kijk in je e-mail")).to_be_visible()
    page.goto(link_in(office.sink.wait_for(to[0], 2)[1]))
    page.get_by_role("button", name="Ga verder").click()
    page.get_by_label("Je naam").fill(to[1])
    page.get_by_label("Wachtwoord", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Ga verder").click()
    page.get_by_label("Ik heb de code op een veilige plek bewaard").check()
    page.get_by_role("button", name="Ga verder").click()
    page.get_by_role("link", name="Later instellen").click()
    expect(page.get_by_text("Je opende hier een conversatie met Marieke van Dalen.")).to_be_visible()
    examine(page, "ready, with the offer")

    page.get_by_role("button", name="Bewaren in mijn postvak").click()
    page.wait_for_url("**/conversations/**")
    expect(page.get_by_text("Bewaard in je postvak")).to_be_visible()
    reads(page, TEXT)
    reads(page, "Dank u wel.")
    examine(page, "the conversation that was taken along")

    page.goto(link_in(mail))
    page.wait_for_url("**/conversations/**")
    marieke = somebody("desktop")
    arrive(marieke, office, author)
    marieke.locator(".row a, a.row").first.click()
    marieke.locator("#reply-body").fill("Graag gedaan.")
    marieke.get_by_role("button", name="Verzenden").click()
    expect(marieke.get_by_text("Graag gedaan.").last).to_be_visible()
    told = next(filter(lambda text: "/m/" in text, map(text_part, office.sink.wait_for(to[0], 4))))
    assert "#" not in told
    page.goto(f"{office.url}/inbox")
    expect(page.get_by_text("Graag gedaan.").first).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_with_an_account_one_log_in_and_one_tap_keep_it(office: Office, somebody: Somebody, script: bool) -> None:
    """In English, on a desktop."""
    to, page = fresh(FATIMA), somebody("desktop", java_script_enabled=script, locale="en-GB")
    link = written_to(office, office.member(), to)
    office.member(to[1], language="en", address=to[0])
    open_by_hand(page, link)
    page.get_by_role("link", name="Keep these messages in an account of your own").click()
    if script:
        examine(page, "in English")
    page.get_by_role("link", name="I have an account already: log in").click()
    try_to_log_in(page, to[0])
    expect(page.get_by_role("heading", name="Keep these messages in your mailbox")).to_be_visible()
    if script:
        examine(page, "logged in")
    page.get_by_role("button", name="Keep in my mailbox").click()
    page.wait_for_url("**/conversations/**")
    reads(page, TEXT)


def test_the_code_is_over_afterwards_and_says_where_it_went(office: Office, somebody: Somebody) -> None:
    to, page = fresh(FATIMA), somebody("phone")
    link = written_to(office, office.member(), to)
    office.member(to[1], address=to[0])
    open_by_hand(page, link)
    page.get_by_role("link", name=LINE).click()
    page.get_by_role("link", name="Ik heb al een account: inloggen").click()
    try_to_log_in(page, to[0])
    page.get_by_role("button", name="Bewaren in mijn postvak").click()
    page.wait_for_url("**/conversations/**")
    elsewhere = somebody("phone")
    elsewhere.goto(link)
    elsewhere.get_by_role("button", name="Bericht openen").click()
    expect(elsewhere.get_by_role("heading", name=re.compile("postvak|account"))).to_be_visible()
    expect(elsewhere.get_by_text(TEXT)).to_have_count(0)
    examine(elsewhere, "where it went")
    elsewhere.get_by_role("link", name="Inloggen").click()
    try_to_log_in(elsewhere, to[0])
    elsewhere.wait_for_url("**/conversations/**")
    reads(elsewhere, TEXT)


def test_another_account_is_told_and_logs_out_back_to_the_offer(office: Office, somebody: Somebody) -> None:
    to, page = fresh(FATIMA), somebody("phone")
    link = written_to(office, office.member(), to)
    sanne = office.member("Sanne Kuipers")
    arrive(page, office, sanne)
    open_by_hand(page, link)
    page.get_by_role("link", name=LINE).click()
    expect(page.get_by_role("heading", name="U bent ingelogd met een ander adres")).to_be_visible()
    expect(page.get_by_text(sanne.address)).to_be_visible()
    examine(page, "another address")
    page.get_by_role("button", name="Uitloggen").click()
    office.member(to[1], address=to[0])
    try_to_log_in(page, to[0])
    page.get_by_role("button", name="Bewaren in mijn postvak").click()
    page.wait_for_url("**/conversations/**")


def test_at_the_inbox_it_is_offered_until_it_is_put_away(office: Office, somebody: Somebody) -> None:
    to, page = fresh(FATIMA), somebody("phone")
    link = written_to(office, office.member(), to)
    member = office.member(to[1], address=to[0])
    open_by_hand(page, link)
    arrive(page, office, member)
    expect(page.get_by_text("Je opende hier een conversatie met Marieke van Dalen.")).to_be_visible()
    examine(page, "the inbox with the offer")
    page.get_by_role("button", name="Niet nu").click()
    page.wait_for_url("**/inbox")
    expect(page.get_by_text("Je opende hier een conversatie")).to_have_count(0)
    page.goto(link.partition("#")[0])
    page.get_by_role("link", name=LINE).click()
    expect(page.get_by_role("heading", name="Bewaar deze berichten in uw postvak")).to_be_visible()


def test_after_a_code_by_sms_it_goes_along_too(office: Office, somebody: Somebody) -> None:
    to, number, page = fresh(FATIMA), new_number(), somebody("phone")
    link = written_to(office, office.member(), to, Check("sms", number))
    office.member(to[1], address=to[0])
    page.goto(link)
    page.get_by_role("button", name="Bericht openen").click()
    page.locator("#f-code").fill(office.wait_for_sms(number))
    reads(page, TEXT)
    page.get_by_role("link", name=LINE).click()
    page.get_by_role("link", name="Ik heb al een account: inloggen").click()
    try_to_log_in(page, to[0])
    page.get_by_role("button", name="Bewaren in mijn postvak").click()
    page.wait_for_url("**/conversations/**")
    reads(page, TEXT)
