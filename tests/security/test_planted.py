"""T8: what a writer of the database plants is refused or ignored, with an alarm, and nothing opens with his keys."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, func, select, update

from securemail import ids
from securemail.crypto import content, cookies, mailkeys, unlock
from securemail.crypto.keypair import KeyPair, key_pair
from securemail.crypto.mailkeys import MailKeys, seal_envelope
from securemail.crypto.notes import seal_payload, seal_payload_key
from securemail.crypto.password import Cost, Parameters, stretch
from securemail.crypto.secrets import ContentKey, MailKey, PayloadKey, RootKey, Secret, Seed
from securemail.delivery import claim, outbox, workers
from securemail.delivery.claim import Dropped
from securemail.delivery.workers import OwnKey
from securemail.errors import NotFound, SecuremailError
from securemail.guests import guest_sessions
from securemail.guests.links import WrongCode
from securemail.identity import login, sessions
from securemail.identity.challenges import SessionEnded
from securemail.identity.context import Context, Member
from securemail.mailboxes.keys import UntrustedKey
from securemail.messages import listing, reading, receipts, revocation, sending
from securemail.messages.authenticity import Forged
from securemail.messages.heads import Head, Party
from securemail.organisations import organisations
from securemail.store.models import (
    Account,
    Address,
    BrowserSession,
    Envelope,
    GuestLink,
    Item,
    Mailbox,
    MailGrant,
    Message,
    Organisation,
    Outbox,
    OutboxLock,
    PrincipalKey,
    Recipient,
    SessionLink,
    Thread,
    Unlocker,
    WorkerKey,
)
from tests.house import FATIMA, MARIEKE, PASSWORD, SANNE, House, open_link
from tests.security.town import log_in

KNOWN = "een sleutel die de aanvaller kent"


def known_pair() -> KeyPair:
    """A key pair of the attacker's own."""
    return key_pair(Seed(ids.new_token()))


def alarmed(caplog: pytest.LogCaptureFixture) -> bool:
    return any("alarm" in record.getMessage() for record in caplog.records)


def count(house: House, table: type[Message] | type[Outbox] | type[Envelope]) -> int:
    with house.work() as ctx:
        return ctx.db.scalar(select(func.count()).select_from(table)) or 0


def log_in_again(house: House, member: Member, password: str = PASSWORD) -> Member:
    with house.work() as ctx:
        candidate = login.find(ctx, member.address)
    proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, password)
    with house.work() as ctx:
        return sessions.resume(ctx, login.finish(ctx, proved, remember=False).secret).member


# --- public keys ---


def own_key(ctx: Context, house: House, row: PrincipalKey) -> None:
    row.public_key = known_pair().public


def anothers_genuine_key(ctx: Context, house: House, row: PrincipalKey) -> None:
    other = house.marieke.mailbox if row.principal == house.sanne.mailbox else house.sanne.mailbox
    theirs = ctx.db.get_one(PrincipalKey, (other, 1))
    row.public_key, row.mac = theirs.public_key, theirs.mac


def no_key(ctx: Context, house: House, row: PrincipalKey) -> None:
    ctx.db.delete(row)


def newer_key(ctx: Context, house: House, row: PrincipalKey) -> None:
    """A planted row for the next epoch, and the mailbox moved on to it."""
    ctx.db.add(
        PrincipalKey(
            principal=row.principal, epoch=2, kind=row.kind, suite=row.suite, public_key=known_pair().public,
            created=ctx.now, mac=row.mac,
        )
    )  # fmt: skip
    ctx.db.execute(update(Mailbox).where(Mailbox.id == row.principal).values(mk_epoch=2))
    ctx.db.execute(update(Account).where(Account.id == row.principal).values(rk_epoch=2))


def another_kind(ctx: Context, house: House, row: PrincipalKey) -> None:
    row.kind = "link"


PLANT = pytest.mark.parametrize("plant", [own_key, anothers_genuine_key, no_key, newer_key, another_kind])
Plant = Callable[[Context, House, PrincipalKey], None]


@PLANT
def test_nothing_is_locked_to_a_planted_key(house: House, plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    with house.work() as ctx:
        plant(ctx, house, ctx.db.get_one(PrincipalKey, (house.sanne.mailbox, 1)))
    before = count(house, Message), count(house, Envelope), count(house, Outbox)
    with pytest.raises(UntrustedKey):
        house.send(SANNE)
    assert (count(house, Message), count(house, Envelope), count(house, Outbox)) == before
    assert alarmed(caplog)


@PLANT
def test_nobody_logs_in_over_a_planted_identity(house: House, plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    cookie = log_in(house, house.sanne)
    with house.work() as ctx:
        plant(ctx, house, ctx.db.get_one(PrincipalKey, (house.sanne.root.account, 1)))
    with house.work() as ctx, pytest.raises(SecuremailError):
        sessions.resume(ctx, cookie)
    with pytest.raises(SecuremailError):
        log_in_again(house, house.sanne)
    assert alarmed(caplog) or plant is newer_key  # another root key's epoch: the lock itself does not open


@PLANT
def test_no_session_goes_on_over_a_planted_mail_key(
    house: House, plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    cookie = log_in(house, house.sanne)
    with house.work() as ctx:
        plant(ctx, house, ctx.db.get_one(PrincipalKey, (house.sanne.mailbox, 1)))
    with house.work() as ctx, pytest.raises(UntrustedKey):
        sessions.resume(ctx, cookie)
    assert alarmed(caplog)


@PLANT
def test_nothing_is_written_down_for_a_planted_organisation_key(house: House, plant: Plant) -> None:
    sent = house.send(SANNE)
    with house.work() as ctx:
        mailbox = ctx.db.scalars(select(Mailbox.id).where(Mailbox.kind == "organisation")).one()
        plant(ctx, house, ctx.db.get_one(PrincipalKey, (mailbox, 1)))
    with pytest.raises(UntrustedKey), house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)
    with house.work() as ctx:
        assert ctx.db.get_one(Message, sent.message).state == "sent"


def test_an_own_mailbox_is_not_taken_for_the_organisations(house: House) -> None:
    """Sanne makes her own mailbox the organisation's in the table: its key has a genuine MAC."""
    sent = house.send(SANNE)
    with house.work() as ctx:
        ctx.db.execute(update(Mailbox).where(Mailbox.kind == "organisation").values(kind="personal"))
        hers = {"kind": "organisation", "owner": house.marieke.organisation}
        ctx.db.execute(update(Mailbox).where(Mailbox.id == house.sanne.mailbox).values(hers))
    with pytest.raises(UntrustedKey), house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)


# --- what unlocks ---


def test_a_planted_password_opens_a_planted_root_key_and_no_account(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """The attacker locks a root key that he knows to a password that he knows, as anybody can."""
    account = house.marieke.root.account
    with house.work() as ctx:
        genuine = ctx.db.scalars(select(Unlocker).where(Unlocker.account == account, Unlocker.kind == "password")).one()
        planted, parameters = bytes(16), Parameters(Cost(64, 1), 1, b"s" * 16)
        stretched = stretch(KNOWN, parameters, ctx.keys.pepper(1))  # more than he has: not even the pepper helps
        pair = unlock.password_pair(stretched, account, planted)
        ctx.db.add(
            Unlocker(
                id=planted, account=account, kind="password", parameters=parameters.encode(), public_key=pair.public,
                sealed_rk=unlock.seal_root_key(pair.public, RootKey.new(), account, 1, planted, "password"),
            )
        )  # fmt: skip
    assert planted < genuine.id
    with pytest.raises(UntrustedKey):
        log_in_again(house, house.marieke, KNOWN)
    assert alarmed(caplog)


def test_an_unlocker_that_the_vault_does_not_list_opens_no_session(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Even one that holds the true root key, as an old copy of a removed one would."""
    root = house.marieke.root
    with house.work() as ctx:
        planted, parameters = bytes(16), Parameters(Cost(64, 1), 1, b"s" * 16)
        pair = unlock.password_pair(stretch(KNOWN, parameters, ctx.keys.pepper(1)), root.account, planted)
        ctx.db.add(
            Unlocker(
                id=planted, account=root.account, kind="password", parameters=parameters.encode(),
                public_key=pair.public,
                sealed_rk=unlock.seal_root_key(pair.public, root.rk, root.account, 1, planted, "password"),
            )
        )  # fmt: skip
    with pytest.raises(UntrustedKey):
        log_in_again(house, house.marieke, KNOWN)
    assert alarmed(caplog)


def planted_grant(ctx: Context, member: Member, mk: MailKey, epoch: int) -> MailGrant:
    public_key = ctx.db.get_one(PrincipalKey, (member.root.account, 1)).public_key
    facts = {"mailbox": member.mailbox, "epoch": epoch, "grantee": member.root.account, "grant": bytes(16)}
    sealed = mailkeys.seal_grant(public_key, mk, rights="owner", **facts)
    return MailGrant(
        id=bytes(16), mailbox=member.mailbox, epoch=epoch, grantee=member.root.account, rights="owner",
        created=ctx.now, sealed_mk=sealed,
    )  # fmt: skip


def test_a_granted_mail_key_that_is_not_the_published_one_is_passed_over(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with house.work() as ctx:
        ctx.db.add(planted_grant(ctx, house.sanne, MailKey.new(), 1))
    again = log_in_again(house, house.sanne)
    assert bytes(again.mail.mk) == bytes(house.sanne.mail.mk)
    with house.work() as ctx:
        hers = MailGrant.mailbox == house.sanne.mailbox
        ctx.db.execute(delete(MailGrant).where(hers, MailGrant.id != bytes(16)))
    with pytest.raises(UntrustedKey):
        log_in_again(house, house.sanne)
    assert alarmed(caplog)


def test_a_known_mail_key_granted_in_a_later_epoch_is_never_used(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    mk = MailKey.new()
    with house.work() as ctx:
        ctx.db.add(planted_grant(ctx, house.sanne, mk, 2))
    assert log_in_again(house, house.sanne).mail.epoch == 1
    with house.work() as ctx:
        planted = MailKeys(house.sanne.mailbox, 2, mk).pair().public
        mac = ctx.db.get_one(PrincipalKey, (house.sanne.mailbox, 1)).mac
        ctx.db.add(
            PrincipalKey(
                principal=house.sanne.mailbox, epoch=2, kind="mailbox", suite=2, public_key=planted, created=ctx.now,
                mac=mac,
            )
        )  # fmt: skip
        ctx.db.get_one(Mailbox, house.sanne.mailbox).mk_epoch = 2
    with pytest.raises(UntrustedKey):
        log_in_again(house, house.sanne)
    with pytest.raises(UntrustedKey):
        house.send(SANNE)
    assert alarmed(caplog)


def test_a_mailbox_written_to_another_owner_does_not_open_for_him(house: House) -> None:
    cookie = log_in(house, house.marieke)
    with house.work() as ctx:
        ctx.db.get_one(Mailbox, house.marieke.mailbox).owner = house.sanne.root.account
        ctx.db.get_one(Mailbox, house.sanne.mailbox).owner = house.marieke.root.account
    with house.work() as ctx, pytest.raises(UntrustedKey):
        sessions.resume(ctx, cookie)


def test_an_older_vault_put_back_is_noticed(house: House, caplog: pytest.LogCaptureFixture) -> None:
    root = house.sanne.root
    with house.work() as ctx:
        account = ctx.db.get_one(Account, root.account)
        account.vault_revision += 1  # the row says that there is a newer one
    with pytest.raises(UntrustedKey):
        log_in_again(house, house.sanne)
    assert alarmed(caplog)


# --- sessions ---


def test_a_pending_session_edited_into_a_full_one_opens_nothing(house: House) -> None:
    cookie = log_in(house, house.sanne)
    session, root = cookies.session_id(cookie), house.sanne.root
    with house.work() as ctx:
        row = ctx.db.get_one(BrowserSession, session)
        row.state = cookies.PENDING
        row.sealed_rk = cookies.seal_session_root_key(
            cookie, root.rk, session=session, account=root.account, state=cookies.PENDING
        )
    for state in (cookies.PENDING, cookies.FULL):
        with house.work() as ctx:
            ctx.db.get_one(BrowserSession, session).state = state
        with house.work() as ctx, pytest.raises(SessionEnded):
            sessions.resume(ctx, cookie)


def test_a_session_written_to_another_account_opens_nothing(house: House) -> None:
    cookie = log_in(house, house.sanne)
    with house.work() as ctx:
        ctx.db.get_one(BrowserSession, cookies.session_id(cookie)).account = house.marieke.root.account
    with house.work() as ctx, pytest.raises(SessionEnded):
        sessions.resume(ctx, cookie)


def test_a_session_that_holds_a_known_root_key_opens_no_account(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """The attacker makes a cookie and a row for it, with a root key of his own, on Marieke's account."""
    account = house.marieke.root.account
    with house.work() as ctx:
        cookie = sessions.start(ctx, account=account, rk=RootKey.new(), remember=True)
    with house.work() as ctx, pytest.raises(UntrustedKey):
        sessions.resume(ctx, cookie)
    assert alarmed(caplog)


def test_a_guests_session_that_holds_a_known_link_key_opens_no_link(house: House) -> None:
    sent = house.send(FATIMA)
    _, cookie = house.enter(sent.conversation)
    session = cookies.session_id(cookie)
    with house.work() as ctx:
        held = ctx.db.scalars(select(GuestLink)).one()
        sealed = cookies.seal_session_link_key(cookie, MailKey.new(), session=session, link=held.id, state=1)
        ctx.db.get_one(SessionLink, (session, held.id)).sealed_dk = sealed
    with house.work() as ctx, pytest.raises(UntrustedKey):
        guest_sessions.resume(ctx, cookie, held.link_ref)


# --- addresses, links, policy ---


def test_exchanged_address_tags_deliver_to_no_stranger(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with house.work() as ctx:
        marieke, sanne = (ctx.db.get_one(Address, ctx.keys.address_tag(who[0])) for who in (MARIEKE, SANNE))
        marieke.mailbox, sanne.mailbox = sanne.mailbox, marieke.mailbox
    house.send(SANNE)
    with house.work() as ctx:
        to = set(ctx.db.scalars(select(Recipient.principal)))
    assert not to & {house.marieke.mailbox, house.sanne.mailbox}
    assert alarmed(caplog)


def test_an_address_row_copied_under_another_tag_delivers_to_no_stranger(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with house.work() as ctx:
        marieke, sanne = (ctx.db.get_one(Address, ctx.keys.address_tag(who[0])) for who in (MARIEKE, SANNE))
        marieke.mailbox, marieke.sealed_address = sanne.mailbox, sanne.sealed_address
    house.send(MARIEKE, author=house.sanne)
    with house.work() as ctx:
        assert house.sanne.mailbox not in set(ctx.db.scalars(select(Recipient.principal)))
    assert alarmed(caplog)


@pytest.mark.parametrize("column", ["maker", "conversation"])
def test_a_guest_link_written_to_another_place_is_unknown(
    house: House, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    sent, other = house.send(FATIMA), house.send(SANNE)
    code = house.code_of(sent.conversation, FATIMA[0])
    values = {"maker": house.sanne.mailbox, "conversation": other.conversation}
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).values({column: values[column]}))
    with house.work() as ctx, pytest.raises(WrongCode):
        open_link(ctx, code, None)
    assert alarmed(caplog)


def test_another_name_for_the_organisation_is_never_shown(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with house.work() as ctx:
        ctx.db.execute(update(Organisation).values(name="De Rechtspraak"))
    with house.work() as ctx:
        assert organisations.first(ctx) is None
    assert alarmed(caplog)


# --- messages ---


def forge(ctx: Context, house: House, *, conversation: bytes) -> bytes:
    """A message to Sanne that seems to come from Marieke: her public key, and rows, are all it takes to lock one."""
    message, cek = ids.new_id(), ContentKey.new()
    head = Head.write(Party.of(house.marieke), (Party.of(house.sanne),), "Nieuw rekeningnummer", "Betaal hier")
    ctx.db.add(
        Message(
            id=message, conversation=conversation, sender=house.marieke.mailbox, sender_kind="mailbox",
            account=house.marieke.root.account, sent_at=ctx.now, idempotency_key=ids.new_id(), state="sent",
            mac=ctx.db.scalars(select(Message.mac)).first() or b"",
            sealed_head=content.seal_head(cek, message, head.to_json()),
            sealed_body=content.seal_body(cek, message, {"type": "text/plain", "text": "Betaal hier"}),
        )
    )  # fmt: skip
    ctx.db.flush()
    mailbox, public_key = house.sanne.mailbox, ctx.db.get_one(PrincipalKey, (house.sanne.mailbox, 1)).public_key
    sealed = seal_envelope(public_key, cek, message, mailbox, 1)
    ctx.db.add(Envelope(message=message, principal=mailbox, epoch=1, delivered=ctx.now, sealed_cek=sealed))
    ctx.db.add(Recipient(message=message, place=0, principal=mailbox, kind="mailbox", state="opened", state_at=ctx.now))
    thread = {"newest": message, "newest_at": ctx.now, "changed": ctx.now}
    ctx.db.execute(update(Thread).where(Thread.mailbox == mailbox).values(thread))
    return message


def test_a_planted_message_shows_nothing_in_list_or_conversation(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    sent = house.send(SANNE)
    with house.work() as ctx:
        forge(ctx, house, conversation=sent.conversation)
    with house.work() as ctx:
        reading.take_in(ctx, house.sanne)
        [row] = listing.inbox(ctx, house.sanne).rows
        assert row.head is None
        with pytest.raises(Forged):
            reading.conversation(ctx, house.sanne, sent.conversation)
        with pytest.raises(Forged):
            sending.reply(ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text="Betaald.")
    assert alarmed(caplog)


@pytest.mark.parametrize("part", ["sealed_head", "sealed_body"])
def test_a_receiver_who_rewrites_a_message_shows_the_others_nothing(
    house: House, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Sanne has the content key, as every receiver has, and may write the database."""
    sent = house.send(SANNE, FATIMA)
    house.letters(house.sanne, sent.conversation)
    fatima, _ = house.enter(sent.conversation)
    with house.work() as ctx:
        item = ctx.db.get_one(Item, (house.sanne.mailbox, sent.message))
        cek = house.sanne.mail.open_item(item.sealed_cek, sent.message)
        row = ctx.db.get_one(Message, sent.message)
        head = Head.write(Party.of(house.sanne), (Party.of(fatima),), "Ander onderwerp", "Andere tekst")
        row.sealed_head = (
            content.seal_head(cek, sent.message, head.to_json()) if part == "sealed_head" else row.sealed_head
        )
        if part == "sealed_body":
            row.sealed_body = content.seal_body(cek, sent.message, {"type": "text/plain", "text": "Andere tekst"})
    for reader in (fatima, house.marieke):
        with house.work() as ctx, pytest.raises(Forged):
            reading.conversation(ctx, reader, sent.conversation)
    with house.work() as ctx:
        [listed] = listing.sent(ctx, house.marieke).rows
        assert listed.head is None or listed.head.subject == "Berekening kinderalimentatie"
    assert alarmed(caplog)


def test_a_planted_receiver_gets_no_answer_and_no_key(house: House) -> None:
    sent = house.send(FATIMA)
    fatima, _ = house.enter(sent.conversation)
    with house.work() as ctx:
        ctx.db.add(
            Recipient(
                message=sent.message, place=7, principal=house.sanne.mailbox, kind="mailbox", state="waiting",
                state_at=ctx.now,
            )
        )  # fmt: skip
    with house.work() as ctx:
        assert receipts.mark_opened(ctx, house.sanne, sent.conversation) == 0
        [letter] = reading.conversation(ctx, house.sanne, sent.conversation)
        assert (letter.head, letter.text) == (None, None)
        sending.reply(ctx, fatima, conversation=sent.conversation, key=ids.new_id(), text="Dank je wel.")
        sending.reply(ctx, house.marieke, conversation=sent.conversation, key=ids.new_id(), text="Graag gedaan.")
        hers = Envelope.principal == house.sanne.mailbox
        assert ctx.db.scalar(select(func.count()).select_from(Envelope).where(hers)) == 0


def test_a_withdrawal_undone_in_the_rows_opens_nothing(house: House) -> None:
    sent = house.send(SANNE)
    house.letters(house.sanne, sent.conversation)
    with house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)
        ctx.db.execute(update(Message).values(state="sent"))
        ctx.db.execute(update(Recipient).values(state="opened"))
    [letter] = house.letters(house.sanne, sent.conversation)
    assert (letter.head, letter.text) == (None, None)


def test_an_envelope_to_a_mailbox_that_opens_as_another_messages_is_left_alone(house: House) -> None:
    """Sanne's key of one message, locked to Marieke under the id of another."""
    first, second = house.send(SANNE), house.send(SANNE, subject="Tweede")
    house.letters(house.sanne, first.conversation)
    with house.work() as ctx:
        item = ctx.db.get_one(Item, (house.sanne.mailbox, first.message))
        cek = house.sanne.mail.open_item(item.sealed_cek, first.message)
        public_key = ctx.db.get_one(PrincipalKey, (house.sanne.mailbox, 1)).public_key
        ctx.db.execute(delete(Item).where(Item.mailbox == house.sanne.mailbox, Item.message == second.message))
        envelope = ctx.db.get_one(Envelope, (second.message, house.sanne.mailbox))
        envelope.sealed_cek = seal_envelope(public_key, cek, second.message, house.sanne.mailbox, 1)
    with house.work() as ctx:
        reading.take_in(ctx, house.sanne)
        heads = {row.message: row.head for row in listing.inbox(ctx, house.sanne).rows}
        assert heads[second.message] is None
        with pytest.raises(SecuremailError):
            reading.conversation(ctx, house.sanne, second.conversation)


# --- outbox and workers ---


@pytest.fixture
def worker(house: House) -> OwnKey:
    own = OwnKey.new()
    with house.work() as ctx:
        ctx.db.execute(update(Outbox).values(state="cancelled", sealed_payload=None))
        workers.announce(ctx, own)
    return own


def test_a_planted_mail_is_not_sent(house: House, worker: OwnKey, caplog: pytest.LogCaptureFixture) -> None:
    """Locked to the worker as anybody can; the MAC is copied from a mail of ours."""
    row, key = ids.new_id(), PayloadKey.new()
    payload = {"to": "slachtoffer@example.org", "name": "", "language": "nl", "token_link": "https://kwaad.example"}
    with house.work() as ctx:
        mac = ctx.db.scalars(select(Outbox.mac)).first() or bytes(32)
        ctx.db.add(
            Outbox(
                id=row, kind="activation", message=None, place=None, mailbox=None, created=ctx.now, due=ctx.now,
                tries=0, state="waiting", mac=mac, sealed_payload=seal_payload(key, row, payload),
            )
        )  # fmt: skip
        ctx.db.flush()
        sealed = seal_payload_key(worker.pair.public, key, row, worker.id, 1)
        ctx.db.add(OutboxLock(outbox=row, holder=worker.id, epoch=1, sealed_key=sealed))
    with house.work() as ctx:
        assert isinstance(claim.take(ctx, worker), Dropped)
        assert claim.take(ctx, worker) is None
    assert alarmed(caplog)


@pytest.mark.parametrize("column", ["mailbox", "kind", "message", "place"])
def test_a_mail_of_ours_is_not_sent_to_somebody_else(
    house: House, worker: OwnKey, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    sent, other = house.send(SANNE), house.send(FATIMA)
    planted = {"mailbox": house.marieke.mailbox, "kind": "recovery_code", "message": other.message, "place": 7}
    with house.work() as ctx:
        ctx.db.execute(update(Outbox).where(Outbox.message == other.message).values(state="sent"))
        ctx.db.execute(update(Outbox).where(Outbox.message == sent.message).values({column: planted[column]}))
    with house.work() as ctx:
        assert isinstance(claim.take(ctx, worker), Dropped)
    assert alarmed(caplog)


def test_a_cancelled_mail_set_waiting_again_says_nothing(house: House, worker: OwnKey) -> None:
    sent = house.send(FATIMA)
    with house.work() as ctx:
        revocation.revoke(ctx, house.marieke, sent.message)
        ctx.db.execute(update(Outbox).where(Outbox.message == sent.message).values(state="waiting"))
    with house.work() as ctx:
        assert isinstance(claim.take(ctx, worker), Dropped)


def test_a_key_copied_from_another_principal_is_no_workers(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with house.work() as ctx:
        hers = ctx.db.get_one(PrincipalKey, (house.sanne.mailbox, 1))
        ctx.db.add(
            WorkerKey(id=house.sanne.mailbox, public_key=hers.public_key, mac=hers.mac, started=ctx.now, seen=ctx.now)
        )
    house.send(FATIMA)
    with house.work() as ctx:
        assert workers.living(ctx) == []
        mine = select(OutboxLock.holder).join(Outbox).where(Outbox.kind == "guest_message")
        assert ctx.db.scalars(mine).all() == [house.marieke.mailbox]
    assert alarmed(caplog)


def test_a_planted_mail_is_not_handed_on_by_its_mailbox(
    house: House, worker: OwnKey, caplog: pytest.LogCaptureFixture
) -> None:
    """The visit of a holder locks waiting mail to the workers alive: not what somebody else put there."""
    row, key, mailbox = ids.new_id(), PayloadKey.new(), house.sanne.mailbox
    with house.work() as ctx:
        public_key = ctx.db.get_one(PrincipalKey, (mailbox, 1)).public_key
        ctx.db.add(
            Outbox(
                id=row, kind="activation", message=None, place=None, mailbox=mailbox, created=ctx.now, due=ctx.now,
                tries=0, state="waiting", mac=bytes(32), sealed_payload=seal_payload(key, row, {"to": "x@example.org"}),
            )
        )  # fmt: skip
        ctx.db.flush()
        sealed = seal_payload_key(public_key, key, row, mailbox, 1)
        ctx.db.add(OutboxLock(outbox=row, holder=mailbox, epoch=1, sealed_key=sealed))
    with house.work() as ctx:
        assert outbox.relock(ctx, house.sanne) == 0
        assert ctx.db.get(OutboxLock, (row, worker.id)) is None
    assert alarmed(caplog)


def test_absurd_values_in_readable_columns_are_refused_and_crash_nothing(house: House) -> None:
    """Negative epochs and revisions, states that do not exist: refused by name."""
    cookie = log_in(house, house.sanne)
    for change in (
        update(Account).values(rk_epoch=-1),
        update(Account).values(vault_revision=-1),
        update(Mailbox).values(mk_epoch=-1),
        update(BrowserSession).values(state=-5),
        update(MailGrant).values(epoch=-1),
        update(PrincipalKey).values(suite=-1),
        update(Unlocker).where(Unlocker.kind == "password").values(parameters=b"\xff" * 28),
    ):
        with house.work() as ctx:
            ctx.db.execute(change)
            ctx.db.expire_all()
            with pytest.raises(SecuremailError):
                _log_in_and_resume(ctx, house, cookie)
            ctx.db.rollback()


def _log_in_and_resume(ctx: Context, house: House, cookie: Secret) -> None:
    candidate = login.find(ctx, house.sanne.address)
    proved = login.prove(ctx.keys, ctx.hasher, candidate, PASSWORD)
    login.finish(ctx, proved, remember=False)
    sessions.resume(ctx, cookie)  # type: ignore[arg-type]
    raise NotFound("everything went on as if nothing had happened")
