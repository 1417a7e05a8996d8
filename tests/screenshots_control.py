"""Pictures of what a sender decides after sending: receipts, a new code, another check, expiry, access, help."""

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import BrowserContext, expect
from sqlalchemy import select

from securemail.guests import gate
from securemail.guests import help as helping
from securemail.guests.checks import Check
from securemail.messages import sending
from securemail.store.models import GuestLink
from tests.desk import Desk, sit_down
from tests.studio import Studio

Pages = Callable[[Studio], None]
PEOPLE = ("Fatima El Amrani", "Peter Hoekstra", "Anouk Visser", "Jan de Boer")


def control_pages(at: Studio) -> None:
    """A letter to four, each in another state, and every dialog from its receipts."""
    desk = sit_down(at, "control")
    fatima, peter, anouk, jan = map(desk.person, PEOPLE)
    sent = desk.send(fatima, (*peter, desk.password()), (*anouk, Check("sms")), jan, expires=timedelta(days=7))
    _remember(at, desk.link(sent, fatima[0]))
    desk.send(fatima)  # its mail says that no code is needed there
    desk.tried(sent, peter[0], gate.TRIES)
    desk.end(sent, place=3)
    at.log_in(desk.author.address)
    with at.office.secured(desk.author):
        _dialogs(at, desk.letter(sent))


def _remember(at: Studio, link: str) -> None:
    """In a browser of her own, she lets it be remembered."""
    context = _own_context(at)
    page = context.new_page()
    page.goto(at.product.url + link)
    page.locator("main button.button-primary").first.click()
    expect(page.locator("#letters")).to_be_visible()
    page.locator("form[action$='/remember'] button").click()
    expect(page.locator(".place")).to_have_count(1)
    context.close()


def _own_context(at: Studio) -> BrowserContext:
    browser = at.page.context.browser
    assert browser is not None
    return browser.new_context(locale="nl-NL")


def _dialogs(at: Studio, letter: str) -> None:
    _receipts(at, letter)
    at.shoot("receipts")
    at.page.locator("#dialog .dialog-actions").scroll_into_view_if_needed()
    at.shoot("receipts-end")
    _choose(at, letter, "/code", "renewal-code")
    _choose(at, letter, "/check", "renewal-check")
    at.page.locator("#check-sms").check()
    at.page.locator("#check-number").fill("12")
    at.press(".dialog-actions button")
    expect(at.page.locator("#check-number-error")).to_be_visible()
    at.shoot("renewal-check-wrong")
    _choose(at, letter, "/complete", "complete-number")
    at.page.locator("[name=number]").fill("12")
    at.press(".dialog-actions button")
    at.page.locator("[name=number][aria-invalid]").wait_for()
    at.shoot("complete-number-wrong")
    for name, end in (("expiry", "/expiry"), ("access-whole", "/access/conversation")):
        at.go(letter)
        at.press(".letter-own .menu summary")
        at.press(f".letter-own .menu a[href*='{end}']")
        expect(at.page.locator("#dialog-title")).to_be_visible()
        at.shoot(name)
    at.press("#dialog details.confirm summary")
    at.shoot("access-whole-sure")


def _receipts(at: Studio, letter: str) -> None:
    at.go(letter)
    at.press(".letter-own a.receipt-line")
    expect(at.page.locator("#dialog .place").first).to_be_visible()


def _choose(at: Studio, letter: str, end: str, name: str) -> None:
    _receipts(at, letter)
    at.press(f"#dialog .place-ways a[href*='{end}']")
    expect(at.page.locator("#dialog .places")).to_have_count(0)
    expect(at.page.locator("#dialog-title")).to_be_visible()
    at.shoot(name)


def password_pages(at: Studio) -> None:
    """A password that is said after sending."""
    desk = sit_down(at, "agree")
    fatima = desk.person("Fatima El Amrani")
    sent = desk.send((*fatima, Check("password")))
    at.log_in(desk.author.address)
    with at.office.secured(desk.author):
        _choose(at, desk.letter(sent), "/complete", "complete-password")


def help_pages(at: Studio) -> None:
    """More time, a lock, a number, a check, a lost code: what is asked stands above the letter, with its answers."""
    desk = sit_down(at, "help")
    fatima = desk.person("Fatima El Amrani")
    asks: dict[helping.Kind, sending.To] = {
        "expired": fatima, "locked": (*fatima, desk.password()), "number": (*fatima, Check("sms", desk.number())),
        "method": (*fatima, desk.password()), "again": fatima,
    }  # fmt: skip
    at.log_in(desk.author.address)
    with at.office.secured(desk.author):
        for kind, to in asks.items():
            sent = desk.send(to, expires=timedelta(days=7) if kind == "expired" else None)
            if kind == "expired":
                desk.end(sent)
            if kind == "locked":
                desk.tried(sent, fatima[0], gate.TRIES)
            _ask(desk, sent, kind)
            at.see(desk.letter(sent), f"help-card-{kind}")
            if kind in ("number", "method"):
                at.press(f".help-card a[href*='/{kind}']")
                at.page.wait_for_load_state()
                expect(at.page.locator("#dialog-title, main form").first).to_be_visible()
                at.shoot(f"help-{kind}-answer")


def _ask(desk: Desk, sent: sending.Sent, kind: helping.Kind) -> None:
    with desk.at.office.house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink).where(GuestLink.conversation == sent.conversation)).one()
        helping.ask(ctx, link, kind)


def apart_pages(at: Studio) -> None:
    """Each apart: in the composer, with a number that is missing, and what the sent folder says afterwards."""
    desk = sit_down(at, "apart")
    at.log_in(desk.author.address)
    with at.office.secured(desk.author):
        at.go("/compose")
        for nth, name in enumerate(PEOPLE[:3], start=1):
            at.page.locator("#to").fill(f"{name} <{desk.person(name)[0]}>,")
            expect(at.page.locator("[data-chip]")).to_have_count(nth)
        at.page.locator("#subject").fill("Informatieavond")
        at.page.locator("#body").fill("Beste allemaal,\n\nDonderdag 3 december bent u welkom op ons kantoor.")
        expect(at.page.locator("#secure-bar")).to_contain_text("3")
        at.shoot("composer-together")
        with at.page.expect_response("**/drafts"):
            at.page.locator("[name=apart]").first.check()
        expect(at.page.locator("[name=apart]")).to_be_checked()
        at.press(".chip-button >> nth=0")
        at.page.locator("#check-sms").check()
        at.press(".check-foot button.button-primary, .check-foot button")
        expect(at.page.locator("#dialog")).not_to_be_visible()
        expect(at.page.locator("#readiness .icon, #readiness svg").first).to_be_visible()
        at.shoot("composer-apart")
        expect(at.page.locator("[data-saved]").first).not_to_be_empty()
        at.press("button.send")
        at.page.wait_for_url("**/sent?apart=3")
        at.shoot("sent-apart")


CONTROL: tuple[Pages, ...] = (control_pages, password_pages, help_pages, apart_pages)
