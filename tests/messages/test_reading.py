"""Reading: what is closed stays closed until a person opens it, and changed rows are refused."""

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.errors import NotFound
from securemail.messages import listing, reading, receipts, sending
from securemail.messages.authenticity import Forged
from securemail.store.models import Envelope, Item, Message, Recipient, Thread
from tests.house import FATIMA, SANNE, House


def test_reading_marks_nothing_and_opening_does(house: House) -> None:
    sent = house.send(SANNE)
    [closed] = house.letters(house.sanne, sent.conversation)
    assert (closed.state, closed.text) == ("closed", None)
    with house.work() as ctx:
        assert ctx.db.scalars(select(Recipient.state)).one() == "waiting"
        assert receipts.mark_opened(ctx, house.sanne, sent.conversation) == 1
        assert receipts.mark_opened(ctx, house.sanne, sent.conversation) == 0
    [opened] = house.letters(house.sanne, sent.conversation)
    assert opened.state == "open"
    assert opened.text is not None
    assert opened.text.startswith("Beste Fatima")


def test_the_sender_sees_who_opened_and_when(house: House) -> None:
    sent = house.send(FATIMA, SANNE)
    house.clock.forward(minutes=22)
    house.enter(sent.conversation)
    [letter] = house.letters(house.marieke, sent.conversation)
    assert letter.receipt is not None
    assert (letter.receipt.state, letter.receipt.opened) == ("some", 1)
    assert [reader.state for reader in letter.receipt.readers] == ["opened", "waiting"]
    with house.work() as ctx:
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
    [letter] = house.letters(house.marieke, sent.conversation)
    assert letter.receipt is not None
    assert letter.receipt.state in ("some", "all")


def test_taking_in_empties_the_envelope_and_needs_no_key_pair_afterwards(house: House) -> None:
    sent = house.send(SANNE)
    with house.work() as ctx:
        assert reading.anything_waiting(ctx, house.sanne)
        assert reading.take_in(ctx, house.sanne) == 1
    with house.work() as ctx:
        assert not reading.anything_waiting(ctx, house.sanne)
        assert ctx.db.get_one(Envelope, (sent.message, house.sanne.mailbox)).sealed_cek is None
        assert ctx.db.get(Item, (house.sanne.mailbox, sent.message)) is not None


def test_a_letter_opens_from_its_envelope_while_it_could_not_be_taken_in(house: House) -> None:
    sent = house.send(SANNE)
    with house.work() as ctx:
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
    with house.runtime.work(write=False) as ctx:
        [letter] = reading.conversation(ctx, house.sanne, sent.conversation)
        page = listing.inbox(ctx, house.sanne)
    assert letter.text is not None
    assert page.rows[0].head is not None


def test_a_stranger_finds_nothing(house: House) -> None:
    sent = house.send(FATIMA)
    with house.work() as ctx, pytest.raises(NotFound):
        reading.conversation(ctx, house.sanne, sent.conversation)


@pytest.mark.parametrize("column", ["sealed_head", "sealed_body", "sender", "sent_at", "account"])
def test_a_row_changed_in_the_database_is_refused(house: House, column: str) -> None:
    """T7, T8: another message's sealed part, another sender, another time."""
    sent, other = house.send(SANNE), house.send(SANNE, subject="Ander", text="Ander", author=house.sanne)
    with house.work() as ctx:
        foreign = getattr(ctx.db.get_one(Message, other.message), column)
        ctx.db.execute(update(Message).where(Message.id == sent.message).values({column: foreign}))
    with pytest.raises((Forged, NotFound)):
        house.letters(house.marieke, sent.conversation)


def test_the_list_counts_what_is_unopened(house: House) -> None:
    sent = house.send(SANNE)
    with house.work() as ctx:
        sending.reply(ctx, house.marieke, conversation=sent.conversation, key=ids.new_id(), text="Nog iets.")
    with house.work() as ctx:
        thread = ctx.db.get_one(Thread, (house.sanne.mailbox, sent.conversation))
        assert thread.unread == 2
        assert receipts.count_unread(ctx, house.sanne.mailbox) == 1
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
    with house.work() as ctx:
        assert receipts.count_unread(ctx, house.sanne.mailbox) == 0
