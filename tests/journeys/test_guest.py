"""What somebody without an account meets: landing page, letter, answering, and every way to get the code wrong."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete

from securemail import ids
from securemail.crypto.codes import write_message_code
from securemail.crypto.secrets import MessageCode
from securemail.identity import limits
from securemail.store.models import Attempt, BrowserSession
from tests.house import FATIMA, PETER
from tests.journeys.people import (
    ORGANISATION,
    Office,
    ask_for_news,
    code_in,
    compose,
    let_in,
    link_in,
    open_letter,
    reply_as_guest,
    send,
)

Somebody = Callable[..., Page]
TYPED = "Fatima El Amrani <{}>"


def fresh(who: tuple[str, str]) -> tuple[str, str]:
    """The same person under an address that no other test uses."""
    local, _, domain = who[0].partition("@")
    return f"{local}.{ids.to_text(ids.new_id())[:8].lower().strip('-_')}x@{domain}", who[1]


def grouped(code: str) -> str:
    """A code as its field shows it: in groups of four."""
    return re.sub(r"(.{4})(?=.)", r"\1 ", code.replace(" ", ""))


def test_a_message_is_sent_opened_answered_and_answered_again(
    every_office: Office, somebody: Somebody, size: str
) -> None:
    office, fatima = every_office, fresh(FATIMA)
    marieke, inbox, phone = office.member(), somebody(size), somebody(size)
    let_in(inbox, office, marieke)
    compose(inbox, office.url, TYPED.format(fatima[0]), body="Beste Fatima,\n\nHet bedrag komt uit op € 384.")
    send(inbox)

    [mail] = office.sink.wait_for(fatima[0])
    open_letter(phone, mail)
    expect(phone.get_by_role("heading", name="Berekening kinderalimentatie")).to_be_visible()
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()
    reply_as_guest(phone, "Dank u wel, ik ga akkoord.")

    ask_for_news(inbox)
    expect(inbox.get_by_text("Gelezen door Fatima El Amrani om")).to_be_visible()
    inbox.goto(f"{office.url}/inbox")
    inbox.get_by_role("link", name="Ongelezen: Fatima El Amrani").click()
    expect(inbox.locator(".letter-body").last).to_contain_text("Dank u wel, ik ga akkoord.")
    inbox.get_by_label("Antwoord aan Fatima El Amrani").fill("Mooi, dan maak ik het in orde.")
    inbox.get_by_role("button", name="Verzenden").click()
    expect(inbox.get_by_text("Je antwoord is verzonden")).to_be_visible()

    again = office.sink.wait_for(fatima[0], 2)[1]
    phone.goto(link_in(again))
    phone.get_by_role("button", name="Bericht openen").click()
    for words in ("Het bedrag komt uit op € 384.", "Dank u wel, ik ga akkoord.", "Mooi, dan maak ik het in orde."):
        expect(phone.get_by_text(words)).to_be_visible()


def test_the_link_fills_the_code_and_leaves_the_address_bar(office: Office, phone: Page) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    phone.goto(link_in(mail))
    expect(phone.get_by_role("heading", name="Marieke van Dalen stuurt u een beveiligd bericht")).to_be_visible()
    expect(phone.get_by_text("De code uit uw e\u2011mail is al ingevuld.")).to_be_visible()
    expect(phone.locator("#code")).to_have_value(grouped(code_in(mail)))
    expect(phone).to_have_url(re.compile("^[^#]*$"))
    assert phone.evaluate("() => history.length") <= 2
    phone.get_by_role("button", name="Bericht openen").click()
    phone.wait_for_url("**/letter?opened=1")
    phone.goto("about:blank")
    phone.goto(link_in(mail))
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()
    phone.wait_for_url("**/letter")  # open still: the code was not asked for, and stays in no history either


def test_without_script_the_code_is_typed_and_opens(office: Office, somebody: Somebody) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    phone = somebody(java_script_enabled=False)
    phone.goto(link_in(mail))
    expect(phone.locator("#code")).to_have_value("")
    phone.locator("#code").fill(code_in(mail).lower().replace("0", "o"))
    phone.get_by_role("button", name="Bericht openen").click()
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()
    phone.get_by_role("link", name="Veilig antwoorden").click()
    phone.get_by_label("Uw antwoord").fill("Dat is goed.")
    phone.get_by_role("button", name="Versturen").click()
    expect(phone.get_by_text("Uw antwoord is verstuurd.")).to_be_visible()


def test_the_code_of_another_link_opens_that_other_message(office: Office, phone: Page) -> None:
    fatima, marieke = fresh(FATIMA), office.member()
    office.send(marieke, fatima, subject="Het eerste bericht")
    [first] = office.sink.wait_for(fatima[0])
    office.send(marieke, fatima, subject="Het tweede bericht")
    second = office.sink.wait_for(fatima[0], 2)[1]
    phone.goto(link_in(first).partition("#")[0])
    phone.locator("#code").fill(code_in(second))
    phone.get_by_role("button", name="Bericht openen").click()
    expect(phone.get_by_role("heading", name="Het tweede bericht")).to_be_visible()


def test_a_code_typed_without_a_link_finds_its_message(office: Office, phone: Page) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    phone.goto(f"{office.url}/b")
    phone.locator("#code").press_sequentially(code_in(mail).lower())
    expect(phone.locator("#code")).to_have_value(grouped(code_in(mail)))  # it groups itself
    phone.keyboard.press("Enter")
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()


def test_a_slip_of_the_finger_and_a_wrong_code_are_told_apart(office: Office, phone: Page) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    right = code_in(mail)
    phone.goto(link_in(mail).partition("#")[0])
    mistyped = right[:-1] + ("7" if right[-1] != "7" else "8")
    _try(phone, mistyped)
    expect(phone.get_by_text("Deze code klopt niet: controleer de tekens.")).to_be_visible()
    expect(phone.locator("#code")).to_have_value(grouped(mistyped))  # what was typed stays
    _try(phone, write_message_code(MessageCode.new()))
    expect(phone.get_by_text("Deze code past niet bij een bericht.")).to_be_visible()
    _try(phone, "")
    expect(phone.get_by_text("Vul de berichtcode in.")).to_be_visible()
    _try(phone, right)
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()


@pytest.mark.parametrize("path", ["/b/AAAAAAAAAAAAAAAAAAAAAA", "/b/half-een-lin", "/b/%F0%9F%92%A5", "/b/AAAA%20b"])
def test_an_unknown_or_mangled_link_is_no_dead_end(office: Office, phone: Page, path: str) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    answer = phone.goto(f"{office.url}{path}#{code_in(mail)}")
    assert answer is not None
    assert answer.status == 404
    expect(phone.get_by_role("heading", name="Deze link kennen we niet")).to_be_visible()
    phone.get_by_role("button", name="Bericht openen").click()
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()


@pytest.mark.parametrize("added", [".", ")", "/reply", ",%20groet"])
def test_what_a_mail_program_adds_to_a_link_does_no_harm(office: Office, phone: Page, added: str) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    page, _, code = link_in(mail).partition("#")
    phone.goto(f"{page}{added}#{code}")
    phone.get_by_role("button", name="Bericht openen").click()
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()


def test_after_too_many_wrong_codes_the_network_waits_and_is_told_so(office: Office, phone: Page) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    with office.work() as ctx:
        for _ in range(80):
            for address in ("127.0.0.1", "::1"):
                limits.count_code(ctx, limits.network(address))
    try:
        phone.goto(link_in(mail))
        with phone.expect_response("**/b/*") as answer:
            phone.get_by_role("button", name="Bericht openen").click()
        assert answer.value.status == 429
        assert int(answer.value.headers["retry-after"]) > 0
        expect(phone.get_by_role("heading", name="Even wachten")).to_be_visible()
        expect(phone.get_by_text("Uw bericht staat nog veilig.")).to_be_visible()
    finally:
        with office.work() as ctx:
            ctx.db.execute(delete(Attempt))


def test_an_answer_typed_while_the_session_ended_is_kept(office: Office, phone: Page) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    open_letter(phone, mail)
    phone.get_by_role("link", name="Veilig antwoorden").click()
    phone.get_by_label("Uw antwoord").fill("Dit heb ik een uur lang zitten typen.")
    with office.work() as ctx:
        ctx.db.execute(delete(BrowserSession).where(BrowserSession.account.is_(None)))
    phone.get_by_role("button", name="Versturen").click()
    expect(phone.get_by_role("heading", name="Het bericht is gesloten")).to_be_visible()
    expect(phone.get_by_label("Uw antwoord is nog niet verstuurd")).to_have_value(
        "Dit heb ik een uur lang zitten typen."
    )
    _try(phone, code_in(mail))
    expect(phone.locator("#letters")).to_be_visible()
    expect(phone.get_by_label("Uw antwoord")).to_have_value("Dit heb ik een uur lang zitten typen.")
    phone.get_by_role("button", name="Versturen").click()
    expect(phone.get_by_text("Uw antwoord is verstuurd.")).to_be_visible()


def test_closing_leaves_nothing_to_read(office: Office, phone: Page) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    open_letter(phone, mail)
    letter = phone.url
    phone.get_by_role("button", name="Sluiten").click()
    expect(phone.get_by_text("Het bericht is niet op dit apparaat bewaard.")).to_be_visible()
    phone.goto(letter)
    expect(phone.get_by_role("heading", name="Het bericht is gesloten")).to_be_visible()
    expect(phone.get_by_text("€ 384")).to_have_count(0)
    assert "__Host-g" not in {cookie["name"] for cookie in phone.context.cookies()}


def test_the_other_language_keeps_the_code(office: Office, phone: Page) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    phone.goto(link_in(mail))
    phone.get_by_role("button", name="Read this page in English").click()
    expect(phone.get_by_role("heading", name="Marieke van Dalen has sent you a secure message")).to_be_visible()
    expect(phone.locator("#code")).to_have_value(grouped(code_in(mail)))
    expect(phone).to_have_url(re.compile("^[^#]*$"))
    phone.get_by_role("button", name="Open message").click()
    expect(phone.get_by_text("Het bedrag komt uit op € 384.")).to_be_visible()
    phone.get_by_role("button", name="Lees deze pagina in het Nederlands").click()
    expect(phone.get_by_role("link", name="Veilig antwoorden")).to_be_visible()


def test_two_guests_see_each_others_names_and_answers_but_not_each_others_link(
    office: Office, somebody: Somebody
) -> None:
    fatima, peter = fresh(FATIMA), fresh(PETER)
    office.send(office.member(), fatima, peter)
    [to_fatima], [to_peter] = office.sink.wait_for(fatima[0]), office.sink.wait_for(peter[0])
    assert code_in(to_fatima) != code_in(to_peter)
    hers, his = somebody(), somebody()
    open_letter(hers, to_fatima)
    expect(hers.get_by_text("aan u en Peter Hoekstra")).to_be_visible()
    reply_as_guest(hers, "Wat vindt Peter hiervan?")
    answered = office.sink.wait_for(peter[0], 2)[1]
    his.goto(link_in(answered))
    _try(his, code_in(to_peter))
    expect(his.get_by_text("Wat vindt Peter hiervan?")).to_be_visible()


def test_the_installed_name_and_the_title_never_tell_the_subject(office: Office, phone: Page) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    open_letter(phone, mail)
    expect(phone).to_have_title(f"Beveiligd bericht · {ORGANISATION}")


def _try(page: Page, code: str) -> None:
    page.locator("#code").fill(code)
    page.get_by_role("button", name="Bericht openen").click()
