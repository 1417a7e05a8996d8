"""Reads the mails that wait in the outbox, as a worker that is alive would."""

from typing import Any

from sqlalchemy import select

from securemail.crypto.notes import open_payload, open_payload_key
from securemail.delivery import workers
from securemail.store.models import Outbox, OutboxLock
from tests.house import House


def living_worker(house: House) -> workers.OwnKey:
    """A worker that every mail from here on is locked to."""
    own = workers.OwnKey.new()
    with house.work() as ctx:
        workers.announce(ctx, own)
    return own


def waiting(house: House, worker: workers.OwnKey, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
    """Kind and payload of every mail of these kinds that has not been sent, the oldest first."""
    found = []
    with house.work() as ctx:
        rows = select(Outbox).where(Outbox.kind.in_(kinds), Outbox.state == "waiting")
        for row in ctx.db.scalars(rows.order_by(Outbox.created, Outbox.id)):
            held = ctx.db.get_one(OutboxLock, (row.id, worker.id))
            key = open_payload_key(worker.pair, held.sealed_key, row.id, worker.id, held.epoch)
            found.append((row.kind, open_payload(key, row.id, row.sealed_payload or b"")))
    return found


def tokens(house: House, worker: workers.OwnKey, kind: str) -> list[str]:
    """What stands behind the # of the links in the mails of a kind."""
    return [payload["token_link"].partition("#")[2] for _, payload in waiting(house, worker, kind)]
