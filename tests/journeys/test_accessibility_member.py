"""axe finds nothing on any page or state that a member sees: light and dark, in Dutch and in English."""

from collections.abc import Iterator

import pytest
from flask import Flask, abort
from playwright.sync_api import Browser, Page, Route, expect

from securemail.identity.context import Member
from securemail.identity.permissions import PERMISSIONS
from securemail.web import create_app
from tests.browser import examine, open_context
from tests.house import FATIMA, PETER
from tests.journeys.people import Office, arrive
from tests.visitor import HTMX, Visitor

IN_THE_MENU = ("who has read it", "until when", "whose access", "whose access to all", "take back")
STATUSES = (400, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503)


@pytest.fixture(params=[("phone", "nl"), ("desktop", "en")], ids="-".join)
def look(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[tuple[Page, str]]:
    """A page in one size and one language; each state is looked at by day and by night."""
    size, language = request.param
    locale = {"nl": "nl-NL", "en": "en-GB"}[language]
    with open_context(chromium, size, locale=locale, axe=True, reduced_motion="reduce") as context:
        yield context.new_page(), language


def test_lists_and_conversations(office: Office, look: tuple[Page, str]) -> None:
    page, language = look
    marieke = _lived_in(office, language)
    arrive(page, office, marieke)
    examine(page, "inbox")
    page.goto(f"{office.url}/sent")
    examine(page, "sent")
    page.goto(f"{office.url}/more")
    examine(page, "more")
    page.goto(f"{office.url}/inbox")
    page.locator(".row-unread .row-link").first.click()
    expect(page.locator(".letter-body").first).to_be_visible()
    examine(page, "a colleague's letter")
    page.goto(f"{office.url}/sent")
    page.locator(".row-link").first.click()
    expect(page.locator(".letter-own").first).to_be_visible()
    items = page.locator(".letter-own .menu a[data-dialog]")
    for number, name in enumerate(IN_THE_MENU):
        page.locator(".letter-own summary").last.click()
        expect(items.nth(number)).to_be_visible()
        if number == 0:
            examine(page, "the menu of a letter")
        items.nth(number).click()
        expect(page.locator("#dialog[open] #dialog-title")).to_be_visible()
        examine(page, name)
        if name != IN_THE_MENU[-1]:
            page.keyboard.press("Escape")
            expect(page.locator("#dialog[open]")).to_have_count(0)
    page.locator("#dialog button.button-danger").click()
    expect(page.locator(".letter-revoked-body").first).to_be_visible()
    examine(page, "taken back, with a toast")


def test_empty_places_and_keys(office: Office, look: tuple[Page, str]) -> None:
    page, language = look
    arrive(page, office, office.member(language=language))
    for path in ("/inbox", "/sent", "/drafts"):
        page.goto(f"{office.url}{path}")
        examine(page, path)
    page.keyboard.press("?")
    expect(page.locator("#keys-title")).to_be_visible()
    examine(page, "the keys")
    page.keyboard.press("Escape")
    expect(page.locator("#keys-title")).to_be_hidden()
    profile = page.locator("summary.profile-button")
    if profile.is_visible():  # on a desktop
        profile.click()
        expect(page.locator("details.profile .menu-items")).to_be_visible()
        examine(page, "the profile menu")


def test_writing(office: Office, look: tuple[Page, str]) -> None:
    page, language = look
    marieke = office.member(language=language)
    office.send(marieke, FATIMA, PETER)
    arrive(page, office, marieke, "/compose")
    examine(page, "an empty sheet")
    field = page.locator("#to")
    field.press_sequentially("fat")
    expect(page.locator(".suggestion")).to_be_visible()
    field.press("ArrowDown")
    expect(page.locator(".suggestion[aria-selected=true]")).to_have_count(1)
    examine(page, "suggestions")
    field.press("Enter")
    expect(page.locator("[data-chip]")).to_have_count(1)
    page.locator(".chip-button").click()
    for method, asks in (("sms", "number"), ("password", "agreed")):
        page.locator(f"#check-{method}").check()
        expect(page.locator(f"#check-{asks}")).to_be_visible()
        examine(page, f"the check of a recipient, {method}")
    page.locator("#check-sms").check()
    page.locator(".check-sheet .button-primary").click()
    expect(page.locator(".chip-warn")).to_be_visible()
    page.locator(".composer-options summary").click()
    expect(page.locator(".composer-options[open]")).to_have_count(1)
    examine(page, "a number is missing")
    field.fill("geen adres")
    field.press("Enter")
    expect(page.locator(".chip-error")).to_be_visible()
    examine(page, "chips, one of them wrong")
    page.locator(".secure-button").click()
    expect(page.locator("#secure-reasons")).to_be_visible()
    examine(page, "why it is safe")
    page.locator("[data-checks-button]").click()
    expect(page.locator(".check-people")).to_be_visible()
    examine(page, "the checks of everybody")
    page.keyboard.press("Escape")
    expect(page.locator(".check-people")).to_be_hidden()
    page.locator("button.send").click()
    expect(page.locator("#subject-error")).to_be_visible()
    examine(page, "errors at the fields")
    page.goto(f"{office.url}/drafts")
    page.locator(".row-link").first.click()
    expect(page.locator("[data-discard]")).to_be_visible()
    examine(page, "a draft")


def test_before_the_inbox(office: Office, look: tuple[Page, str]) -> None:
    page, language = look
    page.context.add_cookies([{"name": "lang", "value": language, "url": office.url}])
    for path in ("/login", "/login?ended=1", "/login?bye=1", "/signup", "/signup/activate", "/setup"):
        page.goto(f"{office.url}{path}")
        examine(page, path)
    for path in ("/login", "/signup"):
        page.goto(f"{office.url}{path}")
        page.locator("main form button.button-primary").click()
        expect(page.locator(".error").first).to_be_visible()
        examine(page, f"{path} with errors")


def test_error_pages_and_fragments(office: Office, look: tuple[Page, str], failing: Flask) -> None:
    page, language = look
    visitor = Visitor(failing)

    def answer(route: Route) -> None:
        status = int(route.request.url.rsplit("/", 1)[1])
        told = visitor.get(f"/code/{status}", headers={"Accept-Language": language})
        route.fulfill(status=status, body=told.text, headers={"Content-Type": "text/html; charset=utf-8"})

    page.route("**/code/*", answer)
    for status in STATUSES:
        page.goto(f"{office.url}/code/{status}")
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.get_by_text(str(status))).to_be_visible()
        examine(page, f"the page for {status}")
    page.unroute("**/code/*")
    arrive(page, office, office.member(language=language))
    fragment = visitor.get("/code/503", headers={"Accept-Language": language, **HTMX}).text
    page.route("**/compose", lambda route: route.fulfill(status=503, body=fragment, content_type="text/html"))
    page.evaluate("() => htmx.ajax('POST', '/compose', {target: '#live'})")
    expect(page.locator("#problem .error-fragment")).to_be_visible()
    examine(page, "the fragment of an error")


@pytest.fixture
def failing(office: Office, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The same product in this process, with a page for every status."""
    monkeypatch.setitem(PERMISSIONS, "code", "anyone")
    app = create_app(office.runtime)
    app.add_url_rule("/code/<int:code>", "code", abort)
    return app


def _lived_in(office: Office, language: str) -> Member:
    marieke = office.member("Marieke van Dalen", language=language)
    sanne = office.member("Sanne Kuipers", language=language)
    office.send(sanne, (marieke.address, marieke.name), FATIMA, PETER)
    office.send(sanne, (marieke.address, marieke.name), subject="Omgangsregeling")
    office.send(marieke, FATIMA, PETER, (sanne.address, sanne.name), subject="Ouderschapsplan")
    return marieke
