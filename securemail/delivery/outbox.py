"""The outbox: mail is written into it in the transaction that causes it, and sent by a worker afterwards.

A mail with a secret in it waits as a sealed payload. Its key is locked to the workers alive at that moment, and to the
mailbox that caused it: when every one of those workers is gone, the next visit of that mailbox's holder hands it to
the workers alive then (`stranded`, `relock`), and until then the sender sees that it waits (`places_waiting`).
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, or_, select, update

from securemail import ids
from securemail.crypto.notes import seal_payload
from securemail.crypto.secrets import PayloadKey
from securemail.delivery import authenticity, payload_locks, workers
from securemail.errors import StaleKeys
from securemail.identity.context import Context, Member
from securemail.mailboxes import epochs
from securemail.mailboxes.keys import published
from securemail.store.models import Message, Outbox, OutboxLock
from securemail.store.statements import changed

_RELOCKED_AT_ONCE: Final = 50


def add_sealed(
    ctx: Context,
    kind: str,
    payload: Mapping[str, Any],
    *,
    mailbox: bytes | None = None,
    epoch: int | None = None,
    message: bytes | None = None,
    place: int | None = None,
) -> bytes:
    """Add a mail whose words hold a secret or a guest's address; `mailbox` (in `epoch`) can hand it to new workers.

    Without a mailbox it is lost with the last worker that could open it: only for what can be asked for again.

    Raises:
        UntrustedKey: the mailbox's key is not one that we published.
        StaleKeys: that epoch of the mailbox is over.
    """
    if (mailbox is None) != (epoch is None):
        raise ValueError("a mailbox and its epoch belong together")
    outbox, key = ids.new_id(), PayloadKey.new()
    sealed = seal_payload(key, outbox, payload)
    _add(ctx, Outbox(id=outbox, kind=kind, message=message, place=place, mailbox=mailbox, sealed_payload=sealed))
    payload_locks.lock_to_workers(ctx, outbox, key, workers.living(ctx))
    if mailbox is not None and epoch is not None:
        if epochs.hold(ctx, others=[mailbox]).get(mailbox) != epoch:
            raise StaleKeys
        public_key = published(ctx, "mailbox", mailbox, epoch)
        payload_locks.add_lock(ctx, outbox, key, holder=mailbox, epoch=epoch, public_key=public_key)
    return outbox


def add_plain(
    ctx: Context,
    kind: str,
    *,
    mailbox: bytes,
    message: bytes | None = None,
    place: int | None = None,
    due: datetime | None = None,
) -> bytes:
    """Add a mail to the owner of `mailbox`: ids only, its words come from the directory when it is sent.

    It is sent at once, or when it is `due`.
    """
    outbox = ids.new_id()
    row = Outbox(id=outbox, kind=kind, message=message, place=place, mailbox=mailbox, sealed_payload=None)
    _add(ctx, row, due=due)
    return outbox


def stranded(ctx: Context, member: Member) -> bool:
    """Whether this member's visit can hand waiting mail to a worker: one indexed query, nothing written."""
    alive = workers.living(ctx)
    if not alive:
        return False
    found = select(OutboxLock.outbox).join(Outbox, Outbox.id == OutboxLock.outbox)
    return ctx.db.execute(found.where(*_stranded_at(member, alive)).limit(1)).first() is not None


def relock(ctx: Context, member: Member) -> int:
    """Lock this member's stranded mail to the workers alive now; how many mails. Needs a transaction that writes."""
    alive = workers.living(ctx)
    if not alive:
        return 0
    rows = ctx.db.execute(
        select(Outbox, OutboxLock)
        .join(OutboxLock, OutboxLock.outbox == Outbox.id)
        .where(*_stranded_at(member, alive))
        .limit(_RELOCKED_AT_ONCE)
    ).all()
    pairs = {epoch: member.mail.at(epoch).pair() for epoch in {held.epoch for _, held in rows}}
    return sum(payload_locks.relock(ctx, row, held, pairs[held.epoch], alive) for row, held in rows)


def places_waiting(ctx: Context, messages: Collection[bytes]) -> dict[bytes, set[int]]:
    """By message, the places of receivers whose notification failed before or no living worker can send yet."""
    places: dict[bytes, set[int]] = {message: set() for message in messages}
    if not places:
        return places
    waiting = select(Outbox.message, Outbox.place).where(Outbox.message.in_(places), Outbox.state == "waiting")
    alive = workers.living(ctx)
    if alive:
        stuck = and_(Outbox.sealed_payload.is_not(None), _nobody_opens(alive))
        waiting = waiting.where(or_(stuck, _tried_before()))
    for message, place in ctx.db.execute(waiting):
        if message is not None and place is not None:
            places[message].add(place)
    return places


def _tried_before() -> ColumnElement[bool]:
    # A first try that is under way counts already, and says nothing yet.
    return or_(Outbox.tries > 1, and_(Outbox.tries == 1, Outbox.claimed_by.is_(None)))


def cancel(ctx: Context, message: bytes, place: int | None = None) -> int:
    """Take back the waiting mails of a message, or of one receiver; how many. Their payloads are deleted.

    One that a worker is handing over at this very moment still goes out: its link then says that it was taken back.
    """
    chosen = [Outbox.message == message, Outbox.state == "waiting"]
    if place is not None:
        chosen.append(Outbox.place == place)
    waiting = list(ctx.db.scalars(select(Outbox.id).where(*chosen)))
    return sum(settle(ctx, outbox, "cancelled") for outbox in waiting)


def settle(ctx: Context, outbox: bytes, state: str) -> bool:
    """End a waiting row: its payload and locks are deleted with it, so nothing secret outlives the mail."""
    ended = update(Outbox).where(Outbox.id == outbox, Outbox.state == "waiting").values(
        state=state, sealed_payload=None, claimed_by=None, claimed_until=None, due=ctx.now
    )  # fmt: skip
    if not changed(ctx.db, ended):
        return False
    ctx.db.execute(delete(OutboxLock).where(OutboxLock.outbox == outbox))
    return True


def _add(ctx: Context, row: Outbox, *, due: datetime | None = None) -> None:
    if row.message is not None and ctx.db.get(Message, row.message) is None:
        raise ValueError("a mail about a message is added after the message")
    row.created, row.due = ctx.now, due or ctx.now
    row.tries, row.state = 0, "waiting"
    row.mac = authenticity.sign(ctx, row)
    ctx.db.add(row)
    ctx.db.flush()


def _stranded_at(member: Member, alive: Collection[workers.LivingWorker]) -> tuple[ColumnElement[bool], ...]:
    return (
        OutboxLock.holder == member.mailbox,
        OutboxLock.epoch.in_(member.mail.epochs),
        Outbox.state == "waiting",
        _nobody_opens(alive),
    )


def _nobody_opens(alive: Collection[workers.LivingWorker]) -> ColumnElement[bool]:
    theirs = OutboxLock.__table__.alias()
    held = select(theirs.c.outbox).where(
        theirs.c.outbox == Outbox.id, theirs.c.holder.in_([worker.id for worker in alive])
    )
    return ~held.correlate(Outbox).exists()
