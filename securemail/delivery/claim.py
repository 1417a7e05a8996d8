"""Taking mail and SMS out of the outbox, one row by one worker, and writing down what became of it.

A claim is a conditional update with an end in the near future; the worker's heartbeat lengthens it, and when the worker
dies another takes the row over. So a mail is handed over once, or twice after a crash at the wrong moment, never zero
times; a fixed Message-ID lets mail programs drop the second.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, or_, select, update

from securemail.crypto.notes import open_payload, open_payload_key
from securemail.delivery import authenticity, backoff, outbox
from securemail.delivery.channels import Channel, channel_of, goes_by
from securemail.delivery.sms import SENT_WITHIN
from securemail.delivery.workers import OwnKey
from securemail.errors import CannotOpen
from securemail.identity.context import Context
from securemail.store.models import Message, Outbox, OutboxLock, Recipient, Thread
from securemail.store.statements import changed

log = logging.getLogger(__name__)

CLAIMED_FOR: Final = timedelta(seconds=60)
_REMINDERS: Final = ("guest_reminder", "member_reminder")


@dataclass(frozen=True, repr=False)
class Job:
    """A claimed row, opened: its words exist in this process's memory only."""

    outbox: bytes
    kind: str
    tries: int
    message: bytes | None
    place: int | None
    mailbox: bytes | None
    payload: dict[str, Any] | None

    def __repr__(self) -> str:
        return f"<Job {self.kind} {self.outbox.hex()}>"


@dataclass(frozen=True)
class Dropped:
    """A claimed row that is not to be mailed: forged, taken back, or not openable by this worker after all."""

    outbox: bytes


def due(ctx: Context, worker: OwnKey, channel: Channel | None = None) -> bool:
    """Whether there is anything to take: a look that does not hold the database's one writer."""
    return ctx.db.execute(_due(ctx, worker, channel).with_only_columns(Outbox.id).limit(1)).first() is not None


def take(ctx: Context, worker: OwnKey, channel: Channel | None = None) -> Job | Dropped | None:
    """Claim the next due row that this worker can send, of one channel or of any; None when there is none."""
    row = ctx.db.scalar(_due(ctx, worker, channel).limit(1).with_for_update(skip_locked=True, of=Outbox))
    if row is None or not _claim(ctx, worker, row):
        return None
    if not authenticity.genuine(ctx, row):
        outbox.settle(ctx, row.id, "failed")
        return Dropped(row.id)
    if _taken_back(ctx, row) or _too_late(ctx, row):
        outbox.settle(ctx, row.id, "cancelled")
        return Dropped(row.id)
    return _open(ctx, worker, row)


def hold(ctx: Context, worker: OwnKey) -> None:
    """Lengthen this worker's claims: it is alive and still busy with them."""
    ours = (Outbox.claimed_by == worker.id, Outbox.state == "waiting")
    ctx.db.execute(update(Outbox).where(*ours).values(claimed_until=ctx.now + CLAIMED_FOR))


def delivered(ctx: Context, job: Job) -> None:
    """The mail was handed over: its payload and locks go, and its receiver has been notified.

    Whoever holds the claim by now: the mail is out.
    """
    if outbox.settle(ctx, job.outbox, "sent"):
        _mark(ctx, job, "notified", only_from=("waiting",))
        if job.tries > 1:
            tell_sender(ctx, job.message)


def postponed(ctx: Context, worker: OwnKey, job: Job, *, jitter: float) -> bool:
    """A temporary failure: try again later. False, and given up, when that was the last try."""
    wait = backoff.delay(job.tries, jitter, channel=channel_of(job.kind))
    if wait is None:
        refused(ctx, worker, job)
        return False
    ctx.db.execute(
        update(Outbox).where(*_still_ours(worker, job)).values(due=ctx.now + wait, claimed_by=None, claimed_until=None)
    )
    tell_sender(ctx, job.message)
    return True


def refused(ctx: Context, worker: OwnKey, job: Job) -> None:
    """A permanent failure: the sender sees it at this receiver."""
    if ctx.db.scalar(select(Outbox.id).where(*_still_ours(worker, job))) is None:
        return
    outbox.settle(ctx, job.outbox, "failed")
    if _mark(ctx, job, "bounced", only_from=("waiting", "notified")):
        tell_sender(ctx, job.message)


def tell_sender(ctx: Context, about: bytes | None) -> None:
    """Move the sender's conversation, so that an open page shows how the mail fares with its next look for news."""
    message = None if about is None else ctx.db.get(Message, about)
    if message is None:
        return
    thread = (Thread.mailbox == message.sender, Thread.conversation == message.conversation)
    ctx.db.execute(update(Thread).where(*thread).values(changed=ctx.now))


def _due(ctx: Context, worker: OwnKey, channel: Channel | None) -> Any:
    held = select(OutboxLock.outbox).where(OutboxLock.outbox == Outbox.id, OutboxLock.holder == worker.id)
    of_channel = () if channel is None else (goes_by(channel),)
    return (
        select(Outbox)
        .where(
            Outbox.state == "waiting",
            Outbox.due <= ctx.now,
            _unclaimed(ctx),
            or_(Outbox.sealed_payload.is_(None), held.exists()),
            *of_channel,
        )
        .order_by(Outbox.due)
    )


def _unclaimed(ctx: Context) -> ColumnElement[bool]:
    return or_(Outbox.claimed_until.is_(None), Outbox.claimed_until < ctx.now)


def _claim(ctx: Context, worker: OwnKey, row: Outbox) -> bool:
    # Counted before the try, so that a mail which kills its worker is given up some day too.
    mine = update(Outbox).where(Outbox.id == row.id, Outbox.state == "waiting", _unclaimed(ctx)).values(
        claimed_by=worker.id, claimed_until=ctx.now + CLAIMED_FOR, tries=Outbox.tries + 1
    )  # fmt: skip
    return changed(ctx.db, mine) == 1


def _taken_back(ctx: Context, row: Outbox) -> bool:
    """Whether the receiver was withdrawn since, may read it no more, or is gone; or has read what it reminds of."""
    if row.message is None or row.place is None:
        return False
    receiver = ctx.db.execute(
        select(Recipient.state, Recipient.expires, Message.expires)
        .join(Message, Message.id == Recipient.message)
        .where(Recipient.message == row.message, Recipient.place == row.place)
    ).first()
    if receiver is None:
        return True
    state, *ends = receiver
    if state == "opened" and row.kind in _REMINDERS:
        return True
    return state in ("revoked", "expired") or any(end is not None and end <= ctx.now for end in ends)


def _too_late(ctx: Context, row: Outbox) -> bool:
    """Whether an SMS is older than the code in it: arriving now, it would only confuse."""
    return channel_of(row.kind) == "sms" and row.created < ctx.now - SENT_WITHIN


def _open(ctx: Context, worker: OwnKey, row: Outbox) -> Job | Dropped:
    payload = None
    if row.sealed_payload is not None:
        try:
            payload = _payload(ctx, worker, row, row.sealed_payload)
        except CannotOpen:
            return _unlock_failed(ctx, worker, row)
    return Job(row.id, row.kind, row.tries + 1, row.message, row.place, row.mailbox, payload)


def _payload(ctx: Context, worker: OwnKey, row: Outbox, sealed: bytes) -> dict[str, Any]:
    held = ctx.db.get(OutboxLock, (row.id, worker.id))
    if held is None:
        raise CannotOpen
    key = open_payload_key(worker.pair, held.sealed_key, row.id, worker.id, held.epoch)
    return open_payload(key, row.id, sealed)


def _unlock_failed(ctx: Context, worker: OwnKey, row: Outbox) -> Dropped:
    """Our lock was damaged by somebody: without it the row is for another worker, or for its mailbox to hand on."""
    log.error("alarm: the lock of outbox row %s for this worker does not open", row.id.hex())
    ctx.db.execute(delete(OutboxLock).where(OutboxLock.outbox == row.id, OutboxLock.holder == worker.id))
    ctx.db.execute(update(Outbox).where(Outbox.id == row.id).values(claimed_by=None, claimed_until=None))
    return Dropped(row.id)


def _still_ours(worker: OwnKey, job: Job) -> tuple[ColumnElement[bool], ...]:
    return (Outbox.id == job.outbox, Outbox.state == "waiting", Outbox.claimed_by == worker.id)


def _mark(ctx: Context, job: Job, state: str, *, only_from: tuple[str, ...]) -> bool:
    if job.message is None or job.place is None:
        return False
    receiver = (Recipient.message == job.message, Recipient.place == job.place, Recipient.state.in_(only_from))
    return changed(ctx.db, update(Recipient).where(*receiver).values(state=state, state_at=ctx.now)) == 1
