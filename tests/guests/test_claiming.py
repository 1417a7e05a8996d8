"""Becoming a user: what a guest has opened moves into the account with the same address, and nothing else does."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from securemail import ids
from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.errors import NotFound, StaleKeys
from securemail.guests import claiming, devices, gate, guest_sessions, links
from securemail.guests import help as helping
from securemail.guests.claiming import MayNotClaim
from securemail.guests.gate import LinkClosed
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.identity import closing
from securemail.identity.context import Context, Guest, Member
from securemail.mailboxes import rotation
from securemail.messages import answering, listing, receipts, revocation, sending
from securemail.messages.reading import Letter
from securemail.messages.sending import Sent
from securemail.store.models import (
    Envelope,
    GuestDevice,
    GuestLink,
    Item,
    LinkDevice,
    Message,
    Outbox,
    Recipient,
    SessionLink,
    Thread,
)
from tests.house import FATIMA, PETER, SANNE, House

OTHER = ("fatima@elders.example", "Fatima El Amrani")


def answer(house: House, author: Member | Guest, sent: Sent, text: str) -> Sent:
    with house.work() as ctx:
        return sending.reply(ctx, author, conversation=sent.conversation, key=ids.new_id(), text=text)


def claim(house: House, member: Member, *guests: Guest) -> None:
    with house.work() as ctx:
        claiming.claim(ctx, member, *guests)


def refused(house: House, member: Member, guest: Guest) -> str:
    """Why a claim is refused; nothing has changed then."""
    with house.work() as ctx, pytest.raises(MayNotClaim) as asked:
        claiming.may_claim(ctx, member, guest)
    with pytest.raises(MayNotClaim) as error:
        claim(house, member, guest)
    assert error.value.reason == asked.value.reason
    with house.work() as ctx:
        assert set(ctx.db.scalars(select(GuestLink.claimed_by))) == {None}
    return error.value.reason


def offered(house: House, member: Member, secret: SessionSecret | None) -> list[bytes]:
    with house.runtime.work(write=False) as ctx:
        return [guest.conversation for guest in claiming.offers(ctx, member, secret)]


def seen(letters: list[Letter]) -> list[tuple[object, ...]]:
    """What somebody reads: who wrote what to whom, under which names."""
    return [
        (
            one.state, one.own, one.sent_at, one.text, one.head and one.head.subject,
            one.sender and (one.sender.name, one.sender.address),
            one.head and [(party.name, party.address) for party in one.head.to],
        )
        for one in letters
    ]  # fmt: skip


def facts(letters: list[Letter]) -> list[object]:
    """What the senders' receipts say."""
    return [
        [(reader.place, reader.state, reader.opened_at) for reader in letter.receipt.readers]
        if letter.receipt
        else None
        for letter in letters
    ]


@pytest.fixture
def story(house: House) -> Sent:
    """Marieke wrote to Fatima and Sanne; both have answered, and Fatima has not opened what came last."""
    sent = house.send(FATIMA, SANNE)
    guest, _ = house.enter(sent.conversation)
    answer(house, guest, sent, "Dank je wel.")
    house.letters(house.sanne, sent.conversation)
    with house.work() as ctx:
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
    answer(house, house.sanne, sent, "Akkoord.")
    with house.work() as ctx:
        receipts.mark_opened(ctx, guest, sent.conversation)
    house.clock.forward(minutes=3)
    answer(house, house.marieke, sent, "Nog één ding.")
    return sent


def at_link(house: House, sent: Sent, address: str = FATIMA[0]) -> Guest:
    """Fatima in her browser, nothing opened that was not."""
    code = house.code_of(sent.conversation, address)
    with house.work() as ctx:
        states = {
            (row.message, row.place): (row.state, row.state_at, row.opened_at)
            for row in ctx.db.scalars(select(Recipient))
        }
    guest, _ = house.enter(sent.conversation, address)
    assert code is not None
    with house.work() as ctx:
        for (message, place), (state, at, opened) in states.items():
            mine = (Recipient.message == message, Recipient.place == place)
            ctx.db.execute(update(Recipient).where(*mine).values(state=state, state_at=at, opened_at=opened))
    return guest


def test_the_conversation_reads_in_the_mailbox_as_it_did_at_the_link(house: House, story: Sent) -> None:
    guest, fatima = at_link(house, story), house.join(FATIMA)
    before = {"guest": house.letters(guest, story.conversation)}
    others = {who.name: house.letters(who, story.conversation) for who in (house.marieke, house.sanne)}
    claim(house, fatima, guest)
    mine = house.letters(fatima, story.conversation)
    assert seen(mine) == seen(before["guest"])
    assert facts(mine) == facts(before["guest"])
    assert [letter.own for letter in mine] == [False, True, False, False]
    assert [letter.state for letter in mine] == ["open", "open", "open", "closed"]
    for who in (house.marieke, house.sanne):
        after = house.letters(who, story.conversation)
        assert seen(after) == seen(others[who.name])
        assert facts(after) == facts(others[who.name])


def test_it_stands_in_the_lists_as_if_it_had_arrived_there(house: House, story: Sent) -> None:
    guest, fatima = at_link(house, story), house.join(FATIMA)
    claim(house, fatima, guest)
    with house.work() as ctx:
        [row] = listing.inbox(ctx, fatima).rows
        [own] = listing.sent(ctx, fatima).rows
        unread = ctx.db.get_one(Thread, (fatima.mailbox, story.conversation)).unread
    assert (row.unread, row.own, row.revoked, unread) == (True, False, False, 1)
    assert row.head is not None
    assert row.head.snippet == "Nog één ding."
    assert own.own
    assert own.receipt is not None
    assert own.receipt.state == "some"
    with house.work() as ctx:
        assert receipts.mark_opened(ctx, fatima, story.conversation) == 1
        assert ctx.db.get_one(Thread, (fatima.mailbox, story.conversation)).unread == 0
    assert house.letters(fatima, story.conversation)[-1].text == "Nog één ding."


def test_nothing_is_left_at_the_link(house: House, story: Sent) -> None:
    guest, fatima = at_link(house, story), house.join(FATIMA)
    code = house.code_of(story.conversation, FATIMA[0])
    with house.work() as ctx:
        remembered = devices.remember(ctx, guest, None)
        entered = gate.enter_code(ctx, code, None)
    claim(house, fatima, guest)
    with house.work() as ctx:
        row = ctx.db.scalars(select(GuestLink)).one()
        assert (row.claimed_by, row.closed, row.sealed_dk, row.sealed_hint) == (fatima.mailbox, None, None, None)
        assert links.genuine(ctx, row)
        for table in (SessionLink, LinkDevice, GuestDevice):
            assert ctx.db.scalars(select(table)).all() == []
        for table in (Envelope, Recipient):
            assert ctx.db.scalar(select(func.count()).select_from(table).where(table.principal == row.id)) == 0
        with pytest.raises(LinkClosed):
            gate.enter_code(ctx, code, None)
        with pytest.raises(GuestSessionEnded):
            guest_sessions.resume(ctx, entered.secret, row.link_ref)
        assert devices.returning(ctx, remembered, row) is None


def test_the_key_of_the_link_reads_nothing_any_more(house: House, story: Sent) -> None:
    """Who kept it, or finds it in the maker's note."""
    guest, fatima = at_link(house, story), house.join(FATIMA)
    claim(house, fatima, guest)
    assert all(letter.text is None for letter in house.letters(guest, story.conversation))
    with pytest.raises(NotFound):
        answer(house, guest, story, "Ik ben het nog.")


def test_later_answers_go_to_the_mailbox_and_no_code_is_mailed(house: House, story: Sent) -> None:
    peter_too = house.send(FATIMA, PETER)
    guest, second = at_link(house, story), at_link(house, peter_too)
    peter, fatima = at_link(house, peter_too, PETER[0]), house.join(FATIMA)
    claim(house, fatima, guest, second)
    for author, sent in ((house.sanne, story), (house.marieke, story), (house.marieke, peter_too), (peter, peter_too)):
        last = answer(house, author, sent, f"Van {author.name}.")
        newest = house.letters(fatima, sent.conversation)[-1]
        assert newest.state == "closed"
        assert newest.head is not None
        assert newest.head.snippet == f"Van {author.name}."
        with house.work() as ctx:
            to_fatima = select(Recipient).where(
                Recipient.message == last.message, Recipient.principal == fatima.mailbox
            )
            row = ctx.db.scalars(to_fatima).one()
            assert row.kind == "mailbox"
            mails = select(Outbox.kind).where(Outbox.message == last.message, Outbox.place == row.place)
            assert ctx.db.scalars(mails).all() == ["member_message"]


def test_the_member_answers_everybody_in_their_own_name(house: House, story: Sent) -> None:
    guest, fatima = at_link(house, story), house.join(FATIMA)
    claim(house, fatima, guest)
    with house.work() as ctx:
        names = {party.name for party in answering.whom(ctx, fatima, story.conversation)}
    assert names == {"Marieke van Dalen", "Sanne Kuipers"}
    answer(house, fatima, story, "Nu uit mijn eigen postvak.")
    for who in (house.marieke, house.sanne):
        newest = house.letters(who, story.conversation)[-1]
        assert newest.sender is not None
        assert (newest.sender.kind, newest.sender.address) == ("mailbox", FATIMA[0])


def test_a_mail_with_a_code_that_still_waits_is_replaced(house: House, story: Sent) -> None:
    guest, fatima = at_link(house, story), house.join(FATIMA)
    claim(house, fatima, guest)
    with house.work() as ctx:
        waiting = select(Outbox.kind, Outbox.place).where(Outbox.state == "waiting", Outbox.message.is_not(None))
        kinds = {kind for kind, _ in ctx.db.execute(waiting)}
    assert kinds == {"member_message"}


def test_the_sender_takes_back_from_a_member_what_a_guest_took_along(house: House, story: Sent) -> None:
    guest, fatima = at_link(house, story), house.join(FATIMA)
    claim(house, fatima, guest)
    with house.work() as ctx:
        revocation.revoke_access(ctx, house.marieke, story.message, 0)
    assert house.letters(fatima, story.conversation)[0].state == "revoked"
    with house.work() as ctx:
        assert ctx.db.get(Item, (fatima.mailbox, story.message)) is None
        revocation.revoke_from_conversation(ctx, house.marieke, story.message, 0)
    with house.work() as ctx:
        mine = select(Item.folder).where(Item.mailbox == fatima.mailbox)
        assert set(ctx.db.scalars(mine)) <= {"sent"}
        assert ctx.db.get_one(Thread, (fatima.mailbox, story.conversation)).unread == 0
    with house.work() as ctx:
        names = {party.name for party in answering.whom(ctx, house.marieke, story.conversation)}
    assert names == {"Sanne Kuipers"}


def test_what_was_taken_back_before_is_not_taken_along(house: House, story: Sent) -> None:
    guest, fatima = at_link(house, story), house.join(FATIMA)
    with house.work() as ctx:
        revocation.revoke_access(ctx, house.marieke, story.message, 0)
    claim(house, fatima, guest)
    letters = house.letters(fatima, story.conversation)
    assert [letter.state for letter in letters] == ["revoked", "open", "open", "closed"]
    assert letters[0].text is None


def test_the_account_keeps_it_through_a_new_key(house: House, story: Sent) -> None:
    guest, fatima = at_link(house, story), house.join(FATIMA)
    claim(house, fatima, guest)
    before = seen(house.letters(fatima, story.conversation))
    with house.work() as ctx:
        fatima = replace(fatima, mail=rotation.rotate_mail(ctx, fatima))
    assert seen(house.letters(fatima, story.conversation)) == before


def test_keys_that_were_replaced_meanwhile_ask_for_another_try(house: House, story: Sent) -> None:
    guest, fatima = at_link(house, story), house.join(FATIMA)
    with house.work() as ctx:
        renewed = replace(fatima, mail=rotation.rotate_mail(ctx, fatima))
    with pytest.raises(StaleKeys):
        claim(house, fatima, guest)
    claim(house, renewed, guest)
    assert len(house.letters(renewed, story.conversation)) == 4


def test_who_asks_for_help_at_the_old_link_is_told_to_log_in(house: House, story: Sent) -> None:
    guest, fatima = at_link(house, story), house.join(FATIMA)
    claim(house, fatima, guest)
    with house.work() as ctx:
        assert helping.ask(ctx, ctx.db.get_one(GuestLink, guest.link), "again")
    with house.work() as ctx:
        [asked] = helping.open_in(ctx, house.marieke, story.conversation)
        assert (asked.method, asked.locked, asked.over) == ("account", False, ())
        known = set(ctx.db.scalars(select(Outbox.id)))
        helping.send_again(ctx, house.marieke, asked)
        [mail] = ctx.db.scalars(select(Outbox).where(Outbox.id.not_in(known))).all()
    assert (mail.kind, mail.mailbox, mail.sealed_payload) == ("member_message", fatima.mailbox, None)


def test_nothing_is_moved_into_an_account_that_was_closed_meanwhile(house: House, story: Sent) -> None:
    guest, fatima = at_link(house, story), house.join(FATIMA)
    with house.work() as ctx:
        closing.close(ctx, fatima.owner)
    with pytest.raises(StaleKeys):
        claim(house, fatima, guest)
    assert house.letters(guest, story.conversation)[0].text is not None


# --- who may not ---


def test_another_address_takes_nothing_along(house: House) -> None:
    guest = at_link(house, house.send(FATIMA))
    assert refused(house, house.join(OTHER), guest) == "address"
    assert refused(house, house.sanne, guest) == "address"


def test_capitals_make_no_other_address(house: House) -> None:
    guest, fatima = at_link(house, house.send((FATIMA[0].title(), FATIMA[1]))), house.join(FATIMA)
    claim(house, fatima, guest)


def test_a_remembered_browser_has_to_give_the_code(house: House) -> None:
    sent = house.send(FATIMA)
    guest, _ = house.enter(sent.conversation)
    with house.work() as ctx:
        remembered = devices.remember(ctx, guest, None)
        link = ctx.db.scalars(select(GuestLink)).one()
        back = devices.returning(ctx, remembered, link)
        assert back is not None
        secret = devices.open_here(ctx, back, None)
    returned, fatima = house.guest(secret, link.link_ref), house.join(FATIMA)
    assert refused(house, fatima, returned) == "unproved"
    assert offered(house, fatima, secret) == []
    with house.work() as ctx:  # a row edited from one state to the other opens nothing at all
        ctx.db.execute(update(SessionLink).values(state=cookies.FULL))
    with house.work() as ctx, pytest.raises(GuestSessionEnded):
        guest_sessions.resume(ctx, secret, link.link_ref)
    assert offered(house, fatima, secret) == []


def test_the_maker_takes_nothing_of_their_own(house: House) -> None:
    """Marieke wrote to an address that is hers since."""
    sent = house.send(FATIMA)
    guest = at_link(house, sent)
    moved = replace(house.marieke, address=FATIMA[0])
    assert refused(house, moved, guest) == "own"


def test_who_takes_part_already_stays_who_they_are(house: House) -> None:
    sent = house.send(FATIMA, SANNE)
    moved = replace(house.sanne, address=FATIMA[0])
    assert refused(house, moved, at_link(house, sent)) == "partner"


def test_two_links_into_one_conversation_are_not_both_taken(house: House) -> None:
    sent = house.send(FATIMA, PETER)
    first, second = at_link(house, sent), at_link(house, sent, PETER[0])
    fatima = house.join(FATIMA)
    with pytest.raises(MayNotClaim) as error:
        claim(house, fatima, first, replace(second, address=FATIMA[0]))
    assert error.value.reason == "partner"
    with house.work() as ctx:
        assert set(ctx.db.scalars(select(GuestLink.claimed_by))) == {None}


def test_a_link_is_taken_along_once(house: House) -> None:
    sent = house.send(FATIMA)
    guest, fatima = at_link(house, sent), house.join(FATIMA)
    claim(house, fatima, guest)
    with house.work() as ctx, pytest.raises(MayNotClaim) as error:
        claiming.claim(ctx, fatima, guest)
    assert error.value.reason == "gone"


def test_a_link_that_was_closed_meanwhile_stays_closed(house: House) -> None:
    sent = house.send(FATIMA)
    guest, fatima = at_link(house, sent), house.join(FATIMA)
    with house.work() as ctx:
        revocation.revoke_from_conversation(ctx, house.marieke, sent.message, 0)
    assert refused(house, fatima, guest) == "gone"


# --- what only a writer of the database says ---


def plant(ctx: Context, **values: object) -> None:
    ctx.db.execute(update(GuestLink).values(**values))


def test_a_planted_claim_leads_nobody_anywhere(house: House, story: Sent) -> None:
    guest, mallory = at_link(house, story), house.join(("mallory@elders.example", "Mallory"))
    with house.work() as ctx:
        plant(ctx, claimed_by=mallory.mailbox)
    with pytest.raises(NotFound):
        house.letters(mallory, story.conversation)
    with house.work() as ctx:
        names = {party.principal for party in answering.whom(ctx, house.marieke, story.conversation)}
    assert mallory.mailbox not in names
    assert guest.link in names


def test_a_planted_session_of_anothers_link_is_not_offered(house: House) -> None:
    """Mallory, a guest and a member herself, points her own open row at Fatima's link."""
    hers, theirs = house.send(("mallory@elders.example", "Mallory")), house.send(FATIMA)
    mallory = house.join(("mallory@elders.example", "Mallory"))
    guest, secret = house.enter(hers.conversation, "mallory@elders.example")
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink.id).where(GuestLink.conversation == theirs.conversation)).one()
        ctx.db.execute(update(SessionLink).where(SessionLink.link == guest.link).values(link=link))
    assert offered(house, mallory, secret) == []


# --- offers ---


def test_what_this_browser_has_open_for_the_member_is_offered(house: House) -> None:
    first, second = house.send(FATIMA), house.send(FATIMA, subject="Tweede")
    peters, never = house.send(PETER), house.send(FATIMA, subject="Nooit geopend")
    _, secret = house.enter(first.conversation)
    for sent, who in ((second, FATIMA), (peters, PETER)):
        with house.work() as ctx:
            secret = gate.enter_code(ctx, house.code_of(sent.conversation, who[0]), secret).secret
    fatima = house.join(FATIMA)
    assert offered(house, fatima, secret) == [first.conversation, second.conversation]
    assert offered(house, house.sanne, secret) == []
    assert offered(house, fatima, None) == offered(house, fatima, SessionSecret.new()) == []
    with house.runtime.work(write=False) as ctx:
        found = claiming.offers(ctx, fatima, secret)
    claim(house, fatima, *found)
    assert offered(house, fatima, secret) == []
    with house.work() as ctx:
        rows = listing.inbox(ctx, fatima).rows
        assert {row.conversation for row in rows} == {first.conversation, second.conversation}
        open_still = ctx.db.scalars(select(Message.id).where(Message.conversation == never.conversation)).one()
        assert ctx.db.get(Item, (fatima.mailbox, open_still)) is None


def test_half_an_hour_later_nothing_is_offered(house: House) -> None:
    sent = house.send(FATIMA)
    _, secret = house.enter(sent.conversation)
    fatima = house.join(FATIMA)
    house.clock.forward(minutes=31)
    assert offered(house, fatima, secret) == []
