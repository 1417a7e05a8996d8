"""Who can open a waiting payload: its key is locked to every living worker, and to the mailbox that caused the mail."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import aliased

from securemail.crypto.keypair import KeyPair
from securemail.crypto.notes import open_payload_key, seal_payload_key
from securemail.crypto.secrets import PayloadKey
from securemail.delivery import authenticity
from securemail.delivery.workers import KEY_EPOCH, LivingWorker, OwnKey, living
from securemail.errors import CannotOpen
from securemail.identity.context import Context
from securemail.store.models import Outbox, OutboxLock
from securemail.store.statements import insert_if_absent

BATCH: Final = 200
"""Rows per transaction: SQLite's one writer is not held longer than a moment."""


def lock_to_workers(ctx: Context, outbox: bytes, key: PayloadKey, workers: Iterable[LivingWorker]) -> None:
    """Give the payload's key to these workers; the outbox row exists."""
    for worker in workers:
        add_lock(ctx, outbox, key, holder=worker.id, epoch=KEY_EPOCH, public_key=worker.public_key)


def add_lock(ctx: Context, outbox: bytes, key: PayloadKey, *, holder: bytes, epoch: int, public_key: bytes) -> None:
    """Give the payload's key to one holder; somebody may have done so just before."""
    sealed = seal_payload_key(public_key, key, outbox, holder, epoch)
    values = {"outbox": outbox, "holder": holder, "epoch": epoch, "sealed_key": sealed}
    insert_if_absent(ctx.db, OutboxLock, values)


def share(ctx: Context, worker: OwnKey) -> int:
    """Lock what this worker can open to the living ones that cannot yet; how many locks were added.

    Done at every heartbeat and before a stop, so that workers restarted in turn leave no mail behind. Adds at most
    `BATCH` for each of the others; ask again until the answer is 0.
    """
    others = [other for other in living(ctx) if other.id != worker.id]
    return sum(_share_with(ctx, worker, other) for other in others)


def _share_with(ctx: Context, worker: OwnKey, other: LivingWorker) -> int:
    theirs = aliased(OutboxLock)
    lacks = ~select(theirs).where(theirs.outbox == Outbox.id, theirs.holder == other.id).exists()
    rows = ctx.db.execute(
        select(Outbox, OutboxLock)
        .join(OutboxLock, OutboxLock.outbox == Outbox.id)
        .where(OutboxLock.holder == worker.id, Outbox.state == "waiting", lacks)
        .limit(BATCH)
    ).all()
    return sum(relock(ctx, row, held, worker.pair, [other]) for row, held in rows)


def relock(ctx: Context, row: Outbox, held: OutboxLock, pair: KeyPair, workers: Iterable[LivingWorker]) -> bool:
    """Pass a row's key on to workers; False when the row is not ours or does not open with this lock."""
    if not authenticity.genuine(ctx, row):
        return False
    try:
        key = open_payload_key(pair, held.sealed_key, row.id, held.holder, held.epoch)
    except CannotOpen:
        return False
    lock_to_workers(ctx, row.id, key, workers)
    return True
