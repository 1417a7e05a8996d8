"""2FA instellen: an app, a phone, a passkey with and without its secret, and backup codes, in a real browser."""

import re
from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.authenticators import plug_in
from tests.journeys.people import Member, Office, arrive
from tests.journeys.test_landing import new_number

CODES = 10


def begin(page: Page, office: Office, method: str) -> Member:
    """From the inbox's button to the page of a method."""
    marieke = office.member()
    arrive(page, office, marieke)
    page.get_by_role("link", name="2FA instellen").click()
    expect(page.get_by_role("heading", name="Kies een extra inlogmethode")).to_be_visible()
    page.get_by_label(method).check()
    page.get_by_role("button", name="Ga verder").click()
    return marieke


def app_of(page: Page) -> pyotp.TOTP:
    """An app that was given the key which is shown to type."""
    page.get_by_text("Sleutel tonen om over te typen").click()
    seed = page.locator("#secret-text").inner_text()
    return pyotp.TOTP("".join(seed.split()))


def verify(page: Page, code: str) -> None:
    """Type a code; a field that does not send a whole code by itself has a button."""
    field = page.get_by_label(re.compile("Code uit de app|Sms-code"))
    by_itself = field.get_attribute("data-auto") is not None
    page.wait_for_load_state()
    with page.expect_navigation():
        field.fill(code)
        if not by_itself:
            page.get_by_role("button", name="Verifieer").click()


def take_backup_codes(page: Page) -> list[str]:
    """From what is recommended to the end of the steps."""
    page.get_by_role("link", name="Nu niet").click()
    page.get_by_role("button", name="Toon mijn codes").click()
    expect(page.get_by_role("heading", name="Bewaar je back-upcodes")).to_be_visible()
    expect(page.locator(".code-list li")).to_have_count(CODES)
    codes = page.locator(".code-list li").all_inner_texts()
    page.get_by_label("Ik heb de codes op een veilige plek bewaard").check()
    page.get_by_role("button", name="Klaar").click()
    expect(page.get_by_role("heading", name="Je account is klaar")).to_be_visible()
    return codes


def test_an_app_is_set_up_and_the_inbox_asks_no_more(every_office: Office, page: Page) -> None:
    begin(page, every_office, "Authenticator-app")
    expect(page.get_by_text("Stap 2 van 3")).to_be_visible()
    expect(page.get_by_role("img", name="QR-code voor je authenticator-app")).to_be_visible()
    phone = app_of(page)
    verify(page, "000000")
    expect(page.get_by_text("Deze code klopt niet")).to_be_visible()
    assert app_of(page).secret == phone.secret
    verify(page, phone.now())
    expect(page.get_by_role("heading", name="Stel er nog een in")).to_be_visible()
    assert len(set(take_backup_codes(page))) == CODES
    page.get_by_role("link", name="Naar mijn postvak").click()
    expect(page.get_by_role("heading", name="Postvak", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="2FA instellen")).to_have_count(0)


def test_the_steps_can_be_left_and_nothing_is_half_set(office: Office, phone: Page) -> None:
    begin(phone, office, "Authenticator-app")
    phone.goto(f"{office.url}/inbox")
    phone.get_by_role("link", name="2FA instellen").click()
    phone.goto(f"{office.url}/security")
    expect(phone.get_by_text("Ingesteld", exact=True)).to_have_count(0)
    phone.goto(f"{office.url}/security/2fa/done")
    expect(phone.get_by_role("heading", name="Kies een extra inlogmethode")).to_be_visible()


def test_who_stops_before_the_backup_codes_is_reminded(office: Office, phone: Page) -> None:
    begin(phone, office, "Authenticator-app")
    verify(phone, app_of(phone).now())
    expect(phone.get_by_role("heading", name="Stel er nog een in")).to_be_visible()
    phone.goto(f"{office.url}/inbox")
    phone.get_by_role("link", name="Back-upcodes maken").click()
    phone.get_by_role("button", name="Toon mijn codes").click()
    expect(phone.locator(".code-list li")).to_have_count(CODES)


def test_a_phone_is_proved_by_the_code_in_an_sms(office: Office, page: Page) -> None:
    begin(page, office, "Sms-code")
    field = page.get_by_label("Mobiel nummer")
    field.fill("010 123 45 67")
    page.get_by_role("button", name="Stuur de code").click()
    expect(page.get_by_text("Dit is een vast nummer")).to_be_visible()
    expect(field).to_have_value("010 123 45 67")
    number = new_number()
    field.fill(f"0{number[3:]}")
    page.get_by_role("button", name="Stuur de code").click()
    expect(page.get_by_text(f"Verstuurd naar 06 {number[4:]}.")).to_be_visible()
    expect(page.get_by_text("Geen sms gekregen?")).to_be_visible()
    verify(page, office.wait_for_sms(number))
    expect(page.get_by_role("heading", name="Stel er nog een in")).to_be_visible()
    page.goto(f"{office.url}/security")
    expect(page.get_by_text(f"06 •• •• •• {number[-2:]}")).to_be_visible()


@pytest.mark.parametrize(
    ("prf", "said"),
    [(True, "Met deze passkey log je in zonder wachtwoord"), (False, "Deze sleutel kan niet alleen inloggen")],
)
def test_a_passkey_says_what_it_can_do(office: Office, page: Page, prf: bool, said: str) -> None:
    key = plug_in(page, prf=prf, security_key=not prf)
    begin(page, office, "Passkey of beveiligingssleutel")
    page.get_by_label("Naam van deze passkey").fill("Mijn telefoon")
    with page.expect_request("**/passkey/finish") as sent:
        page.get_by_role("button", name="Maak passkey").click()
    expect(page.get_by_text(said)).to_be_visible()
    assert "results" not in (sent.value.post_data or "")
    assert len(key.credentials()) == 1
    page.get_by_role("link", name="Ga verder").click()
    take_backup_codes(page)
    page.goto(f"{office.url}/security")
    expect(page.get_by_text("Mijn telefoon")).to_be_visible()


def test_a_passkey_that_does_not_know_its_user_is_not_made(office: Office, phone: Page) -> None:
    key = plug_in(phone)
    key.refuse_user()
    begin(phone, office, "Passkey of beveiligingssleutel")
    phone.get_by_role("button", name="Maak passkey").click()
    expect(phone.get_by_text("Er is geen passkey gebruikt.")).to_be_visible()
    phone.goto(f"{office.url}/security")
    expect(phone.get_by_text("Ingesteld", exact=True)).to_have_count(0)
    key.remove()  # five wrong fingers lock it
    plug_in(phone)
    phone.goto(f"{office.url}/security/2fa/passkey")
    phone.get_by_role("button", name="Maak passkey").click()
    expect(phone.get_by_role("heading", name="Je passkey is toegevoegd")).to_be_visible()


def test_the_same_device_is_not_added_twice(office: Office, phone: Page) -> None:
    plug_in(phone)
    begin(phone, office, "Passkey of beveiligingssleutel")
    phone.get_by_role("button", name="Maak passkey").click()
    expect(phone.get_by_role("heading", name="Je passkey is toegevoegd")).to_be_visible()
    phone.goto(f"{office.url}/security/2fa/passkey")
    phone.get_by_role("button", name="Maak passkey").click()
    expect(phone.get_by_text("Dit apparaat staat al in je lijst.")).to_be_visible()


def test_a_passkey_is_renamed_and_removed_and_one_stays_logged_in(office: Office, page: Page) -> None:
    plug_in(page)
    begin(page, office, "Passkey of beveiligingssleutel")
    page.get_by_role("button", name="Maak passkey").click()
    expect(page.get_by_role("heading", name="Je passkey is toegevoegd")).to_be_visible()
    page.goto(f"{office.url}/security")
    page.get_by_role("link", name="Naam wijzigen").click()
    page.get_by_label("Naam van deze passkey").fill("Laptop van kantoor")
    page.get_by_role("button", name="Bewaren").click()
    expect(page.get_by_text("Laptop van kantoor")).to_be_visible()
    page.get_by_role("link", name="Verwijderen").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Verwijderen").click()
    expect(page.get_by_text("Laptop van kantoor")).to_have_count(0)
    page.goto(f"{office.url}/inbox")
    expect(page.get_by_role("link", name="2FA instellen")).to_be_visible()


def test_an_app_is_set_up_without_script(office: Office, somebody: Callable[..., Page]) -> None:
    page = somebody("desktop", java_script_enabled=False)
    begin(page, office, "Authenticator-app")
    verify(page, app_of(page).now())
    expect(page.get_by_role("heading", name="Stel er nog een in")).to_be_visible()


def test_the_secret_stands_in_no_address(office: Office, phone: Page) -> None:
    visited: list[str] = []
    phone.on("request", lambda request: visited.append(request.url))
    begin(phone, office, "Authenticator-app")
    app = app_of(phone)
    code = app.now()
    verify(phone, code)
    codes = take_backup_codes(phone)
    assert not [url for url in visited for secret in (app.secret, code, *codes) if secret in url]
