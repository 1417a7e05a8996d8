"""A notification that came back later, on the sender's pages: shown, sent again, and shown no more."""

from sqlalchemy import select, update

from securemail import ids
from securemail.delivery import returned
from securemail.messages import sending
from securemail.store.models import Outbox, Recipient
from tests.house import FATIMA, SANNE, House
from tests.visitor import Visitor


def send(house: House, *to: sending.To) -> sending.Sent:
    """A message whose notifications went out."""
    with house.work() as ctx:
        sent = sending.send(ctx, house.marieke, key=ids.new_id(), to=to, subject="Ouderschapsplan", text="€ 384")
    go_out(house)
    return sent


def go_out(house: House) -> None:
    """As the worker writes it down."""
    with house.work() as ctx:
        ctx.db.execute(update(Outbox).where(Outbox.state == "waiting").values(state="sent", tries=1, due=ctx.now))
        ctx.db.execute(update(Recipient).where(Recipient.state == "waiting").values(state="notified"))


def come_back(house: House, *, place: int = 0, number: int = -1) -> str:
    """The report of the mail to that receiver, the last one unless another is meant."""
    with house.work() as ctx:
        rows = ctx.db.scalars(select(Outbox.id).where(Outbox.place == place).order_by(Outbox.created)).all()
        return returned.note(ctx, rows[number])


def test_the_senders_pages_tell_which_address_and_let_it_be_sent_again(house: House, marieke: Visitor) -> None:
    sent = send(house, FATIMA, SANNE)
    there = f"/conversations/{ids.to_text(sent.conversation)}"
    again = f"/messages/{ids.to_text(sent.message)}/recipients/0/resend"
    assert "Niet bezorgd" not in marieke.get(there).text + marieke.get("/sent").text
    house.clock.forward(minutes=20)
    assert come_back(house) == "noted"
    for path in (there, "/sent", f"/messages/{ids.to_text(sent.message)}/receipts"):
        assert "Niet bezorgd" in marieke.get(path).text, path
    shown = marieke.get(there).text
    assert FATIMA[0] in shown.split("Niet bezorgd bij")[1]
    assert again in shown
    assert marieke.post(again).status_code == 303
    go_out(house)
    assert "Niet bezorgd" not in marieke.get(there).text + marieke.get("/sent").text
    assert come_back(house, number=0) == "of no use"
    assert "Niet bezorgd" not in marieke.get(there).text


def test_a_members_notification_that_came_back_is_told_too(house: House, marieke: Visitor) -> None:
    sent = send(house, FATIMA, SANNE)
    assert come_back(house, place=1) == "noted"
    shown = marieke.get(f"/conversations/{ids.to_text(sent.conversation)}").text
    assert SANNE[0] in shown.split("Niet bezorgd bij")[1].partition("</form>")[0]
    assert f"/messages/{ids.to_text(sent.message)}/recipients/1/resend" in shown


def test_who_was_taken_back_stays_so(house: House, marieke: Visitor) -> None:
    sent = send(house, FATIMA)
    with house.work() as ctx:
        ctx.db.execute(update(Recipient).values(state="revoked"))
    assert come_back(house) == "of no use"
    assert "Niet bezorgd" not in marieke.get(f"/conversations/{ids.to_text(sent.conversation)}").text
