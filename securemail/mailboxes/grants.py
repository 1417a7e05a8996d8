"""Grants: a mailbox's key locked to the identity of an account that holds it."""

import logging
from collections.abc import Iterable

from sqlalchemy import select

from securemail import ids
from securemail.crypto import mailkeys
from securemail.crypto.keypair import KeyPair
from securemail.crypto.locks import same
from securemail.crypto.mailkeys import MailKeys
from securemail.errors import CannotOpen
from securemail.identity.context import Context
from securemail.mailboxes import keys
from securemail.store.models import MailGrant

log = logging.getLogger(__name__)


def open_held(
    ctx: Context, identity: KeyPair, account: bytes, *, mailbox: bytes, epoch: int, rights: str | None = None
) -> MailKeys | None:
    """The key of a mailbox in its current epoch; None when no grant gives it.

    Raises:
        UntrustedKey: the mailbox's published key was exchanged.
        StaleKeys: that epoch is over.
    """
    trusted = keys.published(ctx, "mailbox", mailbox, epoch)
    found = _first(_held(ctx, account, mailbox, epoch, rights), identity, trusted)
    if found is None:
        keys.require_unmoved(ctx, "mailbox", mailbox, epoch)
    return found


def add(ctx: Context, mail: MailKeys, public_key: bytes, *, grantee: bytes, rights: str) -> None:
    """Give a mailbox's key to an account; that it stands on the mailbox's list of holders, the caller sees to."""
    grant = ids.new_id()
    sealed = mailkeys.seal_grant(
        public_key, mail.mk, mailbox=mail.principal, epoch=mail.epoch, grantee=grantee, grant=grant, rights=rights
    )
    ctx.db.add(
        MailGrant(
            id=grant, mailbox=mail.principal, epoch=mail.epoch, grantee=grantee, rights=rights, created=ctx.now,
            sealed_mk=sealed,
        )
    )  # fmt: skip


def _held(ctx: Context, account: bytes, mailbox: bytes, epoch: int, rights: str | None) -> Iterable[MailGrant]:
    mine = select(MailGrant).where(MailGrant.grantee == account, MailGrant.mailbox == mailbox, MailGrant.epoch == epoch)
    return ctx.db.scalars(mine if rights is None else mine.where(MailGrant.rights == rights)).all()


def _first(rows: Iterable[MailGrant], identity: KeyPair, trusted: bytes) -> MailKeys | None:
    for grant in rows:
        mail = _open(identity, grant)
        # Everybody can make a grant to a published identity; it counts only when it gives the published mail key.
        if mail is not None and same(mail.pair().public, trusted):
            return mail
        log.error("alarm: mail grant %s does not give the published key", grant.id.hex())
    return None


def _open(identity: KeyPair, grant: MailGrant) -> MailKeys | None:
    try:
        mk = mailkeys.open_grant(
            identity, grant.sealed_mk, mailbox=grant.mailbox, epoch=grant.epoch, grantee=grant.grantee,
            grant=grant.id, rights=grant.rights,
        )  # fmt: skip
    except CannotOpen:
        return None
    return MailKeys(grant.mailbox, grant.epoch, mk)
