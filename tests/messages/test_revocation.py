"""Taking back: at once, in every place, and nothing but the sender's own copy remains."""

import pytest
from sqlalchemy import func, select

from securemail import ids
from securemail.errors import NotFound
from securemail.messages import listing, reading, receipts, revocation, sending
from securemail.store.models import Audit, Envelope, Item, Outbox, OutboxLock, Recipient
from tests.house import FATIMA, PETER, SANNE, House


def test_nothing_but_the_senders_copy_remains(house: House) -> None:
    sent = house.send(FATIMA, SANNE)
    house.letters(house.sanne, sent.conversation)
    with house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(Envelope)) == 0
        assert ctx.db.scalars(select(Item.mailbox)).all() == [house.marieke.mailbox]
        assert set(ctx.db.scalars(select(Recipient.state))) == {"revoked"}


def test_the_receiver_sees_only_that_it_was_taken_back(house: House) -> None:
    sent = house.send(SANNE, FATIMA)
    with house.work() as ctx:
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
    fatima, _ = house.enter(sent.conversation)
    with house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)
    for reader in (house.sanne, fatima):
        [letter] = house.letters(reader, sent.conversation)
        assert (letter.state, letter.head, letter.text) == ("revoked", None, None)
        assert letter.sender is not None
        assert letter.sender.name == house.marieke.name
    with house.work() as ctx:
        [row] = listing.inbox(ctx, house.sanne).rows
        assert (row.revoked, row.head, row.unread) == (True, None, False)


def test_the_sender_keeps_the_own_copy(house: House) -> None:
    sent = house.send(FATIMA)
    with house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)
    [letter] = house.letters(house.marieke, sent.conversation)
    assert (letter.state, letter.own) == ("revoked", True)
    assert letter.text is not None


def test_one_receiver_loses_access_and_the_others_keep_it(house: House) -> None:
    sent = house.send(FATIMA, PETER)
    fatima, _ = house.enter(sent.conversation, FATIMA[0])
    peter, _ = house.enter(sent.conversation, PETER[0])
    with house.work() as ctx:
        revocation.revoke_access(ctx, house.marieke, sent.message, 0)
    assert house.letters(fatima, sent.conversation)[0].state == "revoked"
    assert house.letters(peter, sent.conversation)[0].state == "open"


def test_a_waiting_notification_is_cancelled_with_its_payload(house: House) -> None:
    sent = house.send(FATIMA, PETER)
    with house.work() as ctx:
        revocation.revoke_access(ctx, house.marieke, sent.message, 0)
    mine = Outbox.message == sent.message
    with house.work() as ctx:
        states = ctx.db.execute(select(Outbox.state, Outbox.sealed_payload).where(mine).order_by(Outbox.place)).all()
        assert (states[0].state, states[0].sealed_payload) == ("cancelled", None)
        assert states[1].state == "waiting"
        revocation.revoke(ctx, house.marieke, sent.message)
    with house.work() as ctx:
        assert set(ctx.db.scalars(select(Outbox.state).where(mine))) == {"cancelled"}
        assert ctx.db.scalar(select(func.count()).select_from(OutboxLock).join(Outbox).where(mine)) == 0


def test_only_the_sender_takes_back(house: House) -> None:
    sent = house.send(SANNE)
    with house.work() as ctx, pytest.raises(NotFound):
        revocation.revoke(ctx, house.sanne, sent.message)
    with house.work() as ctx, pytest.raises(NotFound):
        revocation.revoke_access(ctx, house.marieke, sent.message, 9)


def test_it_is_written_in_the_audit_log_once(house: House) -> None:
    sent = house.send(FATIMA)
    for _ in range(2):
        with house.work() as ctx:
            revocation.revoke(ctx, house.marieke, sent.message)
    with house.work() as ctx:
        assert ctx.db.scalars(select(Audit.kind).where(Audit.kind == "message-revoked")).all() == ["message-revoked"]


def test_what_was_read_before_is_still_told_to_the_sender(house: House) -> None:
    sent = house.send(FATIMA)
    house.enter(sent.conversation)
    with house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)
    [letter] = house.letters(house.marieke, sent.conversation)
    assert letter.receipt is not None
    assert letter.receipt.opened == 1


def test_the_subject_goes_with_the_message_that_brought_it_also_from_answers(house: House) -> None:
    sent = house.send(SANNE, FATIMA, subject="Uitslag")
    fatima, _ = house.enter(sent.conversation)
    with house.work() as ctx:
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
        sending.reply(ctx, fatima, conversation=sent.conversation, key=ids.new_id(), text="Dit is niet voor mij.")
    with house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)
    for reader, subject in ((house.sanne, None), (fatima, None), (house.marieke, "Uitslag")):
        assert reading.subject_of(house.letters(reader, sent.conversation)) == subject
    with house.work() as ctx:
        assert [row.subject for row in listing.inbox(ctx, house.sanne).rows] == [None]
        assert [row.subject for row in listing.inbox(ctx, house.marieke).rows] == ["Uitslag"]
