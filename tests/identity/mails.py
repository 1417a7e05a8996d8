"""The mails that wait in a house, as a worker of the test's own opens them."""

from typing import Any

from sqlalchemy import select

from securemail.crypto.notes import open_payload, open_payload_key
from securemail.delivery import workers
from securemail.delivery.workers import OwnKey
from securemail.store.models import Outbox, OutboxLock
from tests.house import House


def hire(house: House) -> OwnKey:
    """A living worker, so that mails can be read."""
    own = OwnKey.new()
    with house.work() as ctx:
        workers.announce(ctx, own)
    return own


def beat(house: House, worker: OwnKey) -> None:
    """After the clock was turned, the worker is still alive."""
    with house.work() as ctx:
        workers.beat(ctx, worker)


def sent(house: House, worker: OwnKey, kind: str) -> list[dict[str, Any]]:
    """The payloads of one kind, oldest first; {} for a mail by ids only."""
    with house.work() as ctx:
        rows = ctx.db.scalars(
            select(Outbox).where(Outbox.kind == kind, Outbox.state == "waiting").order_by(Outbox.created, Outbox.id)
        )
        return [_open(ctx.db.get(OutboxLock, (row.id, worker.id)), row, worker) for row in rows]


def token(house: House, worker: OwnKey, kind: str) -> str:
    """What stands behind the # of the newest mail of a kind."""
    return str(sent(house, worker, kind)[-1]["path"]).partition("#")[2]


def _open(held: OutboxLock | None, row: Outbox, worker: OwnKey) -> dict[str, Any]:
    if row.sealed_payload is None or held is None:
        return {}
    key = open_payload_key(worker.pair, held.sealed_key, row.id, worker.id, held.epoch)
    return open_payload(key, row.id, row.sealed_payload)
