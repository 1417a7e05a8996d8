"""What a link's address tells of messages to whoever has it."""

from sqlalchemy import select

from securemail import ids
from securemail.messages import receipts, sending
from securemail.store.models import GuestLink, Message
from tests.house import FATIMA, PETER, SANNE, House


def test_the_makers_name_stands_with_the_time_of_what_the_maker_sent(house: House) -> None:
    sent = house.send(FATIMA, PETER, SANNE)
    peter, _ = house.enter(sent.conversation, PETER[0])
    fatima, _ = house.enter(sent.conversation, FATIMA[0])

    def shown() -> object:
        with house.work() as ctx:
            return receipts.last_sent_to(ctx, ctx.db.get_one(GuestLink, fatima.link))

    with house.work() as ctx:
        first = ctx.db.get_one(Message, sent.message).sent_at
    for author in (peter, house.sanne):
        house.clock.forward(minutes=5)
        with house.work() as ctx:
            sending.reply(ctx, author, conversation=sent.conversation, key=ids.new_id(), text="Akkoord.")
        assert shown() == first
    house.clock.forward(minutes=5)
    with house.work() as ctx:
        sending.reply(ctx, house.marieke, conversation=sent.conversation, key=ids.new_id(), text="Dank.")
        newest = ctx.db.scalars(select(Message.sent_at).order_by(Message.sent_at.desc())).first()
    assert shown() == newest
