"""A member makes the account their own, changes what unlocks it, moves to another address, and closes it."""

import io
import re
from collections.abc import Callable

from PIL import Image
from playwright.sync_api import Page, expect

from securemail.identity.context import Member
from tests.browser import axe_findings
from tests.journeys.people import Office, arrive, link_in, log_in, try_to_log_in

NEW = "veertien zilveren lepels op tafel"


def photo() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (800, 600), "teal").save(written, "JPEG")
    return written.getvalue()


def enter(page: Page, office: Office, name: str = "Sanne Kuipers") -> Member:
    who = office.member(name)
    arrive(page, office, who)
    return who


def profile(page: Page, office: Office) -> None:
    page.goto(f"{office.url}/settings")
    page.get_by_role("main").get_by_role("link", name="Profiel").last.click()
    expect(page.get_by_role("heading", name="Profiel", exact=True)).to_be_visible()


def test_name_photo_and_zone(every_office: Office, page: Page, somebody: Callable[..., Page]) -> None:
    sanne = enter(page, every_office)
    profile(page, every_office)
    assert axe_findings(page) == []
    page.get_by_role("link", name="Naam wijzigen").click()
    page.get_by_label("Je naam").fill("Sanne de Wit")
    page.get_by_role("button", name="Bewaren").click()
    expect(page.get_by_role("main").get_by_text("Sanne de Wit")).to_be_visible()
    page.get_by_role("link", name="Foto kiezen").click()
    page.get_by_label("Kies een foto").set_input_files({"name": "ik.jpg", "mimeType": "image/jpeg", "buffer": photo()})
    page.get_by_role("button", name="Bewaren").click()
    picture = page.locator(".photo-line img")
    expect(picture).to_be_visible()
    assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth }") == 256
    every_office.send(sanne, ("marieke@example.org", "Marieke"))
    reader = somebody()
    marieke = enter(reader, every_office, "Marieke van Dalen")
    every_office.send(sanne, (marieke.address, marieke.name), subject="Met een gezicht erbij")
    reader.goto(f"{every_office.url}/inbox")
    expect(reader.locator(".row img.photo")).to_be_visible()


def test_the_devices_own_time_zone_is_offered(office: Office, somebody: Callable[..., Page]) -> None:
    page = somebody(timezone_id="America/New_York")
    enter(page, office)
    page.goto(f"{office.url}/settings/profile/zone")
    expect(page.get_by_label("Plaats")).to_have_value("Europe/Amsterdam")
    page.get_by_role("button", name=re.compile("New York")).click()
    expect(page.get_by_label("Plaats")).to_have_value("America/New_York")
    page.get_by_role("button", name="Bewaren").click()
    expect(page.get_by_text(re.compile(r"New York \(UTC-[45]\)"))).to_be_visible()


def test_another_password_ends_other_browsers(every_office: Office, page: Page, somebody: Callable[..., Page]) -> None:
    sanne = enter(page, every_office)
    other = somebody()
    arrive(other, every_office, sanne)
    page.goto(f"{every_office.url}/settings/password")
    page.get_by_label("Nieuw wachtwoord").fill("te kort")
    expect(page.get_by_text("Nog 8 tekens.")).to_be_visible()
    page.get_by_label("Nieuw wachtwoord").fill(NEW)
    expect(page.get_by_text("Dit wachtwoord is goed.")).to_be_visible()
    page.get_by_role("button", name="Wachtwoord wijzigen").click()
    expect(page.get_by_text("Je wachtwoord is gewijzigd")).to_be_visible()
    every_office.sink.wait_about(sanne.address, "Je wachtwoord is gewijzigd")
    other.goto(f"{every_office.url}/inbox")
    expect(other.get_by_role("heading", name="Inloggen")).to_be_visible()
    try_to_log_in(other, sanne, password=NEW)
    other.wait_for_url("**/inbox")


def test_a_new_recovery_code(office: Office, page: Page) -> None:
    enter(page, office)
    page.goto(f"{office.url}/settings/recovery-code")
    page.get_by_role("button", name="Nieuwe code maken").click()
    expect(page.get_by_role("heading", name="Bewaar je nieuwe herstelcode")).to_be_visible()
    assert axe_findings(page) == []
    code = page.locator("#code-sheet").get_attribute("data-code")
    page.get_by_label("Ik heb de code op een veilige plek bewaard").check()
    page.get_by_role("button", name="Ga verder").click()
    page.wait_for_url("**/security**")
    assert code
    assert code not in page.content()


def test_another_address(every_office: Office, page: Page, somebody: Callable[..., Page]) -> None:
    sanne = enter(page, every_office)
    wanted = f"nieuw.{sanne.address}"
    page.goto(f"{every_office.url}/settings/address")
    page.get_by_label("Nieuw e-mailadres").fill(wanted)
    page.get_by_role("button", name="Verder").click()
    expect(page.get_by_text("Nog niet bevestigd")).to_have_count(2)
    reader = somebody()
    for address in (wanted, sanne.address):
        reader.goto(link_in(every_office.sink.wait_about(address, "evestig")))
        expect(reader.get_by_text("De code uit de link is al ingevuld.")).to_be_visible()
        expect(reader).not_to_have_url(re.compile("#"))
        with reader.expect_navigation():
            reader.get_by_role("button", name="Bevestigen").click()
    expect(reader.get_by_role("heading", name="Je e-mailadres is gewijzigd")).to_be_visible()
    page.reload()
    expect(page.get_by_text(f"Nu is het {wanted}.")).to_be_visible()
    log_in(reader, every_office.url, wanted)


def test_closing_the_account(every_office: Office, page: Page) -> None:
    sanne = enter(page, every_office)
    profile(page, every_office)
    page.get_by_role("link", name="Account sluiten").click()
    expect(page.get_by_text("hoogstens 30 dagen")).to_be_visible()
    assert axe_findings(page) == []
    page.get_by_label("Typ je e-mailadres om te bevestigen").fill("ja")
    page.get_by_role("button", name="Account voorgoed sluiten").click()
    expect(page.get_by_label("Typ je e-mailadres om te bevestigen")).to_have_value("ja")
    page.get_by_label("Typ je e-mailadres om te bevestigen").fill(sanne.address)
    page.get_by_role("button", name="Account voorgoed sluiten").click()
    expect(page.get_by_role("heading", name="Je account is gesloten")).to_be_visible()
    every_office.sink.wait_about(sanne.address, "Je account is gesloten")
    page.goto(f"{every_office.url}/login")
    try_to_log_in(page, sanne)
    expect(page.get_by_text("Het e-mailadres of het wachtwoord klopt niet.")).to_be_visible()
