"""The landing page's states without a browser: code, SMS, password, locked, closed, and asking for help."""

from datetime import timedelta
from typing import NoReturn

import pytest
from flask import Flask
from sqlalchemy import select, update

from securemail import ids
from securemail.crypto.codes import write_message_code
from securemail.errors import NotFound
from securemail.guests import checks, links
from securemail.guests.checks import Check
from securemail.messages import contacts, control, sending
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.store.models import GuestLink, Help, Outbox, Recipient
from securemail.web.pages import guest_check
from tests.house import FATIMA, House
from tests.visitor import Visitor, alerts

NUMBER = "+31612345678"
AGREED = "vier groene lampen"


@pytest.fixture
def sent_codes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The codes that went out by SMS, as the phone gets them."""
    codes: list[str] = []
    from securemail.delivery import sms

    real = sms.send_code

    def send(*args: object, **options: str) -> bytes:
        codes.append(options["code"])
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sms, "send_code", send)
    return codes


def send(house: House, check: Check) -> tuple[str, str]:
    """A message to Fatima with a check; the address of its page, and its code."""
    with house.work() as ctx:
        sent = sending.send(
            ctx, house.marieke, key=ids.new_id(), to=[(*FATIMA, check)], subject="Ouderschapsplan", text="€ 384"
        )
    code = house.code_of(sent.conversation, FATIMA[0])
    with house.work() as ctx:
        ref = ctx.db.scalars(select(GuestLink.link_ref).where(GuestLink.conversation == sent.conversation)).one()
    return f"/b/{ids.to_text(ref)}", write_message_code(code)


def agreed(house: House) -> Check:
    with house.runtime.work(write=False) as ctx:
        return Check("password", password=checks.agree(ctx, AGREED), hint="Waar we elkaar ontmoetten")


def enter(visitor: Visitor, page: str, code: str) -> str:
    visitor.get(page)
    answer = visitor.post(page, {"code": code})
    assert answer.status_code == 303, answer.text
    return str(visitor.get(answer.location).text)


def test_by_sms_the_letter_opens_with_the_code_from_the_phone(
    house: House, visitor: Visitor, sent_codes: list[str]
) -> None:
    page, code = send(house, Check("sms", NUMBER))
    shown = enter(visitor, page, code)
    assert "06 •• •• •• 78" in shown
    assert "€ 384" not in shown
    answer = visitor.post(f"{page}/check", {"code": sent_codes[0]})
    assert (answer.status_code, answer.location) == (303, f"{page}/letter?opened=1")
    assert "€ 384" in visitor.get(f"{page}/letter").text


def test_a_wrong_code_tells_how_many_tries_are_left(house: House, visitor: Visitor, sent_codes: list[str]) -> None:
    page, code = send(house, Check("sms", NUMBER))
    enter(visitor, page, code)
    wrong = f"{(int(sent_codes[0]) + 1) % 10**6:06d}"
    answer = visitor.post(f"{page}/check", {"code": wrong})
    assert answer.status_code == 422
    assert alerts(answer) == ["Deze code klopt niet. U kunt het nog 4 keer proberen."]
    assert wrong in answer.text, "what was typed stays"
    assert alerts(visitor.post(f"{page}/check", {"code": "12"})) == ["De code heeft 6 cijfers."]
    assert alerts(visitor.post(f"{page}/check", {"code": wrong})) == [
        "Deze code klopt niet. U kunt het nog 3 keer proberen."
    ]


def test_after_the_fifth_wrong_code_a_new_one_has_to_be_asked_for(
    house: House, visitor: Visitor, sent_codes: list[str]
) -> None:
    page, code = send(house, Check("sms", NUMBER))
    enter(visitor, page, code)
    wrong = f"{(int(sent_codes[0]) + 1) % 10**6:06d}"
    told = [alerts(visitor.post(f"{page}/check", {"code": wrong})) for _ in range(6)]
    assert told[3:] == [
        ["Deze code klopt niet. U kunt het nog 1 keer proberen."],
        ["Deze code klopt niet. Vraag een nieuwe code."],
        ["Deze code werkt niet meer. Vraag een nieuwe code."],
    ]


def test_ten_wrong_entries_lock_and_the_sender_is_asked(house: House, visitor: Visitor, marieke: Visitor) -> None:
    page, code = send(house, agreed(house))
    shown = enter(visitor, page, code)
    assert "Vul het afgesproken wachtwoord in" in shown
    for _ in range(9):
        assert visitor.post(f"{page}/check", {"code": "verkeerd geraden"}).status_code == 422
    assert "Dit bericht zit op slot" in visitor.post(f"{page}/check", {"code": "verkeerd geraden"}).text
    assert "Dit bericht zit op slot" in visitor.post(f"{page}/check", {"code": AGREED}).text
    asked = visitor.post(f"{page}/help", {"kind": "locked"})
    assert asked.status_code == 303
    assert "Uw vraag is verstuurd" in visitor.get(asked.location).text
    with house.work() as ctx:
        [conversation] = ctx.db.scalars(select(GuestLink.conversation))
        [request] = ctx.db.scalars(select(Help.id))
    assert "Vraagt om hulp" in marieke.get("/inbox").text
    shown = marieke.get(f"/conversations/{ids.to_text(conversation)}").text
    assert "Fatima El Amrani vraagt om hulp" in shown
    assert marieke.post(f"/help/{ids.to_text(request)}/release").status_code == 303
    assert "vraagt om hulp" not in marieke.get(f"/conversations/{ids.to_text(conversation)}").text
    assert "Vraagt om hulp" not in marieke.get("/inbox").text
    assert visitor.post(f"{page}/check", {"code": AGREED}).status_code == 303
    assert "€ 384" in visitor.get(f"{page}/letter").text


def test_another_code_by_sms_waits_a_minute_and_the_fourth_a_quarter(
    house: House, visitor: Visitor, sent_codes: list[str]
) -> None:
    page, code = send(house, Check("sms", NUMBER))
    enter(visitor, page, code)
    assert visitor.post(f"{page}/check/sms").status_code == 429
    assert len(sent_codes) == 1
    for _ in range(2):
        house.clock.forward(seconds=61)
        assert visitor.post(f"{page}/check/sms").status_code == 303
    house.clock.forward(seconds=61)
    answer = visitor.post(f"{page}/check/sms")
    assert answer.status_code == 429
    assert "Er zijn voorlopig genoeg codes verstuurd" in answer.text
    assert len(sent_codes) == 3
    assert visitor.post(f"{page}/check", {"code": sent_codes[2]}).status_code == 303, "the last one still works"


def test_what_has_to_wait_until_tomorrow_says_so(house: House, visitor: Visitor) -> None:
    page, _code = send(house, Check())
    visitor.get(f"{page}/help")
    for _ in range(3):
        assert visitor.post(f"{page}/help", {"kind": "again"}).status_code == 303
    answer = visitor.post(f"{page}/help", {"kind": "again"})
    assert answer.status_code == 429
    assert "Vanaf morgen " in answer.text


def test_a_sender_whose_account_is_closed_is_called_so_at_the_beginning_of_a_sentence(
    house: House, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, code = send(house, agreed(house))
    monkeypatch.setattr(guest_check, "sender_of", lambda _ctx, _link: None)
    assert "De afzender wil zeker weten dat u het bent." in enter(visitor, page, code)


def test_a_receiver_whose_name_was_lost_with_older_keys_is_called_so(
    house: House, visitor: Visitor, marieke: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, _code = send(house, Check("sms", NUMBER))
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink)).one()
        conversation, link.locked = link.conversation, ctx.now
    visitor.get(f"{page}/help")
    assert visitor.post(f"{page}/help", {"kind": "locked"}).status_code == 303
    monkeypatch.setattr(links, "kept_of", _lost)
    shown = marieke.get(f"/conversations/{ids.to_text(conversation)}").text
    assert "Een ontvanger vraagt om hulp" in shown
    assert "was het de ontvanger zelf?" in shown


def _lost(*_given: object) -> NoReturn:
    raise NotFound


def test_the_link_opened_again_goes_on_with_the_same_code(
    house: House, visitor: Visitor, sent_codes: list[str]
) -> None:
    page, code = send(house, Check("sms", NUMBER))
    enter(visitor, page, code)
    assert visitor.get(page).location == f"{page}/check"
    assert "Berichtcode" in visitor.get(f"{page}?again=1").text
    assert visitor.post(page, {"code": code}).location == f"{page}/check"
    assert len(sent_codes) == 1


def test_an_answer_that_was_not_sent_travels_through_the_check(
    house: House, visitor: Visitor, sent_codes: list[str]
) -> None:
    page, code = send(house, Check("sms", NUMBER))
    visitor.get(page)
    shown = visitor.post(page, {"code": code, "reply": "Een uur getypt."})
    assert "Een uur getypt." in shown.text
    shown = visitor.post(f"{page}/check", {"code": sent_codes[0], "reply": "Een uur getypt."})
    assert shown.status_code == 200
    assert "Een uur getypt." in shown.text
    assert "€ 384" in shown.text


def test_the_check_is_not_reached_without_the_message_code(house: House, visitor: Visitor) -> None:
    page, _code = send(house, Check("sms", NUMBER))
    visitor.get(page)
    for path in (f"{page}/check", f"{page}/check/sms"):
        answer = visitor.post(path, {"code": "123456"})
        assert (answer.status_code, answer.location.rpartition("/check")[0] or answer.location) == (303, page)
    assert visitor.get(f"{page}/letter").status_code == 401


def test_a_closed_link_is_told_only_to_who_has_the_code(house: House, visitor: Visitor) -> None:
    page, code = send(house, Check())
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).values(closed=ctx.now, sealed_dk=None))
    assert "stuurt u een beveiligd bericht" in visitor.get(page).text
    answer = visitor.post(page, {"code": code})
    assert answer.status_code == 410
    assert "Dit bericht is ingetrokken" in answer.text


def test_asking_for_help_is_no_mail_bomb(house: House, app: Flask, visitor: Visitor) -> None:
    page, _code = send(house, Check())
    for _ in range(3):
        visitor.get(f"{page}/help")
        assert visitor.post(f"{page}/help", {"kind": "again"}).status_code == 303
    with house.work() as ctx:
        assert len(ctx.db.scalars(select(Outbox).where(Outbox.kind == "help_asked")).all()) == 1
        assert len(ctx.db.scalars(select(Help)).all()) == 1
    assert visitor.post(f"{page}/help", {"kind": "again"}).status_code == 429
    other = Visitor(app, network="198.51.100.4")
    other.get(f"{page}/help")
    assert other.post(f"{page}/help", {"kind": "number"}).status_code == 429, "the link is counted, not the network"


def test_the_sender_sends_again_with_one_tap(house: House, visitor: Visitor, marieke: Visitor) -> None:
    page, _code = send(house, Check())
    visitor.get(f"{page}/help")
    visitor.post(f"{page}/help", {"kind": "again"})
    with house.work() as ctx:
        request = ctx.db.scalars(select(Help.id)).one()
        before = len(ctx.db.scalars(select(Outbox).where(Outbox.kind == "guest_message")).all())
    assert marieke.post(f"/help/{ids.to_text(request)}/again").status_code == 303
    assert marieke.post(f"/help/{ids.to_text(request)}/again").status_code == 404, "it was answered"
    with house.work() as ctx:
        assert len(ctx.db.scalars(select(Outbox).where(Outbox.kind == "guest_message")).all()) == before + 1


def test_the_sender_corrects_the_number_and_the_code_goes_there(
    house: House, visitor: Visitor, marieke: Visitor, sent_codes: list[str]
) -> None:
    page, code = send(house, Check("sms", NUMBER))
    enter(visitor, page, code)
    visitor.post(f"{page}/help", {"kind": "number"})
    with house.work() as ctx:
        request = ids.to_text(ctx.db.scalars(select(Help.id)).one())
    assert alerts(marieke.post(f"/help/{request}/number", {"phone": "12"}))
    assert marieke.post(f"/help/{request}/number", {"phone": "0687654321"}).status_code == 303
    house.clock.forward(minutes=20)
    assert "06 •• •• •• 21" in enter(visitor, page, code)
    with house.work() as ctx:
        known = contacts.find(ctx, house.marieke, FATIMA[0])
    assert known is not None
    assert known.number == "+31687654321", "a later message does not go to the wrong number again"


def test_the_sender_gives_more_time_with_one_tap(house: House, visitor: Visitor, marieke: Visitor) -> None:
    page, code = send(house, Check())
    with house.work() as ctx:
        recipient = ctx.db.scalars(select(Recipient)).one()
        control.change_expiry(
            ctx, house.marieke, recipient.message, ctx.now + timedelta(minutes=10), everybody=False
        )  # fmt: skip
        link = ctx.db.scalars(select(GuestLink)).one()
        conversation = f"/conversations/{ids.to_text(link.conversation)}"
    enter(visitor, page, code)
    house.clock.forward(minutes=11)
    assert "Vraag om meer tijd" in visitor.get(f"{page}/letter").text
    assert visitor.post(f"{page}/help", {"kind": "expired"}).status_code == 303
    shown = marieke.get(conversation).text
    assert "Dan krijgt Fatima een e-mail en is het weer te openen." in shown
    assert "Nog 7 dagen laten lezen" in shown
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(expiry_days=30))
        request = ids.to_text(ctx.db.scalars(select(Help.id)).one())
    assert "Nog 30 dagen laten lezen" in marieke.get(conversation).text
    answer = marieke.post(f"/help/{request}/prolong")
    assert (answer.status_code, answer.location) == (303, f"{conversation}?done=prolonged")
    assert "Weer te openen." in marieke.get(answer.location).text
    assert "vraagt om hulp" not in marieke.get(conversation).text
    assert "€ 384" in visitor.get(f"{page}/letter").text
    assert marieke.post(f"/help/{request}/prolong").status_code == 404


def test_nobody_answers_what_others_were_asked(house: House, visitor: Visitor, sanne: Visitor) -> None:
    page, _code = send(house, Check())
    visitor.get(f"{page}/help")
    visitor.post(f"{page}/help", {"kind": "again"})
    with house.work() as ctx:
        request = ids.to_text(ctx.db.scalars(select(Help.id)).one())
    for path in ("again", "number", "release", "prolong", "dismiss"):
        assert sanne.post(f"/help/{request}/{path}").status_code == 404


def test_a_stranger_learns_nothing_of_a_message_for_an_account(house: House, visitor: Visitor, sanne: Visitor) -> None:
    sent = house.send(("marieke@vandalenbakker.example", "Marieke van Dalen"), author=house.marieke)
    real, invented = f"/m/{ids.to_text(sent.message)}", f"/m/{ids.to_text(ids.new_id())}"
    assert "Log in om dit bericht te lezen" in visitor.get(real).text
    assert visitor.get(invented).status_code == visitor.get(real).status_code == 200
    assert sanne.get(real).status_code == sanne.get(invented).status_code == 404
    assert "sanne@vandalenbakker.example" in sanne.get(real).text


def test_the_sender_chooses_another_check_and_the_old_link_ends(
    house: House, visitor: Visitor, marieke: Visitor, sent_codes: list[str]
) -> None:
    page, code = send(house, agreed(house))
    enter(visitor, page, code)
    visitor.post(f"{page}/help", {"kind": "method"})
    with house.work() as ctx:
        request = ids.to_text(ctx.db.scalars(select(Help.id)).one())
        before = f"/conversations/{ids.to_text(ctx.db.scalars(select(GuestLink.conversation)).one())}"
    assert "Andere controle kiezen" in marieke.get(f"/help/{request}/method").text
    assert alerts(marieke.post(f"/help/{request}/method", {"method": "sms", "number": "12"}))
    answer = marieke.post(f"/help/{request}/method", {"method": "sms", "number": "0612345678"})
    assert (answer.status_code, answer.location) == (303, f"{before}?done=checked")
    assert "€ 384" in marieke.get(answer.location).text
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink).where(GuestLink.closed.is_(None))).one()
        fresh = write_message_code(links.kept_of(ctx, house.marieke, link).code)
    visitor.get("/b")
    again = visitor.post("/b", {"code": fresh})
    assert "06 •• •• •• 78" in visitor.get(again.location).text
    visitor.post(again.location, {"code": sent_codes[-1]})
    assert "€ 384" in visitor.get(again.location.replace("/check", "/letter")).text
    other = visitor.post("/b", {"code": code})
    assert other.status_code == 410, "the code of before opens nothing"
