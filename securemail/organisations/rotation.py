"""A new key for an organisation: after an administrator was removed, or may have lost their own key."""

import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from securemail.crypto import notes, unlock
from securemail.crypto.keypair import KeyPair
from securemail.crypto.mailkeys import MailKeys
from securemail.errors import CannotOpen, Forbidden
from securemail.identity import context, tokens
from securemail.identity.context import Context
from securemail.mailboxes import epochs, holders, rotation
from securemail.organisations import administrators
from securemail.store.models import Mailbox, MailGrant, Member, Pending

log = logging.getLogger(__name__)


def rotate(ctx: Context, keys: MailKeys, *, without: frozenset[bytes] = frozenset()) -> MailKeys:
    """Replace an organisation's key; `without` are administrators who are given it no more.

    What members and invitations tell the administrators is locked anew at once. The audit log is not: it is never
    rewritten, so the chain of an organisation stays (docs/decisions).

    Raises:
        StaleKeys: somebody else rotated first.
        UntrustedKey: the list of administrators does not open.
    """
    new = rotation.renew_organisation(ctx, epochs.with_older(ctx, keys), without=without)
    public_key = new.pair().public
    for member in ctx.db.scalars(select(Member).where(Member.organisation == new.principal)):
        if member.sealed_reference is not None:
            member.sealed_reference = _reference(new, public_key, member.account, member.sealed_reference)
    for row in ctx.db.scalars(select(Pending).where(Pending.organisation == new.principal)):
        if row.sealed_for_organisation is not None and tokens.genuine(ctx, row):
            row.sealed_for_organisation = _invitation(new, public_key, row.id, row.sealed_for_organisation)
            tokens.sign(ctx, row)
    ctx.db.flush()
    return new


def rotate_due(ctx: Context, member: context.Member) -> None:
    """Rotate what should have been rotated already: the member's own mailbox, and their organisation's.

    Raises:
        StaleKeys: somebody else rotated first.
    """
    due = select(Mailbox.id).where(
        Mailbox.id.in_([member.mailbox, member.organisation]), Mailbox.rotation_due.is_(True)
    )
    found = set(ctx.db.scalars(due))
    if member.organisation in found:
        try:
            entered = administrators.enter(ctx, member).keys
            rotate(ctx, entered, without=_withdrawn(ctx, entered))
        except Forbidden:
            log.info("the organisation's key is renewed by the next session of an administrator")
    if member.mailbox in found:
        rotation.rotate_mail(ctx, member)


def _withdrawn(ctx: Context, keys: MailKeys) -> frozenset[bytes]:
    """Administrators on the list whose grant is gone: they started anew, and have to be made administrators again.

    Rows can only take somebody off here, as deleting the grant itself does; nobody is given anything because of them.
    """
    sealed = ctx.db.scalars(select(Mailbox.sealed_holders).where(Mailbox.id == keys.principal)).one()
    try:
        opened = unlock.open_organisation_holders(keys.mk, keys.principal, keys.epoch, sealed)
    except CannotOpen:
        return frozenset()  # the rotation itself raises the alarm
    granted = set(ctx.db.scalars(select(MailGrant.grantee).where(MailGrant.mailbox == keys.principal)))
    return frozenset(holder.grantee for holder in holders.from_json(opened) if holder.grantee not in granted)


def _reference(keys: MailKeys, public_key: bytes, account: bytes, sealed: bytes) -> bytes:
    opened = _opened(keys, lambda pair: notes.open_reference(pair, account, sealed))
    return sealed if opened is None else notes.seal_reference(public_key, account, opened)


def _invitation(keys: MailKeys, public_key: bytes, pending: bytes, sealed: bytes) -> bytes:
    opened = _opened(keys, lambda pair: notes.open_for_organisation(pair, pending, sealed))
    return sealed if opened is None else notes.seal_for_organisation(public_key, pending, opened)


def _opened(keys: MailKeys, opening: Callable[[KeyPair], dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return epochs.open_with_any(keys, opening)
    except CannotOpen:
        log.error("alarm: a note to organisation %s does not open; it stays as it is", keys.principal.hex())  # noqa: TRY400
        return None
