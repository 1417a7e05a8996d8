"""axe finds nothing on any page that is seen without being logged in: both sizes, light and dark, Dutch and English."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete, update

from securemail.crypto.codes import write_message_code
from securemail.crypto.secrets import MessageCode
from securemail.guests.checks import Check
from securemail.identity import limits
from securemail.messages import revocation
from securemail.store.models import Attempt, BrowserSession, GuestLink
from tests.browser import examine, open_context
from tests.house import FATIMA, PASSWORD, PETER
from tests.journeys.people import Office, code_in, link_in, setup_link, try_to_log_in
from tests.journeys.test_guest import fresh
from tests.journeys.test_landing import agreed, new_number
from tests.servers import Sqlite, running_product

LOOKS = [("phone", "nl-NL"), ("desktop", "en-GB")]


@pytest.fixture(params=LOOKS, ids="-".join)
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """In one size and language; the two together have every one of each."""
    size, locale = request.param
    with open_context(chromium, size, locale=locale, axe=True, reduced_motion="reduce") as context:
        yield context.new_page()


def clean(page: Page, name: str) -> None:
    examine(page, name, heading=True)


def press(page: Page) -> None:
    page.locator("main form button.button-primary").first.click()


def test_every_state_of_the_landing_page(office: Office, page: Page) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    page.goto(link_in(mail))
    clean(page, "filled")
    folded = page.locator("details:not([open]) > summary")
    for _ in range(folded.count()):
        folded.first.click()
    expect(folded).to_have_count(0)
    clean(page, "with its help open")
    for name, code in {
        "empty": "", "mistyped": "7K4M Q2ZD", "wrong": write_message_code(MessageCode.new()),
    }.items():  # fmt: skip
        page.locator("#code").fill(code)
        press(page)
        expect(page.locator("#code-error")).to_be_visible()
        clean(page, name)
    page.goto(f"{office.url}/b")
    clean(page, "a code without a link")
    page.goto(f"{office.url}/b/onbekend")
    clean(page, "unknown link")


def test_every_step_of_the_check(office: Office, page: Page) -> None:
    fatima, number = fresh(FATIMA), new_number()
    office.send(office.member(), (*fatima, Check("sms", number)))
    [mail] = office.sink.wait_for(fatima[0])
    page.goto(link_in(mail))
    press(page)
    expect(page.locator("#f-code")).to_be_visible()
    clean(page, "code by SMS")
    right = office.wait_for_sms(number)
    page.locator("#f-code").fill(f"{(int(right) + 1) % 10**6:06d}")
    expect(page.locator("#f-code-error")).to_be_visible()
    clean(page, "wrong code by SMS")
    page.goto(f"{link_in(mail).partition('#')[0]}/help?kind=number")
    clean(page, "asking for help")
    press(page)
    page.wait_for_url("**/help?asked=1")
    clean(page, "help was asked")
    page.goto(f"{office.url}/m/AAAAAAAAAAAAAAAAAAAAAA")
    clean(page, "a message for an account")


def test_an_agreed_password_and_its_lock(office: Office, page: Page) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), (*fatima, agreed(office)))
    [mail] = office.sink.wait_for(fatima[0])
    page.goto(link_in(mail))
    press(page)
    expect(page.locator("#f-code")).to_be_visible()
    clean(page, "agreed password")
    page.locator("#f-code").fill("verkeerd geraden")
    press(page)
    expect(page.locator("#f-code-error")).to_be_visible()
    clean(page, "wrong password")
    with office.work() as ctx:
        ctx.db.execute(update(GuestLink).where(GuestLink.method == "password").values(locked=ctx.now, tries=10))
    page.reload()
    expect(page.locator("#f-code")).to_have_count(0)
    clean(page, "locked")


def test_after_too_many_wrong_codes(office: Office, page: Page) -> None:
    with office.work() as ctx:
        for _ in range(80):
            for address in ("127.0.0.1", "::1"):
                limits.count_code(ctx, limits.network(address))
    try:
        page.goto(f"{office.url}/b")
        page.locator("#code").fill(write_message_code(MessageCode.new()))
        press(page)
        expect(page.locator("#code")).to_have_count(0)
        clean(page, "limited")
    finally:
        with office.work() as ctx:
            ctx.db.execute(delete(Attempt))


def test_the_letter_from_opening_to_taking_back(office: Office, page: Page) -> None:
    fatima, marieke = fresh(FATIMA), office.member()
    sent = office.send(marieke, fatima, fresh(PETER))
    [mail] = office.sink.wait_for(fatima[0])
    page.goto(link_in(mail))
    press(page)
    expect(page.locator("#letters")).to_be_visible()
    clean(page, "opened")
    page.locator(".reply-bar a").click()
    expect(page.locator("#reply")).to_be_visible()
    clean(page, "answering")
    page.locator("#antwoord button.button-primary").click()
    expect(page.locator("#reply-error")).to_be_visible()
    clean(page, "an empty answer")
    page.locator("#reply").fill("Ik ga akkoord.")
    page.locator("#antwoord button.button-primary").click()
    expect(page.locator("#verstuurd")).to_be_visible()
    clean(page, "answered")
    office.send(marieke, fatima)
    page.locator(".letter-bar button").click()
    expect(page.locator("#code")).to_be_visible()
    clean(page, "closed")
    page.locator("#code").fill(code_in(mail))
    press(page)
    expect(page.locator("#letters")).to_be_visible()
    page.locator(".reply-bar a").click()
    page.locator("#reply").fill("Nog iets")
    with office.work() as ctx:
        ctx.db.execute(delete(BrowserSession).where(BrowserSession.account.is_(None)))
    page.locator("#antwoord button.button-primary").click()
    expect(page.locator("#kept")).to_be_visible()
    clean(page, "ended, with the answer kept")
    with office.work() as ctx:
        revocation.revoke(ctx, marieke, sent.message)
    page.locator("#code").fill(code_in(mail))
    press(page)
    expect(page.locator("#letters, .ruled").first).to_be_visible()
    clean(page, "taken back")


def test_log_in(office: Office, page: Page) -> None:
    page.goto(f"{office.url}/login?next=/inbox&ended=1")
    clean(page, "the session ended")
    page.goto(f"{office.url}/login")
    clean(page, "log in")
    try_to_log_in(page, "niemand@vandalenbakker.example", password="dit is het niet")
    expect(page.get_by_role("alert").first).to_be_visible()
    clean(page, "wrong")
    page.goto(f"{office.url}/login?bye=1")
    clean(page, "logged out")


def test_sign_up(office: Office, page: Page) -> None:
    address = fresh(("lotte@vandalenbakker.example", "Lotte"))[0]
    page.goto(f"{office.url}/signup")
    clean(page, "address")
    page.locator("input[name=address]").fill("geen adres")
    press(page)
    expect(page.get_by_role("alert").first).to_be_visible()
    clean(page, "no address")
    page.locator("input[name=address]").fill(address)
    press(page)
    expect(page.locator(".reasons")).to_be_visible()
    clean(page, "look in your mail")
    page.goto(f"{office.url}/signup/activate")
    press(page)
    expect(page.get_by_role("alert").first).to_be_visible()
    clean(page, "no token")
    page.goto(link_in(office.sink.wait_for(address)[0]))
    clean(page, "token filled")
    press(page)
    page.locator("input[name=name]").fill("Lotte de Wit")
    for password, verdict in (("kort", "short"), (PASSWORD, "ok")):
        page.locator("input[name=password]").fill(password)
        expect(page.locator(f".strength-{verdict}")).to_be_visible()
        clean(page, "password")
    press(page)
    expect(page.locator("#code-sheet")).to_be_visible()
    clean(page, "recovery code")


def test_set_up_and_offline(sqlite: Sqlite, tmp_path: Path, page: Page) -> None:
    with running_product(tmp_path / "var", sqlite.new_database(), smtp_port=1, workers=0) as product:
        page.goto(setup_link(product))
        clean(page, "set-up")
        page.goto(f"{product.url}/setup")
        press(page)
        expect(page.get_by_role("alert").first).to_be_visible()
        clean(page, "set-up with mistakes")
        page.goto(f"{product.url}/offline")
        clean(page, "offline")
