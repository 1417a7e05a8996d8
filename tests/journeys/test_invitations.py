"""From an administrator's list to a colleague's first message, and what becomes of links that were taken back."""

from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from tests.browser import open_context
from tests.house import PASSWORD
from tests.journeys.people import FOUNDER, Office, arrive, keep_recovery_code, let_in, link_in
from tests.servers import text_part


def administer(page: Page, office: Office, people: str) -> None:
    """The founder invites somebody."""
    let_in(page, office, office.members[FOUNDER])
    invite(page, office, people)


def invite(page: Page, office: Office, people: str) -> None:
    """From the empty form to 'sent'."""
    page.goto(f"{office.url}/admin/invitations/new")
    page.get_by_label("E-mailadressen").fill(people)
    page.get_by_role("button", name="Bekijken").click()
    expect(page.get_by_role("heading", name="Klopt dit?")).to_be_visible()
    page.get_by_role("button", name="Uitnodigingen versturen").click()


def newest(office: Office, address: str, count: int = 1) -> EmailMessage:
    return office.sink.wait_for(address, count)[-1]


def test_lotte_is_invited_joins_and_writes_her_first_message(
    every_office: Office, page: Page, somebody: Callable[..., Page], tmp_path: Path
) -> None:
    office, address = every_office, f"lotte-{tmp_path.name}@kantoor.example".lower()
    arrive(page, office, office.members[FOUNDER], "/settings")
    page.get_by_role("link", name="Uitnodigingen").first.click()
    expect(page.get_by_role("heading", name="Uitnodigingen")).to_be_visible()
    invite(page, office, f"Lotte Wiersma <{address}>\nMallory")
    expect(page.get_by_text("1 uitnodiging verstuurd.")).to_be_visible()
    expect(page.get_by_label("E-mailadressen")).to_have_value("Mallory")

    mail = newest(office, address)
    assert "De oprichter" in text_part(mail)
    lotte = somebody("phone")
    lotte.goto(link_in(mail))
    expect(lotte.get_by_text("De code uit de link is al ingevuld.")).to_be_visible()
    expect(lotte).to_have_url(f"{office.url}/invitation")
    lotte.get_by_role("button", name="Ga verder").click()
    expect(lotte.get_by_text("Stap 1 van 3")).to_be_visible()
    expect(lotte.get_by_label("E-mailadres")).to_have_value(address)
    expect(lotte.get_by_label("Je naam")).to_have_value("Lotte Wiersma")
    lotte.get_by_label("Wachtwoord", exact=True).fill(PASSWORD)
    lotte.get_by_role("button", name="Ga verder").click()
    expect(lotte.get_by_text("Stap 2 van 3")).to_be_visible()
    lotte.get_by_label("Ik heb de code op een veilige plek bewaard").check()
    lotte.get_by_role("button", name="Ga verder").click()
    expect(lotte.get_by_text("Stap 3 van 3")).to_be_visible()
    expect(lotte.get_by_role("link", name="2FA instellen")).to_be_visible()
    lotte.get_by_role("link", name="Later instellen").click()
    expect(lotte.get_by_role("heading", name="Je account is klaar")).to_be_visible()
    lotte.get_by_role("link", name="Verzend je eerste bericht").click()
    expect(lotte.get_by_label("Onderwerp")).to_be_visible()

    page.goto(f"{office.url}/admin/invitations")
    expect(page.get_by_role("row", name=address).get_by_text("Aangemeld")).to_be_visible()
    expect(among_members(page, office, address).get_by_text("Nog geen 2FA")).to_be_visible()


def test_withdrawn_from_its_menu_the_link_says_so(
    office: Office, page: Page, somebody: Callable[..., Page], tmp_path: Path
) -> None:
    address = f"thijs-{tmp_path.name}@kantoor.example".lower()
    administer(page, office, address)
    link = link_in(newest(office, address))
    row = page.get_by_role("row", name=address)
    row.locator("summary").click()
    row.get_by_role("link", name="Intrekken").click()
    expect(page.get_by_role("heading", name="Uitnodiging intrekken?")).to_be_visible()
    page.get_by_role("button", name="Intrekken").click()
    expect(page.get_by_text("De uitnodiging is ingetrokken.")).to_be_visible()
    expect(page.get_by_role("row", name=address)).to_have_count(0)
    thijs = somebody()
    thijs.goto(link)
    thijs.get_by_role("button", name="Ga verder").click()
    expect(thijs.get_by_role("heading", name="Deze uitnodiging is ingetrokken")).to_be_visible()


def test_a_corrected_address_gets_a_new_mail_and_the_old_link_is_dead(
    office: Office, page: Page, somebody: Callable[..., Page], tmp_path: Path
) -> None:
    wrong, right = (f"{name}-{tmp_path.name}@kantoor.example".lower() for name in ("naima", "naime"))
    administer(page, office, f"Naima Rachidi <{wrong}>")
    dead = link_in(newest(office, wrong))
    row = page.get_by_role("row", name=wrong)
    row.locator("summary").click()
    row.get_by_role("link", name="Adres verbeteren").click()
    page.get_by_label("Juiste e-mailadres").fill(right)
    page.get_by_role("button", name="Nieuwe uitnodiging sturen").click()
    expect(page.get_by_text("er is een nieuwe verstuurd")).to_be_visible()
    naima = somebody()
    naima.goto(dead)
    naima.get_by_role("button", name="Ga verder").click()
    expect(naima.get_by_role("heading", name="Deze uitnodiging is ingetrokken")).to_be_visible()
    naima.goto(link_in(newest(office, right)))
    naima.get_by_role("button", name="Ga verder").click()
    expect(naima.get_by_label("Je naam")).to_have_value("Naima Rachidi")


def test_sent_again_only_the_newest_link_works(
    office: Office, page: Page, somebody: Callable[..., Page], tmp_path: Path
) -> None:
    address = f"martijn-{tmp_path.name}@kantoor.example".lower()
    administer(page, office, address)
    older = link_in(newest(office, address))
    row = page.get_by_role("row", name=address)
    row.locator("summary").click()
    row.get_by_role("button", name="Opnieuw sturen").click()
    expect(page.get_by_text("Opnieuw verstuurd.")).to_be_visible()
    newer = link_in(newest(office, address, 2))
    martijn = somebody()
    martijn.goto(older)
    martijn.get_by_role("button", name="Ga verder").click()
    expect(martijn.get_by_text("er is een nieuwere uitnodiging")).to_be_visible()
    martijn.goto("about:blank")
    martijn.goto(newer)
    martijn.get_by_role("button", name="Ga verder").click()
    expect(martijn.get_by_text("Stap 1 van 3")).to_be_visible()


def test_somebody_with_an_account_goes_straight_to_securing_it(
    office: Office, page: Page, somebody: Callable[..., Page]
) -> None:
    sanne = office.member("Sanne Kuipers")
    administer(page, office, sanne.address)
    expect(page.get_by_text("1 bestaand account is gevraagd 2FA in te stellen.")).to_be_visible()
    mail = newest(office, sanne.address, 2)
    assert "Je account bestaat al" in text_part(mail)
    browser = somebody()
    browser.goto(link_in(mail))
    browser.locator("input[name=address]").fill(sanne.address)
    browser.locator("input[name=password]").fill(PASSWORD)
    browser.locator("form[action*='/login'] button.button-primary").click()
    expect(browser.get_by_role("heading", name="Beveilig je account")).to_be_visible()


def test_a_file_is_uploaded_and_looked_over(office: Office, page: Page, tmp_path: Path) -> None:
    table = tmp_path / "leden.csv"
    table.write_bytes(f"naam;e-mail\nRené Dubois;rene-{tmp_path.name}@kantoor.example\nZonder;\n".encode("cp1252"))
    arrive(page, office, office.members[FOUNDER], "/admin/invitations/new")
    page.get_by_label("Of een CSV-bestand").set_input_files(table)
    page.get_by_role("button", name="Bekijken").click()
    expect(page.get_by_role("row", name="René Dubois").get_by_text("Krijgt een uitnodiging")).to_be_visible()
    expect(page.get_by_role("row", name="Zonder").get_by_text("Vul een e-mailadres in.")).to_be_visible()


def test_without_script_everything_works_as_well(office: Office, chromium: Browser, tmp_path: Path) -> None:
    address = f"stil-{tmp_path.name}@kantoor.example".lower()
    with open_context(chromium, "phone", java_script_enabled=False) as context:
        page = context.new_page()
        administer(page, office, address)
        expect(page.get_by_text("1 uitnodiging verstuurd.")).to_be_visible()
        code = link_in(newest(office, address)).partition("#")[2]
        row = page.get_by_role("row", name=address)
        row.locator("summary").click()
        row.get_by_role("link", name="Intrekken").click()
        page.get_by_role("link", name="Annuleren").click()
    with open_context(chromium, "phone", java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{office.url}/invitation")
        page.get_by_label("Code uit de uitnodiging").fill(code)
        page.get_by_role("button", name="Ga verder").click()
        page.get_by_label("Je naam").fill("Stille Willem")
        page.get_by_label("Wachtwoord", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Ga verder").click()
        keep_recovery_code(page)


@pytest.fixture
def labelled(office: Office) -> Iterator[None]:
    """The organisation asks new members for a number."""
    with office.work() as ctx:
        organisations.decide(ctx, office.organisation, Policy(sign_up="open", reference_label="a-nummer"))
    yield
    with office.work() as ctx:
        organisations.decide(ctx, office.organisation, Policy(sign_up="open"))


@pytest.mark.usefixtures("labelled")
def test_a_reference_is_asked_for_and_seen_by_the_administrator(
    office: Office, page: Page, somebody: Callable[..., Page], tmp_path: Path
) -> None:
    address = f"advocaat-{tmp_path.name}@kantoor.example".lower()
    administer(page, office, f"Peter Hoekstra <{address}>")
    peter = somebody()
    peter.goto(link_in(newest(office, address)))
    peter.get_by_role("button", name="Ga verder").click()
    peter.get_by_label("Wachtwoord", exact=True).fill(PASSWORD)
    peter.get_by_role("button", name="Ga verder").click()
    expect(peter.get_by_text("Vul dit in: de organisatie vraagt erom.")).to_be_visible()
    peter.get_by_label("a-nummer").fill("A-123456")
    peter.get_by_label("Wachtwoord", exact=True).fill(PASSWORD)
    peter.get_by_role("button", name="Ga verder").click()
    expect(peter.get_by_role("heading", name="Bewaar je herstelcode")).to_be_visible()
    expect(among_members(page, office, address).get_by_text("A-123456")).to_be_visible()


def among_members(page: Page, office: Office, address: str) -> Locator:
    """Somebody's row, on whatever page: the office is shared, and many others may have joined it before."""
    page.goto(f"{office.url}/admin/members")
    row = page.get_by_role("row", name=address)
    while not row.count():
        onward = page.get_by_role("navigation", name="Bladeren").get_by_role("link", name="Volgende")
        page.goto(urljoin(page.url, onward.get_attribute("href") or ""))
    return row
