"""A guest asks the sender for help: once at a time, at the link that works, and only its maker answers."""

from typing import Any

import pytest
from sqlalchemy import delete, select, update

from securemail.errors import Conflict, NotFound
from securemail.guests import claiming, links
from securemail.guests import help as helping
from securemail.guests.checks import Check
from securemail.messages import control, listing, revocation
from securemail.store.models import GuestLink, Help, Outbox
from tests.house import FATIMA, PETER, House


def link_of(house: House) -> GuestLink:
    with house.work() as ctx:
        return ctx.db.scalars(select(GuestLink)).one()


def ask(house: House, kind: helping.Kind = "again") -> bool:
    with house.work() as ctx:
        return helping.ask(ctx, links.find(ctx, link_of(house).link_ref), kind)


def test_one_request_at_a_time_and_one_mail_for_it(house: House) -> None:
    house.send(FATIMA)
    assert ask(house)
    assert not ask(house, "number")
    with house.work() as ctx:
        assert [request.kind for request in ctx.db.scalars(select(Help))] == ["again"]
        [mail] = ctx.db.scalars(select(Outbox).where(Outbox.kind == "help_asked"))
    assert mail.sealed_payload is None
    assert mail.mailbox == house.marieke.mailbox


def test_the_open_list_of_the_maker_hears_of_it(house: House) -> None:
    house.send(FATIMA)
    with house.work() as ctx:
        before = listing.mark(ctx, house.marieke)
    ask(house)
    with house.work() as ctx:
        assert listing.mark(ctx, house.marieke) != before
        assert [row.asked for row in listing.inbox(ctx, house.marieke).rows] == [True]


def test_the_maker_sees_who_asks_and_nobody_else_does(house: House) -> None:
    sent = house.send(FATIMA)
    ask(house, "method")
    with house.work() as ctx:
        [asked] = helping.open_in(ctx, house.marieke, sent.conversation)
        assert (asked.name, asked.address, asked.kind, asked.message) == (FATIMA[1], FATIMA[0], "method", sent.message)
        assert helping.open_in(ctx, house.sanne, sent.conversation) == []
        with pytest.raises(NotFound):
            helping.find(ctx, house.sanne, asked.request)


def test_an_answer_counts_once(house: House) -> None:
    sent = house.send(FATIMA)
    ask(house)
    with house.work() as ctx:
        [asked] = helping.open_in(ctx, house.marieke, sent.conversation)
        helping.send_again(ctx, house.marieke, asked)
        with pytest.raises(Conflict):
            helping.send_again(ctx, house.marieke, asked)
    assert ask(house), "after an answer a guest may ask again"


def test_what_was_taken_back_is_not_sent_again(house: House) -> None:
    sent = house.send(FATIMA)
    ask(house)
    with house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)
    with house.work() as ctx:
        [asked] = helping.open_in(ctx, house.marieke, sent.conversation)
        assert asked.message is None
        with pytest.raises(Conflict):
            helping.send_again(ctx, house.marieke, asked)


def test_a_replaced_link_asks_at_the_one_in_its_place(house: House) -> None:
    house.send(FATIMA)
    before = link_of(house)
    with house.work() as ctx:
        made = links.make(
            ctx, house.marieke, conversation=before.conversation, address=FATIMA[0], name=FATIMA[1]
        )  # fmt: skip
        links.keep(ctx, made)
        old = links.find(ctx, before.link_ref)
        old.closed, old.successor = ctx.now, made.row.id
        old.mac = links.sign(ctx, old)
        ctx.db.flush()
        after = made.row.id
    with house.work() as ctx:
        helping.ask(ctx, links.find(ctx, before.link_ref), "again")
        assert ctx.db.scalars(select(Help.link)).one() == after


def test_two_guests_ask_apart(house: House) -> None:
    sent = house.send(FATIMA, PETER)
    with house.work() as ctx:
        for link in ctx.db.scalars(select(GuestLink)).all():
            assert helping.ask(ctx, link, "again")
        assert len(helping.open_in(ctx, house.marieke, sent.conversation)) == 2
        link = ctx.db.scalars(select(GuestLink)).first()
        assert link is not None
        helping.answer_link(ctx, link.id)
        assert len(helping.open_in(ctx, house.marieke, sent.conversation)) == 1


def test_after_a_letter_was_taken_along_the_request_is_about_its_own_conversation(house: House) -> None:
    sent = house.send(FATIMA)
    guest, _secret = house.enter(sent.conversation)
    fatima = house.join(FATIMA)
    with house.work() as ctx:
        claiming.claim(ctx, fatima, guest)
    house.send(FATIMA, subject="Iets anders")
    ask(house)
    with house.work() as ctx:
        [asked] = helping.open_in(ctx, house.marieke, sent.conversation)
        [mail] = ctx.db.scalars(select(Outbox).where(Outbox.kind == "help_asked"))
    assert (asked.method, asked.message, mail.message) == ("account", sent.message, sent.message)


def mails(house: House) -> int:
    """How many notifications wait for Fatima."""
    with house.work() as ctx:
        return len(ctx.db.scalars(select(Outbox.id).where(Outbox.kind == "guest_message")).all())


def test_who_was_locked_out_is_told_once_that_it_opens_again(house: House) -> None:
    house.send((*FATIMA, Check("sms", "+31612345678")))
    ask(house, "locked")
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).values(tries=10, locked=ctx.now))
    for _ in range(2):
        with house.work() as ctx:
            control.release(ctx, house.marieke, ctx.db.scalars(select(GuestLink)).one())
    assert mails(house) == 2, "the message's own, and one that it opens again"
    with house.work() as ctx:
        assert ctx.db.scalars(select(Help.answered)).one() is not None


def test_whose_number_was_corrected_is_told(house: House) -> None:
    sent = house.send((*FATIMA, Check("sms", "+31612345678")))
    ask(house, "number")
    with house.work() as ctx:
        [asked] = helping.open_in(ctx, house.marieke, sent.conversation)
        control.correct_number(ctx, house.marieke, asked, "+31687654321")
    assert mails(house) == 2


def test_nobody_is_told_that_a_locked_message_opens_now(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    tell = helping.notify.tell

    def heard(*about: Any, helped: bool = False) -> bytes:
        said.append(helped)
        return tell(*about, helped=helped)

    monkeypatch.setattr(helping.notify, "tell", heard)
    sent = house.send((*FATIMA, Check("sms", "+31612345678")))
    ask(house, "locked")
    said.clear()
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).values(tries=10, locked=ctx.now))
    with house.work() as ctx:
        [asked] = helping.open_in(ctx, house.marieke, sent.conversation)
        helping.send_again(ctx, house.marieke, asked)
    assert said == [False]
    ask(house, "number")
    with house.work() as ctx:
        [asked] = helping.open_in(ctx, house.marieke, sent.conversation)
        control.correct_number(ctx, house.marieke, asked, "+31687654321")
    assert said == [False], "it is locked all the same"
    with house.work() as ctx:
        control.release(ctx, house.marieke, ctx.db.scalars(select(GuestLink)).one())
    assert said == [False, True]


def test_nobody_is_told_of_a_message_that_was_taken_back(house: House) -> None:
    sent = house.send((*FATIMA, Check("sms", "+31612345678")))
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).values(tries=10, locked=ctx.now))
        revocation.revoke(ctx, house.marieke, sent.message)
    with house.work() as ctx:
        ctx.db.execute(delete(Outbox))
        control.release(ctx, house.marieke, ctx.db.scalars(select(GuestLink)).one())
    assert mails(house) == 0
