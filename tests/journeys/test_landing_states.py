"""Every state of the landing page, each with a way on; each meets both sizes, both languages, script and none."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from securemail import i18n, ids
from securemail.crypto import cookies
from securemail.crypto.codes import write_message_code
from securemail.crypto.secrets import MessageCode, SessionSecret
from securemail.guests import gate, links
from securemail.guests import help as helping
from securemail.guests.checks import NONE, Check
from securemail.identity.context import Member
from securemail.messages import completing, revocation, sending
from securemail.store.models import GuestLink, Recipient, SessionLink
from securemail.web import session
from tests.house import FATIMA
from tests.journeys.people import Office, arrive, code_in, link_in
from tests.journeys.test_guest import fresh
from tests.journeys.test_landing import AGREED, agreed, new_number, reload_until

Somebody = Callable[..., Page]
TEXT = "Het bedrag komt uit op € 384."
CANNOT_SEND = (
    "Het versturen van de sms lukt nog niet. Wacht even, vraag een nieuwe code, of vraag de afzender om een andere "
    "controle."
)


@dataclass(frozen=True)
class Look:
    """How somebody looks at a page."""

    size: str
    language: str
    script: bool

    def __str__(self) -> str:
        return f"{self.size}-{self.language}-{'script' if self.script else 'no script'}"

    def open(self, somebody: Somebody) -> Page:
        locale = {"nl": "nl-NL", "en": "en-GB"}[self.language]
        return somebody(self.size, locale=locale, java_script_enabled=self.script)

    def say(self, words: str, **values: object) -> str:
        """What the page says in its language."""
        said = i18n.catalogue(self.language).gettext(words)
        return said % values if values else said


ONE = pytest.mark.parametrize("look", [Look("phone", "nl", True), Look("desktop", "en", False)], ids=str)
OTHER = pytest.mark.parametrize("look", [Look("phone", "en", False), Look("desktop", "nl", True)], ids=str)


def enter(page: Page, look: Look, link: str) -> None:
    """Follow a link and give its code, typed by hand where no script fills it in."""
    page.goto(link)
    if not look.script:
        page.locator("#code").fill(link.partition("#")[2])
    press(page)


def press(page: Page) -> None:
    """Send the form of the page, and wait for the page that answers it."""
    with page.expect_navigation():
        page.locator("main form button.button-primary").first.click()


def headed(page: Page, look: Look, words: str) -> None:
    expect(page.get_by_role("heading", level=1, name=look.say(words))).to_be_visible()


def mailed(office: Office, author: Member, check: Check = NONE) -> tuple[sending.Sent, str, str]:
    """A message to Fatima: itself, her address, and the link of her mail."""
    fatima = fresh(FATIMA)
    sent = office.send(author, (*fatima, check))
    return sent, fatima[0], link_in(office.sink.wait_for(fatima[0])[0])


def ask_for_help(page: Page, look: Look, link_name: str) -> None:
    page.get_by_role("link", name=look.say(link_name)).click()
    press(page)
    headed(page, look, "Uw vraag is verstuurd")


@ONE
def test_unready_until_the_sender_has_said_a_number(office: Office, somebody: Somebody, look: Look) -> None:
    author, fatima, number = office.member(), fresh(FATIMA), new_number()
    sent = office.send(author, (*fatima, Check("sms")))
    with office.work() as ctx:
        row = ctx.db.scalars(select(GuestLink).where(GuestLink.conversation == sent.conversation)).one()
        code = MessageCode(bytes.fromhex(author.mail.open_maker(row.id, row.sealed_maker)["code"]))
    page = look.open(somebody)
    typed = write_message_code(code).replace(" ", "")
    enter(page, look, f"{office.url}/b/{ids.to_text(row.link_ref)}#{typed}")
    headed(page, look, "Nog even geduld")
    ask_for_help(page, look, "Vraag de afzender om hulp")
    with office.work() as ctx:
        completing.complete(ctx, author, sent.message, 0, Check("sms", number))
    enter(page, look, link_in(office.sink.wait_for(fatima[0])[0]))
    headed(page, look, "Vul de code uit uw sms in")


@OTHER
def test_expired_and_given_more_time_with_one_tap(office: Office, somebody: Somebody, look: Look) -> None:
    author = office.member()
    sent, fatima, link = mailed(office, author)
    with office.work() as ctx:
        over = update(Recipient).where(Recipient.message == sent.message)
        ctx.db.execute(over.values(expires=ctx.now - timedelta(seconds=1)))
    page = look.open(somebody)
    enter(page, look, link)
    headed(page, look, "Dit bericht is verlopen")
    assert TEXT not in page.content()
    ask_for_help(page, look, "Vraag om meer tijd")

    inbox = somebody("desktop", java_script_enabled=look.script)
    arrive(inbox, office, author, f"/conversations/{ids.to_text(sent.conversation)}")
    inbox.get_by_role("button", name="Nog 7 dagen laten lezen").click()
    expect(inbox.get_by_text("Weer te openen. Er gaat een e-mail naar de ontvanger")).to_be_visible()
    expect(inbox.get_by_text("vraagt om hulp")).to_have_count(0)
    expect(inbox.get_by_text("Te openen tot")).to_be_visible()

    again = office.sink.wait_for(fatima, 2)[1]
    assert code_in(again) == code_in(office.sink.wait_for(fatima)[0])
    page.goto(link_in(again))  # this browser gave the code already
    press(page)
    expect(page.get_by_text(TEXT)).to_be_visible()


@ONE
def test_taken_back_and_nothing_to_do(office: Office, somebody: Somebody, look: Look) -> None:
    author = office.member()
    sent, _fatima, link = mailed(office, author)
    with office.work() as ctx:
        revocation.revoke(ctx, author, sent.message)
    page = look.open(somebody)
    enter(page, look, link)
    headed(page, look, "Dit bericht is ingetrokken")
    expect(page.get_by_text(look.say("U hoeft niets te doen."))).to_be_visible()
    expect(
        page.get_by_text(look.say("Vragen? Bel of mail %(name)s zoals u dat altijd doet.", name=author.name))
    ).to_be_visible()
    expect(page.locator("#code")).to_have_count(0)
    assert TEXT not in page.content()


@OTHER
def test_locked_asked_for_and_open_after_its_release(office: Office, somebody: Somebody, look: Look) -> None:
    author = office.member()
    sent, _fatima, link = mailed(office, author, agreed(office))
    page = look.open(somebody)
    enter(page, look, link)
    with office.work() as ctx:
        nine = update(GuestLink).where(GuestLink.conversation == sent.conversation)
        ctx.db.execute(nine.values(tries=gate.TRIES - 1))
    page.locator("#f-code").fill("verkeerd geraden")
    press(page)
    headed(page, look, "Dit bericht zit op slot")
    expect(page.locator("#f-code")).to_have_count(0)
    ask_for_help(page, look, "Vraag om het vrij te geven")
    with office.work() as ctx:
        [asked] = helping.open_in(ctx, author, sent.conversation)
        assert asked.locked
        links.release(ctx, author, ctx.db.get_one(GuestLink, asked.link))
    page.goto(link)
    page.locator("#f-code").fill(AGREED)
    press(page)
    expect(page.get_by_text(TEXT)).to_be_visible()


@ONE
def test_an_unknown_link_still_takes_the_code(office: Office, somebody: Somebody, look: Look) -> None:
    _sent, _fatima, link = mailed(office, office.member())
    page = look.open(somebody)
    page.goto(f"{office.url}/b/{ids.to_text(ids.new_id())}")
    headed(page, look, "Deze link kennen we niet")
    page.locator("#code").fill(link.partition("#")[2])
    press(page)
    expect(page.get_by_text(TEXT)).to_be_visible()


@OTHER
def test_a_wrong_code_stays_and_the_right_one_opens(office: Office, somebody: Somebody, look: Look) -> None:
    _sent, _fatima, link = mailed(office, office.member())
    wrong = write_message_code(MessageCode.new())
    page = look.open(somebody)
    page.goto(link.partition("#")[0])
    page.locator("#code").fill(wrong)
    press(page)
    told = look.say(
        "Deze code past niet bij een bericht. Kreeg u later nog een e-mail van ons? Gebruik dan de code daaruit."
    )
    expect(page.locator("#code-error")).to_contain_text(told.partition(".")[0])
    expect(page.locator("#code")).to_have_attribute("aria-invalid", "true")
    assert page.locator("#code").input_value().replace(" ", "") == wrong.replace(" ", "")
    page.locator("#code").fill(link.partition("#")[2])
    press(page)
    expect(page.get_by_text(TEXT)).to_be_visible()


@ONE
def test_an_sms_that_cannot_be_delivered_leads_to_the_sender(office: Office, somebody: Somebody, look: Look) -> None:
    number = new_number()
    assert office.sms is not None
    office.sms.refuse[number] = 400
    sent, _fatima, link = mailed(office, author := office.member(), Check("sms", number))
    page = look.open(somebody)
    enter(page, look, link)
    failed = page.locator(".notice-warn")
    headed(page, look, "Vul de code uit uw sms in")
    reload_until(page, failed)
    expect(failed).to_contain_text(look.say(CANNOT_SEND))
    ask_for_help(page, look, look.say("Vraag %(name)s om een andere controle.", name=author.name))
    with office.work() as ctx:
        [asked] = helping.open_in(ctx, author, sent.conversation)
    assert asked.kind == "method"


@OTHER
def test_another_sms_may_be_asked_for_after_a_minute(office: Office, somebody: Somebody, look: Look) -> None:
    number = new_number()
    _sent, _fatima, link = mailed(office, office.member(), Check("sms", number))
    page = look.open(somebody)
    enter(page, look, link)
    first = office.wait_for_sms(number)
    again = page.get_by_role("button", name=look.say("Stuur een nieuwe code"))
    expect(page.locator("[data-resend-clock]")).to_be_visible()
    if look.script:
        expect(again).to_be_hidden()
    else:  # a button that waits needs a script; without one the server says that it is too early
        with page.expect_navigation():
            again.click()
    assert office.sms is not None
    assert len(office.sms.to(number)) == 1

    a_minute_passes(office, page, link)
    page.reload()
    with page.expect_navigation():
        again.click()
    [_, _] = office.sms.wait_for(number, 2)
    second = office.sms.wait_for_sms(number)
    page.locator("#f-code").fill(second if second != first else first)
    if not look.script:
        press(page)
    expect(page.get_by_text(TEXT)).to_be_visible()


def a_minute_passes(office: Office, page: Page, link: str) -> None:
    """As if the code by SMS that this browser waits for had been sent a minute earlier."""
    [cookie] = [one for one in page.context.cookies() if one["name"] == session.GUEST]
    secret = SessionSecret(ids.from_base64url(cookie["value"], 32))
    ref = ids.from_text(link.partition("#")[0].rpartition("/")[2])
    with office.work() as ctx:
        at = gate.at(ctx, secret, ref)
        waits = ctx.db.get_one(SessionLink, (at.session, at.link.id))
        note = cookies.open_link_challenge(secret, waits.sealed_challenge or b"", session=at.session, link=at.link.id)
        earlier = {**note, "sent": (ctx.now - timedelta(seconds=61)).isoformat()}
        waits.sealed_challenge = cookies.seal_link_challenge(secret, earlier, session=at.session, link=at.link.id)
