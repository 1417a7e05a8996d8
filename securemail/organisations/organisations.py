"""Organisations: the name that stands on every page and mail, believed only with our signature."""

import logging

from sqlalchemy import select

from securemail import ids
from securemail.identity.context import Context
from securemail.store.models import Organisation

log = logging.getLogger(__name__)


def create(ctx: Context, name: str) -> Organisation:
    """An organisation without members yet."""
    organisation = ids.new_id()
    row = Organisation(id=organisation, name=name, created=ctx.now, mac=b"")
    row.mac = ctx.keys.sign_organisation(*_facts(row))
    ctx.db.add(row)
    ctx.db.flush()
    return row


def first(ctx: Context) -> Organisation | None:
    """The installation's organisation, which open sign-up joins; None before set-up."""
    rows = ctx.db.scalars(select(Organisation).order_by(Organisation.created, Organisation.id))
    return next((row for row in rows if genuine(ctx, row)), None)


def any_exists(ctx: Context) -> bool:
    """Whether set-up has happened, whatever became of the row since."""
    return ctx.db.scalar(select(Organisation.id).limit(1)) is not None


def genuine(ctx: Context, row: Organisation) -> bool:
    """Whether a row is as we wrote it; a name put there by a writer of the database is never shown."""
    if ctx.keys.trusts_organisation(row.mac, *_facts(row)):
        return True
    log.error("alarm: organisation %s is not as it was written", row.id.hex())
    return False


def _facts(row: Organisation) -> tuple[bytes, bytes]:
    return row.id, row.name.encode("utf-8")
