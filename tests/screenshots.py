"""`make screenshots`: every page and state, on phone and desktop, light and dark, in both languages.

Some of them alone: `python -m tests.screenshots guests phone`; words name functions or modules of pages (a part of the
name will do), and the passes (phone, desktop, light, dark, nl, en).
"""

import itertools
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from securemail import ids
from securemail.config import ROOT
from securemail.identity import limits
from securemail.identity.context import Member
from tests import lived_in
from tests.browser import launch, open_context
from tests.desk import address_in, author_in
from tests.house import PASSWORD
from tests.lived_in import JAN, Office
from tests.screenshots_accounts import ACCOUNTS
from tests.screenshots_control import CONTROL
from tests.screenshots_guests import CLAIMS, GUESTS, limited_pages
from tests.servers import SmtpSink, Sqlite, running_product
from tests.small_png import shrink
from tests.studio import PICTURES, Stage, Studio, open_stage, setup_link

README_PICTURES = ROOT / "docs" / "screenshots"
IN_README = ("phone-inbox", "phone-landing", "phone-letter", "desktop-inbox", "desktop-composer")
LOCALES = {"nl": "nl-NL", "en": "en-GB"}


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
    at.log_in(lived_in.NEWCOMER[0])
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


# --- mail ---


def mail_pages(browser: Browser, sink: SmtpSink) -> None:
    """Mails as a mail program shows them, wide and narrow: the notification, and all that tell about an account."""
    mails = {"mail": sink.wait_for(JAN[0])[-1]}
    for address in {envelope.rcpt_tos[0] for envelope in list(sink.mails)}:
        if ".phone.light@" in address:
            mails |= {f"mail-{_slug(str(mail['Subject']))}": mail for mail in sink.to(address)}
    for scene, name in {"sms": "checked", "states": "renewed", "control": "remembered"}.items():
        for mail in sink.to(address_in(f"{scene}.phone.light", "Fatima El Amrani")):
            mails[f"mail-{name}"] = mail  # the last one of the scene
    for mail in sink.to(author_in("help.phone.light")):
        mails["mail-help-asked"] = mail
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
STRANGERS: tuple[Pages, ...] = (*GUESTS, login_pages, sign_up_pages)
MEMBERS: tuple[Pages, ...] = (mailbox_pages, conversation_pages, composer_pages, error_pages)
EMPTY: tuple[Pages, ...] = (empty_pages,)
ALONE: tuple[Pages, ...] = (*CONTROL, *CLAIMS, *ACCOUNTS)
"""Each in a browser of its own."""
LAST: tuple[Pages, ...] = (limited_pages,)
WAYS = (("nl", "en"), ("phone", "desktop"), ("light", "dark"))


@dataclass(frozen=True)
class Pass:
    """One round along the pages."""

    language: str
    size: str
    scheme: str

    @property
    def look(self) -> str:
        """As it stands in the names of pictures."""
        return f"{self.scheme}{'' if self.language == 'nl' else '-en'}"


@dataclass(frozen=True)
class Chosen:
    """What to take: everything, or what the words ask for."""

    words: frozenset[str]

    def of(self, some: Iterable[Pages]) -> list[Pages]:
        """The page functions that a word names."""
        named = self.words.difference(*WAYS)
        return [one for one in some if not named or any(word in f"{one.__module__}.{one.__name__}" for word in named)]

    def passes(self) -> list[Pass]:
        """Every round, or those that a word names."""
        wanted = [[way for way in ways if way in self.words] or ways for ways in WAYS]
        return [Pass(*ways) for ways in itertools.product(*wanted)]


def main(words: Iterable[str] = ()) -> None:
    """Take them all, or what the words ask for."""
    chosen = Chosen(frozenset(words))
    PICTURES.mkdir(parents=True, exist_ok=True)
    with open_stage() as (stage, link), sync_playwright() as playwright:
        browser = launch(playwright, whole=True)
        for one in chosen.passes():
            _take_pass(browser, stage, chosen, one)
        if chosen.of(LAST):
            _use_up_codes(stage.office)
            for one in chosen.passes():
                _take(browser, stage, one, LAST)
        mail_pages(browser, stage.sink)
        if not chosen.words:
            _set_up_pages(browser, link, chosen.passes())
        browser.close()
    if not chosen.words:
        _copy_for_readme()


def _take_pass(browser: Browser, stage: Stage, chosen: Chosen, one: Pass) -> None:
    print(one.size, one.look)
    office = stage.office
    office.speak(one.language)
    office.forgive()
    _take(browser, stage, one, chosen.of(STRANGERS))
    _take(browser, stage, one, chosen.of(MEMBERS), office.house.marieke)
    _take(browser, stage, one, chosen.of(EMPTY))
    for pages in chosen.of(ALONE):
        _take(browser, stage, one, [pages])


def _take(browser: Browser, stage: Stage, one: Pass, wanted: Sequence[Pages], member: Member | None = None) -> None:
    """Pictures in one browser, each function on a page of its own; with a member, as whom they are logged in."""
    if not wanted:
        return
    with _context(browser, one) as context, ExitStack() as stack:
        if member is not None:
            Studio.on(stage, context.new_page(), one.size, one.look).log_in(member.address)
            stack.enter_context(stage.office.secured(member))
        for pages in wanted:
            pages(Studio.on(stage, context.new_page(), one.size, one.look))


@contextmanager
def _context(browser: Browser, one: Pass) -> Iterator[BrowserContext]:
    options = {"locale": LOCALES[one.language], "dark": one.scheme == "dark", "reduced_motion": "reduce"}
    with open_context(browser, one.size, **options) as context:
        yield context


def _set_up_pages(browser: Browser, link: str, passes: Iterable[Pass]) -> None:
    """What the one-time link shows once it has been used; the form itself comes from a second, empty product."""
    folder = Path(tempfile.mkdtemp(prefix="screenshots-"))
    url = Sqlite(folder).new_database()
    with running_product(folder / "var", url, smtp_port=1, workers=0) as empty:
        fresh = setup_link(empty)
        for one in passes:
            with _context(browser, one) as context:
                page = context.new_page()
                for name, place in (("set-up", fresh), ("set-up-done", link)):
                    page.goto(place)
                    page.screenshot(path=PICTURES / f"{one.size}-{name}-{one.look}.png")
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
    sys.exit(main(sys.argv[1:]))
