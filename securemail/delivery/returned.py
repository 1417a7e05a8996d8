"""Writing down that a mail came back after it was handed over, so that its sender sees it at that receiver.

Counts once, for the newest mail to a receiver who is notified and has not opened it. Whoever holds the address that a
mail comes back to, which its receiver's own server does, can say this of that one mail and of nothing else.
"""

import logging
from datetime import timedelta
from typing import Final, Literal

from sqlalchemy import ColumnElement, and_, or_, select, update

from securemail.delivery import claim
from securemail.delivery.channels import goes_by
from securemail.errors import SecuremailError
from securemail.identity.context import Context
from securemail.store.models import Outbox, Recipient
from securemail.store.statements import changed

log = logging.getLogger(__name__)

TAKEN_FOR: Final = timedelta(days=30)
"""Servers give up after days, not weeks."""
_INVITATION: Final = "invitation"

Outcome = Literal["noted", "unknown", "of no use"]


class TooEarly(SecuremailError):
    """It came back before the worker could write down that it went out: the mail server should offer it again."""


def note(ctx: Context, row_id: bytes) -> Outcome:
    """The mail of this row came back for good.

    Raises:
        TooEarly: see the class.
    """
    row = ctx.db.get(Outbox, row_id)
    if row is None or row.due < ctx.now - TAKEN_FOR:
        return "unknown"
    if row.state == "waiting" and row.tries:
        raise TooEarly
    if row.state != "sent":
        return "of no use"
    return "noted" if _note(ctx, row) else "of no use"


def is_followed() -> ColumnElement[bool]:
    """The condition on rows of the outbox whose return somebody would be shown."""
    return or_(Outbox.kind == _INVITATION, and_(Outbox.message.is_not(None), Outbox.place.is_not(None)))


def _note(ctx: Context, row: Outbox) -> bool:
    if row.kind == _INVITATION:
        return _used_up(ctx, row)
    if row.message is None or row.place is None or not _newest(ctx, row) or not _used_up(ctx, row):
        return False
    receiver = (Recipient.message == row.message, Recipient.place == row.place, Recipient.state == "notified")
    if not changed(ctx.db, update(Recipient).where(*receiver).values(state="bounced", state_at=ctx.now)):
        return False
    claim.tell_sender(ctx, row.message)
    return True


def _newest(ctx: Context, row: Outbox) -> bool:
    """Whether no later mail went to this receiver, who is held until the commit: that one speaks for itself."""
    receiver = (Recipient.message == row.message, Recipient.place == row.place)
    ctx.db.execute(select(Recipient.place).where(*receiver).with_for_update())
    later = select(Outbox.id).where(
        Outbox.message == row.message, Outbox.place == row.place, Outbox.created > row.created,
        Outbox.state != "cancelled", goes_by("mail"),
    )  # fmt: skip
    return ctx.db.execute(later.limit(1)).first() is None


def _used_up(ctx: Context, row: Outbox) -> bool:
    once = update(Outbox).where(Outbox.id == row.id, Outbox.state == "sent")
    return changed(ctx.db, once.values(state="failed", due=ctx.now)) == 1
