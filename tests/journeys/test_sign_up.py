"""Open sign-up: address, proof by mail, name and password, recovery code, inbox."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from tests.browser import open_context
from tests.house import PASSWORD
from tests.journeys.people import Office, ask_for_account, code_in, keep_recovery_code, link_in
from tests.servers import text_part

CODE = re.compile(r"(?:[0-9A-Z]{4} ){8}[0-9A-Z]{4}")


def test_sanne_makes_an_account_and_keeps_her_recovery_code(every_office: Office, page: Page, tmp_path: Path) -> None:
    office = every_office
    address = f"sanne-{tmp_path.name}@example.org"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=office.url)
    page.add_init_script("window.print = () => document.documentElement.setAttribute('data-printed', '')")
    ask_for_account(page, office.url, address)
    page.goto(link_in(office.sink.wait_for(address)[0]))
    expect(page.get_by_text("De code uit de link is al ingevuld.")).to_be_visible()
    expect(page).not_to_have_url(re.compile("#"))
    with page.expect_navigation():
        page.get_by_role("button", name="Ga verder").click()

    page.get_by_label("Je naam").fill("Sanne Kuipers")
    password = page.get_by_label("Wachtwoord", exact=True)
    password.press_sequentially("negen")
    expect(page.get_by_text("Nog 10 tekens.")).to_be_visible()
    password.fill(PASSWORD)
    expect(page.get_by_text("Dit wachtwoord is goed.")).to_be_visible()
    page.get_by_role("button", name="Ga verder").click()

    code = _shown_code(page)
    page.get_by_role("button", name="Kopieer").click()
    expect(page.get_by_role("button", name="Gekopieerd")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == code
    with page.expect_download() as download:
        page.get_by_role("button", name="Bewaar", exact=True).click()
    assert code in Path(download.value.path()).read_text("utf-8")
    page.get_by_role("button", name="Print").click()
    expect(page.locator("html")).to_have_attribute("data-printed", "")
    mailed = " ".join(text_part(office.sink.wait_for(address, 2)[1]).split())
    assert code in mailed

    keep_recovery_code(page)
    expect(page.get_by_text("Je postvak is leeg")).to_be_visible()


def test_the_code_is_asked_for_until_it_is_kept(office: Office, phone: Page) -> None:
    phone.add_init_script("HTMLFormElement.prototype.checkValidity = () => true")
    ask_for_account(phone, office.url, "bewaart@example.org")
    phone.goto(link_in(office.sink.wait_for("bewaart@example.org")[0]))
    phone.get_by_role("button", name="Ga verder").click()
    phone.get_by_label("Je naam").fill("Sanne Kuipers")
    phone.get_by_label("Wachtwoord", exact=True).fill(PASSWORD)
    phone.get_by_role("button", name="Ga verder").click()
    code = _shown_code(phone)
    phone.evaluate("() => { document.querySelector('main form').noValidate = true }")
    phone.get_by_role("button", name="Ga verder").click()
    expect(phone.get_by_text("Bewaar eerst de code en vink dit aan.")).to_be_visible()
    assert _shown_code(phone) == code


def test_without_script_the_activation_code_is_typed(office: Office, chromium: Browser) -> None:
    with open_context(chromium, "phone", java_script_enabled=False) as context:
        page = context.new_page()
        ask_for_account(page, office.url, "typt@example.org")
        mail = office.sink.wait_for("typt@example.org")[0]
        page.get_by_role("link", name="Ik typ de activatiecode liever zelf").click()
        page.get_by_label("Activatiecode").fill(f" {code_in(mail)} ")
        page.get_by_role("button", name="Ga verder").click()
        page.get_by_label("Je naam").fill("Sanne Kuipers")
        page.get_by_label("Wachtwoord", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Ga verder").click()
        expect(page.locator("#code-sheet")).to_have_attribute("data-code", CODE)
        keep_recovery_code(page)


def test_an_address_with_an_account_gets_the_same_page_and_a_mail_that_says_so(office: Office, phone: Page) -> None:
    marieke = office.member("Marieke van Dalen")
    ask_for_account(phone, office.url, "nieuw@example.org")
    unknown = phone.locator("main").inner_text().replace("nieuw@example.org", "…")
    ask_for_account(phone, office.url, marieke.address)
    assert phone.locator("main").inner_text().replace(marieke.address, "…") == unknown
    assert "dat account bestaat al" in text_part(office.sink.wait_for(marieke.address, 2)[1])


def test_a_used_or_mistyped_activation_code_is_told_and_stays_in_its_field(office: Office, phone: Page) -> None:
    phone.goto(f"{office.url}/signup/activate#{'A' * 42}E")
    phone.get_by_role("button", name="Ga verder").click()
    expect(phone.get_by_text("Deze code klopt niet of is al gebruikt. Vraag een nieuwe e-mail.")).to_be_visible()
    expect(phone.get_by_label("Activatiecode")).to_have_value("A" * 42 + "E")


def test_a_common_password_is_refused_and_the_name_stays(office: Office, phone: Page) -> None:
    ask_for_account(phone, office.url, "gewoon@example.org")
    phone.goto(link_in(office.sink.wait_for("gewoon@example.org")[0]))
    phone.get_by_role("button", name="Ga verder").click()
    phone.get_by_label("Je naam").fill("Sanne Kuipers")
    phone.get_by_label("Wachtwoord", exact=True).fill("te kort")
    phone.get_by_role("button", name="Ga verder").click()
    expect(phone.get_by_text("Dit wachtwoord is te kort. Gebruik minstens 15 tekens.")).to_be_visible()
    expect(phone.get_by_label("Je naam")).to_have_value("Sanne Kuipers")


@pytest.fixture
def by_invitation_only(office: Office) -> Iterator[None]:
    """Nobody makes an account who was not asked."""
    with office.work() as ctx:
        organisations.decide(ctx, office.organisation, Policy(sign_up="invitation"))
    yield
    with office.work() as ctx:
        organisations.decide(ctx, office.organisation, Policy(sign_up="open"))


@pytest.mark.usefixtures("by_invitation_only")
def test_closed_sign_up_is_said_and_offered_nowhere(office: Office, phone: Page) -> None:
    phone.goto(f"{office.url}/login")
    expect(phone.get_by_role("link", name="Maak een account")).to_have_count(0)
    answer = phone.goto(f"{office.url}/signup")
    assert answer is not None
    assert answer.status == 403
    expect(phone.get_by_role("heading", name="Aanmelden op uitnodiging")).to_be_visible()


def test_left_after_the_password_the_rest_is_asked_for_later(office: Office, phone: Page) -> None:
    ask_for_account(phone, office.url, "later@example.org")
    phone.goto(link_in(office.sink.wait_for("later@example.org")[0]))
    phone.get_by_role("button", name="Ga verder").click()
    phone.get_by_label("Je naam").fill("Sanne Kuipers")
    phone.get_by_label("Wachtwoord", exact=True).fill(PASSWORD)
    phone.get_by_role("button", name="Ga verder").click()
    _shown_code(phone)
    phone.goto(f"{office.url}/inbox")
    expect(phone.get_by_role("link", name="2FA instellen")).to_be_visible()
    phone.goto(f"{office.url}/signup/secure")
    phone.get_by_role("link", name="Later instellen").click()
    expect(phone.get_by_role("heading", name="Je account is klaar")).to_be_visible()
    phone.get_by_role("link", name="Verzend je eerste bericht").click()
    expect(phone.get_by_label("Onderwerp")).to_be_visible()


def _shown_code(page: Page) -> str:
    expect(page.get_by_role("heading", name="Bewaar je herstelcode")).to_be_visible()
    shown = " ".join(page.locator("#code-sheet .code-groups").inner_text().split())
    assert CODE.fullmatch(shown)
    return shown
