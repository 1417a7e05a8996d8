"""Taking back: at once, in every place, and nothing but the sender's own copy remains."""

import pytest
from sqlalchemy import func, select

from securemail import ids
from securemail.errors import NotFound
from securemail.guests import gate, guest_sessions
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.messages import answering, listing, reading, receipts, revocation, sending
from securemail.store.models import Audit, Envelope, GuestLink, Item, Outbox, OutboxLock, Recipient, SessionLink
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


def test_one_guest_loses_the_whole_conversation_and_the_link_for_good(house: House) -> None:
    sent = house.send(FATIMA, PETER, SANNE)
    house.letters(house.sanne, sent.conversation)
    fatima, secret = house.enter(sent.conversation, FATIMA[0])
    peter, _ = house.enter(sent.conversation, PETER[0])
    code = house.code_of(sent.conversation, FATIMA[0])
    with house.work() as ctx:
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
    with house.work() as ctx:
        answer = sending.reply(ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text="Van Sanne.")
    for _ in range(2):
        with house.work() as ctx:
            revocation.revoke_from_conversation(ctx, house.marieke, sent.message, 0)
    assert {letter.state for letter in house.letters(fatima, sent.conversation)} == {"revoked"}
    with house.work() as ctx:
        link = ctx.db.get_one(GuestLink, fatima.principal)
        assert (link.sealed_dk, link.closed is None) == (None, False)
        assert ctx.db.scalars(select(SessionLink).where(SessionLink.link == link.id)).all() == []
        assert ctx.db.scalars(select(Envelope).where(Envelope.principal == link.id)).all() == []
        mine = select(Recipient.state).where(Recipient.principal == link.id)
        assert ctx.db.scalars(mine).all() == ["revoked", "revoked"]
        waiting = select(Outbox.place).where(Outbox.message.in_((sent.message, answer.message)))
        assert 0 not in ctx.db.scalars(waiting.where(Outbox.message == sent.message, Outbox.state == "waiting")).all()
    with house.work() as ctx, pytest.raises(GuestSessionEnded):
        guest_sessions.resume(ctx, secret, link.link_ref)
    with house.work() as ctx, pytest.raises(gate.LinkClosed):
        gate.enter_code(ctx, code, None)
    assert house.letters(peter, sent.conversation)[0].state == "open"
    with house.work() as ctx:
        for author in (house.marieke, house.sanne, peter):
            to = {party.address for party in answering.whom(ctx, author, sent.conversation)}
            assert FATIMA[0] not in to


def test_a_colleague_loses_what_this_sender_wrote_and_is_not_answered_any_more(house: House) -> None:
    sent = house.send(SANNE, FATIMA)
    with house.work() as ctx:
        again = sending.reply(ctx, house.marieke, conversation=sent.conversation, key=ids.new_id(), text="Nog iets.")
    house.letters(house.sanne, sent.conversation)
    with house.work() as ctx:
        revocation.revoke_from_conversation(ctx, house.marieke, again.message, 0)
    assert {letter.state for letter in house.letters(house.sanne, sent.conversation)} == {"revoked"}
    with house.work() as ctx:
        to = {party.address for party in answering.whom(ctx, house.marieke, sent.conversation)}
    assert to == {FATIMA[0]}


def test_who_did_not_make_the_link_does_not_end_it(house: House) -> None:
    sent = house.send(FATIMA, SANNE)
    house.letters(house.sanne, sent.conversation)
    with house.work() as ctx:
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
    with house.work() as ctx:
        answer = sending.reply(ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text="Van Sanne.")
    fatima, _ = house.enter(sent.conversation)
    with house.work() as ctx:
        place = ctx.db.scalars(
            select(Recipient.place).where(Recipient.message == answer.message, Recipient.kind == "link")
        ).one()
    with house.work() as ctx, pytest.raises(NotFound):
        revocation.revoke_from_conversation(ctx, house.sanne, sent.message, 0)
    with house.work() as ctx:
        revocation.revoke_from_conversation(ctx, house.sanne, answer.message, place)
    assert [letter.state for letter in house.letters(fatima, sent.conversation)] == ["open", "revoked"]
