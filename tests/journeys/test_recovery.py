"""A forgotten password in a real browser: link, code, second step or wait, a new password, and every message there."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pyotp
from playwright.sync_api import Page, expect
from sqlalchemy import select

from securemail.crypto.codes import write_recovery_code
from securemail.crypto.secrets import RecoveryCode
from securemail.identity import accounts, tokens, vault
from securemail.identity.context import Member
from securemail.identity.vault import Totp
from securemail.store.models import Pending
from tests.journeys.people import FOUNDER, Office, arrive, link_in, log_in

NEW = "zeven groene tulpen op het balkon"


def with_code(office: Office, member: Member, **facts: object) -> str:
    """Give a member a recovery code that we know; `facts` are what else their vault says."""
    code = RecoveryCode.new()
    with office.work() as ctx:
        row = accounts.recovery_unlocker(member.root, code)
        ctx.db.add(row)
        kept = vault.read(ctx, member.root)
        listed = (*kept.unlockers, vault.listed(row))
        vault.write(ctx, member.root, replace(kept, unlockers=listed, **facts))  # type: ignore[arg-type]
    return write_recovery_code(code)


def ask(page: Page, office: Office, member: Member) -> str:
    """From the log-in page to the link in the mail."""
    page.goto(f"{office.url}/login")
    page.get_by_role("link", name="Wachtwoord vergeten?").click()
    page.get_by_label("E-mailadres").fill(member.address)
    page.get_by_role("button", name="Ga verder").click()
    expect(page.get_by_role("heading", name="Kijk in je e-mail")).to_be_visible()
    return link_about(office, member, "Kies een nieuw wachtwoord bij Van Dalen & Bakker")


def link_about(office: Office, member: Member, subject: str) -> str:
    """The link in the newest mail with that subject, as soon as it is there."""
    return link_in(office.sink.wait_about(member.address, subject))


def give_code(page: Page, link: str, code: str) -> None:
    page.goto(link)
    expect(page.locator("[data-when-filled]")).to_be_visible()
    expect(page).not_to_have_url(re.compile("#"))
    onward(page)
    page.locator("textarea[name=code]").fill(code)
    onward(page)


def onward(page: Page) -> None:
    """The button of the step that is shown, to the next one with its scripts."""
    with page.expect_navigation():
        page.locator("main button.button-primary").first.click()


def choose_password(page: Page) -> None:
    field = page.locator("input[name=password]")
    field.fill(NEW)
    expect(page.locator(".strength-ok")).to_be_visible()
    page.locator("main button.button-primary").click()
    expect(page.locator("#code-sheet")).to_be_visible()


def keep_code(page: Page) -> None:
    page.locator("input[name=saved]").check()
    onward(page)


def test_marieke_forgets_her_password_and_finds_all_her_messages_back(
    every_office: Office, page: Page, somebody: Callable[..., Page]
) -> None:
    office = every_office
    marieke, sanne = office.member(), office.member("Sanne Kuipers")
    office.send(sanne, (marieke.address, marieke.name), subject="Zitting van dinsdag")
    code = with_code(office, marieke, code_mailed=False)
    elsewhere = somebody()
    arrive(elsewhere, office, marieke)
    give_code(page, ask(page, office, marieke), code.lower().replace(" ", "-"))
    choose_password(page)
    keep_code(page)
    page.goto(f"{office.url}/inbox")
    expect(page.get_by_text("Zitting van dinsdag").first).to_be_visible()
    elsewhere.reload()
    expect(elsewhere.locator("input[name=password]")).to_be_visible()
    log_in(elsewhere, office.url, marieke, password=NEW)
    assert link_about(office, marieke, "Je account is hersteld").endswith("/login")


def test_a_second_step_is_asked_in_between(office: Office, page: Page) -> None:
    marieke, seed = office.member(), pyotp.random_base32()
    code = with_code(office, marieke, totp=Totp(seed, 0, "2026-11-19"))
    give_code(page, ask(page, office, marieke), code)
    page.locator("input[name=code]").fill(pyotp.TOTP(seed).now())
    onward(page)
    expect(page).to_have_url(re.compile("/recovery/password"))
    choose_password(page)


def test_the_owner_stops_a_recovery_that_somebody_else_began(
    office: Office, page: Page, somebody: Callable[..., Page]
) -> None:
    marieke = office.member()
    code = with_code(office, marieke)
    arrive(page, office, marieke)
    mallory = somebody("desktop")
    give_code(mallory, ask(mallory, office, marieke), code)
    expect(mallory.get_by_role("heading", name="Nog even wachten")).to_be_visible()
    page.goto(f"{office.url}/inbox")
    page.get_by_role("link", name="Bekijken").click()
    page.get_by_role("button", name="Stop het").click()
    expect(page.get_by_role("heading", name="Het is gestopt")).to_be_visible()
    page.goto(f"{office.url}/inbox")
    expect(page.get_by_role("link", name="Bekijken")).to_have_count(0)


def test_after_a_day_the_second_mail_leads_on(office: Office, phone: Page) -> None:
    marieke = office.member()
    code = with_code(office, marieke)
    give_code(phone, ask(phone, office, marieke), code)
    expect(phone.get_by_role("heading", name="Nog even wachten")).to_be_visible()
    let_time_pass(office, marieke, timedelta(hours=25))
    give_code(phone, link_about(office, marieke, "Kies nu je nieuwe wachtwoord"), code)
    choose_password(phone)


def let_time_pass(office: Office, member: Member, by: timedelta) -> None:
    """As if the wait had begun that much earlier."""
    with office.work() as ctx:
        for row in ctx.db.scalars(select(Pending).where(Pending.account == member.root.account)):
            if row.ready is not None:
                row.ready -= by
                tokens.sign(ctx, row)


def test_a_fresh_start_with_consent(office: Office, phone: Page, somebody: Callable[..., Page]) -> None:
    sanne, marieke = office.member("Sanne Kuipers"), office.member()
    office.send(marieke, (sanne.address, sanne.name), subject="Van voor de nieuwe start")
    phone.goto(f"{office.url}/recovery/lost")
    phone.locator("input[name=address]").fill(sanne.address)
    phone.get_by_role("button", name="Mail mij een link").click()
    phone.goto(link_about(office, sanne, "Opnieuw beginnen bij Van Dalen & Bakker"))
    phone.get_by_role("button", name="Ga verder").click()
    phone.get_by_label("Ik begrijp dat mijn oude berichten").check()
    phone.get_by_role("button", name="Opnieuw beginnen aanvragen").click()
    expect(phone.get_by_role("heading", name="Nog even wachten")).to_be_visible()

    founder = somebody("desktop")
    arrive(founder, office, office.members[FOUNDER], "/admin/requests")
    row = founder.locator("li.person-row", has_text=sanne.address)
    row.get_by_role("link", name="Toestaan").click()
    founder.get_by_role("button", name="Toestaan").click()
    expect(founder.get_by_text("Je hebt toegestaan dat Sanne Kuipers opnieuw begint")).to_be_visible()

    let_time_pass(office, sanne, timedelta(hours=73))
    phone.goto(link_about(office, sanne, "Je kunt nu opnieuw beginnen"))
    onward(phone)
    choose_password(phone)
    keep_code(phone)
    office.send(marieke, (sanne.address, sanne.name), subject="Van na de nieuwe start")
    phone.goto(f"{office.url}/inbox")
    expect(phone.get_by_text("Van na de nieuwe start").first).to_be_visible()
    expect(phone.get_by_text("Van voor de nieuwe start")).to_have_count(0)
