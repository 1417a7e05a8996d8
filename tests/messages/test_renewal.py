"""A new code or another check: the old code opens nothing, the new one what is shared, and everybody sees the same."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MessageCode
from securemail.errors import Conflict, InvalidInput, NotFound
from securemail.guests import gate, guest_sessions, links
from securemail.guests import help as helping
from securemail.guests.checks import NONE, Check, Method
from securemail.guests.gate import LinkClosed
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.identity.context import Context, Guest, Member
from securemail.messages import (
    aliases,
    answering,
    contacts,
    control,
    expiry,
    listing,
    reading,
    receipts,
    reminders,
    renewal,
    revocation,
    sending,
)
from securemail.messages.heads import Party
from securemail.messages.reading import Letter
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
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
from tests.guests.test_devices import come_back, open_again, remember
from tests.guests.test_devices import enter as enter_link
from tests.guests.test_gate import NUMBER, agreed
from tests.house import FATIMA, PETER, SANNE, House

SMS = Check("sms", NUMBER)
FIRST, SECOND, THIRD, OWN = "De eerste brief.", "De tweede brief.", "Sanne denkt mee.", "Fatima antwoordt."


def send(house: House, *to: sending.To, **options: object) -> sending.Sent:
    with house.work() as ctx:
        return sending.send(
            ctx, house.marieke, key=ids.new_id(), to=to or (FATIMA,), subject="Stukken", text=FIRST, **options
        )


def answer(house: House, author: Member | Guest, conversation: bytes, text: str) -> bytes:
    if isinstance(author, Member):
        house.letters(author, conversation)
    with house.work() as ctx:
        return sending.reply(ctx, author, conversation=conversation, key=ids.new_id(), text=text).message


def links_in(house: House, conversation: bytes) -> list[GuestLink]:
    with house.work() as ctx:
        found = select(GuestLink).where(GuestLink.conversation == conversation).order_by(GuestLink.created)
        return list(ctx.db.scalars(found))


def living(house: House, conversation: bytes) -> GuestLink:
    [link] = [link for link in links_in(house, conversation) if link.closed is None]
    return link


def code_of(house: House, link: GuestLink) -> MessageCode:
    with house.work() as ctx:
        return links.kept_of(ctx, house.marieke, link).code


def enter(house: House, link: GuestLink) -> Guest:
    """Fatima gives the code of a link, and passes its check."""
    return enter_link(house, link.id)


def renew(house: House, conversation: bytes, check: Check | None = None) -> Party:
    link = living(house, conversation).id
    with house.work() as ctx:
        return renewal.new_code(ctx, house.marieke, link) if check is None else renewal.renew(
            ctx, house.marieke, link, check
        )  # fmt: skip


def texts(letters: list[Letter]) -> list[str | None]:
    return [letter.text for letter in letters]


def states(house: House, message: bytes) -> list[str]:
    with house.work() as ctx:
        return list(
            ctx.db.scalars(select(Recipient.state).where(Recipient.message == message).order_by(Recipient.place))
        )


def mails(house: House) -> list[tuple[str, bytes | None]]:
    """What waits to be sent about messages, in the order of these."""
    with house.work() as ctx:
        about = select(Outbox.kind, Outbox.message).join(Message, Message.id == Outbox.message)
        rows = ctx.db.execute(about.where(Outbox.state == "waiting").order_by(Message.sent_at))
        return [(row.kind, row.message) for row in rows]


def tell(house: House) -> None:
    """The worker has sent everything."""
    with house.work() as ctx:
        ctx.db.execute(update(Outbox).where(Outbox.state == "waiting").values(state="sent", sealed_payload=None))
        ctx.db.execute(update(Recipient).where(Recipient.state == "waiting").values(state="notified"))


@pytest.mark.parametrize("method", ["none", "sms", "password"])
def test_the_old_code_opens_nothing_and_the_new_one_everything_that_was_shared(house: House, method: Method) -> None:
    check = {"none": NONE, "sms": SMS, "password": agreed(house)}[method]
    sent = send(house, (*FATIMA, NONE), (*SANNE, NONE))
    old = living(house, sent.conversation)
    before = enter(house, old)
    answer(house, before, sent.conversation, OWN)
    answer(house, house.sanne, sent.conversation, THIRD)
    answer(house, house.marieke, sent.conversation, SECOND)
    renew(house, sent.conversation, check)
    new = living(house, sent.conversation)
    assert (new.method, new.id != old.id) == (method, True)
    with house.work() as ctx, pytest.raises(LinkClosed):
        gate.enter_code(ctx, links.kept_of(ctx, house.marieke, old).code, None)
    guest = enter(house, new)
    with house.work() as ctx:
        receipts.mark_opened(ctx, guest, guest.conversation)
    assert texts(house.letters(guest, sent.conversation)) == [FIRST, OWN, THIRD, SECOND]


def test_who_had_it_open_has_nothing_left(house: House) -> None:
    sent = send(house)
    old = living(house, sent.conversation)
    with house.work() as ctx:
        secret = gate.enter_code(ctx, code_of(house, old), None).secret
    remembered = remember(house, house.guest(secret, old.link_ref))
    keys = house.guest(secret, old.link_ref).mail
    renew(house, sent.conversation)
    with house.work() as ctx, pytest.raises(GuestSessionEnded):
        guest_sessions.resume(ctx, secret, old.link_ref)
    assert come_back(house, remembered, old.id) is None
    assert come_back(house, remembered, living(house, sent.conversation).id) is None, "its check was never passed here"
    with house.work() as ctx:
        for table, column in ((SessionLink, SessionLink.link), (LinkDevice, LinkDevice.link)):
            assert ctx.db.scalars(select(table).where(column == old.id)).all() == []
        assert ctx.db.scalars(select(GuestDevice)).all() == []
        assert ctx.db.scalars(select(Envelope).where(Envelope.principal == old.id)).all() == []
        row = ctx.db.get_one(GuestLink, old.id)
        assert (row.sealed_dk, row.sealed_hint) == (None, None)
        assert row.closed is not None
    assert isinstance(keys, MailKeys), "held by a thief, it meets no envelope"


def test_a_browser_remembered_elsewhere_opens_the_new_link_too(house: House) -> None:
    first, second = send(house), send(house)
    remembered = remember(house, enter(house, living(house, first.conversation)))
    renew(house, second.conversation)
    guest = open_again(house, remembered, living(house, second.conversation).id)
    assert texts(house.letters(guest, second.conversation)) == [FIRST]
    renew(house, second.conversation, SMS)
    assert come_back(house, remembered, living(house, second.conversation).id) is None, "more is asked now"


def test_what_was_taken_back_or_is_over_does_not_come_along(house: House) -> None:
    sent = send(house)
    second = answer(house, house.marieke, sent.conversation, SECOND)
    third = answer(house, house.marieke, sent.conversation, "De derde brief.")
    with house.work() as ctx:
        revocation.revoke_access(ctx, house.marieke, second, 0)
    with house.work() as ctx:
        control.change_expiry(ctx, house.marieke, third, ctx.now + timedelta(days=1), everybody=False)
    house.clock.forward(days=2)
    renew(house, sent.conversation)
    new = living(house, sent.conversation)
    with house.work() as ctx:
        held = set(ctx.db.scalars(select(Envelope.message).where(Envelope.principal == new.id)))
    assert held == {sent.message}
    letters = house.letters(enter(house, new), sent.conversation)
    assert [letter.state for letter in letters] == ["open", "revoked", "expired"]


def test_what_was_over_can_still_be_prolonged(house: House) -> None:
    sent = send(house)
    second = answer(house, house.marieke, sent.conversation, SECOND)
    with house.work() as ctx:
        control.change_expiry(ctx, house.marieke, second, ctx.now + timedelta(days=1), everybody=False)
    house.clock.forward(days=2)
    with house.work() as ctx:
        expiry.delete_due(ctx)
    renew(house, sent.conversation)
    assert states(house, second) == ["expired"]
    with house.work() as ctx:
        control.change_expiry(ctx, house.marieke, second, None, everybody=False)
    guest = enter(house, living(house, sent.conversation))
    assert texts(house.letters(guest, sent.conversation)) == [FIRST, SECOND]


def test_what_the_maker_cannot_read_stays_behind(house: House) -> None:
    sent = send(house, FATIMA, SANNE)
    third = answer(house, house.sanne, sent.conversation, THIRD)
    house.letters(house.marieke, sent.conversation)
    with house.work() as ctx:
        mine = ctx.db.scalars(
            select(Recipient).where(Recipient.message == third, Recipient.principal == house.marieke.mailbox)
        ).one()
        revocation.revoke_access(ctx, house.sanne, third, mine.place)
    old = living(house, sent.conversation)
    renew(house, sent.conversation)
    with house.work() as ctx:
        behind = ctx.db.scalars(select(Recipient).where(Recipient.principal == old.id)).all()
        assert [(row.message, row.state) for row in behind] == [(third, "revoked")]
        places = ctx.db.scalars(select(Outbox.place).where(Outbox.message == third, Outbox.state == "waiting")).all()
        assert behind[0].place not in places, "no mail leads to what is not there"
    guest = enter(house, living(house, sent.conversation))
    assert texts(house.letters(guest, sent.conversation)) == [FIRST]


def test_receipts_stay_as_they_were(house: House) -> None:
    sent = send(house, FATIMA, PETER)
    fatima = next(link for link in links_in(house, sent.conversation) if code_is_of(house, link, FATIMA[0]))
    enter(house, fatima)
    second = answer(house, house.marieke, sent.conversation, SECOND)
    with house.work() as ctx:
        before = receipts.receipts_of(ctx, [sent.message, second])
        renewal.new_code(ctx, house.marieke, fatima.id)
    with house.work() as ctx:
        after = receipts.receipts_of(ctx, [sent.message, second])
        for message in (sent.message, second):
            was, now = before[message].readers, after[message].readers
            assert [(one.place, one.opened_at, one.kind) for one in was] == [
                (one.place, one.opened_at, one.kind) for one in now
            ]
        assert after[sent.message].opened == 1
        [listed] = listing.inbox(ctx, house.marieke).rows
        assert listed.head is not None
        assert {party.name for party in listed.head.to} == {FATIMA[1], PETER[1]}


def code_is_of(house: House, link: GuestLink, address: str) -> bool:
    with house.work() as ctx:
        return links.kept_of(ctx, house.marieke, link).address == address


def test_everybody_goes_on_answering_the_guest_and_is_answered(house: House) -> None:
    sent = send(house, FATIMA, SANNE)
    answer(house, enter(house, living(house, sent.conversation)), sent.conversation, OWN)
    renew(house, sent.conversation)
    new = living(house, sent.conversation)
    guest = enter(house, new)
    for author, text in ((house.sanne, THIRD), (guest, "Fatima weer."), (house.marieke, SECOND)):
        answer(house, author, sent.conversation, text)
    with house.work() as ctx:
        receipts.mark_opened(ctx, guest, guest.conversation)
    everything = [FIRST, OWN, THIRD, "Fatima weer.", SECOND]
    assert texts(house.letters(guest, sent.conversation)) == everything
    assert [letter.own for letter in house.letters(guest, sent.conversation)] == [False, True, False, True, False]
    with house.work() as ctx:
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
    assert texts(house.letters(house.sanne, sent.conversation)) == everything
    senders = [letter.sender.name for letter in house.letters(house.sanne, sent.conversation) if letter.sender]
    assert senders.count(FATIMA[1]) == 2


def test_twice_over_the_code_before_the_last_opens_nothing(house: House) -> None:
    sent = send(house)
    answer(house, enter(house, living(house, sent.conversation)), sent.conversation, OWN)
    old = living(house, sent.conversation)
    for _ in range(3):
        renew(house, sent.conversation)
    assert len(links_in(house, sent.conversation)) == 4
    guest = enter(house, living(house, sent.conversation))
    letters = house.letters(guest, sent.conversation)
    assert texts(letters) == [FIRST, OWN]
    assert [letter.own for letter in letters] == [False, True]
    with house.work() as ctx:
        assert aliases.of_conversation(ctx, sent.conversation).now(old.id) == guest.principal
        with pytest.raises(LinkClosed):
            gate.enter_code(ctx, code_of_row(ctx, house, old), None)


def code_of_row(ctx: Context, house: House, link: GuestLink) -> MessageCode:
    return links.kept_of(ctx, house.marieke, link).code


@pytest.mark.parametrize("what", ["message", "one", "conversation"])
def test_taking_back_reaches_the_new_link(house: House, what: str) -> None:
    sent = send(house)
    answer(house, house.marieke, sent.conversation, SECOND)
    renew(house, sent.conversation)
    guest = enter(house, living(house, sent.conversation))
    with house.work() as ctx:
        if what == "message":
            revocation.revoke(ctx, house.marieke, sent.message)
        elif what == "one":
            revocation.revoke_access(ctx, house.marieke, sent.message, 0)
        else:
            revocation.revoke_from_conversation(ctx, house.marieke, sent.message, 0)
    if what != "conversation":
        assert texts(house.letters(guest, sent.conversation)) == [None, SECOND]
        return
    with house.work() as ctx:
        assert all(link.closed is not None for link in links_in(house, sent.conversation))
        assert ctx.db.scalars(select(Envelope).where(Envelope.principal == guest.principal)).all() == []
        assert answering.whom(ctx, house.marieke, sent.conversation) == ()


def test_taking_back_at_a_message_that_stayed_behind_reaches_the_new_link(house: House) -> None:
    sent = send(house, FATIMA, SANNE)
    second = answer(house, house.sanne, sent.conversation, SECOND)
    third = answer(house, house.sanne, sent.conversation, THIRD)
    with house.work() as ctx:
        rows = ctx.db.scalars(select(Recipient).where(Recipient.message == third)).all()
        place = next(row.place for row in rows if row.principal == house.marieke.mailbox)
        revocation.revoke_access(ctx, house.sanne, third, place)
    renew(house, sent.conversation)
    guest = enter(house, living(house, sent.conversation))
    assert texts(house.letters(guest, sent.conversation)) == [FIRST, SECOND], "what Marieke reads too"
    with house.work() as ctx:
        where = next(row.place for row in rows if row.kind == "link")
        revocation.revoke_from_conversation(ctx, house.sanne, third, where)
        assert ctx.db.get(Envelope, (second, guest.principal)) is None
    assert texts(house.letters(guest, sent.conversation)) == [FIRST, None]


def test_help_leads_to_the_new_link(house: House) -> None:
    sent = send(house)
    old = living(house, sent.conversation)
    with house.work() as ctx:
        helping.ask(ctx, ctx.db.get_one(GuestLink, old.id), "method")
    renew(house, sent.conversation, SMS)
    with house.work() as ctx:
        assert helping.open_in(ctx, house.marieke, sent.conversation) == [], "it is answered"
        assert helping.ask(ctx, ctx.db.get_one(GuestLink, old.id), "again")
        [asked] = helping.open_in(ctx, house.marieke, sent.conversation)
        assert (asked.link, asked.message, asked.method) == (living_in(ctx, sent.conversation), sent.message, "sms")
        helping.send_again(ctx, house.marieke, asked)


def living_in(ctx: Context, conversation: bytes) -> bytes:
    return ctx.db.scalars(
        select(GuestLink.id).where(GuestLink.conversation == conversation, GuestLink.closed.is_(None))
    ).one()


def test_one_mail_with_the_new_code_takes_the_place_of_those_that_waited(house: House) -> None:
    sent = send(house)
    second = answer(house, house.marieke, sent.conversation, SECOND)
    assert mails(house) == [("guest_message", sent.message), ("guest_message", second)]
    with house.work() as ctx:
        old = set(ctx.db.scalars(select(Outbox.id).where(Outbox.message.is_not(None))))
    renew(house, sent.conversation)
    with house.work() as ctx:
        states_now = {row.id: (row.state, row.sealed_payload) for row in ctx.db.scalars(select(Outbox))}
    assert all(states_now[one] == ("cancelled", None) for one in old), "no mail with the old code goes out"
    assert mails(house) == [("guest_message", sent.message), ("guest_message", second)]
    tell(house)
    renew(house, sent.conversation)
    assert mails(house) == [("guest_message", second)], "one mail, of the newest message"
    assert (states(house, sent.message), states(house, second)) == (["notified"], ["waiting"])


def test_the_contact_remembers_the_check(house: House) -> None:
    sent = send(house)
    renew(house, sent.conversation, SMS)
    with house.work() as ctx:
        known = contacts.find(ctx, house.marieke, FATIMA[0])
    assert known is not None
    assert (known.name, known.method, known.number) == (FATIMA[1], "sms", NUMBER)
    renew(house, sent.conversation)
    assert living(house, sent.conversation).method == "sms", "a new code keeps the check"
    with house.work() as ctx:
        assert links.kept_of(ctx, house.marieke, living_row(ctx, sent.conversation)).number == NUMBER


def living_row(ctx: Context, conversation: bytes) -> GuestLink:
    return ctx.db.get_one(GuestLink, living_in(ctx, conversation))


def test_what_waited_for_a_number_goes_out_with_another_check(house: House) -> None:
    sent = send(house, (*FATIMA, Check("sms")), remind=timedelta(days=2))
    second = answer(house, house.marieke, sent.conversation, SECOND)
    assert states(house, sent.message) == ["unready"]
    house.clock.forward(days=1)
    renew(house, sent.conversation, agreed(house))
    assert (states(house, sent.message), states(house, second)) == (["waiting"], ["waiting"])
    assert [message for _kind, message in mails(house)] == [sent.message, second]
    with house.work() as ctx:
        remind = ctx.db.scalars(select(Recipient.remind).where(Recipient.message == sent.message)).one()
        assert remind is not None
        assert remind > ctx.now + timedelta(days=1, hours=23), "counted from the day it went out"
    guest = enter(house, living(house, sent.conversation))
    assert texts(house.letters(guest, sent.conversation)) == [FIRST, SECOND]


def test_a_reminder_comes_with_the_new_code(house: House) -> None:
    sent = send(house, remind=timedelta(days=2))
    tell(house)
    renew(house, sent.conversation)
    tell(house)
    house.clock.forward(days=3)
    with house.work() as ctx:
        assert reminders.queue_due(ctx, house.marieke) == 1
    assert mails(house) == [("guest_reminder", sent.message)]


@pytest.mark.parametrize(
    ("check", "code"), [(Check("sms"), "missing"), (Check("password"), "missing"), (Check("account"), "no_account")]
)
def test_an_incomplete_check_changes_nothing(house: House, check: Check, code: str) -> None:
    sent = send(house)
    with pytest.raises(InvalidInput) as told:
        renew(house, sent.conversation, check)
    assert (told.value.field, told.value.code) == ("check", code)
    assert len(links_in(house, sent.conversation)) == 1


def test_the_organisations_minimum_holds_here_too(house: House) -> None:
    sent = send(house)
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(sign_up="open", check_minimum="sms"))
    for check in (NONE, agreed(house), None):
        with pytest.raises(InvalidInput) as told:
            renew(house, sent.conversation, check)
        assert told.value.code == "minimum"
    renew(house, sent.conversation, SMS)


def test_a_password_has_to_be_said_again(house: House) -> None:
    sent = send(house, (*FATIMA, agreed(house)))
    with pytest.raises(InvalidInput):
        renew(house, sent.conversation)


def test_only_the_maker_of_a_living_link_renews_it(house: House) -> None:
    sent = send(house, FATIMA, SANNE)
    link = living(house, sent.conversation).id
    with house.work() as ctx, pytest.raises(NotFound):
        renewal.new_code(ctx, house.sanne, link)
    with house.work() as ctx, pytest.raises(NotFound):
        renewal.new_code(ctx, house.marieke, ids.new_id())
    renew(house, sent.conversation)
    with house.work() as ctx, pytest.raises(Conflict):
        renewal.new_code(ctx, house.marieke, link)
    now = living(house, sent.conversation).id
    with house.work() as ctx:
        revocation.revoke_from_conversation(ctx, house.marieke, sent.message, 0)
    with house.work() as ctx, pytest.raises(Conflict):
        renewal.new_code(ctx, house.marieke, now)


def test_nothing_shared_needs_no_code(house: House) -> None:
    sent = send(house)
    with house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)
    with pytest.raises(renewal.NothingShared):
        renew(house, sent.conversation)
    assert len(links_in(house, sent.conversation)) == 1


Plant = Callable[[GuestLink, GuestLink], dict[str, object]]
PLANTS: dict[str, Plant] = {
    "successor": lambda _mine, other: {"successor": other.id, "closed": other.created},
    "back": lambda _mine, _other: {"successor": None, "closed": None},
    "mac": lambda _mine, other: {"successor": other.id, "mac": other.mac},
}


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_successor_that_was_written_into_the_database_is_believed_by_nobody(house: House, plant: str) -> None:
    sent = send(house, FATIMA, SANNE)
    own = answer(house, enter(house, living(house, sent.conversation)), sent.conversation, OWN)
    mine, other = living(house, sent.conversation), living(house, send(house, PETER).conversation)
    if plant == "back":
        renew(house, sent.conversation)
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).where(GuestLink.id == mine.id).values(PLANTS[plant](mine, other)))
    with house.work() as ctx:
        known = aliases.of_conversation(ctx, sent.conversation)
        assert known.now(mine.id) == mine.id
        with pytest.raises(NotFound):
            links.find(ctx, mine.link_ref)
    house.letters(house.sanne, sent.conversation)
    with house.work() as ctx:
        to = answering.whom(ctx, house.sanne, sent.conversation)
        assert other.id not in {party.principal for party in to}
        letters = {letter.message: letter for letter in reading.conversation(ctx, house.marieke, sent.conversation)}
        assert letters[own].sender is not None
        assert letters[own].sender.principal == mine.id


def account_of_sanne(house: House, check: Check = SMS) -> sending.Sent:
    """A message by SMS to somebody who has an account: that goes to a link."""
    return send(house, (*SANNE, check), FATIMA)


def test_by_account_the_mailbox_has_what_the_link_had(house: House) -> None:
    sent = account_of_sanne(house)
    sanne = next(link for link in links_in(house, sent.conversation) if link.method == "sms")
    guest = enter(house, sanne)
    answer(house, guest, sent.conversation, "Sanne, nog met een code.")
    answer(house, house.marieke, sent.conversation, SECOND)
    tell(house)
    with house.work() as ctx:
        party = renewal.renew(ctx, house.marieke, sanne.id, Check("account"))
    assert (party.kind, party.principal) == ("mailbox", house.sanne.mailbox)
    with house.work() as ctx:
        row = ctx.db.get_one(GuestLink, sanne.id)
        assert (row.claimed_by, row.closed, row.sealed_dk) == (house.sanne.mailbox, None, None)
        assert ctx.db.scalars(select(Envelope).where(Envelope.principal == sanne.id)).all() == []
        thread = ctx.db.get_one(Thread, (house.sanne.mailbox, sent.conversation))
        assert thread.unread == 1, "what was opened stays opened"
        with pytest.raises(LinkClosed):
            gate.enter_code(ctx, code_of_row(ctx, house, row), None)
    assert mails(house)[-1][0] == "member_message"
    letters = house.letters(house.sanne, sent.conversation)
    assert texts(letters) == [FIRST, "Sanne, nog met een code.", None]
    assert [letter.own for letter in letters] == [False, True, False]
    with house.work() as ctx:
        [listed] = listing.inbox(ctx, house.sanne).rows
        assert listed.unread
        sent_by_her = listing.sent(ctx, house.sanne).rows
        assert [one.own for one in sent_by_her] == [True], "her own answer stands with what she sent"
        folders = set(ctx.db.scalars(select(Item.folder).where(Item.mailbox == house.sanne.mailbox)))
        assert folders == {"received", "sent"}
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
    assert texts(house.letters(house.sanne, sent.conversation)) == [FIRST, "Sanne, nog met een code.", SECOND]
    last = answer(house, house.sanne, sent.conversation, THIRD)
    assert "gone" not in states(house, last)
    answer(house, house.marieke, sent.conversation, "Tot maandag.")
    with house.work() as ctx:
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
    assert texts(house.letters(house.sanne, sent.conversation))[-2:] == [THIRD, "Tot maandag."]
    house.letters(house.marieke, sent.conversation)


def test_an_account_that_is_there_already_is_not_let_in_twice(house: House) -> None:
    sent = account_of_sanne(house)
    link = next(link for link in links_in(house, sent.conversation) if link.method == "sms")
    with house.work() as ctx:
        assert renewal.can_have(ctx, house.marieke, link) is not None
        renewal.renew(ctx, house.marieke, link.id, Check("account"))
    other = account_of_sanne(house)
    link = next(link for link in links_in(house, other.conversation) if link.method == "sms")
    with house.work() as ctx:  # Sanne writes there too, for all that anybody knows
        ctx.db.execute(
            update(Recipient)
            .where(Recipient.message == other.message, Recipient.place == 1)
            .values(kind="mailbox", principal=house.sanne.mailbox)
        )
    with house.work() as ctx:
        assert renewal.can_have(ctx, house.marieke, link) is None
        with pytest.raises(renewal.TakesPart):
            renewal.renew(ctx, house.marieke, link.id, Check("account"))


def test_taking_back_reaches_the_account_that_took_its_place(house: House) -> None:
    sent = account_of_sanne(house)
    link = next(link for link in links_in(house, sent.conversation) if link.method == "sms")
    enter(house, link)
    with house.work() as ctx:
        renewal.renew(ctx, house.marieke, link.id, Check("account"))
    assert texts(house.letters(house.sanne, sent.conversation)) == [FIRST]
    with house.work() as ctx:
        revocation.revoke_from_conversation(ctx, house.marieke, sent.message, 0)
    assert texts(house.letters(house.sanne, sent.conversation)) == [None]
