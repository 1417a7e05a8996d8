"""What has had its time: expired messages, ended mails, workers that are gone, expired sessions, sign-ups and counters.

A little at a time, so that no transaction holds the database; every worker does it, and doing it twice harms nobody.
"""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.orm import InstrumentedAttribute

from securemail.delivery import returned
from securemail.delivery.returned import TAKEN_FOR
from securemail.delivery.workers import ALIVE_FOR
from securemail.identity.context import Context
from securemail.messages import clearing, expiry
from securemail.store.models import Attempt, BrowserSession, GuestDevice, Outbox, OutboxLock, Pending, WorkerKey
from securemail.store.statements import changed

KEPT_AFTER_END: Final = timedelta(days=1)
INVITATIONS_KEPT: Final = timedelta(days=30)
"""Administrators send an expired invitation again, and see which mail came back."""
REMEMBERED_KEPT: Final = timedelta(days=30)
_BATCH: Final = 200
_ENDED: Final = ("sent", "failed", "cancelled")


def tidy(ctx: Context, *, bounces: bool = False) -> int:
    """Remove one batch of each kind; how many rows. With `bounces`, sent mail is known as long as it may come back."""
    return (
        _give_up_lost(ctx)
        + clearing.clear(ctx)
        + expiry.delete_due(ctx)
        + sum(
            _delete_batch(ctx, key, *expired)
            for key, *expired in (
                (Outbox.id, _ended(ctx, bounces=bounces)),
                (Outbox.id, _refused_invitation(), Outbox.due < ctx.now - 2 * INVITATIONS_KEPT),
                (WorkerKey.id, WorkerKey.seen < ctx.now - 10 * ALIVE_FOR),
                # Kept a day longer, so that a late click is told "expired" and not "unknown".
                (Pending.id, Pending.expires < ctx.now - KEPT_AFTER_END, Pending.kind != "invitation"),
                (Pending.id, Pending.expires < ctx.now - INVITATIONS_KEPT, Pending.kind == "invitation"),
                (BrowserSession.id, BrowserSession.expires < ctx.now),
                # Kept for a while, so that who is remembered anew keeps what the browser opened before.
                (GuestDevice.id, GuestDevice.expires < ctx.now - REMEMBERED_KEPT),
                (Attempt.tag, Attempt.window_ends < ctx.now),
            )
        )
    )


def _ended(ctx: Context, *, bounces: bool) -> ColumnElement[bool]:
    over = and_(Outbox.state.in_(_ENDED), Outbox.due < ctx.now - KEPT_AFTER_END, ~_refused_invitation())
    if not bounces:
        return over
    may_return = and_(Outbox.state == "sent", Outbox.due >= ctx.now - TAKEN_FOR, returned.is_followed())
    return and_(over, ~may_return)


def _refused_invitation() -> ColumnElement[bool]:
    return and_(Outbox.kind == "invitation", Outbox.state == "failed")


def _give_up_lost(ctx: Context) -> int:
    """A sealed mail without a mailbox is lost with its workers; what it carried has been asked for again since."""
    lost = select(Outbox.id).where(
        Outbox.state == "waiting",
        Outbox.due < ctx.now - KEPT_AFTER_END,
        Outbox.mailbox.is_(None),
        ~select(OutboxLock.outbox).join(WorkerKey, WorkerKey.id == OutboxLock.holder)
        .where(OutboxLock.outbox == Outbox.id).exists(),
    )  # fmt: skip
    ended = update(Outbox).where(Outbox.id.in_(lost.limit(_BATCH))).values(
        state="failed", sealed_payload=None, due=ctx.now
    )  # fmt: skip
    return changed(ctx.db, ended)


def _delete_batch(ctx: Context, key: InstrumentedAttribute[Any], *expired: ColumnElement[bool]) -> int:
    batch = select(key).where(*expired).limit(_BATCH)
    return changed(ctx.db, delete(key.class_).where(key.in_(batch)))
