"""The recipient check in a browser: every method and state, each with a way on, counted in taps."""

import itertools
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from securemail import ids
from securemail.guests import checks, gate
from securemail.guests.checks import Check
from securemail.identity.context import Member
from tests.house import FATIMA
from tests.journeys.people import Office, arrive, code_in, link_in, try_to_log_in
from tests.journeys.test_guest import fresh

Somebody = Callable[..., Page]
AGREED = "vier groene lampen"
_numbers = itertools.count(20_000_000)
CROSSED = [("phone", "nl", True), ("desktop", "en", True), ("phone", "en", False), ("desktop", "nl", False)]
"""Size, language and script: each value of one meets each value of the others."""


def new_number() -> str:
    """A mobile number that no other test uses."""
    return f"+316{next(_numbers)}"


def sent(office: Office, check: Check, author: Member | None = None) -> tuple[str, str, str]:
    """A message to Fatima with a check: her address, the link of the mail, and its code."""
    fatima = fresh(FATIMA)
    office.send(author or office.member(), (*fatima, check))
    [mail] = office.sink.wait_for(fatima[0])
    return fatima[0], link_in(mail), code_in(mail)


def agreed(office: Office, hint: str = "Onze eerste ontmoeting") -> Check:
    with office.work() as ctx:
        return Check("password", password=checks.agree(ctx, AGREED), hint=hint)


def open_message(page: Page) -> None:
    """Press the button of the landing page, and wait for what comes next with its scripts."""
    with page.expect_navigation():
        page.get_by_role("button", name="Bericht openen").click()


def reload_until(page: Page, expected: Locator, *, seconds: float = 60) -> None:
    """Look again until a page without news of its own says what a worker has to find out first."""
    deadline = time.monotonic() + seconds
    while not expected.count():
        assert time.monotonic() < deadline, "it never said so"
        page.wait_for_timeout(100)
        page.reload()


def answer_a_call_for_help(page: Page, office: Office, author: Member) -> None:
    """The sender, in the conversation about which somebody asks for help."""
    arrive(page, office, author, "/sent")
    page.locator(".list-row a, [id^=row] a").first.click()
    expect(page.get_by_role("heading", name="Fatima El Amrani vraagt om hulp")).to_be_visible()


class Taps:
    """Counts what a person does to a page: presses and typing."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()
        self.count += 1


def test_from_the_notification_to_the_text_are_two_taps_at_most(office: Office, page: Page) -> None:
    _, link, _ = sent(office, Check())
    taps = Taps(page)
    page.goto(link)  # the first tap: the button in the mail
    taps.count += 1
    taps.press("Bericht openen")
    expect(page.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()
    assert taps.count <= 2


@pytest.mark.parametrize(("size", "language", "script"), CROSSED, ids=str)
def test_by_sms(office: Office, somebody: Somebody, size: str, language: str, script: bool) -> None:
    number = new_number()
    _, link, code = sent(office, Check("sms", number))
    locale = {"nl": "nl-NL", "en": "en-GB"}[language]
    page = somebody(size, java_script_enabled=script, locale=locale)
    page.goto(link)
    if not script:
        page.locator("#code").fill(code)
    with page.expect_navigation():
        page.locator("main form button.button-primary").click()
    words = {"nl": "Vul de code uit uw sms in", "en": "Enter the code from your text message"}[language]
    expect(page.get_by_role("heading", name=words)).to_be_visible()
    expect(page.get_by_text(f"06 •• •• •• {number[-2:]}")).to_be_visible()
    expect(page.locator("#f-code")).to_have_attribute("autocomplete", "one-time-code")
    text = office.wait_for_sms(number)
    page.locator("#f-code").fill(text)
    if not script:
        page.locator("main form button.button-primary").click()
    expect(page.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()


def test_the_last_line_of_the_sms_is_bound_to_this_site(office: Office, phone: Page) -> None:
    number = new_number()
    _, link, _ = sent(office, Check("sms", number))
    phone.goto(link)
    open_message(phone)
    expect(phone.locator("#f-code")).to_be_visible()
    assert office.sms is not None
    [text] = office.sms.wait_for(number)
    code = office.wait_for_sms(number)
    assert text.splitlines()[-1] == f"@localhost #{code}"


def test_a_wrong_sms_code_stays_in_its_field_and_says_how_many_are_left(office: Office, phone: Page) -> None:
    number = new_number()
    _, link, _ = sent(office, Check("sms", number))
    phone.goto(link)
    open_message(phone)
    right = office.wait_for_sms(number)
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    phone.locator("#f-code").fill(wrong)
    expect(phone.get_by_text("Deze code klopt niet. U kunt het nog 4 keer proberen.")).to_be_visible()
    expect(phone.locator("#f-code")).to_have_value(wrong)
    phone.wait_for_load_state()  # its script sends the code
    phone.locator("#f-code").fill(right)
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()


def test_an_sms_that_does_not_go_has_a_way_on(office: Office, phone: Page) -> None:
    number = new_number()
    assert office.sms is not None
    office.sms.refuse[number] = 400
    _, link, _ = sent(office, Check("sms", number))
    phone.goto(link)
    open_message(phone)
    expect(phone.locator("#f-code")).to_be_visible()
    reload_until(phone, phone.get_by_text("Het versturen van de sms lukt nog niet."))
    phone.get_by_role("link", name="om een andere controle").click()
    expect(phone.get_by_label("Deze controle lukt mij niet")).to_be_checked()


def test_a_wrong_number_is_corrected_by_the_sender(office: Office, somebody: Somebody) -> None:
    wrong, right = new_number(), new_number()
    marieke = office.member()
    _, link, _ = sent(office, Check("sms", wrong), marieke)
    phone, inbox = somebody(), somebody("desktop")
    phone.goto(link)
    open_message(phone)
    phone.get_by_role("link", name="Vraag Marieke van Dalen om het aan te passen.").click()
    phone.get_by_role("button", name="Stuur mijn vraag").click()
    expect(phone.get_by_role("heading", name="Uw vraag is verstuurd")).to_be_visible()

    answer_a_call_for_help(inbox, office, marieke)
    inbox.get_by_role("link", name="Nummer verbeteren").click()
    inbox.get_by_label("Mobiel nummer").fill("0" + right[3:])
    inbox.get_by_role("button", name="Nummer bewaren").click()
    inbox.wait_for_url("**/conversations/**")
    expect(inbox.get_by_text("vraagt om hulp")).to_have_count(0)

    phone.goto(link)
    open_message(phone)
    phone.locator("#f-code").fill(office.wait_for_sms(right))
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_by_an_agreed_password(office: Office, somebody: Somebody, script: bool) -> None:
    _, link, code = sent(office, agreed(office))
    page = somebody(java_script_enabled=script)
    page.goto(link)
    page.locator("#code").fill(code)
    open_message(page)
    expect(page.get_by_role("heading", name="Vul het afgesproken wachtwoord in")).to_be_visible()
    expect(page.get_by_text("Onze eerste ontmoeting")).to_be_visible()
    page.get_by_label("Afgesproken wachtwoord").fill("verkeerd geraden")
    page.get_by_role("button", name="Verder").click()
    expect(page.get_by_text("U kunt het nog 9 keer proberen.")).to_be_visible()
    page.get_by_label("Afgesproken wachtwoord").fill(AGREED)
    page.get_by_role("button", name="Verder").click()
    expect(page.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()


def test_locked_asked_for_and_released(office: Office, somebody: Somebody) -> None:
    marieke = office.member()
    _, link, _ = sent(office, agreed(office), marieke)
    phone, inbox = somebody(), somebody("desktop")
    phone.goto(link)
    open_message(phone)
    for left in reversed(range(gate.TRIES)):
        phone.get_by_label("Afgesproken wachtwoord").fill("verkeerd geraden")
        phone.get_by_role("button", name="Verder").click()
        if left:
            expect(phone.get_by_text(f"U kunt het nog {left} keer proberen.")).to_be_visible()
    expect(phone.get_by_role("heading", name="Dit bericht zit op slot")).to_be_visible()
    phone.get_by_role("link", name="Vraag om het vrij te geven").click()
    phone.get_by_role("button", name="Stuur mijn vraag").click()
    expect(phone.get_by_role("heading", name="Uw vraag is verstuurd")).to_be_visible()

    answer_a_call_for_help(inbox, office, marieke)
    inbox.get_by_role("button", name="Vrijgeven").click()
    expect(inbox.get_by_text("vraagt om hulp")).to_have_count(0)

    phone.goto(link)
    phone.get_by_label("Afgesproken wachtwoord").fill(AGREED)
    phone.get_by_role("button", name="Verder").click()
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()


def test_a_lost_code_is_mailed_again_with_one_tap(office: Office, somebody: Somebody) -> None:
    marieke = office.member()
    fatima, link, code = sent(office, Check(), marieke)
    phone, inbox = somebody(), somebody("desktop")
    phone.goto(link.partition("#")[0])
    phone.get_by_text("Ik heb geen code").click()
    phone.get_by_role("link", name="Vraag de afzender om hulp").click()
    phone.get_by_role("button", name="Stuur mijn vraag").click()
    expect(phone.get_by_role("heading", name="Uw vraag is verstuurd")).to_be_visible()
    answer_a_call_for_help(inbox, office, marieke)
    inbox.get_by_role("button", name="Opnieuw versturen").click()
    again = office.sink.wait_for(fatima, 2)[1]
    assert code_in(again) == code
    phone.goto(link_in(again))
    open_message(phone)
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()


def test_a_message_for_an_account_leads_through_the_log_in(office: Office, somebody: Somebody) -> None:
    marieke, sanne = office.member(), office.member("Sanne Kuipers")
    message = office.send(marieke, (sanne.address, sanne.name)).message
    page = somebody("desktop")
    page.goto(f"{office.url}/m/{ids.to_text(message)}")
    expect(page.get_by_role("heading", name="Log in om dit bericht te lezen")).to_be_visible()
    page.get_by_role("link", name="Inloggen").click()
    try_to_log_in(page, sanne)
    page.wait_for_url("**/conversations/**")
    other = somebody("desktop")
    arrive(other, office, office.member("Jan de Wit"), f"/m/{ids.to_text(message)}")
    expect(other.get_by_role("heading", name="Dit bericht staat niet in dit postvak")).to_be_visible()
