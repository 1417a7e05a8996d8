"""The lists: complete, in order, without an offset, and without public-key work."""

from datetime import timedelta
from unittest.mock import patch

import pytest

from securemail.crypto import locks
from securemail.messages import listing
from securemail.store.models import Thread
from tests.house import FATIMA, PETER, SANNE, House
from tests.rotations import rotate_mail


def test_pages_follow_each_other_without_gap_or_repetition(house: House) -> None:
    sent = [house.send(FATIMA, subject=f"Zaak {number}").conversation for number in range(12)]
    seen: list[bytes] = []
    before = None
    while True:
        with house.work() as ctx:
            page = listing.inbox(ctx, house.marieke, before, limit=5)
        seen += [row.conversation for row in page.rows]
        if page.next is None:
            break
        before = page.next
    assert seen == sent[::-1]


def test_sent_lists_own_messages_only(house: House) -> None:
    house.send(FATIMA)
    house.send(SANNE, author=house.sanne, subject="Aan mijzelf")
    house.send(house_address(house), author=house.sanne, subject="Van Sanne")
    with house.work() as ctx:
        assert [row.own for row in listing.sent(ctx, house.marieke).rows] == [True]
        assert len(listing.inbox(ctx, house.marieke).rows) == 2


def house_address(house: House) -> tuple[str, str]:
    return house.marieke.address, house.marieke.name


@pytest.mark.parametrize("rotated", [False, True])
def test_a_row_costs_two_symmetric_locks_and_no_public_key_work(house: House, rotated: bool) -> None:
    """Goal I3 of benchmarks/README.md; while rows hang on two keys, too."""
    marieke = house.marieke
    for number in range(5):
        house.send(FATIMA, PETER, subject=f"Zaak {number}", author=marieke)
        if rotated and number == 2:
            marieke = rotate_mail(house, house.marieke)
    opened: list[str] = []
    unlock = locks.unlock

    def counted(key: object, sealed: bytes, label: str, *fields: object) -> bytes:
        opened.append(label)
        return unlock(key, sealed, label, *fields)  # type: ignore[arg-type]

    def forbidden(*_: object) -> bytes:
        raise AssertionError("a list must not open a public-key lock")

    with (
        patch("securemail.crypto.mailkeys.unlock", counted),
        patch("securemail.crypto.content.unlock", counted),
        patch("securemail.crypto.mailkeys.unlock_with", forbidden),
        patch("securemail.crypto.mailkeys.key_pair", forbidden),
        house.runtime.work(write=False) as ctx,
    ):
        assert len(listing.inbox(ctx, marieke).rows) == 5
    assert len(opened) == 2 * 5


def test_the_mark_moves_when_anything_changes(house: House) -> None:
    sent = house.send(SANNE)
    with house.work() as ctx:
        before = listing.mark(ctx, house.marieke)
    house.clock.forward(minutes=1)
    from securemail.messages import receipts

    with house.work() as ctx:
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
    with house.work() as ctx:
        assert listing.mark(ctx, house.marieke) != before
        assert listing.arrived_since(ctx, house.marieke, before) == 0


def test_a_change_that_began_earlier_and_ended_later_moves_the_mark_too(house: House) -> None:
    """Times are taken when a transaction begins: the newest one alone would hide it from the poll."""
    older = house.send(SANNE)
    house.clock.forward(minutes=1)
    newer = house.send(SANNE, subject="Later")
    with house.work() as ctx:
        seen = listing.mark(ctx, house.marieke)
        newest = ctx.db.get_one(Thread, (house.marieke.mailbox, newer.conversation)).changed
        late = ctx.db.get_one(Thread, (house.marieke.mailbox, older.conversation))
        late.changed = newest - timedelta(microseconds=1)
    with house.work() as ctx:
        assert listing.mark(ctx, house.marieke) != seen
