"""Two transactions, one begun inside the other: whoever comes second waits, and sees what the first has done."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import func, select, update

from securemail import ids
from securemail.identity.context import Context
from securemail.messages import control, expiry, reading, receipts, revocation, sending
from securemail.messages.sending import Sent
from securemail.store.models import Envelope, Item, Recipient, Thread
from tests.house import SANNE, House
from tests.security.steps import one_inside_the_other

Act = Callable[[Context, House, Sent], object]


def take_in(ctx: Context, house: House, sent: Sent) -> None:
    reading.take_in(ctx, house.sanne)


def open_it(ctx: Context, house: House, sent: Sent) -> None:
    receipts.mark_opened(ctx, house.sanne, sent.conversation)


def answer(ctx: Context, house: House, sent: Sent) -> None:
    sending.reply(ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text="Akkoord.")


def revoke(ctx: Context, house: House, sent: Sent) -> None:
    revocation.revoke(ctx, house.marieke, sent.message)


def write_more(ctx: Context, house: House, sent: Sent) -> None:
    sending.reply(ctx, house.marieke, conversation=sent.conversation, key=ids.new_id(), text="Nog iets.")


def interleaved(house: House, sent: Sent, first: Act, second: Act) -> None:
    """The second begins inside the first, and may find that nothing is there any more."""
    refused = one_inside_the_other(
        house, partial(first, house=house, sent=sent), partial(second, house=house, sent=sent)
    )
    assert {type(error).__name__ for error in refused} <= {"NotFound"}


@pytest.mark.parametrize("reader", [take_in, open_it, answer])
@pytest.mark.parametrize("revoked_first", [False, True])
def test_nothing_that_is_taken_back_remains(house: House, reader: Act, revoked_first: bool) -> None:
    sent = house.send(SANNE)
    first, second = (revoke, reader) if revoked_first else (reader, revoke)
    interleaved(house, sent, first, second)
    with house.work() as ctx:
        hers = Item.mailbox == house.sanne.mailbox, Item.message == sent.message
        assert ctx.db.scalars(select(Item).where(*hers)).all() == []
        assert ctx.db.scalars(select(Envelope).where(Envelope.message == sent.message)).all() == []
        assert set(ctx.db.scalars(select(Recipient.state).where(Recipient.message == sent.message))) == {"revoked"}
    letters = house.letters(house.sanne, sent.conversation)
    assert [letter.head for letter in letters if letter.message == sent.message] == [None]


def expire(ctx: Context, house: House, sent: Sent) -> None:
    expiry.delete_due(ctx)


def lengthen(ctx: Context, house: House, sent: Sent) -> None:
    control.change_expiry(ctx, house.marieke, sent.message, None, everybody=False)


def nothing_left(house: House, sent: Sent) -> bool:
    with house.work() as ctx:
        items = ctx.db.scalars(select(Item.mailbox).where(Item.message == sent.message)).all()
        return items == [house.marieke.mailbox] and not ctx.db.scalars(select(Envelope)).all()


@pytest.mark.parametrize("other", [take_in, revoke])
@pytest.mark.parametrize("expired_first", [False, True])
def test_nothing_that_expired_remains(house: House, other: Act, expired_first: bool) -> None:
    sent = house.send(SANNE)
    with house.work() as ctx:
        ctx.db.execute(update(Recipient).values(expires=ctx.now))
    first, second = (expire, other) if expired_first else (other, expire)
    interleaved(house, sent, first, second)
    assert nothing_left(house, sent)


@pytest.mark.parametrize("expired_first", [False, True])
def test_what_is_lengthened_while_it_expires_is_read_again(house: House, expired_first: bool) -> None:
    sent = house.send(SANNE)
    with house.work() as ctx:
        ctx.db.execute(update(Recipient).values(expires=ctx.now))
    first, second = (expire, lengthen) if expired_first else (lengthen, expire)
    interleaved(house, sent, first, second)
    assert [letter.state for letter in house.letters(house.sanne, sent.conversation)] == ["closed"]


@pytest.mark.parametrize("opened_first", [False, True])
def test_what_arrives_meanwhile_is_counted_as_unread(house: House, opened_first: bool) -> None:
    sent = house.send(SANNE)
    first, second = (open_it, write_more) if opened_first else (write_more, open_it)
    interleaved(house, sent, first, second)
    with house.work() as ctx:
        states = ctx.db.scalars(select(Recipient.state).where(Recipient.principal == house.sanne.mailbox)).all()
        unread = ctx.db.get_one(Thread, (house.sanne.mailbox, sent.conversation)).unread
    assert unread == sum(state != "opened" for state in states)


def test_taking_in_twice_at_once_makes_one_item(house: House) -> None:
    sent = house.send(SANNE)
    interleaved(house, sent, take_in, take_in)
    with house.work() as ctx:
        hers = select(func.count()).select_from(Item).where(Item.mailbox == house.sanne.mailbox)
        assert ctx.db.scalar(hers) == 1
    [letter] = house.letters(house.sanne, sent.conversation)
    assert letter.head is not None
