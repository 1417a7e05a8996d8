"""The lists: news without a reload, the next fifty while scrolling, one tap to a letter, the back button, the keys."""

import re

from playwright.sync_api import Browser, Page, expect

from securemail.identity.context import Member
from tests.browser import open_context
from tests.house import FATIMA
from tests.journeys.people import Office, arrive, ask_for_news


def test_new_mail_appears_without_a_reload_and_is_counted(every_office: Office, page: Page) -> None:
    office = every_office
    marieke, sanne = _colleagues(office)
    office.send(sanne, _to(marieke), subject="Eerste")
    arrive(page, office, marieke)
    expect(page.locator("li.row")).to_have_count(1)
    office.send(sanne, _to(marieke), subject="Tweede")
    ask_for_news(page)
    expect(page.locator(".row-subject")).to_have_text(["Tweede", "Eerste"])
    expect(page.locator("#live")).to_have_text("1 nieuw bericht")
    expect(page.locator("#list-unread")).to_have_text("2 ongelezen")


def test_news_reaches_an_empty_inbox(office: Office, phone: Page) -> None:
    marieke, sanne = _colleagues(office)
    arrive(phone, office, marieke)
    expect(phone.get_by_text("Je postvak is leeg")).to_be_visible()
    office.send(sanne, _to(marieke), subject="Eerste")
    ask_for_news(phone)
    expect(phone.locator(".row-subject")).to_have_text("Eerste")
    expect(phone.get_by_text("Je postvak is leeg")).to_be_hidden()


def test_coming_back_to_the_page_asks_for_news(office: Office, desktop: Page) -> None:
    marieke, sanne = _colleagues(office)
    desktop.add_init_script("{ const start = Date.now(); Date.now = () => start + performance.now() * 1000; }")
    arrive(desktop, office, marieke)
    office.send(sanne, _to(marieke), subject="Terwijl je weg was")
    desktop.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    expect(desktop.get_by_text("Terwijl je weg was")).to_be_visible()


def test_one_tap_opens_a_conversation_and_back_returns_to_the_list(every_office: Office, page: Page) -> None:
    office = every_office
    marieke, sanne = _colleagues(office)
    office.send(sanne, _to(marieke), text="Mijn voorstel staat hieronder.")
    arrive(page, office, marieke)
    inbox = page.url
    page.get_by_role("link", name="Berekening kinderalimentatie").click()
    expect(page.locator(".letter-body")).to_have_text("Mijn voorstel staat hieronder.")
    page.wait_for_url("**/conversations/**")
    expect(page).to_have_title(re.compile("^Conversatie"))
    expect(page.locator("#conversation-title")).to_be_focused()
    expect(page.locator("#list-unread")).to_be_empty()
    page.evaluate("() => { window.before = true }")
    page.go_back()
    page.wait_for_url(inbox)
    page.wait_for_function("() => !window.before && document.readyState === 'complete'")  # the list comes anew
    expect(page.get_by_role("heading", name="Postvak", exact=True)).to_be_visible()
    expect(page.locator("li.row-unread")).to_have_count(0)
    page.evaluate("() => history.forward()")
    expect(page.locator(".letter-body")).to_have_text("Mijn voorstel staat hieronder.")


def test_scrolling_to_the_end_brings_the_next_fifty(every_office: Office, phone: Page) -> None:
    marieke = _with_conversations(every_office, 101)
    arrive(phone, every_office, marieke)
    rows = phone.locator("li.row")
    expect(rows).to_have_count(50)
    for count in (100, 101):
        rows.last.scroll_into_view_if_needed()
        phone.mouse.move(200, 400)
        phone.mouse.wheel(0, 4000)
        expect(rows).to_have_count(count)
    subjects = phone.locator(".row-subject").all_inner_texts()
    assert subjects == [f"Dossier {number}" for number in reversed(range(101))]
    expect(phone.locator(".next-page")).to_have_count(0)


def test_without_script_the_next_page_is_a_link(office: Office, chromium: Browser) -> None:
    marieke = _with_conversations(office, 51)
    with open_context(chromium, "phone", java_script_enabled=False) as context:
        page = context.new_page()
        arrive(page, office, marieke)
        page.get_by_role("link", name="Meer tonen").click()
        expect(page.locator("li.row")).to_have_count(1)


def test_the_keys_that_mail_users_know(office: Office, desktop: Page) -> None:
    marieke, sanne = _colleagues(office)
    for subject in ("Eerste", "Tweede"):
        office.send(sanne, _to(marieke), subject=subject)
    arrive(desktop, office, marieke)
    press = desktop.keyboard.press
    press("j")
    expect(desktop.get_by_role("link", name="Tweede")).to_be_focused()
    press("j")
    expect(desktop.get_by_role("link", name="Eerste")).to_be_focused()
    press("k")
    expect(desktop.get_by_role("link", name="Tweede")).to_be_focused()
    press("Enter")
    expect(desktop.locator("#conversation-title")).to_have_text("Tweede")
    press("r")
    expect(desktop.get_by_label("Antwoord aan")).to_be_focused()
    press("c")
    expect(desktop.get_by_label("Antwoord aan")).to_have_value("c")
    desktop.locator("#conversation-title").focus()
    press("?")
    expect(desktop.get_by_role("heading", name="Sneltoetsen")).to_be_visible()
    press("Escape")
    expect(desktop.get_by_role("heading", name="Sneltoetsen")).to_be_hidden()
    press("c")
    desktop.wait_for_url("**/compose")


def test_escape_closes_menus_and_gives_the_focus_back(office: Office, desktop: Page) -> None:
    marieke = office.member()
    office.send(marieke, FATIMA)
    arrive(desktop, office, marieke)
    desktop.get_by_role("link", name="Berekening kinderalimentatie").click()
    menu = desktop.locator(".letter-own summary")
    menu.click()
    expect(desktop.get_by_role("link", name="Bericht intrekken")).to_be_visible()
    desktop.keyboard.press("ArrowDown")
    expect(desktop.get_by_role("link", name="Beantwoorden").last).to_be_focused()
    desktop.keyboard.press("Escape")
    expect(desktop.get_by_role("link", name="Bericht intrekken")).to_be_hidden()
    expect(menu).to_be_focused()
    menu.click()
    desktop.get_by_role("link", name="Bericht intrekken").click()
    expect(desktop.get_by_role("dialog", name="Bericht intrekken?")).to_be_visible()
    desktop.keyboard.press("Escape")
    expect(desktop.locator("dialog[open]")).to_have_count(0)


def test_sent_messages_stand_in_verzonden_with_their_receipt(office: Office, page: Page) -> None:
    marieke, sanne = _colleagues(office)
    office.send(marieke, _to(sanne), FATIMA)
    arrive(page, office, marieke)
    page.get_by_role("link", name="Verzonden").click()
    page.get_by_role("link", name="Berekening kinderalimentatie").click()
    expect(page.locator(".letter-own")).to_contain_text("Nog door niemand gelezen")


def test_the_interface_changes_its_language_in_place(office: Office, page: Page, size: str) -> None:
    marieke = office.member()
    arrive(page, office, marieke)
    if size == "phone":
        page.get_by_role("link", name="Meer").click()
    else:
        page.locator("summary.profile-button").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Switch to English").click()
    page.goto(f"{office.url}/inbox")
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def _colleagues(office: Office) -> tuple[Member, Member]:
    return office.member("Marieke van Dalen"), office.member("Sanne Kuipers")


def _to(member: Member) -> tuple[str, str]:
    return member.address, member.name


def _with_conversations(office: Office, count: int) -> Member:
    marieke, sanne = _colleagues(office)
    for number in range(count):
        office.send(sanne, _to(marieke), subject=f"Dossier {number}")
    return marieke
