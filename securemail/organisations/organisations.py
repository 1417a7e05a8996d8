"""Organisations: name and policy, believed only with our signature."""

import logging

from sqlalchemy import select

from securemail import ids
from securemail.errors import Conflict
from securemail.identity.context import Context
from securemail.mailboxes import keys
from securemail.mailboxes.keys import UntrustedKey
from securemail.organisations import policy
from securemail.organisations.policy import Policy
from securemail.store.models import Mailbox, Organisation

log = logging.getLogger(__name__)


def create(ctx: Context, name: str, decided: Policy | None = None) -> Organisation:
    """An organisation without members yet."""
    organisation = ids.new_id()
    row = Organisation(id=organisation, name=name, created=ctx.now, policy=policy.to_text(decided or Policy()), mac=b"")
    row.mac = sign(ctx, row)
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


def decide(ctx: Context, organisation: bytes, decided: Policy, *, instead_of: Policy | None = None) -> None:
    """Replace the policy; that an administrator asks for it, the caller has checked.

    Raises:
        Conflict: it is not (any more) the one that it should replace.
    """
    lock(ctx, organisation)
    row = of(ctx, organisation)
    if instead_of is not None and policy.of(row) != instead_of:
        raise Conflict
    row.policy = policy.to_text(decided)
    row.mac = sign(ctx, row)
    ctx.db.flush()


def lock(ctx: Context, organisation: bytes) -> None:
    """What follows waits for others that change the same organisation, until this transaction ends."""
    wanted = select(Organisation).where(Organisation.id == organisation).with_for_update()
    ctx.db.scalar(wanted, execution_options={"populate_existing": True})


def public_key(ctx: Context, organisation: bytes) -> bytes:
    """What is for its administrators' eyes is sealed to this key. Raises `UntrustedKey`."""
    # By its id, which is the organisation's own: kind and owner are columns that a writer of the database can edit.
    mailbox = ctx.db.get(Mailbox, organisation)
    if mailbox is None or mailbox.kind != "organisation":
        log.error("alarm: organisation %s has no mailbox", organisation.hex())
        raise UntrustedKey
    return keys.published(ctx, "mailbox", mailbox.id, mailbox.mk_epoch)


def any_exists(ctx: Context) -> bool:
    """Whether set-up has happened, whatever became of the row since."""
    return ctx.db.scalar(select(Organisation.id).limit(1)) is not None


def sign(ctx: Context, row: Organisation) -> bytes:
    """The MAC of an organisation's row."""
    return ctx.keys.sign_organisation(*_facts(row))


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
