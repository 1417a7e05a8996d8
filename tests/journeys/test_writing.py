"""Writing and sending: chips, suggestions, colleagues and strangers, and one message for one click."""

from playwright.sync_api import Browser, Page, expect

from tests.browser import open_context
from tests.house import FATIMA, PETER
from tests.journeys.people import Office, add_recipients, arrive, ask_for_news, compose, let_in, send, wait_until_kept


def test_marieke_writes_to_sanne_and_fatima_and_both_get_it(
    every_office: Office, page: Page, chromium: Browser, size: str
) -> None:
    office = every_office
    marieke, sanne = office.member("Marieke van Dalen"), office.member("Sanne Kuipers")
    fatima = f"fatima.{marieke.address}"
    with open_context(chromium, size) as context:
        hers = context.new_page()
        arrive(hers, office, sanne)
        expect(hers.get_by_text("Je postvak is leeg")).to_be_visible()

        arrive(page, office, marieke)
        page.get_by_role("link", name="Nieuwe conversatie").first.click()
        add_recipients(page, [sanne.address, f"Fatima El Amrani <{fatima}>"])
        expect(page.get_by_text("Verzegeld voor 2 ontvangers")).to_be_visible()
        expect(page.locator(".chip-name")).to_have_text(["Sanne Kuipers", "Fatima El Amrani"])
        page.get_by_label("Onderwerp").fill("Berekening kinderalimentatie")
        page.get_by_label("Bericht", exact=True).fill("Het bedrag komt uit op € 384.")
        send(page)
        expect(page.locator(".letter-body")).to_have_text("Het bedrag komt uit op € 384.")

        ask_for_news(hers)
        hers.get_by_role("link", name="Berekening kinderalimentatie").click()
        expect(hers.locator(".letter-body")).to_have_text("Het bedrag komt uit op € 384.")
        hers.wait_for_url("**/conversations/**")
        hers.get_by_label("Antwoord aan").fill("Dank, ik kijk mee.")
        hers.get_by_role("button", name="Verzenden").click()
        expect(hers.locator(".letter-own")).to_contain_text("Dank, ik kijk mee.")

        ask_for_news(page)
        page.get_by_role("button", name="Bericht openen").click()
        expect(page.locator(".letter").last).to_contain_text("Dank, ik kijk mee.")

    mail = office.sink.wait_for(fatima, 2)
    assert "Berekening" not in mail[0].as_string()
    assert office.sink.wait_for(sanne.address, 2), "her recovery code, and now a notification"


def type_name(page: Page, letters: str) -> None:
    """In the field for recipients, until the server has answered."""
    with page.expect_response("**/compose/suggestions"):
        page.get_by_label("Aan", exact=True).fill(letters)


def test_a_pasted_list_becomes_a_chip_for_each(office: Office, desktop: Page) -> None:
    arrive(desktop, office, office.member(), "/compose")
    desktop.get_by_label("Aan", exact=True).focus()
    pasted = 'Fatima El Amrani <fatima@example.org>; peter@hoekstra.example,"Dalen, M. van" <m@example.org>'
    desktop.keyboard.insert_text(f"{pasted}, fatima@example.org")
    expect(desktop.locator(".chip-name")).to_have_text(["Fatima El Amrani", "peter@hoekstra.example", "Dalen, M. van"])
    expect(desktop.get_by_text("Verzegeld voor 3 ontvangers")).to_be_visible()


def test_known_people_are_suggested_and_chosen_with_the_arrow_keys(office: Office, desktop: Page) -> None:
    marieke = office.member()
    office.send(marieke, FATIMA, PETER)
    arrive(desktop, office, marieke, "/compose")
    field = desktop.get_by_label("Aan", exact=True)
    type_name(desktop, "pet")
    expect(desktop.locator("#suggestions").get_by_role("option")).to_have_count(1)
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("ArrowDown")
    expect(desktop.locator("#suggestions").get_by_role("option")).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(desktop.locator(".chip-name")).to_have_text(["Peter Hoekstra"])
    expect(field).to_have_value("")
    type_name(desktop, "pet")
    expect(desktop.locator("#suggestions").get_by_role("option")).to_have_count(0)
    field.press("Escape")
    field.fill("")
    field.press("Backspace")
    expect(desktop.locator("[data-chip]")).to_have_count(0)
    expect(desktop.get_by_text("Je bericht wordt verzegeld")).to_be_visible()


def test_a_suggestion_is_tapped_on_a_phone(office: Office, phone: Page) -> None:
    marieke = office.member()
    office.send(marieke, FATIMA)
    arrive(phone, office, marieke, "/compose")
    type_name(phone, "fat")
    phone.get_by_role("option", name="Fatima El Amrani").tap()
    expect(phone.locator(".chip-name")).to_have_text(["Fatima El Amrani"])
    phone.locator(".chip-button").tap()
    phone.get_by_role("button", name="Ontvanger verwijderen").tap()
    expect(phone.locator("[data-chip]")).to_have_count(0)


def test_two_clicks_on_verzenden_send_once(every_office: Office, desktop: Page) -> None:
    marieke = every_office.member()
    address = f"peter.{marieke.address}"
    let_in(desktop, every_office, marieke)
    compose(desktop, every_office.url, address)
    desktop.evaluate("() => { const send = document.querySelector('button.send'); send.click(); send.click(); }")
    desktop.wait_for_url("**/conversations/**")
    desktop.goto(f"{every_office.url}/sent")
    expect(desktop.locator("li.row")).to_have_count(1)
    every_office.sink.wait_for(address)
    assert len(every_office.sink.to(address)) == 1


def test_two_tabs_that_send_the_same_draft_send_once(office: Office, desktop: Page) -> None:
    marieke = office.member()
    let_in(desktop, office, marieke)
    compose(desktop, office.url, "peter@hoekstra.example")
    wait_until_kept(desktop)
    draft = desktop.locator("#saved input[name=draft]").input_value()
    other = desktop.context.new_page()
    other.goto(f"{office.url}/drafts/{draft}")
    expect(other.locator("[data-chip]")).to_have_count(1)
    send(desktop)
    send(other)
    assert other.url == desktop.url
    other.goto(f"{office.url}/sent")
    expect(other.locator("li.row")).to_have_count(1)


def test_a_second_tab_with_other_words_is_told_that_the_first_was_sent(office: Office, desktop: Page) -> None:
    let_in(desktop, office, office.member())
    compose(desktop, office.url, "peter@hoekstra.example")
    wait_until_kept(desktop)
    other = desktop.context.new_page()
    other.goto(f"{office.url}/drafts/{desktop.locator('#saved input[name=draft]').input_value()}")
    send(desktop)
    body = other.get_by_label("Bericht", exact=True)
    body.fill("Heel andere woorden.")
    other.get_by_role("button", name="Verzenden").click()
    expect(other.get_by_text("Dit concept is al verzonden, met een andere tekst.")).to_be_visible()
    expect(body).to_have_value("Heel andere woorden.")
    send(other)
    other.goto(f"{office.url}/sent")
    expect(other.locator("li.row")).to_have_count(2)


def test_ctrl_enter_sends(office: Office, desktop: Page) -> None:
    let_in(desktop, office, office.member())
    compose(desktop, office.url, "peter@hoekstra.example")
    desktop.keyboard.press("Control+Enter")
    desktop.wait_for_url("**/conversations/**")


def test_an_address_typed_but_not_yet_a_chip_is_sent_to_as_well(office: Office, desktop: Page) -> None:
    let_in(desktop, office, office.member())
    compose(desktop, office.url)
    desktop.get_by_label("Aan", exact=True).press_sequentially("peter@hoekstra.example")
    send(desktop)
    expect(desktop.locator(".conversation-people")).to_contain_text("peter@hoekstra.example")


def test_without_script_a_message_is_written_opened_answered_and_taken_back(office: Office, chromium: Browser) -> None:
    marieke, sanne = office.member("Marieke van Dalen"), office.member("Sanne Kuipers")
    with (
        open_context(chromium, "phone", java_script_enabled=False) as her_phone,
        open_context(chromium, "desktop", java_script_enabled=False) as her_desk,
    ):
        page, hers = her_phone.new_page(), her_desk.new_page()
        arrive(page, office, marieke)
        page.get_by_role("link", name="Nieuwe conversatie").first.click()
        page.get_by_label("Aan", exact=True).fill(f"{sanne.address}, Fatima El Amrani <fatima@example.org>")
        page.get_by_label("Bericht", exact=True).fill("Zonder script geschreven.")
        page.get_by_role("button", name="Verzenden").click()
        expect(page.get_by_text("Vul een onderwerp in.")).to_be_visible()
        expect(page.get_by_label("Bericht", exact=True)).to_have_value("Zonder script geschreven.")
        page.get_by_label("Onderwerp").fill("Omgangsregeling")
        send(page)

        arrive(hers, office, sanne)
        hers.get_by_role("link", name="Omgangsregeling").click()
        hers.get_by_role("button", name="Bericht openen").click()
        expect(hers.locator(".letter-body")).to_have_text("Zonder script geschreven.")
        hers.get_by_label("Antwoord aan").fill("Ook zonder script.")
        hers.get_by_role("button", name="Verzenden").click()
        expect(hers.locator(".letter-own")).to_contain_text("Ook zonder script.")

        page.reload()
        page.locator(".letter-own summary").last.click()
        page.get_by_role("link", name="Bericht intrekken").click()
        page.get_by_role("button", name="OK, intrekken").click()
        expect(page.get_by_text("Je hebt dit bericht ingetrokken").first).to_be_visible()
        hers.reload()
        expect(hers.get_by_text("Zonder script geschreven.")).to_have_count(0)
