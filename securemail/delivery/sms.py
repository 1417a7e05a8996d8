"""Codes by SMS, for whoever asks for one: leave it for a worker, and see how it fares.

A code is for somebody who sits and waits. So it is locked to the living workers alone, tried at short intervals, and
not sent any more when it is no longer valid or older than `SENT_WITHIN`: the person has asked for another by then.
"""

from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Row, select

from securemail.delivery import outbox, workers
from securemail.delivery.channels import goes_by
from securemail.identity.context import Context
from securemail.store.models import Outbox, OutboxLock

State = Literal["waiting", "sent", "failed", "lost"]

SENT_WITHIN: Final = timedelta(minutes=10)


def send_code(
    ctx: Context,
    *,
    to: str,
    code: str,
    language: str,
    host: str,
    valid: timedelta = SENT_WITHIN,
    guest: bool = False,
) -> bytes:
    """Leave a code for a worker; the id to ask after it with `state_of`.

    `to` is E.164 (`phone_numbers.normalise`), `code` digits, `language` 'nl' or 'en', `host` the one of PUBLIC_URL, for
    which browsers fill the code in. A `guest` is told of a message, not of a log-in. After `valid` it is not sent any
    more. Whether SMS is offered at all is `Settings.sms_offered`.
    """
    until = (ctx.now + valid).isoformat()
    payload = {"to": to, "code": code, "language": language, "host": host, "until": until}
    return outbox.add_sealed(ctx, "sms_guest_code" if guest else "sms_code", payload)


def state_of(ctx: Context, outbox: bytes) -> State:
    """How an SMS fares.

    'waiting': it is with the worker, or will be tried again (see `delayed`). 'sent': the provider has taken it.
    'failed': the provider refuses it, or it was tried for ten minutes. 'lost': the workers that could open it are gone;
    like after a failure, only a new code helps.
    """
    row = _row(ctx, outbox)
    if row is None:
        return "lost"
    if row.state == "sent":
        return "sent"
    if row.state != "waiting" or row.created < ctx.now - SENT_WITHIN:
        return "failed"
    return "waiting" if _somebody_opens(ctx, outbox) else "lost"


def delayed(ctx: Context, outbox: bytes) -> bool:
    """Whether a waiting SMS has failed before: the provider does not answer, and the person may want another way."""
    row = _row(ctx, outbox)
    if row is None or row.state != "waiting":
        return False
    return bool(row.tries > 1 or (row.tries == 1 and row.claimed_by is None))


def _row(ctx: Context, outbox: bytes) -> Row[str, datetime, int, bytes | None] | None:
    columns = (Outbox.state, Outbox.created, Outbox.tries, Outbox.claimed_by)
    return ctx.db.execute(select(*columns).where(Outbox.id == outbox, goes_by("sms"))).first()


def _somebody_opens(ctx: Context, outbox: bytes) -> bool:
    alive = [worker.id for worker in workers.living(ctx)]
    held = select(OutboxLock.outbox).where(OutboxLock.outbox == outbox, OutboxLock.holder.in_(alive))
    return bool(alive) and ctx.db.execute(held).first() is not None
