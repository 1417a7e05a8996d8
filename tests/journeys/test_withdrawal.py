"""Taking back: one message or one access, and what its receivers see from that moment on, wherever they look."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from securemail import ids
from securemail.messages.sending import Sent
from tests.house import FATIMA, PETER
from tests.journeys.people import Office, arrive, ask_for_news, let_in, link_in, open_letter
from tests.journeys.test_guest import fresh

Somebody = Callable[..., Page]
WORDS = "Het bedrag komt uit op € 384."


def open_conversation(page: Page, office: Office, sent: Sent) -> None:
    page.goto(f"{office.url}/conversations/{ids.to_text(sent.conversation)}")


def choose(page: Page, item: str) -> None:
    """From the three dots of one's own letter."""
    page.get_by_label("Meer bij dit bericht").last.click()
    page.get_by_role("link", name=item).click()


def take_back(page: Page) -> None:
    choose(page, "Bericht intrekken")
    page.get_by_role("button", name="OK, intrekken").click()
    expect(page.locator(".letter-own")).to_contain_text("Je hebt dit bericht ingetrokken")


def test_a_message_is_taken_back_from_everybody(every_office: Office, somebody: Somebody, size: str) -> None:
    office, fatima = every_office, fresh(FATIMA)
    marieke, sanne = office.member(), office.member("Sanne Kuipers")
    sent = office.send(marieke, fatima, (sanne.address, sanne.name))
    [mail] = office.sink.wait_for(fatima[0])
    phone, hers, his = somebody(size), somebody(size), somebody(size)
    open_letter(phone, mail)
    arrive(hers, office, sanne)
    hers.locator(".row-unread .row-link").click()
    expect(hers.locator(".letter-body")).to_contain_text(WORDS)

    let_in(his, office, marieke)
    open_conversation(his, office, sent)
    choose(his, "Bericht intrekken")
    question = his.get_by_role("dialog", name="Bericht intrekken?")
    expect(question).to_contain_text("Fatima en Sanne kunnen het dan niet meer lezen.")
    expect(question).to_contain_text("Fatima las het al om ")
    question.get_by_role("link", name="Annuleren").click()
    expect(question).to_have_count(0)
    expect(his.locator(".letter-own").get_by_text(WORDS)).to_be_visible()
    take_back(his)
    expect(his.locator("#toasts")).to_contain_text("Bericht ingetrokken")

    ask_for_news(phone)
    expect(phone.get_by_role("heading", name="Dit bericht is ingetrokken")).to_be_visible()
    ask_for_news(hers)
    expect(hers.locator("#letters")).to_contain_text("Marieke van Dalen heeft dit bericht ingetrokken")
    for page in (phone, hers):
        expect(page.locator("html")).not_to_contain_text(WORDS)
        expect(page.locator("body")).not_to_contain_text("Berekening kinderalimentatie", use_inner_text=True)
        assert WORDS not in page.content()
    hers.goto(f"{office.url}/inbox")
    expect(hers.locator("#list")).to_contain_text("Marieke van Dalen heeft dit bericht ingetrokken")


def test_a_link_opened_afterwards_says_that_it_was_taken_back(office: Office, somebody: Somebody) -> None:
    marieke, fatima = office.member(), fresh(FATIMA)
    sent = office.send(marieke, fatima)
    [mail] = office.sink.wait_for(fatima[0])
    his, phone = somebody(), somebody()
    let_in(his, office, marieke)
    open_conversation(his, office, sent)
    take_back(his)
    phone.goto(link_in(mail))
    phone.get_by_role("button", name="Bericht openen").click()
    expect(phone.get_by_role("heading", name="Dit bericht is ingetrokken")).to_be_visible()
    expect(phone.get_by_text("U hoeft niets te doen.")).to_be_visible()
    assert WORDS not in phone.content()


def test_one_access_is_taken_back_and_the_others_read_on(office: Office, somebody: Somebody) -> None:
    marieke, fatima, peter = office.member(), fresh(FATIMA), fresh(PETER)
    sent = office.send(marieke, fatima, peter)
    [to_fatima], [to_peter] = office.sink.wait_for(fatima[0]), office.sink.wait_for(peter[0])
    hers, his, office_page = somebody(), somebody(), somebody("desktop")
    open_letter(hers, to_fatima)
    open_letter(his, to_peter)
    let_in(office_page, office, marieke)
    open_conversation(office_page, office, sent)
    choose(office_page, "Toegang intrekken tot dit bericht")
    dialog = office_page.get_by_role("dialog", name="Toegang intrekken tot dit bericht")
    dialog.get_by_label("Toegang van Peter Hoekstra intrekken").click()
    expect(dialog.get_by_text("Peter Hoekstra kan het bericht dan niet meer lezen.")).to_be_visible()
    dialog.get_by_role("button", name="OK, intrekken").locator("visible=true").click()
    expect(office_page.locator("#toasts")).to_contain_text("Toegang ingetrokken")
    ask_for_news(his)
    expect(his.get_by_role("heading", name="Dit bericht is ingetrokken")).to_be_visible()
    hers.reload()
    expect(hers.get_by_text(WORDS)).to_be_visible()


def test_without_script_it_is_taken_back_by_two_pages(office: Office, somebody: Somebody) -> None:
    marieke, fatima = office.member(), fresh(FATIMA)
    sent = office.send(marieke, fatima)
    page = somebody(java_script_enabled=False)
    let_in(page, office, marieke)
    open_conversation(page, office, sent)
    choose(page, "Bericht intrekken")
    expect(page.get_by_role("heading", name="Bericht intrekken?")).to_be_visible()
    page.get_by_role("button", name="OK, intrekken").click()
    expect(page.locator(".letter-own")).to_contain_text("Je hebt dit bericht ingetrokken")


def test_an_answer_being_typed_outlives_the_message_that_is_taken_back(office: Office, somebody: Somebody) -> None:
    marieke, fatima = office.member(), fresh(FATIMA)
    first = office.send(marieke, fatima)
    [mail] = office.sink.wait_for(fatima[0])
    his, phone = somebody(), somebody()
    open_letter(phone, mail)
    phone.get_by_role("link", name="Veilig antwoorden").click()
    phone.get_by_label("Uw antwoord").fill("Halverwege een zin")
    let_in(his, office, marieke)
    open_conversation(his, office, first)
    take_back(his)
    ask_for_news(phone)
    expect(phone.get_by_text(WORDS)).to_have_count(0)
    expect(phone.get_by_label("Uw antwoord")).to_have_value("Halverwege een zin")
    phone.get_by_role("button", name="Versturen").click()
    expect(phone.get_by_role("heading", name="Dit bericht is ingetrokken")).to_be_visible()
