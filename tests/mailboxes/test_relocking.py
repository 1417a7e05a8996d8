"""After a rotation everything that hung on the older mail key hangs on the new one, batch by batch; nothing is lost."""

import pytest
from sqlalchemy import event, func, select, update

from securemail import ids
from securemail.crypto.notes import open_payload, open_payload_key
from securemail.delivery import outbox, workers
from securemail.delivery.workers import OwnKey
from securemail.errors import CannotOpen, StaleKeys
from securemail.identity.context import Member
from securemail.mailboxes import epochs, relocking
from securemail.messages import contacts, drafts, listing, reading, sending
from securemail.store.models import (
    Contact,
    Draft,
    Envelope,
    GuestLink,
    Item,
    Mailbox,
    MailChain,
    Outbox,
    OutboxLock,
    PrincipalKey,
)
from tests.house import FATIMA, SANNE, House
from tests.rotations import answer, fill, relock, relock_all, resume, rotate, rotate_mail

HANGING = (
    (Item, Item.mailbox),
    (Draft, Draft.mailbox),
    (Contact, Contact.mailbox),
    (GuestLink, GuestLink.maker),
    (OutboxLock, OutboxLock.holder),
)


def epochs_of(house: House, mailbox: bytes) -> dict[str, set[int]]:
    with house.work() as ctx:
        found = {
            table.__tablename__: set(ctx.db.scalars(select(table.epoch).where(column == mailbox)))
            for table, column in HANGING
        }
        waiting = select(Envelope.epoch).where(Envelope.principal == mailbox, Envelope.sealed_cek.is_not(None))
        return found | {"envelope": set(ctx.db.scalars(waiting))}


def seen(house: House, member: Member) -> tuple[object, ...]:
    """Everything that a member sees in their mailbox."""
    with house.runtime.work(write=False) as ctx:
        rows = (*listing.inbox(ctx, member).rows, *listing.sent(ctx, member).rows)
        heads = [(row.conversation, row.message, row.head) for row in rows]
        letters = [
            (letter.message, letter.state, letter.text, letter.head)
            for row in rows
            for letter in reading.conversation(ctx, member, row.conversation)
        ]
        written = [(saved.draft, saved.revision, saved.content) for saved in drafts.newest(ctx, member)]
        known = sorted((contact.id, contact.address, contact.name) for contact in contacts.everybody(ctx, member))
    assert all(head is not None for _, _, head in heads)
    return heads, letters, written, known


def test_everything_is_seen_before_in_between_and_afterwards(house: House) -> None:
    fill(house)
    before = seen(house, house.marieke)
    marieke = rotate_mail(house, house.marieke)
    assert seen(house, marieke) == before
    assert epochs_of(house, marieke.mailbox)["item"] == {1}
    while relock(house, marieke, most=3).left:
        assert seen(house, marieke) == before
        assert seen(house, resume(house, marieke.root)) == before
    assert seen(house, resume(house, marieke.root)) == before


def test_nothing_hangs_on_the_older_key_at_the_end(house: House) -> None:
    fill(house)
    marieke = rotate_mail(house, house.marieke)
    assert relock_all(house, marieke) > 10
    found = epochs_of(house, marieke.mailbox)
    assert found.pop("envelope") == set(), "envelopes are taken in"
    assert set(found) == {"item", "draft", "contact", "guest_link", "outbox_lock"}
    assert all(numbers == {2} for numbers in found.values()), found
    with house.work() as ctx:
        assert ctx.db.scalars(select(MailChain)).all() == []
        assert ctx.db.scalars(
            select(PrincipalKey.epoch).where(PrincipalKey.principal == marieke.mailbox)
        ).all() == [2]  # fmt: skip
    assert resume(house, marieke.root).mail.older == ()


def test_a_batch_is_no_larger_than_asked_and_says_how_much_is_left(house: House) -> None:
    fill(house)
    marieke = rotate_mail(house, house.marieke)
    with house.work() as ctx:
        total, left = relocking.everything(ctx, marieke.mail), relocking.left(ctx, marieke.mail)
        arrived = ctx.db.scalar(
            select(func.count()).select_from(Envelope)
            .where(Envelope.principal == marieke.mailbox, Envelope.sealed_cek.is_not(None))
        )  # fmt: skip
    assert total == left + 1, "the recovery code on its way did not wait"
    first = relock(house, marieke, most=4)
    assert (first.done, first.left) == (4, left - 4)
    assert arrived == 1
    with house.work() as ctx:
        assert relocking.everything(ctx, marieke.mail) == total


def test_a_batch_ends_with_its_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(house)
    marieke = rotate_mail(house, house.marieke)
    monkeypatch.setattr(relocking, "_SECONDS", -1.0)
    monkeypatch.setattr(relocking, "_AT_ONCE", 1)
    with house.work() as ctx:
        reading.take_in(ctx, marieke)
    assert relock(house, marieke).done == 1, "always something, or it would never end"


def test_without_a_chain_there_is_nothing_to_do_and_nothing_is_asked(house: House) -> None:
    asked: list[str] = []
    with house.work() as ctx:
        event.listen(house.runtime.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
        assert relocking.relock(ctx, house.marieke) == relocking.Progress(0, 0)
    assert asked == []


def test_what_arrived_before_the_rotation_is_taken_in_under_the_new_key(house: House) -> None:
    sent = house.send(SANNE, text="Nog niet gezien.")
    sanne = rotate_mail(house, house.sanne)
    [letter] = house.letters(sanne, sent.conversation)
    assert letter.head is not None
    with house.work() as ctx:
        assert ctx.db.scalars(select(Item.epoch).where(Item.mailbox == sanne.mailbox)).all() == [2]


def test_waiting_mail_can_be_handed_on_before_and_after(house: House) -> None:
    with house.work() as ctx:
        workers.announce(ctx, OwnKey.new())
    house.send(FATIMA)
    marieke = rotate_mail(house, house.marieke)
    for _ in range(2):
        house.clock.forward(minutes=5)
        worker = OwnKey.new()
        with house.work() as ctx:
            workers.announce(ctx, worker)
        with house.work() as ctx:
            assert outbox.stranded(ctx, marieke)
            assert outbox.relock(ctx, marieke) >= 1
            row = ctx.db.scalars(select(Outbox).where(Outbox.kind == "guest_message")).one()
            held = ctx.db.get_one(OutboxLock, (row.id, worker.id))
            key = open_payload_key(worker.pair, held.sealed_key, row.id, worker.id, held.epoch)
            assert open_payload(key, row.id, row.sealed_payload or b"")["to"] == FATIMA[0]
        relock_all(house, marieke)
        marieke = resume(house, marieke.root)


def test_a_guest_is_written_to_with_the_code_of_before(house: House) -> None:
    sent = house.send(FATIMA)
    code = house.code_of(sent.conversation, FATIMA[0])
    marieke = rotate_mail(house, house.marieke)
    answer(house, marieke, sent.conversation, "Nog iets.")
    relock_all(house, marieke)
    marieke = resume(house, marieke.root)
    answer(house, marieke, sent.conversation, "En nog iets.")
    with house.work() as ctx:
        row = ctx.db.scalars(select(GuestLink)).one()
        assert bytes.fromhex(marieke.mail.open_maker(row.id, row.sealed_maker)["code"]) == code


# --- what is not as it was written ---


def test_a_row_that_does_not_open_is_marked_and_keeps_the_chain_from_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = house.send(SANNE), house.send(SANNE)
    with house.work() as ctx:
        damage = update(Item).where(Item.message == first.message, Item.mailbox == house.marieke.mailbox)
        ctx.db.execute(damage.values(sealed_cek=b"kapot"))
    marieke = rotate_mail(house, house.marieke)
    relock_all(house, marieke)
    assert "alarm: a row of item" in caplog.text
    marieke = resume(house, marieke.root)
    assert marieke.mail.older == ()
    with house.work() as ctx:
        assert ctx.db.get_one(Item, (marieke.mailbox, first.message)).epoch == epochs.NEVER
        heads = {row.message: row.head for row in listing.sent(ctx, marieke).rows}
    assert heads[first.message] is None
    assert heads[second.message] is not None


def test_rows_of_an_epoch_that_no_key_reaches_are_left_alone(house: House) -> None:
    sent = house.send(SANNE)
    marieke = rotate_mail(house, house.marieke)
    with house.work() as ctx:
        ctx.db.execute(update(Item).where(Item.mailbox == marieke.mailbox).values(folder="locked", epoch=1))
        envelope = update(Envelope).where(Envelope.principal == house.sanne.mailbox)
        ctx.db.execute(envelope.values(epoch=7))
    assert relock(house, marieke).left == 0
    with house.work() as ctx:
        assert ctx.db.get_one(Item, (marieke.mailbox, sent.message)).epoch == 1
        assert not reading.anything_waiting(ctx, house.sanne), "it would be tried at every visit"


def test_a_row_that_claims_a_later_epoch_takes_no_list_away(house: House) -> None:
    first, second = house.send(SANNE), house.send(SANNE)
    with house.work() as ctx:
        ctx.db.execute(update(Item).where(Item.message == first.message).values(epoch=9))
        heads = {row.message: row.head for row in listing.sent(ctx, house.marieke).rows}
    assert heads[first.message] is None
    assert heads[second.message] is not None


def test_a_broken_chain_is_an_alarm_and_is_not_thrown_away(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.send(SANNE)
    marieke = rotate_mail(house, house.marieke)
    kept = chain(house)
    with house.work() as ctx:
        ctx.db.execute(update(MailChain).values(sealed_prev=b"kapot"))
    broken = resume(house, marieke.root)
    assert broken.mail.older == ()
    assert "is broken at epoch 2" in caplog.text
    with house.work() as ctx:
        ctx.db.execute(update(MailChain).values(sealed_prev=kept))
    assert resume(house, marieke.root).mail.epochs == (2, 1)


def test_a_chain_that_breaks_further_on_stays_until_somebody_has_looked(house: House) -> None:
    house.send(SANNE)
    first = rotate_mail(house, house.marieke)
    marieke = rotate_mail(house, first)
    with house.work() as ctx:
        gone = update(MailChain).where(MailChain.epoch == 2)
        ctx.db.execute(gone.values(sealed_prev=b"kapot"))
    broken = resume(house, marieke.root)
    assert broken.mail.epochs == (3, 2)
    assert relock(house, broken).left == 0
    with house.work() as ctx:
        assert ctx.db.scalars(select(MailChain.epoch).order_by(MailChain.epoch)).all() == [2, 3]


def chain(house: House) -> bytes:
    with house.work() as ctx:
        return ctx.db.scalars(select(MailChain.sealed_prev)).one()


# --- whoever writes names a current epoch ---


def test_whoever_still_holds_the_older_key_writes_nothing(house: House) -> None:
    sent = house.send(SANNE, FATIMA)
    rotate(house, house.marieke)
    stale = house.marieke
    for act in (
        lambda ctx: sending.send(ctx, stale, key=ids.new_id(), to=[SANNE], subject="Oud", text="Oud"),
        lambda ctx: sending.reply(ctx, stale, conversation=sent.conversation, key=ids.new_id(), text="Oud"),
        lambda ctx: drafts.save(ctx, stale, ids.new_id(), 0, drafts.Content((), "Oud", "Oud")),
        lambda ctx: reading.take_in(ctx, stale),
        lambda ctx: outbox.add_sealed(ctx, "recovery_code", {}, mailbox=stale.mailbox, epoch=1),
        lambda ctx: epochs.hold(ctx, stale.mail),
    ):
        with pytest.raises(StaleKeys), house.work() as ctx:
            act(ctx)


def test_reading_with_the_older_key_is_told_apart_from_damage(house: House) -> None:
    sent = house.send(SANNE)
    marieke = rotate_mail(house, house.marieke)
    relock_all(house, marieke)
    with house.work() as ctx, pytest.raises(StaleKeys):
        listing.sent(ctx, house.marieke)
    with house.work() as ctx, pytest.raises(StaleKeys):
        reading.conversation(ctx, house.marieke, sent.conversation)
    with house.work() as ctx:
        ctx.db.execute(update(Item).where(Item.mailbox == marieke.mailbox).values(epoch=9))
        with pytest.raises(CannotOpen):
            reading.conversation(ctx, marieke, sent.conversation)


def test_mail_that_arrives_during_a_rotation_is_under_the_newest_key(house: House) -> None:
    house.send(SANNE)
    sanne = rotate_mail(house, house.sanne)
    house.send(SANNE, subject="Nieuw")
    with house.work() as ctx:
        held = ctx.db.scalars(select(Envelope.epoch).where(Envelope.principal == sanne.mailbox)).all()
        assert sorted(held) == [1, 2]
        assert ctx.db.get_one(Mailbox, sanne.mailbox).mk_epoch == 2
    relock_all(house, sanne)
    assert len(seen(house, resume(house, sanne.root))[0]) == 2  # type: ignore[arg-type]


def test_more_mail_than_is_taken_in_at_once_is_locked_to_the_new_key(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        house.send(SANNE, subject=str(number))
    monkeypatch.setattr(reading, "_BATCH", 2)
    sanne = rotate_mail(house, house.sanne)
    assert relock(house, sanne) == relocking.Progress(done=5, left=0)
    sanne = resume(house, sanne.root)
    assert epochs_of(house, sanne.mailbox)["envelope"] == epochs_of(house, sanne.mailbox)["item"] == {2}
    assert len(seen(house, sanne)[0]) == 5  # type: ignore[arg-type]


def test_an_envelope_that_somebody_put_there_does_not_keep_the_chain(house: House) -> None:
    sent = house.send(SANNE)
    with house.work() as ctx:
        ctx.db.execute(update(Envelope).where(Envelope.principal == house.sanne.mailbox).values(sealed_cek=b"nep"))
    sanne = rotate_mail(house, house.sanne)
    relock_all(house, sanne)
    sanne = resume(house, sanne.root)
    assert sanne.mail.older == ()
    with house.work() as ctx:
        assert ctx.db.get_one(Envelope, (sent.message, sanne.mailbox)).epoch == epochs.NEVER
        assert not reading.anything_waiting(ctx, sanne)
