"""axe finds nothing on the pages about remembered browsers, the guest's and the sender's, by day and by night."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import examine
from tests.house import FATIMA
from tests.journeys.people import Office, arrive
from tests.journeys.test_guest import fresh
from tests.journeys.test_returning import without_session, write

Somebody = Callable[..., Page]
LOOKS = pytest.mark.parametrize(
    ("size", "language"), [("phone", "en"), ("desktop", "nl")], ids=["phone-en", "desktop-nl"]
)
LOCALES = {"nl": "nl-NL", "en": "en-GB"}


def clean(page: Page, name: str) -> None:
    examine(page, name, heading=True)


@LOOKS
def test_the_guests_pages(office: Office, somebody: Somebody, size: str, language: str) -> None:
    author, to = office.member(), fresh(FATIMA)
    page = somebody(size, locale=LOCALES[language], axe=True)
    page.goto(write(office, author, to, 1))
    page.locator("main form button.button-primary").click()
    expect(page.locator("form[action$='/remember']")).to_be_visible()
    clean(page, "the offer in the letter")
    page.locator("form[action$='/remember'] button").click()
    expect(page.locator(".place")).to_have_count(1)
    clean(page, "the list, after it was added")
    later = write(office, author, to, 2)
    without_session(page)
    page.route("**/return", lambda route: route.fulfill(status=204))  # the page that opens itself stays
    page.goto(later, wait_until="commit")
    expect(page.locator("form[action$='/return']")).to_be_visible()
    clean(page, "coming back")
    page.unroute("**/return")
    page.reload(wait_until="commit")
    expect(page.locator("#letters")).to_be_visible()
    clean(page, "the letter, opened without a code")
    page.locator(".letter-bar button").click()
    expect(page.locator("form[action$='/return']")).to_be_visible()
    clean(page, "closed")
    page.locator("form[action$='/return'] button").click()
    page.locator("a[href$='/devices']").click()
    page.locator("form[action$='/forget'] button").click()
    expect(page.get_by_role("status")).to_be_visible()
    clean(page, "the list, after it was stopped")


@LOOKS
def test_the_senders_list(office: Office, somebody: Somebody, size: str, language: str) -> None:
    author, to = office.member(language=language), fresh(FATIMA)
    guest = somebody()
    guest.goto(write(office, author, to, 1))
    guest.locator("main form button.button-primary").click()
    guest.locator("form[action$='/remember'] button").click()
    expect(guest.locator(".place")).to_have_count(1)
    page = somebody(size, locale=LOCALES[language])
    arrive(page, office, author, "/sent")
    page.locator(".row-link").first.click()
    page.locator("a.receipt-line").first.click()
    expect(page.locator("#dialog[open] .place-device")).to_be_visible()
    examine(page, "the browsers in the receipts")
