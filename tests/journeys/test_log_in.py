"""Log in, be remembered, log out, and what is said when that does not work."""

import time
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import open_context
from tests.journeys.people import Office, log_in, try_to_log_in

MONTH = 30 * 24 * 3600


def test_remembered_for_thirty_days_or_until_the_browser_closes(every_office: Office, phone: Page) -> None:
    marieke = every_office.member()
    phone.goto(f"{every_office.url}/login")
    expect(phone.get_by_text("Doe dit alleen als je de enige persoon bent die het apparaat gebruikt.")).to_be_visible()
    log_in(phone, every_office.url, marieke)
    assert _session_cookie(phone.context)["expires"] == -1
    phone.context.clear_cookies()  # the browser was closed
    log_in(phone, every_office.url, marieke, remember=True)
    cookie = _session_cookie(phone.context)
    assert abs(cookie["expires"] - time.time() - MONTH) < 60
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")


def test_after_logging_out_nothing_is_left_behind(office: Office, chromium_with_back_forward_cache: Browser) -> None:
    marieke = office.member()
    office.send(marieke, ("fatima@example.org", "Fatima El Amrani"), subject="Alleen voor Fatima")
    with open_context(chromium_with_back_forward_cache, "desktop") as context:
        page = context.new_page()
        log_in(page, office.url, marieke, remember=True)
        expect(page.get_by_text("Alleen voor Fatima")).to_be_visible()
        page.locator("summary.profile-button").click()
        with page.expect_response("**/logout") as answer:
            page.get_by_role("button", name="Uitloggen").click()
        assert answer.value.header_value("clear-site-data") == '"cache"'
        expect(page.get_by_text("Je bent uitgelogd.")).to_be_visible()
        assert not [cookie for cookie in context.cookies() if cookie["name"] == "__Host-s"]
        page.go_back()
        expect(page.get_by_role("heading", name="Inloggen")).to_be_visible()
        expect(page.get_by_text("Alleen voor Fatima")).to_have_count(0)


def test_who_was_going_somewhere_gets_there_after_logging_in(office: Office, phone: Page) -> None:
    phone.goto(f"{office.url}/sent")
    expect(phone.get_by_role("heading", name="Inloggen")).to_be_visible()
    try_to_log_in(phone, office.member())
    phone.wait_for_url("**/sent")


def test_no_other_site_is_gone_to_after_logging_in(office: Office, phone: Page) -> None:
    phone.goto(f"{office.url}/login?next=//example.org/inbox")
    try_to_log_in(phone, office.member())
    phone.wait_for_url(f"{office.url}/inbox")


def test_wrong_passwords_wait_longer_and_are_told_kindly(office: Office, phone: Page) -> None:
    marieke = office.member()
    phone.goto(f"{office.url}/login")
    for _ in range(5):
        with phone.expect_navigation():
            try_to_log_in(phone, marieke, password="mijn oude wachtwoord")
        expect(phone.get_by_text("Het e-mailadres of het wachtwoord klopt niet.")).to_be_visible()
        expect(phone.get_by_label("E-mailadres")).to_have_value(marieke.address)
    try_to_log_in(phone, marieke)
    expect(phone.get_by_text("Je account is niet geblokkeerd. Probeer het na")).to_be_visible()


def test_an_unknown_address_is_answered_with_the_same_words(office: Office, phone: Page) -> None:
    phone.goto(f"{office.url}/login")
    try_to_log_in(phone, "niemand@example.org")
    expect(phone.get_by_text("Het e-mailadres of het wachtwoord klopt niet.")).to_be_visible()


def test_a_browser_that_keeps_no_cookie_is_told_so(office: Office, phone: Page) -> None:
    phone.goto(f"{office.url}/login")
    phone.context.clear_cookies()
    try_to_log_in(phone, office.member())
    expect(phone.get_by_text("Je browser bewaarde geen cookie")).to_be_visible()
    try_to_log_in(phone, office.member())
    phone.wait_for_url("**/inbox")


def test_the_eye_shows_what_was_typed(office: Office, phone: Page) -> None:
    phone.goto(f"{office.url}/login")
    field = phone.get_by_label("Wachtwoord", exact=True)
    field.fill("negen blauwe fietsen")
    phone.get_by_role("button", name="Wachtwoord tonen").click()
    expect(field).to_have_attribute("type", "text")
    expect(field).to_have_value("negen blauwe fietsen")
    expect(field).to_be_focused()


def _session_cookie(context: BrowserContext) -> dict[str, Any]:
    return next(dict(cookie) for cookie in context.cookies() if cookie["name"] == "__Host-s")
