"""Remembered browsers as pages: offered in the letter, opening by themselves, listed and forgotten on both sides."""

from flask import Flask
from sqlalchemy import select

from securemail import ids
from securemail.guests.checks import NONE, Check
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.store.models import GuestDevice, Message, SessionLink
from securemail.web import session
from tests.house import SANNE, House
from tests.visitor import Visitor
from tests.web.pages.test_guest_checks import AGREED, NUMBER, agreed, enter, send

OFFER = "Onthoud dit apparaat 30 dagen"


def remembered(house: House, visitor: Visitor, check: Check = NONE) -> str:
    """Fatima opens a letter and has her browser remembered; the letter's address."""
    page, code = send(house, check)
    assert OFFER in enter(visitor, page, code)
    answer = visitor.post(f"{page}/remember")
    assert (answer.status_code, answer.location) == (303, f"{page}/devices?added=1")
    kept = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith(session.REMEMBERED_GUEST))
    assert all(word in kept for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"))
    return page


def forget_session(visitor: Visitor) -> None:
    """The browser was closed meanwhile."""
    visitor.client.delete_cookie(session.GUEST)


def newest(house: House) -> str:
    with house.work() as ctx:
        return ids.to_text(ctx.db.scalars(select(Message.id).order_by(Message.sent_at.desc())).first() or b"")


def test_the_next_letter_opens_with_one_button(house: House, visitor: Visitor) -> None:
    remembered(house, visitor)
    page, _code = send(house, NONE)
    forget_session(visitor)
    shown = visitor.get(page)
    assert 'data-island="once open-itself"' in shown.text
    assert "Berichtcode" not in shown.text
    assert "€ 384" not in shown.text
    answer = visitor.post(f"{page}/return")
    assert (answer.status_code, answer.location) == (303, f"{page}/letter?opened=1")
    letter = visitor.get(answer.location).text
    assert "€ 384" in letter
    assert OFFER not in letter
    assert "Dit apparaat wordt onthouden tot" in letter


def test_an_agreed_password_is_remembered_for_one_conversation_and_both_are_told_so(
    house: House, visitor: Visitor, marieke: Visitor
) -> None:
    page, code = send(house, agreed(house))
    enter(visitor, page, code)
    assert visitor.post(f"{page}/check", {"code": AGREED}).status_code == 303
    assert "Deze conversatie gaat op dit apparaat dan 30 dagen open" in visitor.get(f"{page}/letter").text
    visitor.post(f"{page}/remember")
    assert "opent u deze conversatie zonder code en zonder wachtwoord" in visitor.get(f"{page}/devices").text
    shown = marieke.get(f"/messages/{newest(house)}/receipts").text
    assert "deze conversatie gaat daar open zonder code en zonder wachtwoord" in shown


def test_a_get_opens_nothing_and_the_code_still_works(house: House, visitor: Visitor) -> None:
    remembered(house, visitor)
    page, code = send(house, NONE)
    forget_session(visitor)
    with house.work() as ctx:
        before = len(ctx.db.scalars(select(SessionLink.link)).all())
    visitor.get(page)
    with house.work() as ctx:
        assert len(ctx.db.scalars(select(SessionLink.link)).all()) == before
    assert "Berichtcode" in visitor.get(f"{page}?again=1").text
    assert visitor.post(page, {"code": code}).status_code == 303


def test_another_browser_gets_the_field_for_the_code(house: House, visitor: Visitor, app: Flask) -> None:
    page = remembered(house, visitor)
    stranger = Visitor(app)
    assert "Berichtcode" in stranger.get(page).text
    answer = stranger.post(f"{page}/return")
    assert answer.status_code == 303
    assert stranger.get(f"{page}/letter").status_code == 401
    assert stranger.post(f"{page}/remember").status_code == 401
    assert stranger.get(f"{page}/devices").status_code == 401
    assert stranger.post(f"{page}/devices/forget", {"device": ids.to_text(ids.new_id())}).status_code == 401


def test_a_guest_forgets_this_device(house: House, visitor: Visitor) -> None:
    page = remembered(house, visitor)
    shown = visitor.get(f"{page}/devices").text
    assert "Dit apparaat" in shown
    with house.work() as ctx:
        device = ids.to_text(ctx.db.scalars(select(GuestDevice.id)).one())
    assert visitor.post(f"{page}/devices/forget", {"device": device}).status_code == 303
    assert "Daar is nu weer de code" in visitor.get(f"{page}/devices?forgotten=1").text
    assert "Er is geen apparaat onthouden" in visitor.get(f"{page}/devices").text
    forget_session(visitor)
    assert "Berichtcode" in visitor.get(page).text
    assert visitor.post(f"{page}/devices/forget", {"device": "x"}).status_code in (400, 401, 422)


def test_the_sender_sees_and_forgets_it(house: House, visitor: Visitor, marieke: Visitor, app: Flask) -> None:
    page = remembered(house, visitor)
    message = newest(house)
    shown = marieke.get(f"/messages/{message}/receipts").text
    assert "Fatima El Amrani liet een apparaat onthouden tot" in shown
    with house.work() as ctx:
        device = ids.to_text(ctx.db.scalars(select(GuestDevice.id)).one())
    path = f"/messages/{message}/recipients/0/devices/forget"
    other = Visitor(app)
    assert other.log_in(SANNE[0], "negen blauwe fietsen in de gracht").status_code == 303
    other.get("/inbox")
    assert other.post(path, {"device": device}).status_code == 404
    answer = marieke.post(path, {"device": device})
    assert (answer.status_code, answer.location) == (303, f"/messages/{message}/receipts")
    assert "liet een apparaat onthouden" not in marieke.get(answer.location).text
    forget_session(visitor)
    assert "Berichtcode" in visitor.get(page).text


def test_where_the_organisation_forbids_it_nothing_is_offered(house: House, visitor: Visitor) -> None:
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(remember_devices=False))
    page, code = send(house, NONE)
    assert OFFER not in enter(visitor, page, code)
    answer = visitor.post(f"{page}/remember")
    assert answer.location == f"{page}/letter"
    assert visitor.cookie(session.REMEMBERED_GUEST) is None


def test_between_two_steps_nobody_is_remembered(house: House, visitor: Visitor) -> None:
    page, code = send(house, Check("sms", NUMBER))
    assert OFFER not in enter(visitor, page, code)
    assert visitor.post(f"{page}/remember").status_code == 401


def test_after_an_hour_away_unsent_words_come_back_with_the_letter(house: House, visitor: Visitor) -> None:
    page = remembered(house, visitor)
    house.clock.forward(minutes=40)
    closed = visitor.post(f"{page}/reply", {"reply": "Ik ben het eens", "key": ids.to_text(ids.new_id())})
    assert closed.status_code == 401
    assert "Ik ben het eens" in closed.text
    assert "opent het opnieuw zonder code" in closed.text
    again = visitor.post(f"{page}/return", {"reply": "Ik ben het eens"})
    assert again.status_code == 200
    assert "€ 384" in again.text
    assert "Ik ben het eens" in again.text
