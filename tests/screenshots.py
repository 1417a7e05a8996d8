"""`make screenshots`: every page and state, on phone and desktop, light and dark, in both languages."""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from securemail import ids
from securemail.config import ROOT
from securemail.crypto.codes import write_message_code
from securemail.crypto.secrets import MessageCode
from securemail.identity import limits
from tests import lived_in
from tests.browser import launch, open_context
from tests.house import FATIMA, PASSWORD
from tests.lived_in import JAN, Office
from tests.screenshots_accounts import ACCOUNTS
from tests.servers import SmtpSink, Sqlite, running_product
from tests.small_png import shrink
from tests.studio import PICTURES, Stage, Studio, open_stage, setup_link

README_PICTURES = ROOT / "docs" / "screenshots"
IN_README = ("phone-inbox", "phone-landing", "phone-letter", "desktop-inbox", "desktop-composer")
LOCALES = {"nl": "nl-NL", "en": "en-GB"}
WRONG_CODE = write_message_code(MessageCode(bytes(16)))


# --- members ---


def mailbox_pages(at: Studio) -> None:
    """Lists, as Marieke finds them in the morning."""
    for name in ("sent", "drafts", "more"):
        at.go(f"/{name}")
        at.shoot(name)
    at.go("/inbox")
    if at.size == "phone":
        at.shoot("inbox")
        return
    at.press(f"#{_row(at, at.office.calculation.conversation)} a")
    expect(at.page.locator(".letter-own .receipt-line").first).to_be_visible()
    at.shoot("inbox")
    at.press(".profile-button")
    at.shoot("profile-menu")
    at.page.keyboard.press("Escape")


def conversation_pages(at: Studio) -> None:
    """A conversation, its menu, and everything that the menu asks."""
    calculation = at.office.calculation
    place = f"/conversations/{_text(calculation.conversation)}"
    at.go(place)
    at.shoot("conversation")
    at.go(f"/conversations/{_text(at.office.by_sms.conversation)}")
    at.shoot("conversation-help")
    at.go(place)
    at.press(".letter-own .menu summary")
    at.shoot("conversation-menu")
    for name in ("revoke", "access", "receipts"):
        at.go(place)
        at.press(".letter-own .menu summary")
        at.press(f".letter-own .menu a[href*='/{name}']")
        expect(at.page.locator("#dialog-title")).to_be_visible()
        at.shoot(f"dialog-{name}")
    at.go(place)
    at.page.locator("#reply-body").fill("Beste Fatima en Peter,\n\nEen kleine aanvulling op mijn bericht.")
    expect(at.page.locator("[data-saved]").first).not_to_be_empty()
    at.shoot("conversation-reply")
    for name, sent in (("withdrawn", at.office.withdrawn), ("undelivered", at.office.undelivered)):
        at.go(f"/conversations/{_text(sent.conversation)}")
        at.shoot(f"conversation-{name}")
    at.go(f"/conversations/{_text(at.office.court.conversation)}")
    at.shoot("conversation-closed")
    at.office.tidy()


def composer_pages(at: Studio) -> None:
    """Writing: empty, with what was written, and with what cannot be sent."""
    at.go("/compose")
    at.shoot("composer-empty")
    at.go(f"/drafts/{_text(at.office.draft)}")
    expect(at.page.locator("[data-chip]")).to_have_count(2)
    at.shoot("composer")
    at.press(".chip-button >> nth=0")
    expect(at.page.locator(".check-sheet")).to_be_visible()
    at.page.locator("#check-sms").check()
    at.shoot("composer-check")
    at.page.keyboard.press("Escape")
    at.press(".secure-button")
    at.shoot("composer-reasons")
    at.press("[data-checks-button]")
    expect(at.page.locator(".check-people")).to_be_visible()
    at.shoot("composer-checks")
    at.page.keyboard.press("Escape")
    at.go("/compose")
    at.page.locator("#to").fill("jan")
    expect(at.page.locator("#suggestions li").first).to_be_visible()
    at.shoot("composer-suggestions")
    at.page.locator("#to").fill("jan@@boer.example,")
    expect(at.page.locator("[data-chip]")).to_have_count(1)
    at.press("button.send")
    expect(at.page.locator("#composer .error, #composer .field-error").first).to_be_visible()
    at.shoot("composer-refused")
    at.office.tidy()


def error_pages(at: Studio) -> None:
    at.go("/conversations/AAAAAAAAAAAAAAAAAAAAAA")
    at.shoot("not-found")
    at.go("/offline")
    at.shoot("offline")


def empty_pages(at: Studio) -> None:
    """What somebody new finds."""
    for name in ("inbox", "sent", "drafts"):
        at.go(f"/{name}")
        at.shoot(f"empty-{name}")


# --- strangers ---


def login_pages(at: Studio) -> None:
    at.go("/login")
    at.shoot("login")
    at.page.locator("input[name=address]").fill("marieke@vandalenbakker.example")
    at.page.locator("input[name=password]").fill("dit is niet het wachtwoord")
    at.press("form[action*='/login'] button.button-primary")
    expect(at.page.locator("[role=alert]").first).to_be_visible()
    at.shoot("login-wrong")


def sign_up_pages(at: Studio) -> None:
    """From the address to the recovery code."""
    address = f"lotte.{at.size}.{at.look}@vandalenbakker.example"
    at.go("/signup")
    at.shoot("signup")
    at.page.locator("input[name=address]").fill(address)
    at.press("main button.button-primary")
    at.page.wait_for_url("**/signup")
    at.shoot("signup-sent")
    at.page.goto(at.mailed(address))
    at.shoot("signup-activate")
    at.press("main button.button-primary")
    _choose_password(at, "Lotte de Wit", "signup-profile")
    at.shoot("recovery-code")


def _choose_password(at: Studio, name: str, picture: str) -> None:
    at.page.locator("input[name=name]").fill(name)
    field = at.page.locator("input[name=password]")
    field.press_sequentially("negen blauwe")
    expect(at.page.locator(".strength p")).to_be_visible()
    at.shoot(f"{picture}-short")
    field.fill(PASSWORD)
    expect(at.page.locator(".strength-ok")).to_be_visible()
    at.shoot(picture)
    at.press("main button.button-primary")
    expect(at.page.locator("#code-sheet")).to_be_visible()


# --- guests ---


def landing_pages(at: Studio) -> None:
    """Before anything is opened."""
    office = at.office
    ref, code = office.ref(office.calculation, FATIMA[0]), office.code(office.calculation, FATIMA[0])
    at.go(f"/b/{ref}#{code}")
    expect(at.page.locator(".code-filled")).to_be_visible()
    at.shoot("landing")
    at.press("summary")
    at.page.evaluate("() => scrollTo(0, 0)")
    at.page.screenshot(path=PICTURES / f"{at.size}-landing-whole-{at.look}.png", full_page=True, caret="initial")
    at.go(f"/b/{ref}")
    at.page.locator("#code").press_sequentially(code[:11])
    at.shoot("landing-typing")
    at.page.locator("#code").fill(code[:-1] + ("A" if code[-1] != "A" else "B"))
    at.press("main button.button-primary")
    expect(at.page.locator("#code-error")).to_be_visible()
    at.shoot("landing-mistyped")
    at.page.locator("#code").fill(WRONG_CODE)
    at.press("main button.button-primary")
    expect(at.page.locator("#code-error")).to_be_visible()
    at.shoot("landing-wrong")
    at.go("/b")
    at.shoot("code-without-link")
    at.go("/b/AAAAAAAAAAAAAAAAAAAAAA")
    at.shoot("unknown-link")


def check_pages(at: Studio) -> None:
    """The steps between the code and the letter, and asking for help."""
    ref, code = at.office.ref(at.office.by_sms), at.office.code(at.office.by_sms)
    at.go(f"/b/{ref}#{code}")
    at.press("main button.button-primary")
    at.page.locator("#f-code").press_sequentially("409")
    at.shoot("check-sms")
    at.page.locator("#f-code").fill("000000")
    expect(at.page.locator("#f-code-error")).to_be_visible()
    at.shoot("check-sms-wrong")
    at.go(f"/b/{ref}/help?kind=number")
    at.shoot("help")
    at.go(f"/b/{ref}/help?asked=1")
    at.shoot("help-asked")
    ref, code = at.office.ref(at.office.by_password), at.office.code(at.office.by_password)
    at.go(f"/b/{ref}#{code}")
    at.press("main button.button-primary")
    at.page.locator("#f-code").wait_for()
    at.shoot("check-password")
    at.go("/m/AAAAAAAAAAAAAAAAAAAAAA")
    at.shoot("account-landing")


def letter_pages(at: Studio) -> None:
    """The opened letter, the answer, and what is left when it is closed or taken back."""
    office = at.office
    _open(at, office.ref(office.calculation), office.code(office.calculation))
    at.shoot("letter")
    at.press(".reply-bar a")
    at.page.locator("#reply").fill(lived_in.ANSWER)
    at.shoot("letter-reply")
    at.page.locator("#reply").fill("")
    _remembered(at)
    _open(at, office.ref(office.answered), office.code(office.answered))
    at.go(f"/b/{office.ref(office.answered)}/letter?sent=1")
    at.shoot("letter-sent")
    at.press(".letter-bar button")
    at.shoot("letter-closed")
    withdrawn = office.withdrawn
    at.go(f"/b/{office.ref(withdrawn, lived_in.ANOUK[0])}#{office.code(withdrawn, lived_in.ANOUK[0])}")
    at.press("main button.button-primary")
    expect(at.page.locator(".flap-revoked, .seal-revoked, .reasons").first).to_be_visible()
    at.shoot("taken-back")


def _remembered(at: Studio) -> None:
    """A browser that needs no code next time, and what it finds then."""
    place = f"/b/{at.office.ref(at.office.calculation)}"
    at.press("form[action$='/remember'] button")
    expect(at.page.locator(".place")).to_have_count(1)
    at.shoot("remembered")
    at.page.context.clear_cookies(name="__Host-g")
    at.page.route("**/return", lambda route: route.fulfill(status=204))  # the page that opens itself stays
    at.page.goto(at.product.url + place, wait_until="commit")
    expect(at.page.locator("form[action$='/return']")).to_be_visible()
    at.shoot("returning")
    at.page.unroute("**/return")
    at.page.reload()
    expect(at.page.locator("#letters")).to_be_visible()
    at.go(f"{place}/devices")
    at.press("form[action$='/forget'] button")
    expect(at.page.get_by_role("status")).to_be_visible()
    at.shoot("remembered-no-more")


def _open(at: Studio, ref: str, code: str) -> None:
    at.go(f"/b/{ref}#{code}")
    at.press("main button.button-primary")
    expect(at.page.locator("#letters")).to_be_visible()
    at.go(f"/b/{ref}/letter")


def limited_pages(at: Studio) -> None:
    """After too many wrong codes; the last of all, since it lasts."""
    ref, code = at.office.ref(at.office.calculation), at.office.code(at.office.calculation)
    at.go(f"/b/{ref}#{code}")
    at.press("main button.button-primary")
    at.page.wait_for_load_state()
    at.shoot("limited")


# --- mail ---


def mail_pages(browser: Browser, sink: SmtpSink) -> None:
    """Mails as a mail program shows them, wide and narrow: the notification, and all that tell about an account."""
    mails = {"mail": sink.wait_for(JAN[0])[-1]}
    for address in {envelope.rcpt_tos[0] for envelope in list(sink.mails)}:
        if ".phone.light@" in address:
            mails |= {f"mail-{_slug(str(mail['Subject']))}": mail for mail in sink.to(address)}
    for name, mail in mails.items():
        _mail_page(browser, mail, name)


def _mail_page(browser: Browser, mail: EmailMessage, name: str) -> None:
    body = mail.get_body(preferencelist=("html",))
    assert body is not None
    for width in (360, 700):
        for scheme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
            )
            page.set_content(str(body.get_content()))
            page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True, caret="initial")
            page.close()


def _slug(subject: str) -> str:
    return re.sub("[^a-z0-9]+", "-", subject.lower()).strip("-")[:60]


# --- the studio ---

Pages = Callable[[Studio], None]
BEFORE: tuple[Pages, ...] = (landing_pages, check_pages, letter_pages, login_pages, sign_up_pages)
MEMBERS: tuple[Pages, ...] = (mailbox_pages, conversation_pages, composer_pages, error_pages)


def main() -> None:
    """Take them all."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with open_stage() as (stage, link), sync_playwright() as playwright:
        browser = launch(playwright)
        for size, dark, language in _passes():
            _take_pass(browser, stage, size=size, dark=dark, language=language)
        _use_up_codes(stage.office)
        for size, dark, language in _passes():
            with _context(browser, size, dark, language) as context:
                limited_pages(Studio.on(stage, context.new_page(), size, _look(dark, language)))
        mail_pages(browser, stage.sink)
        _set_up_pages(browser, link)
        browser.close()
    _copy_for_readme()


def _passes() -> Iterator[tuple[str, bool, str]]:
    for language in LOCALES:
        for size in ("phone", "desktop"):
            for dark in (False, True):
                yield size, dark, language


def _take_pass(browser: Browser, stage: Stage, *, size: str, dark: bool, language: str) -> None:
    print(size, _look(dark, language))
    office = stage.office
    office.speak(language)
    office.forgive()
    look = _look(dark, language)
    with _context(browser, size, dark, language) as context:
        for pages in BEFORE:
            pages(Studio.on(stage, context.new_page(), size, look))
    with _context(browser, size, dark, language) as context:
        at = Studio.on(stage, context.new_page(), size, look)
        at.log_in(office.house.marieke.address)
        with office.secured(office.house.marieke):
            for pages in MEMBERS:
                pages(at)
    with _context(browser, size, dark, language) as context:
        at = Studio.on(stage, context.new_page(), size, look)
        at.log_in(lived_in.NEWCOMER[0])
        empty_pages(at)
    for pages in ACCOUNTS:
        with _context(browser, size, dark, language) as context:
            pages(Studio.on(stage, context.new_page(), size, look))


@contextmanager
def _context(browser: Browser, size: str, dark: bool, language: str) -> Iterator[BrowserContext]:
    motion = {"reduced_motion": "reduce"}
    with open_context(browser, size, locale=LOCALES[language], dark=dark, **motion) as context:
        yield context


def _look(dark: bool, language: str) -> str:
    return f"{'dark' if dark else 'light'}{'' if language == 'nl' else '-en'}"


def _set_up_pages(browser: Browser, link: str) -> None:
    """What the one-time link shows once it has been used; the form itself comes from a second, empty product."""
    folder = Path(tempfile.mkdtemp(prefix="screenshots-"))
    url = Sqlite(folder).new_database()
    with running_product(folder / "var", url, smtp_port=1, workers=0) as empty:
        fresh = setup_link(empty)
        for size, dark, language in _passes():
            with _context(browser, size, dark, language) as context:
                page = context.new_page()
                for name, place in (("set-up", fresh), ("set-up-done", link)):
                    page.goto(place)
                    page.screenshot(path=PICTURES / f"{size}-{name}-{_look(dark, language)}.png")
    shutil.rmtree(folder, ignore_errors=True)


def _use_up_codes(office: Office) -> None:
    office.house.clock.forward(minutes=30)  # the product's own clock went on meanwhile
    with office.house.work() as ctx:
        for _ in range(200):
            for address in ("127.0.0.1", "::1"):
                limits.count_code(ctx, limits.network(address))


def _copy_for_readme() -> None:
    README_PICTURES.mkdir(parents=True, exist_ok=True)
    for name in IN_README:
        shrink(PICTURES / f"{name}-light.png", README_PICTURES / f"{name}-light.png")


def _row(at: Studio, conversation: bytes) -> str:
    return f"row-{_text(conversation)}"


def _text(identifier: bytes) -> str:
    return ids.to_text(identifier)


if __name__ == "__main__":
    sys.exit(main())
