"""A guest who comes back on a remembered browser: one tap, and a way to forget it on both sides."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from securemail.guests.checks import Check
from securemail.identity.context import Member
from tests.house import FATIMA
from tests.journeys.people import Office, arrive, link_in
from tests.journeys.test_guest import fresh

Somebody = Callable[..., Page]
TEXT = "Het bedrag komt uit op € 384."


def write(office: Office, author: Member, to: tuple[str, str], nth: int) -> str:
    """Send Fatima another message; the link of its mail."""
    office.send(author, (*to, Check()))
    return link_in(office.sink.wait_for(to[0], count=nth)[-1])


def remembered(office: Office, page: Page, author: Member, to: tuple[str, str], *, script: bool = True) -> None:
    """She opens the first one with its code and has the browser remembered."""
    link = write(office, author, to, 1)
    page.goto(link)
    if not script:
        page.locator("#code").fill(link.partition("#")[2])
    page.get_by_role("button", name="Bericht openen").click()
    expect(page.get_by_text(TEXT)).to_be_visible()
    page.get_by_role("button", name="Onthoud dit apparaat 30 dagen").click()
    expect(page.get_by_text("Dit apparaat is onthouden.")).to_be_visible()


def count_taps(page: Page) -> None:
    """What a finger or the keyboard does from now on, on whatever page; nothing that a script does counts."""
    page.add_init_script(
        "for (const kind of ['pointerdown', 'keydown'])"
        " addEventListener(kind, (event) => {"
        "  if (event.isTrusted) sessionStorage.taps = taps() + 1;"
        " }, true);"
        "const taps = () => Number(sessionStorage.taps ?? 0);"
    )


def taps_of(page: Page) -> int:
    return int(page.evaluate("() => Number(sessionStorage.taps ?? 0)"))


def without_session(page: Page) -> None:
    """The browser was closed since."""
    page.context.clear_cookies(name="__Host-g")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_the_next_letter_opens_on_the_tap_in_the_mail(office: Office, somebody: Somebody, script: bool) -> None:
    author, to, page = office.member(), fresh(FATIMA), somebody("phone", java_script_enabled=script)
    remembered(office, page, author, to, script=script)
    link = write(office, author, to, 2)
    without_session(page)
    page.goto(link)
    if not script:
        page.get_by_role("button", name="Bericht openen").click()
    expect(page.get_by_text(TEXT)).to_be_visible()
    expect(page).not_to_have_url(re.compile("#"))


def test_from_the_notification_to_the_text_is_one_tap(office: Office, somebody: Somebody, size: str) -> None:
    author, to, page = office.member(), fresh(FATIMA), somebody(size)
    remembered(office, page, author, to)
    link = write(office, author, to, 2)
    without_session(page)
    count_taps(page)
    page.goto(link)  # the one tap: the button in the mail
    expect(page.get_by_text(TEXT)).to_be_visible()
    assert taps_of(page) == 0
    page.get_by_role("link", name="Veilig antwoorden").click()
    assert taps_of(page) == 1, "a tap is counted"


@pytest.mark.parametrize(
    ("size", "locale", "script"),
    [("phone", "en-GB", True), ("desktop", "nl-NL", False)],
    ids=["phone-en", "desktop-nl"],
)
def test_she_stops_it_herself(office: Office, somebody: Somebody, size: str, locale: str, script: bool) -> None:
    author, to = office.member(), fresh(FATIMA)
    page = somebody(size, locale=locale, java_script_enabled=script)
    link = write(office, author, to, 1)
    page.goto(link)
    page.locator("#code").fill(link.partition("#")[2])
    page.locator("main form button.button-primary").click()
    page.locator("form[action$='/remember'] button").click()
    expect(page.locator(".place")).to_have_count(1)
    page.locator("form[action$='/forget'] button").click()
    expect(page.locator(".place")).to_have_count(0)
    expect(page.get_by_role("status")).to_be_visible()
    later = write(office, author, to, 2)
    without_session(page)
    page.goto(later.partition("#")[0])
    expect(page.locator("#code")).to_be_visible()


def test_the_sender_forgets_it(office: Office, somebody: Somebody) -> None:
    author, to, page = office.member(), fresh(FATIMA), somebody("phone")
    remembered(office, page, author, to)
    link = write(office, author, to, 2)
    marieke = somebody("desktop")
    arrive(marieke, office, author, "/sent")
    marieke.locator(".row a, a.row").first.click()
    marieke.locator("a.receipt-line").first.click()
    marieke.get_by_role("button", name="Apparaat van Fatima El Amrani vergeten").click()
    expect(marieke.get_by_text("liet een apparaat onthouden")).to_have_count(0)
    without_session(page)
    page.goto(link)
    expect(page.get_by_text("Berichtcode")).to_be_visible()
