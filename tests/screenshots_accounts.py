"""Pictures of who somebody is: second steps, log-in by steps, settings, joining, administration, recovery."""

from collections.abc import Callable
from dataclasses import replace
from zlib import crc32

import pyotp
from playwright.sync_api import expect

from securemail.config import ROOT
from securemail.identity import vault
from tests.house import PASSWORD
from tests.journeys.authenticators import plug_in
from tests.lived_in import Newcomer
from tests.studio import Studio

Pages = Callable[[Studio], None]
NEW_PASSWORD = "zeven groene tulpen op het balkon"
PHOTO = ROOT / "static" / "icons" / "app-512.png"
INVITED = """Lotte Wiersma <l.wiersma.{tag}@vandalenbakker.example>
thijs.oudekerk.{tag}@vandalenbakker.example, naima.{tag}@vandalenbakker.example
sanne@vandalenbakker.example
dit is geen adres"""


def _tag(at: Studio) -> str:
    return f"{at.size}.{at.look}"


def _newcomer(at: Studio, name: str) -> Newcomer:
    """Somebody of this pass alone: what is set up once cannot be pictured twice."""
    address = f"{name.split()[0].lower()}.{_tag(at)}@vandalenbakker.example"
    return at.office.join((address, name), "en" if at.look.endswith("-en") else "nl")


# --- second steps ---


def second_step_pages(at: Studio) -> None:
    """2FA instellen from the inbox's banner to the last page, then every way in, one after the other."""
    iris = _newcomer(at, "Iris Jansen")
    at.log_in(iris.member.address)
    at.shoot("inbox-2fa")
    at.see("/security", "security-empty")
    with at.office.requiring_second_step():
        at.see("/inbox", "security-required")
    seed = _app(at)
    _phone(at)
    _passkey(at)
    _backup_codes(at)
    at.see("/security", "security")
    at.shoot("security-whole", full_page=True)
    at.see("/security/2fa/app/remove", "security-remove")
    at.see("/security/confirm", "step-up")
    at.go("/inbox")
    at.page.context.clear_cookies()
    _steps(at, iris, seed)


def _choose(at: Studio, method: str) -> None:
    at.go("/security/2fa")
    at.page.locator(f"input[value={method}]").check()
    at.submit()


def _app(at: Studio) -> str:
    at.see("/security/2fa", "2fa-choose")
    _choose(at, "totp")
    at.shoot("2fa-app")
    seed = at.page.locator("#secret-text").get_attribute("data-code") or ""
    at.press(".unfold summary")
    at.shoot("2fa-app-key")
    at.fill("code", "000000")
    at.submit()
    expect(at.page.locator(".error")).to_be_visible()
    at.shoot("2fa-app-wrong")
    at.fill("code", pyotp.TOTP(seed).at(at.clock()))
    at.submit()
    at.page.wait_for_url("**/second")
    at.shoot("2fa-second")
    return seed


def _phone(at: Studio) -> None:
    _choose(at, "sms")
    at.shoot("2fa-phone")
    at.fill("phone", "12")
    at.submit()
    expect(at.page.locator(".error")).to_be_visible()
    at.shoot("2fa-phone-wrong")
    number = _number(at)
    at.fill("phone", number)
    at.submit()
    at.page.wait_for_url("**/code")
    at.shoot("2fa-phone-code")
    at.fill("code", at.sms.wait_for_sms(number))
    at.page.wait_for_url("**/backup-codes")


def _number(at: Studio) -> str:
    """A number of this pass alone, so that nobody types an older pass's code."""
    return f"+31612{crc32(at.look.encode() + at.size.encode()) % 1_000_000:06}"


def _passkey(at: Studio) -> None:
    device = plug_in(at.page)
    _choose(at, "passkey")
    at.shoot("2fa-passkey")
    at.press("[data-passkey]")
    at.page.wait_for_url("**/added")
    at.shoot("2fa-passkey-added")
    # It presses its own button: the log-in page would be passed before its picture is taken.
    device.remove()


def _backup_codes(at: Studio) -> None:
    at.see("/security/backup-codes", "backup-codes-ask")
    at.submit()
    expect(at.page.locator("#code-sheet")).to_be_visible()
    at.shoot("backup-codes")
    at.submit()
    expect(at.page.locator(".error")).to_be_visible()
    at.shoot("backup-codes-unsaved")
    at.page.locator("[name=saved]").check()
    at.submit()
    at.page.wait_for_url("**/done")
    at.shoot("2fa-done")


def _steps(at: Studio, iris: Newcomer, seed: str) -> None:
    """After the password: each step, a wrong code, the code that is sent, and in."""
    at.log_in(iris.member.address, then="**/login/step*")
    at.shoot("step-passkey")
    at.see("/login/step?method=backup", "step-backup")
    at.see("/login/step?method=sms", "step-sms-ask")
    at.submit()
    expect(at.page.locator("main [name=code]")).to_be_visible()
    at.shoot("step-sms")
    at.see("/login/step?method=totp", "step-app")
    at.fill("code", "000000")
    at.submit()
    expect(at.page.locator(".error")).to_be_visible()
    at.shoot("step-app-wrong")
    at.fill("code", pyotp.TOTP(seed).at(at.clock() + 300))
    at.submit()
    expect(at.page.locator(".error")).to_be_visible()
    at.shoot("step-app-clock")
    at.fill("code", pyotp.TOTP(seed).at(at.clock() + 30))
    at.submit()
    at.page.wait_for_url("**/inbox")
    _steps_in_place(at, iris)


def _steps_in_place(at: Studio, iris: Newcomer) -> None:
    """The session ends while something is being written: the same steps stand over the page."""
    at.go("/compose")
    at.page.locator("#subject").fill("Berekening kinderalimentatie")
    expect(at.page.locator("[data-saved]").first).not_to_be_empty()
    at.office.end_sessions(iris.member)
    at.page.locator("#body").fill("Beste Fatima, het bedrag komt uit op € 384.")
    expect(at.page.locator("#dialog [name=address]")).to_be_visible()
    at.shoot("dialog-log-in")
    at.page.locator("#dialog [name=address]").fill(iris.member.address)
    at.page.locator("#dialog [name=password]").fill(PASSWORD)
    at.press("#dialog button.button-primary")
    expect(at.page.locator("#dialog .other-ways")).to_be_visible()
    at.shoot("dialog-step")


# --- settings ---


def settings_pages(at: Studio) -> None:
    """A member's own pages, with a photo put in and an address about to change."""
    ruben = _newcomer(at, "Ruben de Groot")
    at.log_in(ruben.member.address)
    at.see("/settings", "settings")
    at.see("/settings/profile", "profile")
    at.see("/settings/profile/name", "profile-name")
    at.see("/settings/profile/photo", "profile-photo")
    at.page.locator("input[type=file]").set_input_files(PHOTO)
    at.submit()
    at.page.wait_for_url("**/settings/profile**")
    at.shoot("profile-with-photo")
    at.see("/settings/profile/zone", "profile-zone")
    at.see("/settings/devices", "devices")
    at.see("/settings/devices/end-all", "devices-end-all")
    at.see("/settings/password", "password")
    at.see("/settings/close", "close-account")
    at.shoot("close-account-whole", full_page=True)
    _change_address(at)
    at.see("/settings/recovery-code", "new-recovery-code")
    at.submit()
    expect(at.page.locator("#code-sheet")).to_be_visible()
    at.shoot("new-recovery-code-shown")
    at.see("/rotation", "rotation")


def _change_address(at: Studio) -> None:
    at.see("/settings/address", "address")
    wanted = f"r.degroot.{_tag(at)}@vandalenbakker.example"
    at.fill("address", wanted)
    at.submit()
    at.see("/settings/address", "address-waiting")
    at.page.goto(at.mailed(wanted))
    at.shoot("address-confirm")
    at.submit()
    at.shoot("address-confirmed")


# --- joining, and administration ---


def administration_pages(at: Studio) -> None:
    """Members, invitations from the typed list to the menu of each, rules; then the invited one's own steps."""
    at.log_in(at.office.house.marieke.address)
    at.see("/admin/members", "members")
    at.see("/admin/invitations", "invitations")
    at.see("/admin/invitations/new", "invite")
    at.fill("people", INVITED.format(tag=_tag(at)))
    at.submit()
    at.shoot("invite-preview")
    at.submit()
    at.shoot("invite-returned")
    at.see("/admin/invitations", "invitations-sent")
    at.press(".table .menu summary")
    at.shoot("invitation-menu")
    at.press(".table .menu a[href*='/withdraw']")
    expect(at.page.locator("#dialog-title")).to_be_visible()
    at.shoot("invitation-withdraw")
    at.page.keyboard.press("Escape")
    at.go(at.page.locator(".table .menu a[href*='/address']").first.get_attribute("href") or "")
    at.shoot("invitation-correct")
    at.see("/admin/policy", "policy")
    at.submit()
    at.shoot("policy-saved")
    at.shoot("policy-whole", full_page=True)
    at.page.context.clear_cookies()
    _join(at, f"l.wiersma.{_tag(at)}@vandalenbakker.example")


def _join(at: Studio, address: str) -> None:
    at.page.goto(at.mailed(address))
    at.shoot("join")
    at.submit()
    field = at.page.locator("main input[name=password]")
    at.shoot("join-profile")
    field.fill(PASSWORD)
    expect(at.page.locator(".strength-ok")).to_be_visible()
    at.submit()
    expect(at.page.locator("#code-sheet")).to_be_visible()
    at.shoot("join-recovery-code")
    at.page.locator("[name=saved]").check()
    at.submit()
    at.shoot("join-secure")
    at.see("/signup/ready", "join-ready")
    at.page.context.clear_cookies()
    at.page.goto(at.mailed(address))
    at.submit()
    at.shoot("join-again")


# --- recovery ---


def recovery_pages(at: Studio) -> None:
    """A forgotten password: from the address to a new one, and what is asked on the way."""
    noa = _newcomer(at, "Noa Visser")
    with at.office.house.work() as ctx:
        kept = vault.read(ctx, noa.member.root)
        vault.write(ctx, noa.member.root, replace(kept, code_mailed=False, code_saved=True))
    _prove_code(at, noa, picture=True)
    at.page.wait_for_url("**/recovery/password")
    at.shoot("recovery-password")
    at.fill("password", NEW_PASSWORD)
    expect(at.page.locator(".strength-ok")).to_be_visible()
    at.submit()
    expect(at.page.locator("#code-sheet")).to_be_visible()
    at.shoot("recovery-new-code")


def _prove_code(at: Studio, who: Newcomer, *, picture: bool = False) -> None:
    shoot = at.shoot if picture else lambda _name: None
    at.go("/recovery")
    shoot("recovery")
    at.fill("address", who.member.address)
    at.submit()
    shoot("recovery-sent")
    at.page.goto(at.mailed(who.member.address))
    shoot("recovery-open")
    at.submit()
    shoot("recovery-code")
    if picture:
        at.fill("code", who.code[:-1] + ("A" if who.code[-1] != "A" else "B"))
        at.submit()
        expect(at.page.locator(".error")).to_be_visible()
        shoot("recovery-code-mistyped")
    at.fill("code", who.code)
    at.submit()


def waiting_pages(at: Studio) -> None:
    """A code that was mailed opens only after a day: what the owner sees meanwhile, and how it is stopped."""
    tom = _newcomer(at, "Tom Bakker")
    at.office.forgive()
    _prove_code(at, tom)
    at.shoot("recovery-wait")
    at.see("/recovery/lost", "recovery-lost")
    at.shoot("recovery-lost-whole", full_page=True)
    at.log_in(tom.member.address)
    at.shoot("inbox-recovery")
    at.see("/security/waiting", "recovery-stop-own")
    at.page.context.clear_cookies()
    at.page.goto(at.mailed(tom.member.address))
    at.shoot("recovery-stop")
    at.submit()
    at.shoot("recovery-stopped")


def fresh_start_pages(at: Studio) -> None:
    """Password and code both lost: what it means, and how it is asked for, and what the administrator sees."""
    eva = _newcomer(at, "Eva Smit")
    at.office.forgive()
    at.go("/recovery/lost")
    at.fill("address", eva.member.address)
    at.press("main form button.button-large")
    at.page.wait_for_load_state()
    at.shoot("fresh-start-sent")
    at.page.goto(at.mailed(eva.member.address))
    at.submit()
    at.shoot("fresh-start-explain")
    at.page.locator("[name=understood]").check()
    at.submit()
    at.shoot("fresh-start-wait")
    at.page.context.clear_cookies()
    at.log_in(at.office.house.marieke.address)
    at.see("/admin/requests", "requests")
    at.go(at.page.locator("main a[href$='/allow']").first.get_attribute("href") or "")
    at.shoot("requests-allow")


ACCOUNTS: tuple[Pages, ...] = (
    second_step_pages, settings_pages, administration_pages, recovery_pages, waiting_pages, fresh_start_pages,
)  # fmt: skip
