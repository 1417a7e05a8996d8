"""T11: rotations, sends, autosaves, reads and re-locking at once on one mailbox: one winner per epoch, nothing lost."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from securemail import ids
from securemail.errors import StaleKeys
from securemail.identity import login, rotation
from securemail.identity.context import Context, Member
from securemail.mailboxes import rotation as mailboxes
from securemail.messages import drafts, listing, reading, sending
from securemail.store.models import Account, Draft, Envelope, Item, Mailbox, MailChain, MailGrant, Message
from tests.house import FATIMA, MARIEKE, PASSWORD, SANNE, House
from tests.rotations import how_many, relock_all, resume
from tests.security.processes import Round, race
from tests.servers import PATIENCE

ROUNDS = 25
_HELD_UP = 0.02


def with_fresh_keys(house: House, act: Callable[[Context, Member], object]) -> None:
    """As a request does it: with a session just opened, and again when keys were replaced meanwhile."""
    for _ in range(20):
        try:
            marieke = resume(house, house.marieke.root)  # may find the keys replaced half-way itself
            with house.work() as ctx:
                act(ctx, marieke)
            return
        except StaleKeys:
            continue
    raise AssertionError("somebody was never let through")


def rotate(house: House, number: int) -> str:
    marieke = resume(house, house.marieke.root)
    with house.work() as ctx:
        return f"epoch {mailboxes.rotate_mail(ctx, marieke).epoch}"


def send_slowly_to_her(house: House, number: int) -> str:
    """Held up between reading the key and the commit."""
    with house.work() as ctx:
        sent = sending.send(
            ctx, house.sanne, key=ids.new_id(), to=[MARIEKE, FATIMA], subject=f"Aan haar {number}", text=str(number)
        )
        time.sleep(_HELD_UP)
    return sent.message.hex()


def send_slowly_as_her(house: House, number: int) -> str:
    key = ids.new_id()

    def send(ctx: Context, marieke: Member) -> None:
        time.sleep(_HELD_UP)
        sending.send(ctx, marieke, key=key, to=[SANNE, FATIMA], subject=f"Van haar {number}", text=str(number))
        time.sleep(_HELD_UP)

    with_fresh_keys(house, send)
    return key.hex()


def autosave(draft: bytes) -> Round:
    def save(house: House, number: int) -> None:
        def act(ctx: Context, marieke: Member) -> None:
            drafts.save(ctx, marieke, draft, number, drafts.Content((), "Concept", f"versie {number}"))

        with_fresh_keys(house, act)

    return save


def read(house: House, number: int) -> None:
    def act(ctx: Context, marieke: Member) -> None:
        reading.take_in(ctx, marieke)
        page = listing.inbox(ctx, marieke)
        assert all(row.head is not None for row in page.rows)
        for row in page.rows[:3]:
            assert all(letter.head for letter in reading.conversation(ctx, marieke, row.conversation))

    with_fresh_keys(house, act)


def relock(house: House, number: int) -> None:
    with_fresh_keys(house, lambda ctx, marieke: mailboxes.relock(ctx, marieke, 7))


def test_everything_at_once_on_one_mailbox(house: House, tmp_path: Path) -> None:
    draft = ids.new_id()
    said = race(
        house, tmp_path, ROUNDS, rotate, rotate, send_slowly_to_her, send_slowly_as_her, autosave(draft), read, relock
    )
    assert [word for words in said for word in words if word.startswith("crash")] == []
    rotated = [word for words in said[:2] for word in words]
    won = [word for word in rotated if word.startswith("epoch")]
    assert len(set(won)) == len(won) >= ROUNDS, "one winner per epoch, and in every round at least one"
    assert set(rotated) - set(won) <= {"StaleKeys"}
    assert [set(words) for words in said[4:]] == [{"done"}] * 3
    marieke = resume(house, house.marieke.root)
    assert marieke.mail.epoch == 1 + len(won)
    everything_arrived(house, marieke, set(said[2]))
    relock_all(house, marieke)
    marieke = resume(house, house.marieke.root)
    assert marieke.mail.older == ()
    everything_arrived(house, marieke, set(said[2]))
    with house.work() as ctx:
        assert drafts.load(ctx, marieke, draft).content.text == f"versie {ROUNDS - 1}"


def everything_arrived(house: House, marieke: Member, to_her: set[str]) -> None:
    with house.work() as ctx:
        while reading.take_in(ctx, marieke):
            pass
        messages = {row.id: row for row in ctx.db.scalars(select(Message))}
        assert to_her <= {message.hex() for message in messages}
        assert len(messages) == 2 * ROUNDS
        for row in messages.values():
            [letter] = reading.conversation(ctx, marieke, row.conversation)
            assert letter.head is not None
        items = ctx.db.scalars(select(Item.message).where(Item.mailbox == marieke.mailbox)).all()
        assert set(items) == set(messages)
        waiting = Envelope.principal == marieke.mailbox, Envelope.sealed_cek.is_not(None)
        assert ctx.db.scalar(select(func.count()).select_from(Envelope).where(*waiting)) == 0


def test_root_keys_replaced_by_two_at_once(house: House, tmp_path: Path) -> None:
    """Each logs in with the password; the one who loses finds another epoch, and nothing of it stays."""

    def rotate_all(house: House, number: int) -> str:
        root = logged_in(house)
        with house.work() as ctx:
            mail = rotation.open_mail(ctx, root)
        with house.work() as ctx:
            rotated = rotation.rotate(ctx, root, mail)
        return f"epoch {rotated.root.epoch} {rotated.mail.epoch}"

    house.send(SANNE, FATIMA)
    said = [word for words in race(house, tmp_path, ROUNDS, rotate_all, rotate_all) for word in words]
    won = [word for word in said if word.startswith("epoch")]
    assert len(set(won)) == len(won) >= ROUNDS
    assert set(said) - set(won) <= {"StaleKeys", "WrongLogin"}
    with house.work() as ctx:
        account = house.marieke.root.account
        assert ctx.db.get_one(Account, account).rk_epoch == 1 + len(won)
        assert ctx.db.get_one(Mailbox, house.marieke.mailbox).mk_epoch == 1 + len(won)
        assert ctx.db.scalar(select(func.count()).select_from(MailGrant).where(MailGrant.grantee == account)) == 2
    marieke = resume(house, logged_in(house))
    with house.work() as ctx:
        [row] = listing.sent(ctx, marieke).rows
        assert row.head is not None
    relock_all(house, marieke)


def logged_in(house: House) -> rotation.RootKeys:
    with house.work() as ctx:
        candidate = login.find(ctx, MARIEKE[0])
    return login.prove(house.runtime.keys, house.runtime.hasher, candidate, PASSWORD).root


def test_two_who_lock_anew_at_once_do_each_row_once(house: House, tmp_path: Path) -> None:
    for number in range(30):
        house.send(SANNE, subject=str(number))
    with house.work() as ctx:
        mailboxes.rotate_mail(ctx, house.marieke)

    def batch(house: House, number: int) -> str:
        marieke = resume(house, house.marieke.root)
        with house.work() as ctx:
            return str(mailboxes.relock(ctx, marieke, 2).done)

    left, right = race(house, tmp_path, 10, batch, batch)
    done = sum(int(word) for word in left + right)
    marieke = resume(house, house.marieke.root)
    done += relock_all(house, marieke)
    marieke = resume(house, house.marieke.root)
    with house.work() as ctx:
        assert ctx.db.scalars(select(MailChain)).all() == []
        assert done == 30 + 1, "thirty letters and one contact"
        assert all(row.head is not None for row in listing.sent(ctx, marieke).rows)


@pytest.mark.parametrize("act", [send_slowly_to_her, send_slowly_as_her, autosave(b"d" * 16)])
def test_who_writes_meanwhile_is_waited_for(house: House, act: Round) -> None:
    """A rotation that comes while somebody writes: it waits for the commit, or the writer begins anew."""
    other = threading.Thread(target=act, args=(house, 0))
    other.start()
    time.sleep(_HELD_UP / 2)
    rotate(house, 0)
    other.join(PATIENCE)
    assert not other.is_alive()
    marieke = resume(house, house.marieke.root)
    relock_all(house, marieke)
    marieke = resume(house, house.marieke.root)
    with house.work() as ctx:
        assert all(row.head is not None for row in listing.inbox(ctx, marieke).rows)
        assert set(ctx.db.scalars(select(Draft.epoch))) <= {2}
        assert set(ctx.db.scalars(select(Item.epoch).where(Item.mailbox == marieke.mailbox))) <= {2}


def test_a_thousand_letters_are_all_readable_after_one_rotation(house: House) -> None:
    many = how_many(house)
    with house.work() as ctx:
        for number in range(many):
            sending.send(ctx, house.marieke, key=ids.new_id(), to=[SANNE], subject=str(number), text="Een van duizend")
        mailboxes.rotate_mail(ctx, house.marieke)
    marieke = resume(house, house.marieke.root)
    assert readable(house, marieke) == many
    assert relock_all(house, marieke) == many + 1, "a contact as well"
    marieke = resume(house, house.marieke.root)
    assert marieke.mail.older == ()
    assert readable(house, marieke) == many


def readable(house: House, marieke: Member) -> int:
    with house.work() as ctx:
        found, before = 0, None
        while True:
            page = listing.sent(ctx, marieke, before)
            found += sum(row.head is not None for row in page.rows)
            if page.next is None:
                return found
            before = page.next
