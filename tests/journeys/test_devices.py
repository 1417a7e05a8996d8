"""Where somebody is logged in, and what the other browser sees when it is ended from here."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser import axe_findings
from tests.journeys.people import Office, log_in, try_to_log_in

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


def test_one_is_ended_and_logs_in_again_in_place(
    every_office: Office, page: Page, somebody: Callable[..., Page]
) -> None:
    sanne = every_office.member("Sanne Kuipers")
    other = somebody("desktop", user_agent=FIREFOX)
    log_in(other, every_office.url, sanne, remember=True)
    other.goto(f"{every_office.url}/compose")
    other.get_by_label("Onderwerp").fill("Half geschreven")
    log_in(page, every_office.url, sanne)
    page.goto(f"{every_office.url}/settings/devices")
    assert axe_findings(page) == []
    rows = page.get_by_role("region", name="Ingelogd").get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Dit apparaat")
    expect(rows.last).to_contain_text("Firefox · Linux")
    expect(rows.last).to_contain_text("onthouden, 30 dagen")
    page.get_by_role("button", name="Beëindigen: Firefox · Linux").click()
    expect(page.get_by_text("Die sessie is beëindigd")).to_be_visible()
    expect(rows).to_have_count(1)
    other.get_by_label("Bericht", exact=True).fill("En nu is de sessie weg.")
    dialog = other.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Log opnieuw in")).to_be_visible()
    try_to_log_in(other, sanne)
    expect(dialog).to_be_hidden()
    expect(other.get_by_label("Onderwerp")).to_have_value("Half geschreven")


def test_after_a_fright_everything_is_renewed(office: Office, page: Page, somebody: Callable[..., Page]) -> None:
    sanne = office.member("Sanne Kuipers")
    office.send(office.member(), (sanne.address, sanne.name), subject="Van gisteren")
    other = somebody()
    log_in(other, office.url, sanne, remember=True)
    log_in(page, office.url, sanne)
    page.goto(f"{office.url}/settings/devices")
    page.get_by_role("link", name="Overal uitloggen").click()
    page.get_by_role("button", name="Overal uitloggen").click()
    expect(page.get_by_role("heading", name="Bewaar je nieuwe herstelcode")).to_be_visible()
    page.get_by_label("Ik heb de code op een veilige plek bewaard").check()
    page.get_by_role("button", name="Ga verder").click()
    page.wait_for_url("**/security**")
    page.goto(f"{office.url}/inbox")
    expect(page.get_by_text("Van gisteren")).to_be_visible()
    other.goto(f"{office.url}/inbox")
    expect(other.get_by_role("heading", name="Inloggen")).to_be_visible()
