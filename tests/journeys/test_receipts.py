"""The receipt envelope: nobody, some, everybody; who and when on tap."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.house import FATIMA, PETER
from tests.journeys.people import Office, arrive, ask_for_news, open_letter
from tests.journeys.test_guest import fresh

Somebody = Callable[..., Page]


def envelope(page: Page) -> Locator:
    """In the list."""
    return page.locator("#list .receipt")


def test_the_envelope_goes_from_nobody_by_some_to_everybody(
    every_office: Office, somebody: Somebody, size: str
) -> None:
    office, fatima, peter = every_office, fresh(FATIMA), fresh(PETER)
    marieke, inbox = office.member(), somebody(size)
    office.send(marieke, fatima, peter)
    [to_fatima], [to_peter] = office.sink.wait_for(fatima[0]), office.sink.wait_for(peter[0])
    arrive(inbox, office, marieke)
    expect(envelope(inbox)).to_have_text("Nog door niemand gelezen")

    open_letter(somebody(), to_fatima)
    ask_for_news(inbox)
    expect(envelope(inbox)).to_have_text("1Gelezen door 1 van de 2")

    open_letter(somebody(), to_peter)
    ask_for_news(inbox)
    expect(envelope(inbox)).to_have_text("Door iedereen gelezen")

    inbox.locator("#list .row-link").first.click()
    line = inbox.locator(".letter-own .receipt-line")
    expect(line).to_contain_text("Door iedereen gelezen")
    line.click()
    dialog = inbox.get_by_role("dialog", name="Wie heeft dit gelezen?")
    for name, address in (fatima[::-1], peter[::-1]):
        row = dialog.get_by_role("listitem").filter(has_text=name)
        expect(row).to_contain_text(address)
        expect(row).to_contain_text("Gelezen om ")
    inbox.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_the_letter_says_in_words_who_has_read_it_and_who_has_not(office: Office, somebody: Somebody) -> None:
    fatima, peter, marieke = fresh(FATIMA), fresh(PETER), office.member()
    office.send(marieke, fatima, peter)
    [to_fatima] = office.sink.wait_for(fatima[0])
    open_letter(somebody(), to_fatima)
    inbox = somebody("desktop")
    arrive(inbox, office, marieke)
    inbox.locator("#list .row-link").click()
    line = inbox.locator(".letter-own .receipt-line").last
    expect(line).to_contain_text("Gelezen door Fatima om ")
    expect(line).to_contain_text("Peter nog niet")
    line.click()
    dialog = inbox.get_by_role("dialog", name="Wie heeft dit gelezen?")
    expect(dialog.get_by_role("listitem").filter(has_text="Peter Hoekstra")).to_contain_text("Nog niet gelezen")


def test_a_colleague_reads_only_by_opening(office: Office, somebody: Somebody) -> None:
    marieke, sanne = office.member(), office.member("Sanne Kuipers")
    office.send(marieke, (sanne.address, sanne.name))
    hers, his = somebody(), somebody()
    arrive(hers, office, sanne)
    expect(hers.get_by_role("link", name="Ongelezen: Marieke van Dalen")).to_be_visible()
    arrive(his, office, marieke)
    expect(envelope(his)).to_have_text("Nog door niemand gelezen")
    hers.get_by_role("link", name="Ongelezen: Marieke van Dalen").click()
    expect(hers.locator(".letter-body")).to_contain_text("Het bedrag komt uit op € 384.")
    ask_for_news(his)
    expect(envelope(his)).to_have_text("Door iedereen gelezen")


def test_without_script_the_receipts_are_a_page(office: Office, somebody: Somebody) -> None:
    marieke, fatima = office.member(), fresh(FATIMA)
    office.send(marieke, fatima)
    inbox = somebody(java_script_enabled=False)
    arrive(inbox, office, marieke)
    inbox.locator("#list .row-link").click()
    inbox.locator(".letter-own .receipt-line").last.click()
    expect(inbox.get_by_role("heading", name="Wie heeft dit gelezen?")).to_be_visible()
    expect(inbox.get_by_text(fatima[0])).to_be_visible()
