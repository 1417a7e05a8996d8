"""Becoming a user, page by page: the quiet line, what an account is for, and keeping what is open."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from securemail import ids
from securemail.crypto.codes import write_message_code
from securemail.messages import revocation
from securemail.messages.sending import Sent
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.store.models import GuestLink
from tests.house import FATIMA, PASSWORD, PETER, House
from tests.visitor import Visitor

OTHER = ("fatima@elders.example", "Fatima El Amrani")


def at(house: House, sent: Sent) -> str:
    """The page of the link in a conversation."""
    with house.work() as ctx:
        ref = ctx.db.scalars(select(GuestLink.link_ref).where(GuestLink.conversation == sent.conversation)).one()
    return f"/b/{ids.to_text(ref)}"


def open_letter(house: House, visitor: Visitor, sent: Sent, who: tuple[str, str] = FATIMA) -> str:
    page = at(house, sent)
    visitor.get(page)
    code = write_message_code(house.code_of(sent.conversation, who[0]))
    assert visitor.post(page, {"code": code}).location == f"{page}/letter?opened=1"
    return page


def title(text: str) -> str:
    found = re.search(r"<h1[^>]*>\s*(.*?)\s*</h1>", text, re.DOTALL)
    assert found
    return found[1]


def decide(house: House, decided: Policy) -> None:
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, decided)


def test_the_letter_offers_it_and_the_page_says_what_it_is_for(house: House, visitor: Visitor) -> None:
    page = open_letter(house, visitor, house.send(FATIMA))
    letter = visitor.get(f"{page}/letter").text
    assert f'href="{page}/account"' in letter
    shown = visitor.get(f"{page}/account").text
    assert title(shown) == "Bewaar deze berichten in een eigen account"
    assert "1\u00a0bericht" in shown
    assert f"/login?next={page}/account" in shown
    start = visitor.get(f"/signup?letter={page[3:]}").text
    assert f'value="{FATIMA[0]}"' in start
    assert f"/login?next={page}/account" in start


def test_the_address_is_told_to_nobody_else(house: House, visitor: Visitor) -> None:
    page = at(house, house.send(FATIMA))
    for text in (page[3:], "", "x", "A" * 22):
        assert FATIMA[0] not in visitor.get(f"/signup?letter={text}").text
    answer = visitor.get(f"{page}/account")
    assert answer.status_code == 401
    assert FATIMA[0] not in answer.text
    assert title(answer.text) == "De berichten zijn intussen gesloten"


def test_logged_in_with_the_same_address_one_button_keeps_it(house: House, visitor: Visitor) -> None:
    sent = house.send(FATIMA)
    page, fatima = open_letter(house, visitor, sent), house.join(FATIMA)
    assert visitor.log_in(FATIMA[0], PASSWORD, next=f"{page}/account").location == f"{page}/account"
    assert title(visitor.get(f"{page}/account").text) == "Bewaar deze berichten in uw postvak"
    answer = visitor.post(f"{page}/claim")
    conversation = f"/conversations/{ids.to_text(sent.conversation)}"
    assert (answer.status_code, answer.location) == (303, f"{conversation}?done=claimed")
    shown = visitor.get(answer.location).text
    assert "Bewaard in je postvak" in shown
    assert "€ 384" in shown
    again = visitor.post(f"{page}/claim")
    assert (again.status_code, again.location) == (303, conversation)
    for former in (page, f"{page}/letter", f"{page}/account"):
        assert visitor.get(former).location == conversation
    assert len(house.letters(fatima, sent.conversation)) == 1


def test_afterwards_only_who_has_the_code_is_told_where_it_went(house: House, app: Flask, visitor: Visitor) -> None:
    sent = house.send(FATIMA)
    code = write_message_code(house.code_of(sent.conversation, FATIMA[0]))
    page = open_letter(house, visitor, sent)
    house.join(FATIMA)
    visitor.log_in(FATIMA[0], PASSWORD)
    visitor.get(f"{page}/account")
    visitor.post(f"{page}/claim")
    stranger = Visitor(app, "192.0.2.99")
    assert title(stranger.get(page).text) == "Marieke van Dalen stuurt u een beveiligd bericht"
    assert stranger.get(f"{page}/account").status_code == 401
    told = stranger.post(page, {"code": code})
    assert told.status_code == 410
    assert "eigen account" in told.text
    assert "€ 384" not in told.text


def test_another_account_is_told_so_and_logs_out_back_to_here(house: House, visitor: Visitor) -> None:
    page = open_letter(house, visitor, house.send(FATIMA))
    house.join(OTHER)
    visitor.log_in(OTHER[0], PASSWORD)
    shown = visitor.get(f"{page}/account").text
    assert title(shown) == "U bent ingelogd met een ander adres"
    refused = visitor.post(f"{page}/claim")
    assert (refused.status_code, title(refused.text)) == (409, "U bent ingelogd met een ander adres")
    assert visitor.post("/logout", {"next": f"{page}/account"}).location == f"/login?bye=1&next={page}/account"
    assert title(visitor.get(f"{page}/account").text) == "Bewaar deze berichten in een eigen account"


def test_nobody_is_led_elsewhere_after_logging_out(house: House, visitor: Visitor) -> None:
    visitor.log_in("marieke@vandalenbakker.example", PASSWORD)
    visitor.get("/inbox")
    assert visitor.post("/logout", {"next": "//elders.example"}).location == "/login?bye=1"


def test_a_claim_without_a_log_in_asks_for_it(house: House, visitor: Visitor) -> None:
    page = open_letter(house, visitor, house.send(FATIMA))
    visitor.get(f"{page}/account")
    assert visitor.post(f"{page}/claim").status_code == 401
    with house.work() as ctx:
        assert ctx.db.scalars(select(GuestLink.claimed_by)).one() is None


@pytest.mark.parametrize(
    ("decided", "told"),
    [
        (Policy(sign_up="invitation"), "Een account maken kan hier alleen op uitnodiging."),
        (Policy(sign_up="domains", domains=("kantoor.example",)), "alleen met een adres van kantoor.example."),
    ],
)
def test_who_may_not_sign_up_reads_why(house: House, visitor: Visitor, decided: Policy, told: str) -> None:
    page = open_letter(house, visitor, house.send(FATIMA))
    decide(house, decided)
    shown = visitor.get(f"{page}/account").text
    assert told in shown
    assert "/signup" not in shown
    assert f"/login?next={page}/account" in shown


def test_a_remembered_browser_is_asked_for_the_code(house: House, visitor: Visitor) -> None:
    page = open_letter(house, visitor, house.send(FATIMA))
    visitor.get(f"{page}/letter")
    visitor.post(f"{page}/remember")
    visitor.client.delete_cookie("__Host-g")
    visitor.get(page)
    assert visitor.post(f"{page}/return").status_code == 303
    assert title(visitor.get(f"{page}/account").text) == "Vul de code nog één keer in"
    house.join(FATIMA)
    visitor.log_in(FATIMA[0], PASSWORD)
    assert title(visitor.get(f"{page}/account").text) == "Vul de code nog één keer in"
    assert visitor.post(f"{page}/claim").status_code == 409
    assert "Bewaren in mijn postvak" not in visitor.get("/inbox").text


def test_the_inbox_offers_what_is_open_and_keeps_all_of_it(house: House, visitor: Visitor) -> None:
    for subject in ("Eerste", "Tweede"):
        open_letter(house, visitor, house.send(FATIMA, subject=subject))
    open_letter(house, visitor, house.send(PETER, subject="Van Peter"), PETER)
    house.join(FATIMA)
    visitor.log_in(FATIMA[0], PASSWORD)
    shown = visitor.get("/inbox").text
    assert "Je opende hier 2 conversaties met Marieke van Dalen." in shown
    assert "Je opende hier 2 conversaties" in visitor.get("/signup/ready").text
    answer = visitor.post("/claims")
    assert (answer.status_code, answer.location) == (303, "/inbox?claimed=2")
    shown = visitor.get(answer.location).text
    assert "Bewaard in je postvak" in shown
    assert "Je opende hier" not in shown
    assert "Eerste" in shown
    assert "Tweede" in shown
    assert "Van Peter" not in shown


def test_the_offer_is_put_away_until_something_else_is_opened(house: House, visitor: Visitor) -> None:
    first, second = house.send(FATIMA), house.send(FATIMA, subject="Tweede")
    open_letter(house, visitor, first)
    house.join(FATIMA)
    visitor.log_in(FATIMA[0], PASSWORD)
    assert "Je opende hier een conversatie met Marieke van Dalen." in visitor.get("/inbox").text
    assert visitor.post("/claims/later").location == "/inbox"
    assert "Je opende hier" not in visitor.get("/inbox").text
    open_letter(house, visitor, second)
    assert "Je opende hier 2 conversaties" in visitor.get("/inbox").text


def test_half_an_hour_later_it_says_so(house: House, visitor: Visitor) -> None:
    page = open_letter(house, visitor, house.send(FATIMA))
    house.join(FATIMA)
    visitor.log_in(FATIMA[0], PASSWORD)
    visitor.get("/inbox")
    house.clock.forward(minutes=31)
    assert visitor.post("/claims").location == "/inbox?claimed=0"
    assert "Open ze opnieuw met je code" in visitor.get("/inbox?claimed=0").text
    answer = visitor.post(f"{page}/claim")
    assert (answer.status_code, title(answer.text)) == (401, "De berichten zijn intussen gesloten")


def test_taken_back_meanwhile_leaves_nothing_to_keep(house: House, visitor: Visitor) -> None:
    sent = house.send(FATIMA)
    page = open_letter(house, visitor, sent)
    house.join(FATIMA)
    visitor.log_in(FATIMA[0], PASSWORD)
    visitor.get(f"{page}/account")
    with house.work() as ctx:
        revocation.revoke_from_conversation(ctx, house.marieke, sent.message, 0)
    assert visitor.post(f"{page}/claim").status_code == 401


def test_the_sender_sees_a_member_and_no_new_code(house: House, app: Flask, visitor: Visitor) -> None:
    sent = house.send(FATIMA)
    page = open_letter(house, visitor, sent)
    house.join(FATIMA)
    visitor.log_in(FATIMA[0], PASSWORD)
    visitor.get(f"{page}/account")
    visitor.post(f"{page}/claim")
    marieke = Visitor(app, "192.0.2.50")
    marieke.log_in("marieke@vandalenbakker.example", PASSWORD)
    shown = marieke.get(f"/messages/{ids.to_text(sent.message)}/receipts").text
    assert "Eigen account" in shown
    assert "ieuwe code" not in shown
    assert "Fatima El Amrani" in shown
