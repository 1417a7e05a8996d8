"""Published public keys: made, signed, and believed only with our signature and in the current epoch.

A writer of the database without the configuration can plant rows; a planted key fails here, before anything is
locked to it (see docs/security.md).
"""

import logging

from sqlalchemy import delete, select

from securemail.crypto.keypair import SUITE, KeyPair
from securemail.crypto.locks import same
from securemail.errors import SecuremailError, StaleKeys
from securemail.identity.context import Context
from securemail.store.models import Account, Mailbox, PrincipalKey

log = logging.getLogger(__name__)


class UntrustedKey(SecuremailError):
    """A key in the database is not one that we published, or not of the current epoch: somebody wrote it there."""


def publish(ctx: Context, kind: str, principal: bytes, epoch: int, public_key: bytes) -> None:
    """Add the public key of a principal ('account', 'mailbox' or 'link') for an epoch, signed."""
    row = PrincipalKey(principal=principal, epoch=epoch, kind=kind, suite=SUITE, public_key=public_key, created=ctx.now)
    row.mac = sign(ctx, row)
    ctx.db.add(row)


def sign(ctx: Context, row: PrincipalKey) -> bytes:
    """The MAC of a published key's row."""
    return ctx.keys.sign_public_key(row.kind, row.principal, row.epoch, row.public_key)


def published(ctx: Context, kind: str, principal: bytes, epoch: int) -> bytes:
    """The trusted public key of a principal in its current epoch.

    Raises:
        UntrustedKey: missing, planted, of another kind or suite. Logged as an alarm.
        StaleKeys: that epoch is over: it was the current one when the caller looked.
    """
    row = ctx.db.scalar(select(PrincipalKey).where(PrincipalKey.principal == principal, PrincipalKey.epoch == epoch))
    if row is not None and genuine(ctx, kind, row):
        return row.public_key
    require_unmoved(ctx, kind, principal, epoch)
    log.error("alarm: untrusted public key for %s %s epoch %d", kind, principal.hex(), epoch)
    raise UntrustedKey


def genuine(ctx: Context, kind: str, row: PrincipalKey) -> bool:
    """Whether we published a key, as that kind of principal's."""
    if (row.kind, row.suite) != (kind, SUITE):
        return False
    return ctx.keys.trusts_public_key(row.mac, kind, row.principal, row.epoch, row.public_key)


def require_unmoved(ctx: Context, kind: str, principal: bytes, epoch: int) -> None:
    """Before an alarm: what does not open may have been rotated away since the caller looked, which is no crime.

    Raises:
        StaleKeys: the principal is further on by now.
    """
    if kind == "account":
        current = ctx.db.scalar(select(Account.rk_epoch).where(Account.id == principal))
    else:
        current = ctx.db.scalar(select(Mailbox.mk_epoch).where(Mailbox.id == principal))
    if current is not None and current > epoch:
        raise StaleKeys


def forget_older(ctx: Context, principal: bytes, epoch: int) -> None:
    """Delete the published keys of epochs before this one: nothing may be locked to them any more."""
    older = delete(PrincipalKey).where(PrincipalKey.principal == principal, PrincipalKey.epoch < epoch)
    ctx.db.execute(older, execution_options={"synchronize_session": False})


def require_published(ctx: Context, kind: str, principal: bytes, epoch: int, pair: KeyPair) -> None:
    """What was unlocked counts only when its public half is the published one: everybody can make a lock.

    Raises:
        UntrustedKey: it is another key, or an older state was put back.
    """
    if not same(published(ctx, kind, principal, epoch), pair.public):
        log.error("alarm: unlocked key of %s %s is not the published one", kind, principal.hex())
        raise UntrustedKey
