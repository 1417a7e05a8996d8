"""Messages that expire: refused by the clock at once, everywhere; gone with the worker; and lengthened afterwards."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from securemail import ids
from securemail.delivery import housekeeping
from securemail.errors import Conflict, NotFound
from securemail.guests import help as helping
from securemail.guests.checks import Check
from securemail.messages import completing, control, listing, notices, reading, receipts, revocation, sending
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.store.models import Envelope, GuestLink, Help, Item, Message, Outbox, Recipient
from tests.house import FATIMA, PETER, SANNE, House

WEEK = timedelta(days=7)


def send(house: House, *to: sending.To) -> sending.Sent:
    with house.work() as ctx:
        return sending.send(
            ctx, house.marieke, key=ids.new_id(), to=to, subject="Stukken", text="Het bedrag is € 384.", expires=WEEK
        )


def change(house: House, message: bytes, days: int | None, *, everybody: bool = False) -> None:
    with house.work() as ctx:
        until = None if days is None else ctx.now + timedelta(days=days)
        control.change_expiry(ctx, house.marieke, message, until, everybody=everybody)


def tidy(house: House) -> None:
    with house.work() as ctx:
        housekeeping.tidy(ctx)


def states(house: House, message: bytes) -> list[str]:
    with house.work() as ctx:
        return [reader.state for reader in receipts.receipts_of(ctx, [message])[message].readers]


def keys(house: House, message: bytes) -> int:
    with house.work() as ctx:
        held = [select(func.count()).where(model.message == message) for model in (Item, Envelope)]
        return sum(ctx.db.scalar(query) or 0 for query in held)


def test_until_then_it_is_read_and_from_then_on_refused_everywhere(house: House) -> None:
    sent = send(house, SANNE, FATIMA)
    fatima, _ = house.enter(sent.conversation)
    with house.work() as ctx:
        receipts.mark_opened(ctx, fatima, sent.conversation)
    for reader in (house.sanne, fatima):
        assert house.letters(reader, sent.conversation)[0].head is not None
    house.clock.forward(days=7)
    for reader in (house.sanne, fatima):
        [letter] = house.letters(reader, sent.conversation)
        assert (letter.state, letter.head, letter.text) == ("expired", None, None)
        with house.work() as ctx, pytest.raises(NotFound):
            sending.reply(ctx, reader, conversation=sent.conversation, key=ids.new_id(), text="Akkoord")
    with house.work() as ctx:
        [row] = listing.inbox(ctx, house.sanne).rows
        assert (row.head, row.expired, row.revoked) == (None, True, False)
        assert receipts.mark_opened(ctx, house.sanne, sent.conversation) == 0
    assert states(house, sent.message) == ["expired", "expired"]


def test_the_sender_reads_on(house: House) -> None:
    sent = send(house, FATIMA)
    house.clock.forward(days=8)
    tidy(house)
    [letter] = house.letters(house.marieke, sent.conversation)
    assert (letter.state, letter.text) == ("open", "Het bedrag is € 384.")


def test_the_worker_deletes_the_keys_and_the_waiting_mails(house: House) -> None:
    sent = send(house, SANNE, FATIMA)
    house.letters(house.sanne, sent.conversation)
    house.clock.forward(days=7)
    tidy(house)
    tidy(house)
    assert keys(house, sent.message) == 1
    with house.work() as ctx:
        assert ctx.db.scalars(select(Item.mailbox)).all() == [house.marieke.mailbox]
        assert set(ctx.db.scalars(select(Outbox.state).where(Outbox.message == sent.message))) == {"cancelled"}
        assert set(ctx.db.scalars(select(Recipient.state))) == {"expired"}
        assert receipts.count_unread(ctx, house.sanne.mailbox) == 0


def test_an_answer_keeps_no_subject_of_what_expired(house: House) -> None:
    sent = send(house, SANNE, FATIMA)
    house.letters(house.sanne, sent.conversation)
    with house.work() as ctx:
        sending.reply(ctx, house.marieke, conversation=sent.conversation, key=ids.new_id(), text="Nog iets.")
    house.clock.forward(days=7)
    letters = house.letters(house.sanne, sent.conversation)
    assert [letter.state for letter in letters] == ["expired", "closed"]
    assert reading.subject_of(letters) is None
    with house.work() as ctx:
        assert listing.inbox(ctx, house.sanne).rows[0].subject is None
        assert listing.inbox(ctx, house.marieke).rows[0].subject == "Stukken"


def test_for_everybody_the_senders_own_copy_goes_too(house: House) -> None:
    sent = send(house, FATIMA, SANNE)
    change(house, sent.message, 2, everybody=True)
    house.clock.forward(days=2)
    assert house.letters(house.marieke, sent.conversation)[0].state == "expired"
    with house.work() as ctx:
        assert listing.inbox(ctx, house.marieke).rows[0].head is None
        assert [row.head for row in listing.sent(ctx, house.marieke).rows] == [None]
    with house.work() as ctx, pytest.raises(NotFound):
        reading.open_own(ctx, house.marieke, ctx.db.get_one(Message, sent.message))
    tidy(house)
    assert keys(house, sent.message) == 0
    with pytest.raises(NotFound):
        change(house, sent.message, 9)


def test_made_shorter_or_endless_by_its_sender_alone(house: House) -> None:
    sent = send(house, FATIMA)
    fatima, _ = house.enter(sent.conversation)
    change(house, sent.message, 1)
    house.clock.forward(days=1)
    assert house.letters(fatima, sent.conversation)[0].state == "expired"
    change(house, sent.message, None)
    assert house.letters(fatima, sent.conversation)[0].state == "open"
    with house.work() as ctx, pytest.raises(NotFound):
        control.change_expiry(ctx, house.sanne, sent.message, None, everybody=False)
    with pytest.raises(Conflict):
        change(house, sent.message, 0)


def test_lengthened_after_the_worker_came_everybody_gets_a_new_key_and_a_mail(house: House) -> None:
    sent = send(house, SANNE, FATIMA, (*PETER, Check("sms")))
    fatima, _ = house.enter(sent.conversation)
    house.clock.forward(days=8)
    tidy(house)
    with house.work() as ctx:
        link = ctx.db.get_one(GuestLink, fatima.principal)
        helping.ask(ctx, link, "expired")
    change(house, sent.message, 7)
    assert states(house, sent.message) == ["waiting", "opened", "unready"]
    fatima, _ = house.enter(sent.conversation)
    assert house.letters(fatima, sent.conversation)[0].text == "Het bedrag is € 384."
    assert house.letters(house.sanne, sent.conversation)[0].state == "closed"
    with house.work() as ctx:
        waiting = ctx.db.scalars(select(Outbox.kind).where(Outbox.message == sent.message, Outbox.state == "waiting"))
        assert set(waiting) >= {"guest_message", "member_message"}
        assert ctx.db.scalars(select(Help.answered)).one() is not None
    with house.work() as ctx:
        completing.complete(ctx, house.marieke, sent.message, 2, Check("sms", "+31612345678"))
    assert states(house, sent.message)[2] == "waiting"


def test_what_expired_is_neither_completed_nor_sent_again(house: House) -> None:
    sent = send(house, (*FATIMA, Check("sms")))
    house.clock.forward(days=7)
    with house.work() as ctx, pytest.raises(Conflict):
        completing.complete(ctx, house.marieke, sent.message, 0, Check("sms", "+31612345678"))
    with house.work() as ctx, pytest.raises(Conflict):
        notices.send_again(ctx, house.marieke, sent.message, 0)


@pytest.mark.parametrize("turn", range(20))
def test_taking_in_while_it_expires_leaves_no_key(house: House, turn: int) -> None:
    sent = send(house, SANNE)
    house.clock.forward(days=7)
    together = threading.Barrier(2)

    def take() -> None:
        together.wait()
        with house.work() as ctx:
            reading.take_in(ctx, house.sanne)

    beside = threading.Thread(target=take)
    beside.start()
    together.wait()
    tidy(house)
    beside.join()
    assert keys(house, sent.message) == 1


def test_an_answer_lasts_as_long_as_the_organisation_decided(house: House) -> None:
    sent = house.send(SANNE)
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(sign_up="open", expiry_days=5))
    with house.work() as ctx:
        answer = sending.reply(ctx, house.marieke, conversation=sent.conversation, key=ids.new_id(), text="Nog iets.")
        [ends] = ctx.db.scalars(select(Recipient.expires).where(Recipient.message == answer.message)).all()
        assert ends is not None
        assert timedelta(days=4) < ends - ctx.now <= timedelta(days=5)


def ask_for_more_time(house: House, guest_link: bytes) -> helping.Asked:
    with house.work() as ctx:
        helping.ask(ctx, ctx.db.get_one(GuestLink, guest_link), "expired")
    with house.work() as ctx:
        conversation = ctx.db.get_one(GuestLink, guest_link).conversation
        [asked] = helping.open_in(ctx, house.marieke, conversation)
    return asked


def prolong(house: House, asked: helping.Asked, days: int = 7) -> None:
    with house.work() as ctx:
        control.prolong(ctx, house.marieke, asked, ctx.now + timedelta(days=days))


def mails_waiting(house: House, message: bytes) -> list[tuple[str, int | None]]:
    with house.work() as ctx:
        waiting = select(Outbox.kind, Outbox.place).where(Outbox.message == message, Outbox.state == "waiting")
        return [(kind, place) for kind, place in ctx.db.execute(waiting) if kind != "help_asked"]


@pytest.mark.parametrize("worker", [True, False], ids=["after the worker", "before the worker"])
def test_who_asks_for_more_time_gets_it_and_nobody_else(house: House, worker: bool) -> None:
    sent = send(house, FATIMA, SANNE, PETER)
    fatima, _ = house.enter(sent.conversation)
    house.clock.forward(days=7)
    if worker:
        tidy(house)
    asked = ask_for_more_time(house, fatima.principal)
    assert asked.over == (sent.message,)
    assert asked.message is None
    prolong(house, asked)
    assert states(house, sent.message) == ["opened", "expired", "expired"]
    assert [(kind, place) for kind, place in mails_waiting(house, sent.message) if place == 0] == [("guest_message", 0)]
    fatima, _ = house.enter(sent.conversation)
    assert house.letters(fatima, sent.conversation)[0].text == "Het bedrag is € 384."
    assert house.letters(house.sanne, sent.conversation)[0].state == "expired"
    with house.work() as ctx:
        assert helping.open_in(ctx, house.marieke, sent.conversation) == []
    house.clock.forward(days=7)
    assert house.letters(fatima, sent.conversation)[0].state == "expired"


def test_all_that_is_over_comes_back_and_one_mail_tells_it(house: House) -> None:
    first = send(house, FATIMA)
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(sign_up="open", expiry_days=3))
        second = sending.reply(
            ctx, house.marieke, conversation=first.conversation, key=ids.new_id(), text="En nog iets."
        )
    fatima, _ = house.enter(first.conversation)
    house.clock.forward(days=8)
    tidy(house)
    asked = ask_for_more_time(house, fatima.principal)
    assert asked.over == (second.message, first.message)
    prolong(house, asked)
    assert mails_waiting(house, first.message) == []
    assert mails_waiting(house, second.message) == [("guest_message", 0)]
    fatima, _ = house.enter(first.conversation)
    assert [letter.state for letter in house.letters(fatima, first.conversation)] == ["open", "open"]


def test_more_time_is_given_once_and_not_for_what_was_taken_back_or_is_gone(house: House) -> None:
    sent, gone = send(house, FATIMA), send(house, PETER)
    fatima, _ = house.enter(sent.conversation)
    peter, _ = house.enter(gone.conversation, PETER[0])
    change(house, gone.message, 2, everybody=True)
    house.clock.forward(days=7)
    assert ask_for_more_time(house, peter.principal).over == ()
    asked = ask_for_more_time(house, fatima.principal)
    prolong(house, asked)
    with pytest.raises(Conflict):
        prolong(house, asked)
    house.clock.forward(days=7)
    asked = ask_for_more_time(house, fatima.principal)
    with house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)
    with pytest.raises(Conflict):
        prolong(house, asked)
    assert states(house, sent.message) == ["revoked"]
    with house.work() as ctx:
        assert ctx.db.scalars(select(Envelope.message).where(Envelope.message == sent.message)).all() == []


@pytest.mark.parametrize("turn", range(10))
@pytest.mark.parametrize("asked_for", [True, False])
def test_more_time_and_the_end_of_all_access_at_once_leave_no_key(house: House, turn: int, asked_for: bool) -> None:
    sent = send(house, FATIMA)
    fatima, _ = house.enter(sent.conversation)
    house.clock.forward(days=7)
    asked = ask_for_more_time(house, fatima.principal)
    together, refused = threading.Barrier(2), []

    def give() -> None:
        together.wait()
        try:
            if asked_for:
                prolong(house, asked)
            else:
                change(house, sent.message, 7)
        except Conflict as conflict:
            refused.append(conflict)

    beside = threading.Thread(target=give)
    beside.start()
    together.wait()
    with house.work() as ctx:
        revocation.revoke_from_conversation(ctx, house.marieke, sent.message, 0)
    beside.join()
    assert states(house, sent.message) == ["revoked"]
    with house.work() as ctx:
        assert ctx.db.scalars(select(Envelope.message)).all() == []
        assert ctx.db.get_one(GuestLink, fatima.principal).sealed_dk is None


def test_lengthened_before_the_worker_came_it_is_told_by_mail_too(house: House) -> None:
    sent = send(house, FATIMA, SANNE)
    house.letters(house.sanne, sent.conversation)
    house.clock.forward(days=7)
    change(house, sent.message, 7)
    assert states(house, sent.message) == ["waiting", "waiting"]
    assert sorted(mails_waiting(house, sent.message)) == [("guest_message", 0), ("member_message", 1)]
    assert house.letters(house.sanne, sent.conversation)[0].state == "closed"
