"""A conversation of some length on a phone: what stands at its ends can be seen and reached, and is said once."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import select

from securemail import ids
from securemail.guests import help as helping
from securemail.identity.context import Member
from securemail.messages import sending
from securemail.store.models import GuestLink
from tests.house import FATIMA, PETER
from tests.journeys.people import Office, arrive, open_letter, reply_as_guest

LONG = "anouk.visser@een-heel-lang-adres-van-een-kantoor-te-groningen.example"
"""Whoever writes to it has a field for the answer that is four lines high."""


def conversation_of_four(office: Office, marieke: Member) -> bytes:
    """More letters than a phone shows at once, the last of them short."""
    sent = office.send(marieke, FATIMA, PETER, (LONG, LONG), text="Hierbij\n\nde\n\nstukken.")
    for text in ("Ik vergat de\n\nbijlage van\n\nde notaris.", "Die komt\n\nmorgen\n\nna.", "Tot dinsdag."):
        with office.work() as ctx:
            sending.reply(ctx, marieke, conversation=sent.conversation, key=ids.new_id(), text=text)
    return sent.conversation


def test_the_menu_of_the_last_letter_lies_over_the_field_for_an_answer(
    office: Office, somebody: Callable[..., Page]
) -> None:
    marieke, page = office.member(), somebody()
    conversation = conversation_of_four(office, marieke)
    arrive(page, office, marieke, f"/conversations/{ids.to_text(conversation)}")
    page.get_by_label("Meer bij dit bericht").last.click()
    page.get_by_role("link", name="Toegang intrekken tot de hele conversatie").click()
    expect(page.get_by_role("heading", name="Toegang intrekken tot de hele conversatie")).to_be_visible()
    page.get_by_role("link", name="Annuleren").click()
    page.get_by_label("Meer bij dit bericht").last.click()
    page.get_by_role("link", name="Bericht intrekken").click()
    expect(page.get_by_role("heading", name="Bericht intrekken?")).to_be_visible()


def test_who_asks_for_help_is_seen_first(office: Office, somebody: Callable[..., Page]) -> None:
    marieke, page = office.member(), somebody()
    conversation = conversation_of_four(office, marieke)
    with office.work() as ctx:
        links = ctx.db.scalars(select(GuestLink).where(GuestLink.conversation == conversation)).all()
        helping.ask(ctx, links[0], "again")
    arrive(page, office, marieke, f"/conversations/{ids.to_text(conversation)}")
    expect(page.get_by_role("heading", name="vraagt om hulp")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Opnieuw versturen")).to_be_in_viewport(ratio=1)


def test_whoever_withdraws_from_the_last_of_many_sees_what_is_asked(
    office: Office, somebody: Callable[..., Page]
) -> None:
    marieke, page = office.member(), somebody()
    them = [(f"ontvanger{number}@example.org", f"Ontvanger {number}") for number in range(8)]
    sent = office.send(marieke, *them)
    arrive(page, office, marieke, f"/conversations/{ids.to_text(sent.conversation)}")
    page.get_by_label("Meer bij dit bericht").last.click()
    page.get_by_role("link", name="Toegang intrekken tot de hele conversatie").click()
    expect(page.get_by_text("ontvanger7@example.org")).to_be_visible()
    expect(page.get_by_text("Nog niet gelezen")).to_have_count(0)  # that was asked of one message
    page.get_by_label("Toegang van Ontvanger 7 intrekken").click()
    expect(page.get_by_role("button", name="OK, intrekken").last).to_be_in_viewport(ratio=1)


def test_what_was_done_is_not_said_again_by_a_reload(office: Office, somebody: Callable[..., Page]) -> None:
    marieke, page = office.member(), somebody()
    sent = office.send(marieke, FATIMA)
    arrive(page, office, marieke, f"/conversations/{ids.to_text(sent.conversation)}?done=number")
    expect(page.locator("[data-toast]")).to_have_text(re.compile("Het nummer is verbeterd"))
    expect(page).to_have_url(re.compile("/conversations/[^?]+$"))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.locator("[data-toast]").count() == 0, "it would come with the page"


def test_a_guest_sees_that_the_answer_was_sent(office: Office, somebody: Callable[..., Page]) -> None:
    marieke, page = office.member(), somebody()
    fatima = ("fatima.lang@example.org", "Fatima El Amrani")
    office.send(marieke, fatima, text="Een lange brief.\n\n" * 40)
    [mail] = office.sink.wait_for(fatima[0])
    open_letter(page, mail)
    reply_as_guest(page, "Dank u.")
    expect(page.get_by_text("Uw antwoord is verstuurd.")).to_be_in_viewport(ratio=1)
