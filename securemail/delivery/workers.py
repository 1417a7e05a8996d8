"""The workers that are alive: each has a key pair in its own memory, and publishes the public half with a heartbeat.

A key counts only with our signature, so a writer of the database cannot have payloads locked to a key of his own. He
can make a dead worker look alive, or a living one dead: that delays mail, and opens nothing.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select, update

from securemail import ids
from securemail.crypto.keypair import KeyPair, key_pair
from securemail.crypto.secrets import Seed
from securemail.identity.context import Context
from securemail.store.models import WorkerKey
from securemail.store.statements import changed, insert_if_absent

log = logging.getLogger(__name__)

KEY_EPOCH: Final = 1
"""A worker's key never rotates: a new process is a new worker."""
ALIVE_FOR: Final = timedelta(seconds=60)


@dataclass(frozen=True, repr=False)
class OwnKey:
    """This process as a worker. The private half is written nowhere: what only it can open is lost with it."""

    id: bytes
    pair: KeyPair

    @classmethod
    def new(cls) -> "OwnKey":
        """A fresh worker."""
        return cls(ids.new_id(), key_pair(Seed(ids.new_token())))

    def __repr__(self) -> str:
        return f"<OwnKey {self.id.hex()}>"


@dataclass(frozen=True)
class LivingWorker:
    """A worker that payloads may be locked to."""

    id: bytes
    public_key: bytes


def announce(ctx: Context, worker: OwnKey) -> None:
    """Publish this worker's key, signed."""
    mac = ctx.keys.sign_public_key("worker", worker.id, KEY_EPOCH, worker.pair.public)
    row = {"id": worker.id, "public_key": worker.pair.public, "mac": mac, "started": ctx.now, "seen": ctx.now}
    insert_if_absent(ctx.db, WorkerKey, row)


def beat(ctx: Context, worker: OwnKey) -> None:
    """Say that this worker is alive; after a long sleep of the machine its row may be gone and is made again."""
    if not changed(ctx.db, update(WorkerKey).where(WorkerKey.id == worker.id).values(seen=ctx.now)):
        announce(ctx, worker)


def living(ctx: Context) -> list[LivingWorker]:
    """The workers seen lately whose keys we published ourselves."""
    rows = ctx.db.scalars(select(WorkerKey).where(WorkerKey.seen >= ctx.now - ALIVE_FOR).order_by(WorkerKey.started))
    return [LivingWorker(row.id, row.public_key) for row in rows if _trusted(ctx, row)]


def retire(ctx: Context, worker: OwnKey) -> None:
    """Take this worker off the list."""
    ctx.db.execute(delete(WorkerKey).where(WorkerKey.id == worker.id))


def _trusted(ctx: Context, row: WorkerKey) -> bool:
    if ctx.keys.trusts_public_key(row.mac, "worker", row.id, KEY_EPOCH, row.public_key):
        return True
    log.error("alarm: untrusted public key for worker %s", row.id.hex())
    return False
