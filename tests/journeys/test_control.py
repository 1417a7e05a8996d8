"""Control after sending, in a browser: a number said later, another expiry date, a whole conversation taken back."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from securemail.guests.checks import Check
from tests.house import FATIMA, PETER
from tests.journeys.people import Office, ask_for_news, let_in, open_letter
from tests.journeys.test_guest import fresh
from tests.journeys.test_withdrawal import choose, open_conversation

Somebody = Callable[..., Page]


def test_a_number_said_later_is_asked_for_in_the_receipts(office: Office, somebody: Somebody, size: str) -> None:
    marieke, fatima = office.member(), fresh(FATIMA)
    sent = office.send(marieke, (*fatima, Check("sms")))
    page = somebody(size)
    let_in(page, office, marieke)
    open_conversation(page, office, sent)
    choose(page, "Wie heeft dit gelezen?")
    dialog = page.get_by_role("dialog", name="Wie heeft dit gelezen?")
    expect(dialog).to_contain_text("Nog niet verstuurd: de controle is niet compleet")
    dialog.get_by_role("link", name="Nummer invullen").click()
    page.get_by_label("Mobiel nummer").fill("06 12345678")
    page.get_by_role("button", name="Bewaren en versturen").click()
    expect(page.locator(".letter-own")).not_to_contain_text("controle")
    office.sink.wait_for(fatima[0])


def test_another_expiry_date_stands_at_the_letter(office: Office, somebody: Somebody, size: str) -> None:
    marieke, fatima = office.member(), fresh(FATIMA)
    sent = office.send(marieke, fatima)
    page = somebody(size)
    let_in(page, office, marieke)
    open_conversation(page, office, sent)
    choose(page, "Verloopdatum wijzigen")
    dialog = page.get_by_role("dialog", name="Verloopdatum wijzigen")
    dialog.get_by_label("Het bericht verloopt").select_option("7")
    dialog.get_by_role("button", name="Bewaren").click()
    expect(page.locator("#toasts")).to_contain_text("Verloopdatum gewijzigd")
    expect(page.locator(".letter-own")).to_contain_text("Te openen tot")


def test_one_loses_the_whole_conversation_within_a_request(office: Office, somebody: Somebody, size: str) -> None:
    marieke, fatima, peter = office.member(), fresh(FATIMA), fresh(PETER)
    sent = office.send(marieke, fatima, peter)
    [to_fatima], [to_peter] = office.sink.wait_for(fatima[0]), office.sink.wait_for(peter[0])
    hers, his, page = somebody(), somebody(), somebody(size)
    open_letter(hers, to_fatima)
    open_letter(his, to_peter)
    let_in(page, office, marieke)
    open_conversation(page, office, sent)
    choose(page, "Toegang intrekken tot de hele conversatie")
    dialog = page.get_by_role("dialog", name="Toegang intrekken tot de hele conversatie")
    dialog.get_by_label("Toegang van Peter Hoekstra intrekken").click()
    dialog.get_by_role("button", name="OK, intrekken").locator("visible=true").click()
    expect(page.locator("#toasts")).to_contain_text("Toegang tot de hele conversatie ingetrokken")
    ask_for_news(his)
    expect(his.locator("#code")).to_be_visible()
    expect(his.locator("#letters")).to_have_count(0)
    assert "384" not in his.content()
    his.reload()
    expect(his.locator("#code")).to_be_visible()
    assert "384" not in his.content()
    hers.reload()
    expect(hers.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()
