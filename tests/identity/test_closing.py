"""A closed account opens for nobody, and nothing of others' breaks."""

import pytest
from sqlalchemy import func, select

from securemail import ids
from securemail.crypto import notes, unlock
from securemail.crypto.cookies import FULL
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MessageCode, SessionSecret
from securemail.errors import InvalidInput, StaleKeys
from securemail.identity import closing, login, photos, sessions
from securemail.identity.challenges import SessionEnded
from securemail.identity.closing import LastAdministrator
from securemail.identity.context import Correspondent, Guest, Member
from securemail.mailboxes import directory, grants
from securemail.messages import answering, clearing, reading, sending
from securemail.organisations import administrators
from securemail.store.models import (
    Account,
    Address,
    Audit,
    BrowserSession,
    Contact,
    Conversation,
    Draft,
    Envelope,
    GuestLink,
    Item,
    Mailbox,
    MailGrant,
    Message,
    Pending,
    PrincipalKey,
    Recipient,
    Thread,
    Unlocker,
)
from securemail.store.models import Member as MemberRow
from tests.house import FATIMA, MARIEKE, SANNE, House, open_link
from tests.identity import mails


def close(house: House, who: Member | None = None) -> None:
    with house.work() as ctx:
        closing.close(ctx, (who or house.sanne).owner)


def clear(house: House) -> int:
    """What the worker does, until nothing is left."""
    rounds = 0
    while True:
        with house.work() as ctx:
            if not clearing.clear(ctx):
                return rounds
        rounds += 1
        assert rounds < 20


def log_in(house: House, who: Member) -> SessionSecret:
    with house.work() as ctx:
        return sessions.start(ctx, account=who.root.account, rk=who.root.rk, remember=True)


def count(house: House, model: type, *which: object) -> int:
    with house.work() as ctx:
        return ctx.db.scalar(select(func.count()).select_from(model).where(*which)) or 0  # type: ignore[arg-type]


def test_every_way_in_is_gone_at_once(house: House) -> None:
    secret = log_in(house, house.sanne)
    with house.work() as ctx:
        photos.keep(ctx, house.sanne.owner, b"a picture")
    close(house)
    account = house.sanne.account
    assert account is not None
    for model, column in ((Unlocker, Unlocker.account), (MailGrant, MailGrant.grantee), (Pending, Pending.account)):
        assert count(house, model, column == account) == 0
    assert count(house, BrowserSession, BrowserSession.account == account, BrowserSession.state == FULL) == 0
    assert count(house, Address, Address.mailbox == house.sanne.mailbox) == 0
    assert count(house, MemberRow, MemberRow.account == account) == 0
    assert count(house, PrincipalKey, PrincipalKey.principal.in_((account, house.sanne.mailbox))) == 0
    with house.work() as ctx:
        row = ctx.db.get_one(Account, account)
        assert (row.state, row.sealed_vault, row.photo, row.sealed_photo) == ("closed", None, None, None)
        assert ctx.keys.open_entry(account, row.sealed_entry) in ({}, {"v": 1})
        assert not login.find(ctx, SANNE[0]).known
        with pytest.raises(SessionEnded):
            sessions.resume(ctx, secret)


def test_the_owner_gets_a_last_mail_and_the_organisation_an_entry(house: House) -> None:
    worker = mails.hire(house)
    close(house)
    [told] = mails.sent(house, worker, "account_closed")
    assert (told["to"], told["name"]) == SANNE
    assert count(house, Audit, Audit.kind == "account-closed") == 1


def test_closing_twice_is_refused(house: House) -> None:
    close(house)
    with pytest.raises(StaleKeys):
        close(house)


@pytest.mark.parametrize("typed", [SANNE[0], " SANNE@vandalenbakker.example"])
def test_the_own_address_confirms(house: House, typed: str) -> None:
    closing.require_own_address(house.sanne.owner, typed)


@pytest.mark.parametrize("typed", ["", "sanne", MARIEKE[0], "ja"])
def test_any_other_word_does_not(house: House, typed: str) -> None:
    with pytest.raises(InvalidInput):
        closing.require_own_address(house.sanne.owner, typed)


def test_the_last_administrator_stays(house: House) -> None:
    with house.work() as ctx, pytest.raises(LastAdministrator):
        closing.require_successor(ctx, house.marieke.owner)
    with pytest.raises(LastAdministrator):
        close(house, house.marieke)
    with house.work() as ctx:
        assert directory.find(ctx, MARIEKE[0]) is not None
        administrators.enter(ctx, house.marieke)


def test_a_role_written_into_the_database_makes_no_successor(house: House) -> None:
    """T8: who opens a grant on the sealed list is an administrator; the role is for display."""
    with house.work() as ctx:
        row = ctx.db.scalars(select(MemberRow).where(MemberRow.account == house.sanne.account)).one()
        row.role = "administrator"
    with pytest.raises(LastAdministrator):
        close(house, house.marieke)


def test_an_administrator_who_leaves_takes_no_key_along(house: House, second_administrator: Member) -> None:
    before = administrators_keys(house, house.marieke)
    told = {"reference": "a12345", "secured": ""}
    with house.work() as ctx:
        row = ctx.db.scalars(select(MemberRow).where(MemberRow.account == house.sanne.account)).one()
        row.sealed_reference = notes.seal_reference(before.pair().public, row.account, told)
    close(house, house.marieke)
    with house.work() as ctx:
        entered = administrators.enter(ctx, second_administrator)
        assert entered.keys.epoch == before.epoch + 1
        assert entered.keys.mk != before.mk
        holders = set(ctx.db.scalars(select(MailGrant.grantee).where(MailGrant.mailbox == before.principal)))
        assert holders == {second_administrator.account}
        row = ctx.db.scalars(select(MemberRow).where(MemberRow.account == house.sanne.account)).one()
        kept = notes.open_reference(entered.keys.pair(), row.account, row.sealed_reference or b"")
        assert kept["reference"] == told["reference"]
    with pytest.raises(LastAdministrator):
        close(house, second_administrator)


def administrators_keys(house: House, who: Member) -> MailKeys:
    with house.work() as ctx:
        return administrators.enter(ctx, who).keys


@pytest.fixture
def second_administrator(house: House) -> Member:
    """Sanne looks after the organisation too: her grant, and her name on the sealed list."""
    mail = administrators_keys(house, house.marieke)
    with house.work() as ctx:
        row = ctx.db.get_one(Mailbox, mail.principal)
        listed = unlock.open_organisation_holders(mail.mk, mail.principal, mail.epoch, row.sealed_holders)
        listed["holders"].append({"grantee": house.sanne.root.account.hex(), "rights": "administrator"})
        row.sealed_holders = unlock.seal_organisation_holders(mail.mk, mail.principal, mail.epoch, listed)
        identity = house.sanne.root.identity().public
        grants.add(ctx, mail, identity, grantee=house.sanne.root.account, rights="administrator")
    return house.sanne


def test_what_others_received_stays_theirs(house: House) -> None:
    to_marieke = house.send(MARIEKE, FATIMA, author=house.sanne, text="Dit blijft van jullie.")
    guest = _enter(house, to_marieke.conversation)
    close(house)
    clear(house)
    with house.work() as ctx:
        reading.take_in(ctx, house.marieke)
    assert house.letters(guest, to_marieke.conversation)[0].text == "Dit blijft van jullie."
    [letter] = house.letters(house.marieke, to_marieke.conversation)
    assert letter.head is not None
    assert letter.head.sender.name == SANNE[1]


def _enter(house: House, conversation: bytes) -> Guest:
    """Fatima, by the code in Sanne's own note."""
    with house.work() as ctx:
        row = ctx.db.scalars(select(GuestLink).where(GuestLink.conversation == conversation)).one()
        code = MessageCode(bytes.fromhex(house.sanne.mail.open_maker(row.id, row.sealed_maker)["code"]))
    with house.work() as ctx:
        secret, link = open_link(ctx, code, None)
    return house.guest(secret, link.link_ref)


def test_an_answer_reaches_who_is_there_and_says_who_is_not(house: House) -> None:
    sent = house.send(SANNE, FATIMA)
    close(house)
    answered = reply(house, house.marieke, sent.conversation)
    with house.work() as ctx:
        rows = ctx.db.scalars(select(Recipient).where(Recipient.message == answered.message)).all()
        assert {row.principal == house.sanne.mailbox: row.state for row in rows} == {True: "gone", False: "waiting"}
        assert ctx.db.get(Envelope, (answered.message, house.sanne.mailbox)) is None
        assert ctx.db.get(Thread, (house.sanne.mailbox, answered.conversation)).newest != answered.message
    [_, letter] = house.letters(house.marieke, sent.conversation)
    assert letter.receipt is not None
    assert "gone" in {reader.state for reader in letter.receipt.readers}


def reply(house: House, author: Correspondent, conversation: bytes) -> sending.Sent:
    with house.work() as ctx:
        return sending.reply(ctx, author, conversation=conversation, key=ids.new_id(), text="Dank je.")


def test_a_guest_still_answers_the_others(house: House) -> None:
    sent = house.send(MARIEKE, FATIMA, author=house.sanne)
    guest = _enter(house, sent.conversation)
    close(house)
    clear(house)
    answered = reply(house, guest, sent.conversation)
    with house.work() as ctx:
        reading.take_in(ctx, house.marieke)
        states = ctx.db.scalars(select(Recipient.state).where(Recipient.message == answered.message)).all()
    assert sorted(states) == ["gone", "waiting"]


def test_nobody_is_answered_where_nobody_is_left(house: House) -> None:
    sent = house.send(SANNE)
    close(house)
    with house.work() as ctx:
        assert answering.whom(ctx, house.marieke, sent.conversation) == ()
    with pytest.raises(sending.NobodyLeft):
        reply(house, house.marieke, sent.conversation)


def test_new_mail_to_the_address_becomes_a_link(house: House) -> None:
    close(house)
    sent = house.send(SANNE, subject="Welkom terug?")
    assert house.code_of(sent.conversation, SANNE[0])


def test_the_worker_removes_the_rows_and_leaves_those_of_others(house: House) -> None:
    house.send(SANNE, subject="Alleen aan Sanne")
    mutual = house.send(MARIEKE, author=house.sanne)
    alone = house.send((SANNE[0], SANNE[1]), author=house.sanne, subject="Aan mezelf")
    house.letters(house.sanne, mutual.conversation)
    close(house)
    clear(house)
    mine = house.sanne.mailbox
    for model, column in (
        (Item, Item.mailbox), (Draft, Draft.mailbox), (Contact, Contact.mailbox), (Thread, Thread.mailbox),
        (Envelope, Envelope.principal),
    ):  # fmt: skip
        assert count(house, model, column == mine) == 0
    assert count(house, Message, Message.id == alone.message) == 0
    assert count(house, Conversation, Conversation.id == alone.conversation) == 0
    assert count(house, Message, Message.id == mutual.message) == 1
    [letter] = house.letters(house.marieke, mutual.conversation)
    assert letter.head is not None
    assert count(house, Recipient, Recipient.principal == mine, Recipient.state == "gone") == 1


def test_a_large_mailbox_is_removed_in_batches(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "_BATCH", 2)
    for _ in range(5):
        house.send(SANNE)
    close(house)
    assert clear(house) > 2
    assert count(house, Envelope, Envelope.principal == house.sanne.mailbox) == 0
