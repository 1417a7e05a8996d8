"""Log in with a second step or a passkey: on the page, over a page being written, and asked again before settings."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pyotp
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from securemail.identity import vault
from securemail.identity.context import Member
from securemail.identity.factors import backup_codes
from securemail.identity.vault import Phone, Totp, Vault
from securemail.store.models import BrowserSession
from tests.browser import axe_findings
from tests.house import PASSWORD
from tests.journeys.authenticators import Authenticator, plug_in
from tests.journeys.people import Office, end_sessions, log_in, try_to_log_in, wait_until_kept
from tests.servers import text_part

CODE = "input[name=code]"


@dataclass(frozen=True)
class Secured:
    """Somebody with an authenticator app, a phone and backup codes; the app is another program's."""

    member: Member
    app: pyotp.TOTP
    number: str
    codes: list[str]


_numbers = iter(range(10_000_000, 99_999_999))


def _change(office: Office, member: Member, how: Callable[[Vault], Vault]) -> None:
    with office.work() as ctx:
        vault.change(ctx, member.root, how)


def secured(office: Office, *, app: bool = True, phone: bool = True) -> Secured:
    member, seed, number = office.member("Sanne Kuipers"), pyotp.random_base32(), f"+316{next(_numbers)}"
    added = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())

    def set_up(kept: Vault) -> Vault:
        return replace(
            kept,
            totp=Totp(seed, 0, added) if app else None,
            phones=(Phone(number, added),) if phone else (),
        )

    _change(office, member, set_up)
    with office.work() as ctx:
        codes = backup_codes.renew(ctx, member.root)
    return Secured(member, pyotp.TOTP(seed), number, codes)


def verify(page: Page, code: str) -> None:
    page.locator(CODE).fill(code)
    page.get_by_role("button", name="Verifieer").click()


def reach_step(page: Page, office: Office, who: Member, *, remember: bool = False) -> None:
    page.goto(f"{office.url}/login")
    try_to_log_in(page, who, remember=remember)
    page.wait_for_url("**/login/step*")


def new_passkey(page: Page, office: Office) -> None:
    """On a fresh log-in: make a passkey."""
    page.goto(f"{office.url}/security/2fa/passkey")
    page.get_by_role("button", name="Maak passkey").click()
    expect(page.get_by_role("heading", name="Je passkey is toegevoegd")).to_be_visible()


def by_backup_code(page: Page) -> None:
    """Another way than the one that was offered first."""
    with page.expect_navigation():
        page.get_by_role("link", name="Back-upcode").click()


def forget_session(page: Page) -> None:
    page.context.clear_cookies()


def let_time_pass(office: Office, member: Member) -> None:
    """More than ten minutes since the password was given."""
    with office.work() as ctx:
        earlier = ctx.now - timedelta(minutes=11)
        mine = update(BrowserSession).where(BrowserSession.account == member.account)
        ctx.db.execute(mine.values(proved=earlier))


def test_with_the_code_of_the_app(every_office: Office, page: Page) -> None:
    sanne = secured(every_office)
    page.goto(f"{every_office.url}/sent")
    try_to_log_in(page, sanne.member, remember=True)
    expect(page.get_by_role("heading", name="Vul de code uit je app in")).to_be_visible()
    expect(page.locator(CODE)).to_be_focused()
    expect(page.locator(CODE)).to_have_attribute("autocomplete", "one-time-code")
    assert not axe_findings(page)
    verify(page, f"{(int(sanne.app.now()) + 1) % 10**6:06d}")
    expect(page.get_by_text("Deze code klopt niet. Je kunt het nog 4 keer proberen.")).to_be_visible()
    assert not axe_findings(page)
    expect(page.locator(CODE)).to_be_focused()
    page.keyboard.type(sanne.app.now())  # in the place of the wrong one
    page.keyboard.press("Enter")
    page.wait_for_url("**/sent")
    cookie = next(cookie for cookie in page.context.cookies() if cookie["name"] == "__Host-s")
    assert abs(cookie["expires"] - time.time() - 30 * 24 * 3600) < 60


def test_with_a_code_by_sms_that_is_sent_at_once(every_office: Office, page: Page) -> None:
    sanne = secured(every_office, app=False)
    reach_step(page, every_office, sanne.member)
    expect(page.get_by_role("heading", name="Vul de code uit je sms in")).to_be_visible()
    expect(page.get_by_text(f"06 •• •• •• {sanne.number[-2:]}")).to_be_visible()
    expect(page.get_by_text("Geen sms gekregen?")).to_be_visible()
    assert not axe_findings(page)
    verify(page, every_office.wait_for_sms(sanne.number))
    page.wait_for_url("**/inbox")


def test_another_way_when_the_phone_is_not_at_hand(office: Office, page: Page) -> None:
    sanne = secured(office)
    reach_step(page, office, sanne.member)
    page.get_by_role("link", name="Sms-code").click()
    expect(page.get_by_role("heading", name="Krijg een code per sms")).to_be_visible()
    page.get_by_role("button", name="Stuur een sms-code").click()
    expect(page.locator(CODE)).to_be_visible()
    office.wait_for_sms(sanne.number)
    by_backup_code(page)
    verify(page, sanne.codes[3].lower().replace("-", " "))
    page.wait_for_url("**/inbox")


def test_five_wrong_codes_lead_back_and_the_owner_is_told(office: Office, phone: Page) -> None:
    sanne = secured(office)
    reach_step(phone, office, sanne.member)
    for left in (4, 3, 2, 1):
        verify(phone, "0000 00")
        expect(phone.get_by_text(f"Je kunt het nog {left} keer proberen.")).to_be_visible()
    verify(phone, "000000")
    expect(phone.get_by_text("De code was vijf keer verkeerd.")).to_be_visible()
    mail = office.sink.wait_about(sanne.member.address, "Iemand kent je wachtwoord")
    assert "Iemand kent je wachtwoord" in text_part(mail)


def test_the_owner_gets_a_mail_when_a_new_browser_logs_in(office: Office, somebody: Callable[..., Page]) -> None:
    sanne = office.member("Sanne Kuipers")
    log_in(somebody(), office.url, sanne)
    log_in(somebody("desktop"), office.url, sanne)
    mail = office.sink.wait_about(sanne.address, "Er is ingelogd op een nieuw apparaat")
    told = text_part(mail)
    assert "Er is op je account ingelogd in een browser die we nog niet kennen." in told
    assert "Chrom" in told
    assert "127.0.0.1" in told


def test_cancelling_leads_back(office: Office, phone: Page) -> None:
    reach_step(phone, office, secured(office).member)
    phone.get_by_role("button", name="Annuleren").click()
    expect(phone.get_by_role("heading", name="Inloggen")).to_be_visible()
    phone.goto(f"{office.url}/login/step")
    expect(phone.get_by_text("niet afgemaakt of duurde te lang")).to_be_visible()


def test_in_english(office: Office, somebody: Callable[..., Page]) -> None:
    page = somebody("phone", locale="en-GB")
    sanne = secured(office)
    reach_step(page, office, sanne.member)
    page.locator(CODE).fill(sanne.app.now())
    page.get_by_role("button", name="Verify").click()
    page.wait_for_url("**/inbox")


def test_without_script(office: Office, somebody: Callable[..., Page]) -> None:
    page = somebody("phone", java_script_enabled=False)
    sanne = secured(office)
    reach_step(page, office, sanne.member)
    by_backup_code(page)
    verify(page, sanne.codes[0])
    page.wait_for_url("**/inbox")
    page.goto(f"{office.url}/security/confirm?next=/sent")
    page.get_by_label("Je wachtwoord", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Bevestigen", exact=True).click()
    page.wait_for_url("**/sent")


def test_a_passkey_alone_with_its_secret(every_office: Office, page: Page) -> None:
    sanne = every_office.member("Sanne Kuipers")
    passkey = plug_in(page)
    log_in(page, every_office.url, sanne)
    new_passkey(page, every_office)
    forget_session(page)
    quiet(passkey)
    page.goto(f"{every_office.url}/login")
    page.get_by_label("Onthoud mij").check()
    quiet(passkey, quiet=False)
    page.get_by_role("button", name="Inloggen met passkey").click()
    page.wait_for_url("**/inbox")
    cookie = next(cookie for cookie in page.context.cookies() if cookie["name"] == "__Host-s")
    assert cookie["expires"] > time.time() + 29 * 24 * 3600


def test_a_passkey_without_secret_is_the_second_step(office: Office, page: Page) -> None:
    sanne = office.member("Sanne Kuipers")
    key = plug_in(page, prf=False, security_key=True)
    log_in(page, office.url, sanne)
    new_passkey(page, office)
    forget_session(page)
    quiet(key)
    page.goto(f"{office.url}/login")
    quiet(key, quiet=False)
    page.get_by_role("button", name="Inloggen met passkey").click()
    expect(page.get_by_text("Deze passkey kan niet alleen inloggen.")).to_be_visible()
    try_to_log_in(page, sanne)
    expect(page.get_by_role("heading", name="Gebruik je passkey")).to_be_visible()
    assert not axe_findings(page)
    page.get_by_role("button", name="Passkey gebruiken").click()
    page.wait_for_url("**/inbox")


def test_a_wrong_finger_is_refused(office: Office, phone: Page) -> None:
    sanne = office.member("Sanne Kuipers")
    key = plug_in(phone, security_key=True)
    log_in(phone, office.url, sanne)
    new_passkey(phone, office)
    forget_session(phone)
    key.refuse_user()
    reach_step(phone, office, sanne)
    phone.get_by_role("button", name="Passkey gebruiken").click()
    expect(phone.get_by_text("Er is geen passkey gebruikt.")).to_be_visible()


def test_a_copied_passkey_is_refused(office: Office, phone: Page) -> None:
    sanne = office.member("Sanne Kuipers")
    key = plug_in(phone, security_key=True)
    log_in(phone, office.url, sanne)
    new_passkey(phone, office)
    forget_session(phone)
    quiet(key)
    reach_step(phone, office, sanne)
    key.rewind()
    quiet(key, quiet=False)
    phone.get_by_role("button", name="Passkey gebruiken").click()
    expect(phone.get_by_text("Deze passkey is geweigerd")).to_be_visible()


def test_somebody_elses_passkey_opens_nothing(office: Office, somebody: Callable[..., Page]) -> None:
    marieke, sanne = office.member(), office.member("Sanne Kuipers")
    theirs = somebody()
    made = plug_in(theirs)
    log_in(theirs, office.url, marieke)
    new_passkey(theirs, office)
    [credential] = made.credentials()
    hers = somebody()
    own = plug_in(hers)
    log_in(hers, office.url, sanne)
    new_passkey(hers, office)
    forget_session(hers)
    quiet(own)
    reach_step(hers, office, sanne)
    # A browser that answers with a passkey it was not asked for: hers, under Marieke's name.
    [asked] = own.credentials()
    own._remove(asked)
    own.add({**credential, "credentialId": asked["credentialId"]})
    quiet(own, quiet=False)
    hers.get_by_role("button", name="Passkey gebruiken").click()
    expect(hers.get_by_text("Dat is niet gelukt.").or_(hers.get_by_text("Deze passkey hoort niet"))).to_be_visible()


@pytest.mark.parametrize("way", ["app", "passkey"])
def test_over_a_page_being_written_nothing_is_lost(office: Office, page: Page, way: str) -> None:
    sanne = secured(office, phone=False) if way == "app" else None
    member = sanne.member if sanne else office.member("Sanne Kuipers")
    passkey = plug_in(page) if way == "passkey" else None
    page.goto(f"{office.url}/login")
    try_to_log_in(page, member)
    if sanne:
        page.wait_for_url("**/login/step*")
        verify(page, sanne.app.at(int(time.time()) - 30))
    page.wait_for_url("**/inbox")
    if passkey:
        new_passkey(page, office)
    page.goto(f"{office.url}/compose")
    page.get_by_label("Aan", exact=True).fill("fatima@example.org")
    page.keyboard.press("Enter")
    page.get_by_label("Onderwerp").fill("Berekening")
    page.get_by_label("Bericht", exact=True).fill("Een lange brief")
    wait_until_kept(page)
    end_sessions(office, member)
    page.get_by_role("button", name="Verzenden").click()
    dialog = page.locator("[data-login-place]")
    expect(dialog).to_be_visible()
    if sanne:
        try_to_log_in_over(page, member)
        expect(dialog.get_by_role("heading", name="Vul de code uit je app in")).to_be_visible()
        verify(page, "000000")
        expect(dialog.get_by_text("Je kunt het nog 4 keer proberen.")).to_be_visible()
        verify(page, sanne.app.now())
    else:
        dialog.get_by_role("button", name="Inloggen met passkey").click()
    page.wait_for_url("**/conversations/**")
    expect(page.get_by_text("Een lange brief", exact=True)).to_be_visible()


def try_to_log_in_over(page: Page, who: Member) -> None:
    place = page.locator("[data-login-place]")
    place.locator("input[name=address]").fill(who.address)
    place.locator("input[name=password]").fill(PASSWORD)
    place.locator("button.button-primary").click()


def test_asked_again_before_settings_and_what_was_chosen_is_kept(office: Office, page: Page) -> None:
    sanne = office.member("Sanne Kuipers")
    log_in(page, office.url, sanne)
    page.goto(f"{office.url}/security/2fa")
    page.locator("input[name=method][value=totp]").check()
    let_time_pass(office, sanne)
    page.locator("main form button.button-primary").click()
    expect(page.get_by_role("heading", name="Bevestig dat jij het bent")).to_be_visible()
    assert not axe_findings(page)
    page.get_by_label("Je wachtwoord", exact=True).fill("niet het wachtwoord")
    page.get_by_role("button", name="Bevestigen", exact=True).click()
    expect(page.get_by_text("Dit wachtwoord klopt niet.")).to_be_visible()
    page.get_by_label("Je wachtwoord", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Bevestigen", exact=True).click()
    page.wait_for_url("**/security/2fa/app")


def test_asked_again_a_passkey_will_do(office: Office, page: Page) -> None:
    sanne = office.member("Sanne Kuipers")
    plug_in(page)
    log_in(page, office.url, sanne)
    new_passkey(page, office)
    let_time_pass(office, sanne)
    page.goto(f"{office.url}/security/confirm?next=/sent")
    page.get_by_role("button", name="Bevestigen met passkey").click()
    page.wait_for_url("**/sent")


def quiet(key: Authenticator, *, quiet: bool = True) -> None:
    """Nobody touches it: a page that offers passkeys by itself gets no answer."""
    key.session.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": key.id, "enabled": not quiet})
