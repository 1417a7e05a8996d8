"""The back button of a browser that keeps whole pages: what was taken back or closed meanwhile does not reappear."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from securemail import ids
from securemail.messages import revocation
from tests.browser import open_context
from tests.house import FATIMA
from tests.journeys.people import Office, arrive, open_letter
from tests.journeys.test_guest import fresh

WORDS = "Het bedrag komt uit op € 384."


@pytest.fixture
def phone(chromium_with_back_forward_cache: Browser) -> Iterator[Page]:
    with open_context(chromium_with_back_forward_cache, "phone") as context:
        yield context.new_page()


def go_back(page: Page) -> None:
    """Playwright's own `go_back` waits for a load that a kept page never has."""
    page.evaluate("() => void setTimeout(() => history.back(), 0)")


def test_a_guest_goes_back_to_a_message_that_was_taken_back(office: Office, phone: Page) -> None:
    marieke, fatima = office.member(), fresh(FATIMA)
    sent = office.send(marieke, fatima)
    [mail] = office.sink.wait_for(fatima[0])
    open_letter(phone, mail)
    phone.evaluate("() => addEventListener('pageshow', (event) => sessionStorage.setItem('kept', event.persisted))")
    phone.goto(f"{office.url}/b")
    expect(phone.get_by_role("heading", name="Open uw bericht met de berichtcode")).to_be_visible()
    with office.work() as ctx:
        revocation.revoke(ctx, marieke, sent.message)
    go_back(phone)
    # Without having been kept, the page would prove nothing.
    phone.wait_for_function("() => sessionStorage.getItem('kept') === 'true'")
    expect(phone.get_by_role("heading", name="Dit bericht is ingetrokken")).to_be_visible()
    assert WORDS not in phone.content()


def test_a_guest_who_closed_the_message_goes_back_to_nothing(office: Office, phone: Page) -> None:
    marieke, fatima = office.member(), fresh(FATIMA)
    office.send(marieke, fatima)
    [mail] = office.sink.wait_for(fatima[0])
    open_letter(phone, mail)
    phone.get_by_role("button", name="Sluiten").click()
    expect(phone.get_by_role("heading", name="Het bericht is gesloten")).to_be_visible()
    go_back(phone)
    expect(phone.get_by_text("Voor uw veiligheid staat het bericht niet meer open: u sloot het")).to_be_visible()
    assert WORDS not in phone.content()


def test_a_member_goes_back_to_a_letter_that_was_taken_back(office: Office, phone: Page) -> None:
    marieke, sanne = office.member(), office.member("Sanne Kuipers")
    sent = office.send(marieke, (sanne.address, sanne.name))
    arrive(phone, office, sanne, f"/conversations/{ids.to_text(sent.conversation)}")
    phone.get_by_role("button", name="Bericht openen").click()
    expect(phone.locator(".letter-body")).to_contain_text(WORDS)
    phone.goto(f"{office.url}/more")
    with office.work() as ctx:
        revocation.revoke(ctx, marieke, sent.message)
    go_back(phone)
    expect(phone.locator("#letters")).to_contain_text("Marieke van Dalen heeft dit bericht ingetrokken")
    assert WORDS not in phone.content()


def test_nobody_reads_on_after_logging_out(office: Office, phone: Page) -> None:
    marieke, sanne = office.member(), office.member("Sanne Kuipers")
    sent = office.send(marieke, (sanne.address, sanne.name))
    arrive(phone, office, sanne, f"/conversations/{ids.to_text(sent.conversation)}")
    phone.get_by_role("button", name="Bericht openen").click()
    expect(phone.locator(".letter-body")).to_contain_text(WORDS)
    phone.goto(f"{office.url}/more")
    phone.locator("#list").get_by_role("button", name="Uitloggen").click()
    phone.wait_for_url("**/login**")
    go_back(phone)
    phone.wait_for_url("**/login?next=/more")
    go_back(phone)
    phone.wait_for_url("**/login?next=/conversations/**")
    expect(phone.locator("input[name=password]")).to_be_visible()
    assert WORDS not in phone.content()
