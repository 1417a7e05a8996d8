"""Pictures of whoever has no account: landing page, every state of it, checks, the letter, a remembered browser."""

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import expect
from sqlalchemy import select

from securemail import ids
from securemail.crypto import cookies
from securemail.crypto.codes import write_message_code
from securemail.crypto.secrets import MessageCode, SessionSecret
from securemail.guests import gate
from securemail.guests.checks import Check
from securemail.messages import renewal
from securemail.store.models import GuestLink, SessionLink
from securemail.web import session
from tests import lived_in
from tests.desk import Desk, sit_down
from tests.house import FATIMA
from tests.studio import PICTURES, Studio

Pages = Callable[[Studio], None]
WRONG_CODE = write_message_code(MessageCode(bytes(16)))


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


def state_pages(at: Studio) -> None:
    """A link that opens nothing (any more), and what can be done about it."""
    desk = sit_down(at, "states")
    fatima = desk.person("Fatima El Amrani")
    for name, sent in (
        ("unready", desk.send((*fatima, Check("sms")))),
        ("expired", desk.send(fatima, expires=timedelta(days=7))),
        ("locked", desk.send((*fatima, desk.password()))),
    ):
        if name == "expired":
            desk.end(sent)
        if name == "locked":
            desk.tried(sent, fatima[0], gate.TRIES)
        _enter(at, desk.link(sent, fatima[0]))
        at.shoot(name)
    at.go(f"{_path(desk.link(sent, fatima[0]))}/help?kind=locked")
    at.shoot("help-locked")
    _password_wrong(at, desk, fatima)
    _renewed(at, desk, fatima)


def _password_wrong(at: Studio, desk: Desk, fatima: tuple[str, str]) -> None:
    sent = desk.send((*fatima, desk.password()))
    desk.tried(sent, fatima[0], gate.TRIES - 3)
    _enter(at, desk.link(sent, fatima[0]))
    at.page.locator("#f-code").fill("vier groene appels")
    at.press("main form button.button-primary")
    expect(at.page.locator("#f-code-error")).to_be_visible()
    at.shoot("check-password-wrong")


def _renewed(at: Studio, desk: Desk, fatima: tuple[str, str]) -> None:
    """There is a new code; the older one says so."""
    sent = desk.send(fatima)
    older = desk.link(sent, fatima[0])
    with at.office.house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink).where(GuestLink.conversation == sent.conversation)).one()
        renewal.new_code(ctx, desk.author, link.id)
    _enter(at, older)
    at.shoot("gone-renewed")


def sms_pages(at: Studio) -> None:
    """A code by SMS that does not arrive, and one that came too late."""
    desk = sit_down(at, "sms")
    fatima, refused = desk.person("Fatima El Amrani"), desk.number(1)
    at.sms.refuse[refused] = 400
    _enter(at, desk.link(desk.send((*fatima, Check("sms", refused)), expires=timedelta(days=7)), fatima[0]))
    for _ in range(60):
        if at.page.locator("main .notice-warn, main [role=alert]").count():
            break
        at.page.wait_for_timeout(250)
        at.page.reload()
    at.shoot("check-sms-failed")
    number = desk.number(2)
    link = desk.link(desk.send((*fatima, Check("sms", number)), expires=timedelta(days=7)), fatima[0])
    _enter(at, link)
    at.sms.wait_for(number)
    _let_pass(at, link, minutes=11)
    at.page.reload()
    at.shoot("check-sms-expired")


def _let_pass(at: Studio, link: str, *, minutes: int) -> None:
    """As if the code by SMS that this browser waits for had been sent earlier."""
    [cookie] = [one for one in at.page.context.cookies() if one.get("name") == session.GUEST]
    secret = SessionSecret(ids.from_base64url(str(cookie.get("value")), 32))
    with at.office.house.work() as ctx:
        here = gate.at(ctx, secret, ids.from_text(_path(link).removeprefix("/b/")))
        waits = ctx.db.get_one(SessionLink, (here.session, here.link.id))
        whose = {"session": here.session, "link": here.link.id}
        note = cookies.open_link_challenge(secret, waits.sealed_challenge or b"", **whose)
        earlier = {**note, "sent": (ctx.now - timedelta(minutes=minutes)).isoformat()}
        waits.sealed_challenge = cookies.seal_link_challenge(secret, earlier, **whose)


# --- becoming a user ---


def claim_pages(at: Studio) -> None:
    """From the line beneath the letter to the conversation in one's own inbox, and the code that is over then."""
    desk = sit_down(at, "claim")
    fatima, stranger = desk.person("Fatima El Amrani"), desk.person("Peter Hoekstra")
    sent = desk.send(fatima)
    place = desk.link(sent, fatima[0])
    language = "en" if at.look.endswith("-en") else "nl"
    _enter(at, place)
    at.see(f"{_path(place)}/account", "claim-stranger")
    peter = at.office.join(stranger, language)
    at.log_in(stranger[0])
    with at.office.secured(peter.member):
        at.see(f"{_path(place)}/account", "claim-other-address")
    at.page.context.clear_cookies()
    hers = at.office.join(fatima, language)
    _enter(at, place)
    at.log_in(fatima[0])
    with at.office.secured(hers.member):
        at.see("/inbox", "claim-inbox")
        at.see("/signup/ready", "claim-ready")
        at.see(f"{_path(place)}/account", "claim")
        at.submit()
        at.page.wait_for_url("**/conversations/**")
        at.shoot("claimed")
    at.page.context.clear_cookies()
    _enter(at, place)
    at.shoot("gone-claimed")


def _enter(at: Studio, link: str) -> None:
    """Follow a link, the code of which fills itself in."""
    at.go("/b")  # a link that differs behind its # alone would load nothing
    at.go(link)
    if at.page.locator("main #code").count():
        at.press("main button.button-primary")
        at.page.wait_for_load_state()


def _path(link: str) -> str:
    return link.partition("#")[0]


GUESTS: tuple[Pages, ...] = (landing_pages, check_pages, letter_pages, state_pages, sms_pages)
CLAIMS: tuple[Pages, ...] = (claim_pages,)
"""Somebody logs in: in a browser of its own."""
