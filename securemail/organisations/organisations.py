"""Organisations: name and policy, believed only with our signature."""

import logging

from sqlalchemy import select

from securemail import ids
from securemail.identity.context import Context
from securemail.mailboxes.keys import UntrustedKey
from securemail.organisations import policy
from securemail.organisations.policy import Policy
from securemail.store.models import Organisation

log = logging.getLogger(__name__)


def create(ctx: Context, name: str, decided: Policy | None = None) -> Organisation:
    """An organisation without members yet."""
    organisation = ids.new_id()
    row = Organisation(id=organisation, name=name, created=ctx.now, policy=policy.to_text(decided or Policy()), mac=b"")
    row.mac = ctx.keys.sign_organisation(*_facts(row))
    ctx.db.add(row)
    ctx.db.flush()
    return row


def first(ctx: Context) -> Organisation | None:
    """The installation's organisation, which open sign-up joins; None before set-up."""
    rows = ctx.db.scalars(select(Organisation).order_by(Organisation.created, Organisation.id))
    return next((row for row in rows if genuine(ctx, row)), None)


def of(ctx: Context, organisation: bytes) -> Organisation:
    """An organisation's genuine row.

    Raises:
        UntrustedKey: it is not as we wrote it, or not there.
    """
    row = ctx.db.get(Organisation, organisation)
    if row is None or not genuine(ctx, row):
        raise UntrustedKey
    return row


def policy_of(ctx: Context, organisation: bytes) -> Policy:
    """What an organisation has decided. Raises `UntrustedKey` as `of` does."""
    return policy.of(of(ctx, organisation))


def decide(ctx: Context, organisation: bytes, decided: Policy) -> None:
    """Replace the policy; that an administrator asks for it, the caller has checked."""
    row = of(ctx, organisation)
    row.policy = policy.to_text(decided)
    row.mac = ctx.keys.sign_organisation(*_facts(row))
    ctx.db.flush()


def any_exists(ctx: Context) -> bool:
    """Whether set-up has happened, whatever became of the row since."""
    return ctx.db.scalar(select(Organisation.id).limit(1)) is not None


def genuine(ctx: Context, row: Organisation) -> bool:
    """Whether a row is as we wrote it; a name put there by a writer of the database is never shown."""
    if ctx.keys.trusts_organisation(row.mac, *_facts(row)):
        return True
    log.error("alarm: organisation %s is not as it was written", row.id.hex())
    return False


def _facts(row: Organisation) -> tuple[bytes, ...]:
    facts = (row.id, row.name.encode("utf-8"))
    # Without a policy as before there were any: rows of the first release stay genuine.
    return (*facts, row.policy.encode("utf-8")) if row.policy else facts
