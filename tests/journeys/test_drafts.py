"""What is being written is never lost: not by a crash, a second tab, an ended session or a lost network."""

from playwright.sync_api import Browser, Page, expect

from tests.browser import open_context
from tests.journeys.people import Office, arrive, compose, end_sessions, let_in, send, try_to_log_in, wait_until_kept


def test_a_draft_survives_a_crash(every_office: Office, page: Page) -> None:
    office = every_office
    let_in(page, office, office.member())
    compose(page, office.url, "Fatima El Amrani <fatima@example.org>", body="Nog niet af")
    wait_until_kept(page)
    again = page.context.new_page()
    page.close()  # no unload, no chance to save

    again.goto(f"{office.url}/drafts")
    again.get_by_role("link", name="Berekening kinderalimentatie").click()
    expect(again.locator(".chip-name")).to_have_text(["Fatima El Amrani"])
    expect(again.get_by_label("Bericht", exact=True)).to_have_value("Nog niet af")
    send(again)
    again.goto(f"{office.url}/drafts")
    expect(again.get_by_text("Geen concepten")).to_be_visible()


def test_leaving_keeps_the_draft_and_it_can_be_thrown_away(office: Office, phone: Page) -> None:
    let_in(phone, office, office.member())
    compose(phone, office.url, body="Nog niet af")
    phone.get_by_role("link", name="Sluiten, het concept blijft bewaard").click()
    phone.wait_for_url("**/inbox")
    phone.goto(f"{office.url}/drafts")
    phone.get_by_role("link", name="Berekening kinderalimentatie").click()
    expect(phone.get_by_label("Bericht", exact=True)).to_have_value("Nog niet af")
    phone.get_by_role("button", name="Concept weggooien").click()
    expect(phone.get_by_text("Geen concepten")).to_be_visible()


def test_a_new_draft_can_be_thrown_away_as_soon_as_it_is_kept(office: Office, phone: Page) -> None:
    let_in(phone, office, office.member())
    compose(phone, office.url, body="Toch maar niet")
    phone.get_by_role("button", name="Concept weggooien").click()
    expect(phone.get_by_text("Geen concepten")).to_be_visible()


def test_two_tabs_on_one_draft_and_mine_stays(office: Office, desktop: Page) -> None:
    other = _two_tabs(office, desktop)
    desktop.get_by_label("Bericht", exact=True).fill("Mijn woorden")
    expect(desktop.get_by_text("Dit concept is in een ander tabblad gewijzigd")).to_be_visible()
    expect(desktop.get_by_label("Bericht", exact=True)).to_have_value("Mijn woorden")
    desktop.get_by_role("button", name="Deze tekst houden").click()
    wait_until_kept(desktop)
    other.reload()
    expect(other.get_by_label("Bericht", exact=True)).to_have_value("Mijn woorden")


def test_two_tabs_on_one_draft_and_theirs_is_taken(office: Office, desktop: Page) -> None:
    _two_tabs(office, desktop)
    desktop.get_by_label("Bericht", exact=True).fill("Mijn woorden")
    desktop.get_by_role("link", name="De andere tekst laden").click()
    expect(desktop.get_by_label("Bericht", exact=True)).to_have_value("Woorden van het andere tabblad")


def test_a_draft_that_was_thrown_away_elsewhere_goes_on_as_a_new_one(office: Office, desktop: Page) -> None:
    other = _two_tabs(office, desktop)
    other.get_by_role("button", name="Concept weggooien").click()
    expect(other.get_by_text("Geen concepten")).to_be_visible()
    desktop.get_by_label("Bericht", exact=True).fill("Mijn woorden")
    expect(desktop.get_by_text("Dit concept is in een ander tabblad verzonden of weggegooid.")).to_be_visible()
    desktop.get_by_role("button", name="Als nieuw concept bewaren").click()
    wait_until_kept(desktop)
    other.reload()
    expect(other.locator(".row-words")).to_have_text("Mijn woorden")


def test_a_session_that_ends_in_mid_draft_is_renewed_in_place(every_office: Office, page: Page) -> None:
    office = every_office
    marieke = office.member()
    let_in(page, office, marieke)
    compose(page, office.url, "fatima@example.org", body="Halverwege de zin")
    wait_until_kept(page)
    end_sessions(office, marieke)
    page.get_by_role("button", name="Verzenden").click()
    expect(page.get_by_role("heading", name="Log opnieuw in")).to_be_visible()
    try_to_log_in(page, marieke, password="een verkeerd wachtwoord")
    expect(page.get_by_text("Het e-mailadres of het wachtwoord klopt niet.")).to_be_visible()
    expect(page.get_by_label("Bericht", exact=True)).to_have_value("Halverwege de zin")
    try_to_log_in(page, marieke)
    page.wait_for_url("**/conversations/**")
    expect(page.locator(".letter-body")).to_have_text("Halverwege de zin")


def test_somebody_else_who_logs_in_over_the_page_sends_nothing_of_it(office: Office, desktop: Page) -> None:
    marieke, sanne = office.member(), office.member()
    let_in(desktop, office, marieke)
    compose(desktop, office.url, "fatima@example.org", body="Van Marieke")
    wait_until_kept(desktop)
    end_sessions(office, marieke)
    desktop.get_by_role("button", name="Verzenden").click()
    expect(desktop.get_by_role("heading", name="Log opnieuw in")).to_be_visible()
    try_to_log_in(desktop, sanne)
    desktop.wait_for_url("**/inbox")
    expect(desktop.get_by_text("Je postvak is leeg")).to_be_visible()
    expect(desktop.get_by_text("Van Marieke")).to_have_count(0)


def test_an_autosave_that_meets_an_ended_session_goes_on_after_logging_in(office: Office, desktop: Page) -> None:
    marieke = office.member()
    let_in(desktop, office, marieke)
    compose(desktop, office.url, body="Eerste")
    wait_until_kept(desktop)
    end_sessions(office, marieke)
    desktop.get_by_label("Bericht", exact=True).fill("Tweede")
    expect(desktop.get_by_role("heading", name="Log opnieuw in")).to_be_visible()
    try_to_log_in(desktop, marieke)
    wait_until_kept(desktop)
    desktop.goto(f"{office.url}/drafts")
    expect(desktop.locator(".row-words")).to_have_text("Tweede")


def test_without_script_the_words_come_back_with_the_question_to_log_in(office: Office, chromium: Browser) -> None:
    marieke = office.member()
    with open_context(chromium, "phone", java_script_enabled=False) as context:
        page = context.new_page()
        arrive(page, office, marieke, "/compose")
        page.get_by_label("Aan", exact=True).fill("fatima@example.org")
        page.get_by_label("Onderwerp").fill("Omgangsregeling")
        page.get_by_label("Bericht", exact=True).fill("Halverwege de zin")
        end_sessions(office, marieke)
        page.get_by_role("button", name="Verzenden").click()
        expect(page.get_by_label("Bericht", exact=True)).to_have_value("Halverwege de zin")
        with context.expect_page() as tab:
            page.get_by_role("link", name="Inloggen in een ander tabblad").click()
        try_to_log_in(tab.value, marieke)
        tab.value.wait_for_url("**/inbox")
        page.get_by_role("button", name="Nog een keer verzenden").click()
        page.wait_for_url("**/conversations/**")
        expect(page.locator(".letter-body")).to_have_text("Halverwege de zin")


def test_offline_writing_goes_on_and_is_kept_when_the_network_is_back(office: Office, phone: Page) -> None:
    let_in(phone, office, office.member())
    compose(phone, office.url, body="Met netwerk")
    wait_until_kept(phone)
    phone.context.set_offline(True)
    phone.get_by_label("Bericht", exact=True).fill("Zonder netwerk")
    expect(phone.get_by_text("Je bent offline. Je kunt wel verder schrijven.")).to_be_visible()
    expect(phone.get_by_text("Nog niet bewaard")).to_be_visible()
    phone.context.set_offline(False)
    wait_until_kept(phone)
    expect(phone.get_by_text("Je bent offline.")).to_have_count(0)
    phone.goto(f"{office.url}/drafts")
    expect(phone.locator(".row-words")).to_have_text("Zonder netwerk")


def test_an_answer_is_kept_as_well(office: Office, desktop: Page) -> None:
    marieke, sanne = office.member("Marieke van Dalen"), office.member("Sanne Kuipers")
    office.send(sanne, (marieke.address, marieke.name))
    arrive(desktop, office, marieke)
    desktop.get_by_role("link", name="Berekening kinderalimentatie").click()
    desktop.get_by_label("Antwoord aan").fill("Half antwoord")
    wait_until_kept(desktop)
    desktop.goto(f"{office.url}/drafts")
    desktop.locator(".row-link").click()
    expect(desktop.get_by_label("Antwoord aan")).to_have_value("Half antwoord")


def _two_tabs(office: Office, page: Page) -> Page:
    """A draft that this page wrote first and another tab wrote last."""
    let_in(page, office, office.member())
    compose(page, office.url, body="Eerste woorden")
    wait_until_kept(page)
    other = page.context.new_page()
    other.goto(f"{office.url}/drafts/{page.locator('#saved input[name=draft]').input_value()}")
    with other.expect_response("**/drafts") as kept:
        other.get_by_label("Bericht", exact=True).fill("Woorden van het andere tabblad")
    assert kept.value.ok
    return other
