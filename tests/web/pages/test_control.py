"""Control after sending, without a browser: what is missing, who is locked out, expiry, and the whole conversation."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.delivery import housekeeping
from securemail.guests import checks
from securemail.guests.checks import Check
from securemail.messages import sending
from securemail.store.models import GuestLink, Outbox, Recipient
from tests.house import FATIMA, MARIEKE, PASSWORD, SANNE, House
from tests.visitor import Visitor, alerts


def send(house: House, *to: sending.To, **options: object) -> sending.Sent:
    with house.work() as ctx:
        return sending.send(
            ctx, house.marieke, key=ids.new_id(), to=to, subject="Ouderschapsplan", text="€ 384", **options
        )


def at(message: sending.Sent) -> str:
    return f"/messages/{ids.to_text(message.message)}"


def states(house: House, message: sending.Sent) -> list[str]:
    with house.work() as ctx:
        query = select(Recipient.state).where(Recipient.message == message.message).order_by(Recipient.place)
        return list(ctx.db.scalars(query))


def test_a_number_said_later_sends_what_waited(house: House, marieke: Visitor) -> None:
    sent = send(house, (*FATIMA, Check("sms")))
    conversation = marieke.get(f"/conversations/{ids.to_text(sent.conversation)}").text
    assert f"{at(sent)}/recipients/0/complete" in conversation
    assert "Nummer invullen" in marieke.get(f"{at(sent)}/receipts").text
    page = f"{at(sent)}/recipients/0/complete"
    assert marieke.get(page).status_code == 200
    for typed in ("", "12"):
        answer = marieke.post(page, {"number": typed})
        assert answer.status_code == 422
        assert alerts(answer) or "error" in answer.text
    assert states(house, sent) == ["unready"]
    assert marieke.post(page, {"number": "06 12345678"}).status_code == 303
    assert states(house, sent) == ["waiting"]


def test_a_password_said_later_sends_what_waited(house: House, marieke: Visitor) -> None:
    sent = send(house, (*FATIMA, Check("password")))
    page = f"{at(sent)}/recipients/0/complete"
    assert "Nog niet verstuurd" in marieke.get("/sent").text
    assert "Afgesproken wachtwoord" in marieke.get(page).text
    assert marieke.post(page, {"agreed": "kort", "hint": "fiets"}).status_code == 422
    assert marieke.post(page, {"agreed": "vier groene lampen", "hint": "fiets"}).status_code == 303
    assert states(house, sent) == ["waiting"]
    assert "Nog niet verstuurd" not in marieke.get("/sent").text


def test_who_is_locked_out_is_released_with_one_tap(house: House, marieke: Visitor) -> None:
    sent = send(house, (*FATIMA, Check("sms", "+31612345678")))
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).values(tries=10, locked=ctx.now))
    assert "Vrijgeven" in marieke.get(f"{at(sent)}/receipts").text
    assert marieke.post(f"{at(sent)}/recipients/0/release").status_code == 303
    assert "Vrijgeven" not in marieke.get(f"{at(sent)}/receipts").text
    with house.work() as ctx:
        assert ctx.db.scalars(select(GuestLink.locked)).one() is None


def test_the_notification_is_sent_again_to_who_has_not_opened_it(house: House, marieke: Visitor) -> None:
    sent = send(house, FATIMA)
    assert "Opnieuw versturen" not in marieke.get(f"{at(sent)}/receipts").text
    with house.work() as ctx:
        ctx.db.execute(update(Recipient).values(state="notified"))
    assert "Opnieuw versturen" in marieke.get(f"{at(sent)}/receipts").text
    assert marieke.post(f"{at(sent)}/recipients/0/resend").status_code == 303
    assert marieke.post(f"{at(sent)}/recipients/0/resend").status_code == 409
    with house.work() as ctx:
        assert len(ctx.db.scalars(select(Outbox).where(Outbox.message == sent.message)).all()) == 2


def test_expiry_is_changed_and_what_expired_opened_again(house: House, marieke: Visitor, sanne: Visitor) -> None:
    sent = send(house, SANNE, FATIMA, expires=timedelta(minutes=9))
    there = f"/conversations/{ids.to_text(sent.conversation)}"
    assert "Te openen tot" in marieke.get(there).text
    house.clock.forward(minutes=9)
    seen = sanne.get(there).text
    assert "Dit bericht is verlopen" in seen
    assert "Ouderschapsplan" not in seen
    assert "Dit bericht is verlopen" in sanne.get("/inbox").text
    with house.work() as ctx:
        housekeeping.tidy(ctx)
    assert "Verlopen voor" in marieke.get(there).text
    assert "Ongelezen verlopen" in marieke.get(f"{at(sent)}/receipts").text
    assert "Met een nieuwe datum is het weer te openen." in marieke.get(f"{at(sent)}/expiry").text
    assert marieke.post(f"{at(sent)}/expiry", {"days": "400", "whom": "receivers"}).status_code == 422
    assert marieke.post(f"{at(sent)}/expiry", {"days": "7", "whom": "receivers"}).status_code == 303
    sanne.post(f"{there}/open")
    assert "€ 384" in sanne.get(there).text
    assert marieke.post(f"{at(sent)}/expiry", {"days": "1", "whom": "everybody"}).status_code == 303
    house.clock.forward(days=1)
    marieke.log_in(MARIEKE[0], PASSWORD)
    assert "niemand kan het nog lezen" in marieke.get(there).text
    assert "€ 384" not in marieke.get(there).text + marieke.get("/sent").text


def test_one_loses_the_whole_conversation(house: House, marieke: Visitor, visitor: Visitor) -> None:
    sent = send(house, FATIMA, SANNE)
    assert (
        "Toegang intrekken tot de hele conversatie"
        in marieke.get(f"/conversations/{ids.to_text(sent.conversation)}").text
    )
    assert "niets van de conversatie meer openen" in marieke.get(f"{at(sent)}/access/conversation").text
    assert marieke.post(f"{at(sent)}/recipients/0/revoke/conversation").status_code == 303
    assert states(house, sent) == ["revoked", "waiting"]
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink)).one()
    assert (link.sealed_dk, link.closed is None) == (None, False)


@pytest.mark.parametrize(
    "path",
    ["recipients/0/complete", "recipients/0/release", "expiry", "recipients/0/revoke/conversation"],
)
def test_nobody_else_has_any_of_it(house: House, sanne: Visitor, path: str) -> None:
    with house.runtime.work(write=False) as ctx:
        agreed = checks.agree(ctx, "vier groene lampen")
    sent = send(house, (*FATIMA, Check("password", password=agreed)), SANNE)
    form = {"agreed": "vier groene lampen", "days": "7"}
    assert sanne.post(f"{at(sent)}/{path}", form).status_code == 404
