"""Sending: whole or not at all, once, and to exactly whom it says."""

from typing import Any

import pytest
from sqlalchemy import func, select

from securemail import ids
from securemail.errors import InvalidInput, NotFound
from securemail.messages import sending
from securemail.store.base import Base
from securemail.store.models import Envelope, Item, Message, Outbox, Recipient, Thread
from tests.house import FATIMA, MARIEKE, PETER, SANNE, House


def counts(house: House) -> dict[str, int]:
    with house.runtime.work(write=False) as ctx:
        return {
            table.name: ctx.db.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def test_it_reaches_members_in_their_mailbox_and_guests_by_link(house: House) -> None:
    sent = house.send(FATIMA, SANNE)
    with house.work() as ctx:
        kinds = ctx.db.execute(select(Recipient.kind, Recipient.state).order_by(Recipient.place)).all()
        assert [tuple(row) for row in kinds] == [("link", "waiting"), ("mailbox", "waiting")]
        mails = ctx.db.scalars(select(Outbox.kind).where(Outbox.message == sent.message).order_by(Outbox.place)).all()
        assert mails == ["guest_message", "member_message"]
    [letter] = house.letters(house.sanne, sent.conversation)
    assert letter.state == "closed"
    assert letter.head is not None
    assert [party.address for party in letter.head.to] == [FATIMA[0], SANNE[0]]


def test_the_same_key_sends_once(house: House) -> None:
    key = ids.new_id()
    first = house.send(FATIMA, key=key)
    before = counts(house)
    assert house.send(FATIMA, key=key) == first
    assert counts(house) == before


def test_the_same_key_with_other_words_is_told_and_sends_nothing(house: House) -> None:
    key = ids.new_id()
    house.send(FATIMA, key=key)
    before = counts(house)
    with pytest.raises(sending.AlreadySent):
        house.send(FATIMA, key=key, text="Iets anders")
    assert counts(house) == before


def test_the_same_key_to_other_receivers_is_told_too(house: House) -> None:
    key = ids.new_id()
    house.send(FATIMA, key=key)
    with pytest.raises(sending.AlreadySent):
        house.send(FATIMA, PETER, key=key)


def test_who_looked_before_another_sent_that_key_to_others_is_told_as_well(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two at once, the second finds the key used only when it writes."""
    key, looked = ids.new_id(), [False]
    house.send(SANNE, key=key)
    before, look = counts(house), sending._sent_before

    def too_early(*args: Any) -> sending.Sent | None:
        first, looked[0] = not looked[0], True
        return None if first else look(*args)

    monkeypatch.setattr(sending, "_sent_before", too_early)
    with pytest.raises(sending.AlreadySent):
        house.send(SANNE, MARIEKE, key=key)
    assert counts(house) == before


def test_an_address_written_twice_receives_once(house: House) -> None:
    house.send(("Fatima.El.Amrani@EXAMPLE.org", ""), FATIMA)
    assert counts(house)["recipient"] == 1


def test_it_may_be_sent_to_oneself(house: House) -> None:
    before = counts(house)["outbox"]
    sent = house.send(MARIEKE)
    [letter] = house.letters(house.marieke, sent.conversation)
    assert letter.state == "open"
    assert counts(house)["outbox"] == before


@pytest.mark.parametrize(
    ("field", "code", "changed"),
    [
        ("text", "empty", {"text": " \n "}),
        ("text", "too_long", {"text": "a" * 1_000_001}),
        ("text", "control", {"text": "a\x00b"}),
        ("subject", "empty", {"subject": "  "}),
        ("subject", "control", {"subject": "Onderwerp\r\nBcc: mallory@example.org"}),
        ("subject", "too_long", {"subject": "a" * 201}),
    ],
)
def test_what_cannot_be_sent_is_told_by_field_and_leaves_nothing(
    house: House, field: str, code: str, changed: dict[str, str]
) -> None:
    before = counts(house)
    with pytest.raises(InvalidInput) as told:
        house.send(FATIMA, **changed)
    assert (told.value.field, told.value.code) == (field, code)
    assert counts(house) == before


def test_one_wrong_address_among_good_ones_holds_everything_back(house: House) -> None:
    before = counts(house)
    with pytest.raises(InvalidInput):
        house.send(FATIMA, ("sanne@vandalenbakker", ""))
    assert counts(house) == before


def test_an_answer_goes_to_sender_and_receivers_and_not_to_oneself(house: House) -> None:
    sent = house.send(SANNE, FATIMA, PETER)
    with house.work() as ctx:
        answer = sending.reply(ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text="Akkoord.")
        to = ctx.db.scalars(
            select(Recipient.principal).where(Recipient.message == answer.message).order_by(Recipient.place)
        ).all()
    assert house.marieke.mailbox in to
    assert house.sanne.mailbox not in to
    assert len(to) == 3


def test_an_answer_by_another_than_the_links_maker_mails_the_link_without_the_code(house: House) -> None:
    sent = house.send(SANNE, FATIMA)
    with house.work() as ctx:
        answer = sending.reply(ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text="Akkoord.")
        kinds = ctx.db.scalars(select(Outbox.kind).where(Outbox.message == answer.message)).all()
    assert sorted(kinds) == ["guest_answer", "member_message"]


def test_a_guest_answers_and_reads_the_whole_conversation(house: House) -> None:
    sent = house.send(FATIMA)
    fatima, _ = house.enter(sent.conversation)
    with house.work() as ctx:
        sending.reply(ctx, fatima, conversation=sent.conversation, key=ids.new_id(), text="Dank je wel.")
    assert [letter.text for letter in house.letters(fatima, sent.conversation)][-1] == "Dank je wel."
    theirs = house.letters(house.marieke, sent.conversation)
    assert [letter.state for letter in theirs] == ["open", "closed"]


def test_nobody_answers_in_a_conversation_that_is_not_theirs(house: House) -> None:
    sent = house.send(FATIMA)
    with house.work() as ctx, pytest.raises(NotFound):
        sending.reply(ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text="Mag ik mee?")


def test_a_recipient_row_written_by_somebody_else_receives_no_answer(house: House) -> None:
    """T8: rows never add a receiver; the authenticated head does."""
    sent = house.send(FATIMA)
    fatima, _ = house.enter(sent.conversation)
    with house.work() as ctx:
        ctx.db.add(
            Recipient(
                message=sent.message, place=7, principal=house.sanne.mailbox, kind="mailbox", state="waiting",
                state_at=ctx.now, opened_at=None,
            )
        )  # fmt: skip
    with house.work() as ctx:
        answer = sending.reply(ctx, fatima, conversation=sent.conversation, key=ids.new_id(), text="Dank je wel.")
        to = ctx.db.scalars(select(Recipient.principal).where(Recipient.message == answer.message)).all()
    assert to == [house.marieke.mailbox]


def test_an_answer_skips_whoever_was_withdrawn(house: House) -> None:
    from securemail.messages import revocation

    sent = house.send(SANNE, PETER)
    with house.work() as ctx:
        revocation.revoke_access(ctx, house.marieke, sent.message, 1)
    with house.work() as ctx:
        answer = sending.reply(ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text="Zonder Peter.")
        to = ctx.db.scalars(select(Recipient.principal).where(Recipient.message == answer.message)).all()
    assert to == [house.marieke.mailbox]


def test_nothing_of_a_message_is_readable_in_its_rows(house: House) -> None:
    house.send(FATIMA, SANNE, subject="Ouderschapsplan Zonnebloem", text="Artikel drie van Zonnebloem")
    with house.work() as ctx:
        for table in Base.metadata.sorted_tables:
            for row in ctx.db.execute(select(table)):
                for value in row:
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    assert b"Zonnebloem" not in raw
                    assert FATIMA[0].encode() not in raw


def test_own_copy_and_receivers_keys_are_all_there_is(house: House) -> None:
    sent = house.send(FATIMA, SANNE)
    with house.work() as ctx:
        assert ctx.db.scalars(select(Item.mailbox)).all() == [house.marieke.mailbox]
        assert ctx.db.scalar(select(func.count()).select_from(Envelope)) == 2
        mailboxes = set(ctx.db.scalars(select(Thread.mailbox)))
        assert mailboxes == {house.marieke.mailbox, house.sanne.mailbox}
        assert ctx.db.get_one(Message, sent.message).state == "sent"
