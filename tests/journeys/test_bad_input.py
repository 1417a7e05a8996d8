"""Whatever is typed or breaks, a clear sentence says so and nothing typed is lost."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from securemail import ids
from securemail.store.models import Outbox
from tests.browser import open_context
from tests.house import PETER
from tests.journeys.people import Office, arrive, await_news, compose, found_office, let_in, send
from tests.servers import PATIENCE, SmtpSink, Sqlite, free_port, running_product, smtp_sink

INCOMPLETE = "Dit adres is niet compleet. Schrijf het zo: naam@kantoor.nl"
LONG = "Dit adres is langer dan een e-mailadres mag zijn."
UNSEEN = "In dit adres staan tekens die niet in een e-mailadres kunnen."
LETTER = "Een brief die niemand twee keer wil typen."


HOSTILE = {
    "peter@hoekstra": INCOMPLETE,
    "peter": INCOMPLETE,
    "peter@[127.0.0.1]": INCOMPLETE,
    "peter@hoekstra.example\u0000": UNSEEN,
    "peter@hoekstra.example\u2028Bcc: mallory@example.org": UNSEEN,
    "\u202eelpmaxe.artskeoh@retep": UNSEEN,
    f"{'a' * 300}@hoekstra.example": LONG,
    "<script>alert(1)</script>@hoekstra.example": INCOMPLETE,
}


def test_a_hostile_address_is_told_at_its_chip_and_nothing_is_lost(office: Office, phone: Page) -> None:
    let_in(phone, office, office.member())
    for typed, sentence in HOSTILE.items():
        phone.goto(f"{office.url}/compose")
        phone.get_by_label("Onderwerp").fill("Omgangsregeling")
        phone.get_by_label("Bericht", exact=True).fill(LETTER)
        phone.get_by_label("Aan", exact=True).evaluate("(field, typed) => { field.value = typed }", typed)
        phone.get_by_role("button", name="Verzenden").click()
        expect(phone.get_by_text(sentence).first).to_be_visible()
        expect(phone.locator("#to-error")).to_be_visible()
        expect(phone.get_by_label("Bericht", exact=True)).to_have_value(LETTER)
        expect(phone.get_by_label("Onderwerp")).to_have_value("Omgangsregeling")
    phone.goto(f"{office.url}/sent")
    expect(phone.get_by_text("Nog niets verzonden")).to_be_visible()


def test_a_header_cannot_be_smuggled_through_a_form(office: Office, phone: Page) -> None:
    marieke = office.member()
    arrive(phone, office, marieke, "/compose")
    form = {
        "csrf_token": phone.locator("meta[name=csrf]").get_attribute("content") or "",
        "key": ids.to_text(ids.new_id()),
        "recipient": f'"Peter\r\nBcc: mallory@example.org" <peter.{marieke.address}>',
        "subject": "Omgangsregeling\r\nBcc: mallory@example.org",
        "body": LETTER,
    }
    answer = phone.request.post(f"{office.url}/compose", form=form)
    assert answer.status == 422
    assert LETTER in answer.text()
    assert not office.sink.to("mallory@example.org")


def test_an_address_with_letters_of_its_own_country_is_sent_to(office: Office, phone: Page) -> None:
    let_in(phone, office, office.member())
    compose(phone, office.url, "post@café-bücher.example")
    send(phone)
    assert office.sink.wait_for("post@" + "café-bücher.example".encode("idna").decode("ascii"))


def test_empty_fields_are_named(office: Office, phone: Page) -> None:
    arrive(phone, office, office.member(), "/compose")
    phone.get_by_role("button", name="Verzenden").click()
    for sentence in ("Vul minstens één ontvanger in.", "Vul een onderwerp in.", "Schrijf eerst een bericht."):
        expect(phone.get_by_text(sentence)).to_be_visible()
    compose(phone, office.url, "peter@hoekstra.example", subject="", body=LETTER)
    phone.get_by_role("button", name="Verzenden").click()
    expect(phone.get_by_text("Vul een onderwerp in.")).to_be_visible()
    expect(phone.get_by_label("Bericht", exact=True)).to_have_value(LETTER)
    phone.get_by_label("Onderwerp").fill("Omgangsregeling")
    phone.get_by_label("Bericht", exact=True).fill(" \n ")
    phone.get_by_role("button", name="Verzenden").click()
    expect(phone.get_by_text("Schrijf eerst een bericht.")).to_be_visible()


def test_a_field_that_is_being_mended_is_no_longer_told(office: Office, phone: Page) -> None:
    arrive(phone, office, office.member(), "/compose")
    phone.get_by_role("button", name="Verzenden").click()
    expect(phone.get_by_text("Vul een onderwerp in.")).to_be_visible()
    phone.get_by_label("Onderwerp").press_sequentially("O")
    expect(phone.get_by_text("Vul een onderwerp in.")).to_have_count(0)
    expect(phone.get_by_text("Schrijf eerst een bericht.")).to_be_visible()
    phone.get_by_label("Aan", exact=True).press_sequentially("peter@hoekstra.example,")
    expect(phone.get_by_text("Vul minstens één ontvanger in.")).to_have_count(0)


def test_five_megabytes_are_told_and_still_stand_there(office: Office, desktop: Page) -> None:
    let_in(desktop, office, office.member())
    compose(desktop, office.url, "peter@hoekstra.example", body="")
    body = desktop.get_by_label("Bericht", exact=True)
    body.evaluate("field => { field.value = 'Beste Peter, '.repeat(400_000) }")
    # By script: a field of this size takes a browser seconds to lay out, and a click waits for a calm page.
    desktop.evaluate("() => document.querySelector('button.send').click()")
    told = desktop.get_by_text("Dit bericht is langer dan 1 MB. Er is niets verstuurd; maak het korter.")
    expect(told).to_be_visible(timeout=120_000)
    assert body.evaluate("field => field.value.length") == 400_000 * len("Beste Peter, ")


def test_control_characters_are_told_and_the_text_stays(office: Office, phone: Page) -> None:
    let_in(phone, office, office.member())
    compose(phone, office.url, "peter@hoekstra.example", body="")
    body = phone.get_by_label("Bericht", exact=True)
    body.evaluate("field => { field.value = 'Bel\\u0007 mij' }")
    phone.get_by_role("button", name="Verzenden").click()
    expect(phone.get_by_text("In het bericht staan tekens die niet verstuurd kunnen worden.")).to_be_visible()
    expect(body).to_have_value("Bel\u0007 mij")


def test_an_empty_answer_is_not_sent(office: Office, phone: Page) -> None:
    marieke, sanne = office.member("Marieke van Dalen"), office.member("Sanne Kuipers")
    office.send(sanne, (marieke.address, marieke.name))
    arrive(phone, office, marieke)
    phone.get_by_role("link", name="Berekening kinderalimentatie").click()
    phone.get_by_label("Antwoord aan").fill("   ")
    phone.get_by_role("button", name="Verzenden").click()
    expect(phone.get_by_text("Schrijf eerst een bericht.")).to_be_visible()


def test_a_message_waits_while_the_mail_server_is_away(sqlite: Sqlite, tmp_path: Path, phone: Page) -> None:
    port = free_port()
    with (
        running_product(tmp_path / "var", sqlite.new_database(), smtp_port=port, workers=1) as product,
        found_office(product, SmtpSink(port)) as office,
    ):
        let_in(phone, office, office.member())
        compose(phone, office.url, f"Peter Hoekstra <{PETER[0]}>")
        send(phone)
        await_news(phone, phone.get_by_text("Notificatie aan Peter Hoekstra wacht op verzending"))
        with smtp_sink(port=port) as sink:
            _try_again_now(office)
            sink.wait_for(PETER[0])
            await_news(phone, phone.get_by_text("wacht op verzending"), count=0)


def test_a_refused_address_is_shown_and_mended(every_office: Office, page: Page) -> None:
    office = every_office
    marieke = office.member()
    address = f"peter.{marieke.address}"
    office.sink.refuse[address] = "550 5.1.1 no such user"
    let_in(page, office, marieke)
    compose(page, office.url, f"Peter Hoekstra <{address}>")
    send(page)
    await_news(page, page.get_by_text("Niet bezorgd bij Peter Hoekstra"))
    page.goto(f"{office.url}/sent")
    expect(page.locator(".row-waits")).to_have_text("Niet bezorgd")
    page.get_by_role("link", name="Berekening kinderalimentatie").click()
    del office.sink.refuse[address]
    page.get_by_role("button", name="Opnieuw versturen").click()
    expect(page.get_by_text("De notificatie wordt opnieuw verstuurd")).to_be_visible()
    office.sink.wait_for(address)
    expect(page.get_by_text("Niet bezorgd bij")).to_have_count(0)


def test_a_locked_database_is_told_and_the_text_goes_once_it_is_free(office: Office, desktop: Page) -> None:
    let_in(desktop, office, office.member())
    compose(desktop, office.url, "peter@hoekstra.example", body=LETTER)
    with _locked(office):
        desktop.get_by_role("button", name="Verzenden").click()
        expect(desktop.locator("#problem").get_by_text("Het is nu even druk")).to_be_visible(timeout=60_000)
        expect(desktop.get_by_label("Bericht", exact=True)).to_have_value(LETTER)
    send(desktop)
    desktop.goto(f"{office.url}/sent")
    expect(desktop.locator("li.row")).to_have_count(1)


def test_without_script_a_locked_database_answers_with_a_page(office: Office, chromium: Browser) -> None:
    with open_context(chromium, "phone", java_script_enabled=False) as context:
        page = context.new_page()
        arrive(page, office, office.member(), "/compose")
        page.get_by_label("Aan", exact=True).fill("peter@hoekstra.example")
        page.get_by_label("Onderwerp").fill("Omgangsregeling")
        page.get_by_label("Bericht", exact=True).fill(LETTER)
        with _locked(office), page.expect_response("**/compose") as answer:
            page.get_by_role("button", name="Verzenden").click()
        assert (answer.value.status, answer.value.header_value("retry-after")) == (503, "5")
        expect(page.get_by_role("heading", name="Het is nu even druk")).to_be_visible()


def test_wrong_addresses_are_answered_with_a_page_of_ours(office: Office, phone: Page) -> None:
    let_in(phone, office, office.member())
    nobodys = ids.to_text(ids.new_id())
    for path, status in [
        ("/nergens", 404),
        (f"/conversations/{nobodys}", 404),
        ("/conversations/zo-maar-iets", 404),
        (f"/drafts/{nobodys}", 404),
        (f"/messages/{nobodys}/receipts", 404),
        ("/inbox?cursor=morgen", 404),
        ("/inbox?cursor=99999999999999999999999-AAAA", 404),
        ("/drafts?cursor=1-", 404),
        ("/compose/chips", 405),
    ]:
        answer = phone.goto(f"{office.url}{path}")
        assert answer is not None
        assert answer.status == status, path
        expect(phone.get_by_role("heading", level=1)).to_be_visible()
        expect(phone.get_by_text(f"Foutcode {status}")).to_be_visible()


@contextmanager
def _locked(office: Office) -> Iterator[None]:
    """Somebody else writes, and does not stop."""
    path = office.product.environ["DATABASE_URL"].removeprefix("sqlite:///")
    holder = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def _try_again_now(office: Office) -> None:
    """As if the waiting between two tries were over."""
    with office.work() as ctx:
        ctx.db.execute(update(Outbox).where(Outbox.state == "waiting").values(due=ctx.now))
