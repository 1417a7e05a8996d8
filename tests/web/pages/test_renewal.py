"""A new code and another check without a browser: from the receipts, who may, what is refused, and what guests see."""

from typing import Any

import pytest
from sqlalchemy import select

from securemail import ids
from securemail.crypto.codes import write_message_code
from securemail.guests import links
from securemail.guests.checks import Check
from securemail.messages import revocation, sending
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.store.models import GuestLink, Recipient
from tests.house import FATIMA, SANNE, House
from tests.visitor import Visitor

NUMBER = "+31612345678"


def send(house: House, *to: sending.To) -> sending.Sent:
    with house.work() as ctx:
        return sending.send(ctx, house.marieke, key=ids.new_id(), to=to, subject="Ouderschapsplan", text="€ 384")


def conversation(sent: sending.Sent) -> str:
    return f"/conversations/{ids.to_text(sent.conversation)}"


def at(sent: sending.Sent, place: int = 0) -> str:
    return f"/messages/{ids.to_text(sent.message)}/recipients/{place}"


def give(house: House, marieke: Visitor, sent: sending.Sent, what: str = "code", **typed: str) -> Any:
    """Post the form as its page had it: it names the link that it is about."""
    with house.work() as ctx:
        row = ctx.db.get_one(Recipient, (sent.message, 0))
    return marieke.post(f"{at(sent)}/{what}", {"link": ids.to_text(row.principal), **typed})


def codes(house: House, sent: sending.Sent) -> list[tuple[str, str]]:
    """The pages and codes of a conversation's links, oldest first."""
    with house.work() as ctx:
        rows = ctx.db.scalars(
            select(GuestLink).where(GuestLink.conversation == sent.conversation).order_by(GuestLink.created)
        ).all()
        return [
            (f"/b/{ids.to_text(row.link_ref)}", write_message_code(links.kept_of(ctx, house.marieke, row).code))
            for row in rows
        ]


def methods(house: House) -> list[tuple[str, bool]]:
    with house.work() as ctx:
        rows = ctx.db.scalars(select(GuestLink).order_by(GuestLink.created))
        return [(row.method, links.living(row)) for row in rows]


def enter(visitor: Visitor, page: str, code: str) -> Any:
    visitor.get(page)
    return visitor.post(page, {"code": code})


def test_a_new_code_is_asked_for_and_sent(house: House, marieke: Visitor, visitor: Visitor) -> None:
    sent = send(house, FATIMA)
    receipts = marieke.get(f"/messages/{ids.to_text(sent.message)}/receipts").text
    assert f"{at(sent)}/code" in receipts
    assert f"{at(sent)}/check" in receipts
    asks = marieke.get(f"{at(sent)}/code").text
    assert "De eerdere code werkt dan niet meer." in asks
    assert methods(house) == [("none", True)], "a GET changes nothing"
    answer = give(house, marieke, sent)
    assert (answer.status_code, answer.location) == (
        303,
        f"{conversation(sent)}?done=renewed",
    )
    assert "Er gaat een nieuwe code naar de ontvanger" in marieke.get(answer.location).text
    assert methods(house) == [("none", False), ("none", True)]
    (old_page, old), (page, new) = codes(house, sent)
    gone = enter(visitor, old_page, old)
    assert gone.status_code == 410
    assert "Er is een nieuwe code" in gone.text
    assert "Vraag de afzender om hulp" in gone.text
    assert enter(visitor, page, new).status_code == 303


@pytest.mark.parametrize("what", ["code", "check"])
def test_a_form_that_is_sent_twice_gives_one_code(house: House, marieke: Visitor, what: str) -> None:
    sent = send(house, FATIMA)
    shown = marieke.get(f"{at(sent)}/{what}").text
    with house.work() as ctx:
        link = ids.to_text(ctx.db.scalars(select(GuestLink.id)).one())
    assert f'name="link" value="{link}"' in shown
    typed = {"link": link, "method": "none"}
    assert marieke.post(f"{at(sent)}/{what}", typed).status_code == 303
    answer = marieke.post(f"{at(sent)}/{what}", typed)
    assert answer.status_code == 409
    assert "is net al gewijzigd" in answer.text
    assert methods(house) == [("none", False), ("none", True)]


def test_without_its_code_an_old_link_tells_nobody_that_there_is_another(
    house: House, marieke: Visitor, visitor: Visitor
) -> None:
    sent = send(house, FATIMA)
    [(page, _)] = codes(house, sent)
    before = visitor.get(page).text
    give(house, marieke, sent)
    assert without_tokens(visitor.get(page).text) == without_tokens(before)


def without_tokens(text: str) -> list[str]:
    return [line for line in text.splitlines() if "csrf" not in line]


def test_who_has_the_old_code_sees_how_things_stand_now(house: House, marieke: Visitor, visitor: Visitor) -> None:
    sent = send(house, FATIMA)
    give(house, marieke, sent)
    with house.work() as ctx:
        revocation.revoke_from_conversation(ctx, house.marieke, sent.message, 0)
    (page, old), _ = codes(house, sent)
    shown = enter(visitor, page, old)
    assert shown.status_code == 410
    assert "Dit bericht is ingetrokken" in shown.text


def test_another_check_is_said_whole_or_not_at_all(house: House, marieke: Visitor) -> None:
    sent = send(house, FATIMA)
    page = f"{at(sent)}/check"
    shown = marieke.get(page).text
    assert "Kan niet: Fatima heeft geen account." in shown
    assert "Vul het later in" not in shown
    for typed in (
        {}, {"method": "sms", "number": ""}, {"method": "sms", "number": "12"}, {"method": "password", "agreed": ""},
        {"method": "password", "agreed": "kort"}, {"method": "account"},
    ):  # fmt: skip
        answer = give(house, marieke, sent, "check", **typed)
        assert answer.status_code == 422, typed
        assert "error" in answer.text
    assert methods(house) == [("none", True)]
    answer = give(house, marieke, sent, "check", method="password", agreed="vier groene lampen", hint="lampen")
    assert (answer.status_code, answer.location) == (
        303,
        f"{conversation(sent)}?done=checked",
    )
    assert methods(house) == [("none", False), ("password", True)]
    assert marieke.get(f"{at(sent)}/code").location == page, "nobody keeps a password: it is said again"
    assert give(house, marieke, sent).location == page


def test_what_the_organisation_asks_holds_here_too(house: House, marieke: Visitor) -> None:
    sent = send(house, FATIMA)
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(sign_up="open", check_minimum="sms"))
    assert give(house, marieke, sent).location == f"{at(sent)}/check"
    assert give(house, marieke, sent, "check", method="none").status_code == 422
    assert methods(house) == [("none", True)]
    assert give(house, marieke, sent, "check", method="sms", number="06 12345678").status_code == 303


def test_without_a_check_who_has_an_account_reads_it_there(house: House, marieke: Visitor) -> None:
    for method in ("none", "account"):
        sent = send(house, (*SANNE, Check("sms", NUMBER)))
        assert "Sanne leest het in het eigen account." in marieke.get(f"{at(sent)}/check").text
        assert give(house, marieke, sent, "check", method=method).status_code == 303
        with house.work() as ctx:
            row = ctx.db.scalars(select(Recipient).where(Recipient.message == sent.message)).one()
            assert (row.kind, row.principal) == ("mailbox", house.sanne.mailbox)
        assert f"{at(sent)}/check" not in marieke.get(f"/messages/{ids.to_text(sent.message)}/receipts").text


def test_an_account_that_reads_along_already_is_no_choice(house: House, marieke: Visitor) -> None:
    sent = send(house, (*SANNE, Check("sms", NUMBER)), FATIMA)
    answers = send(house, SANNE)
    with house.work() as ctx:  # as if she came in by herself
        row = ctx.db.get_one(Recipient, (sent.message, 1))
        row.kind, row.principal = "mailbox", house.sanne.mailbox
    assert answers.message
    assert "Kan niet: Sanne leest hier al mee met het eigen account." in marieke.get(f"{at(sent)}/check").text
    answer = give(house, marieke, sent, "check", method="account")
    assert answer.status_code == 409
    assert "Dit account leest al mee in deze conversatie." in answer.text


def test_what_is_no_longer_shared_gets_no_code(house: House, marieke: Visitor) -> None:
    sent = send(house, FATIMA)
    with house.work() as ctx:
        revocation.revoke_access(ctx, house.marieke, sent.message, 0)
    receipts = marieke.get(f"/messages/{ids.to_text(sent.message)}/receipts").text
    assert f"{at(sent)}/code" not in receipts
    answer = give(house, marieke, sent)
    assert answer.status_code == 409
    assert "is ingetrokken of verlopen" in answer.text
    with house.work() as ctx:
        revocation.revoke_from_conversation(ctx, house.marieke, sent.message, 0)
    answer = give(house, marieke, sent)
    assert answer.status_code == 409
    assert "de toegang is beëindigd" in answer.text


@pytest.mark.parametrize("path", ["code", "check"])
def test_nobody_else_gives_codes_to_ones_guests(
    house: House, sanne: Visitor, marieke: Visitor, visitor: Visitor, path: str
) -> None:
    sent = send(house, FATIMA, SANNE)
    for page in (f"{at(sent)}/{path}", f"{at(sent, 1)}/{path}", f"{at(sent, 7)}/{path}"):
        assert sanne.get(page).status_code == 404
        assert sanne.post(page, {"method": "none"}).status_code == 404
    for page in (f"{at(sent, 1)}/{path}", f"{at(sent, 7)}/{path}"):
        assert marieke.get(page).status_code == 404
        assert marieke.post(page, {"method": "none"}).status_code == 404
    assert "/login" in str(visitor.get(f"{at(sent)}/{path}").location)
    assert methods(house) == [("none", True)]


def test_a_missing_password_can_become_another_check(house: House, marieke: Visitor) -> None:
    sent = send(house, (*FATIMA, Check("password")))
    assert f"{at(sent)}/check" in marieke.get(f"/messages/{ids.to_text(sent.message)}/receipts").text
    assert give(house, marieke, sent, "check", method="sms", number="06 12345678").status_code == 303
    with house.work() as ctx:
        assert ctx.db.scalars(select(Recipient.state)).all() == ["waiting"]
