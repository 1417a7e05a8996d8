"""Who administers: an administrator gives another member the organisation's key, or makes a new one without them."""

import logging
from collections.abc import Callable

from sqlalchemy import select, update

from securemail.crypto import unlock
from securemail.errors import CannotOpen, Conflict, InvalidInput, NotFound
from securemail.identity.context import Context
from securemail.mailboxes import grants, holders, keys
from securemail.mailboxes.holders import Holder
from securemail.organisations import audit, members, rotation
from securemail.organisations.administrators import RIGHTS, Administrator
from securemail.store.models import Account, Mailbox, Member
from securemail.store.statements import changed

log = logging.getLogger(__name__)


def listed(ctx: Context, administrator: Administrator) -> frozenset[bytes]:
    """The accounts on the list that counts, which only the organisation's key opens. Raises `UntrustedKey`."""
    return frozenset(holder.grantee for holder in _holders(ctx, administrator)[1])


def appoint(ctx: Context, administrator: Administrator, account: bytes) -> None:
    """Make a member an administrator.

    Raises:
        NotFound: no active member of this organisation.
        InvalidInput: ('administrator', 'unsecured' | 'already').
        Conflict: the list was changed meanwhile.
        UntrustedKey: the member's published key was exchanged.
    """
    place, epoch = _member(ctx, administrator, account)
    if account in listed(ctx, administrator):
        raise InvalidInput("administrator", "already")
    if not members.is_secured(ctx, administrator, account):
        raise InvalidInput("administrator", "unsecured")
    public_key = keys.published(ctx, "account", account, epoch)
    _change(ctx, administrator, lambda held: [*held, Holder(account, RIGHTS)])
    grants.add(ctx, administrator.keys, public_key, grantee=account, rights=RIGHTS)
    place.role = "administrator"
    _note(ctx, administrator, "administrator-appointed", account)


def dismiss(ctx: Context, administrator: Administrator, account: bytes) -> None:
    """Make an administrator a member like any other: the organisation gets a new key, which is not given to them.

    Raises:
        NotFound: no active member of this organisation.
        InvalidInput: ('administrator', 'last').
        StaleKeys: somebody else rotated first.
    """
    place, _ = _member(ctx, administrator, account)
    if listed(ctx, administrator) <= {account}:
        raise InvalidInput("administrator", "last")
    rotation.rotate(ctx, administrator.keys, without=frozenset({account}))
    place.role = "member"
    _note(ctx, administrator, "administrator-dismissed", account)


def _member(ctx: Context, administrator: Administrator, account: bytes) -> tuple[Member, int]:
    row = ctx.db.execute(
        select(Member, Account.rk_epoch)
        .join(Account, Account.id == Member.account)
        .where(Member.organisation == administrator.organisation, Member.account == account, Account.state == "active")
        .with_for_update(key_share=True, of=Account)
    ).first()
    if row is None:
        raise NotFound
    return row.Member, row.rk_epoch


def _holders(ctx: Context, administrator: Administrator) -> tuple[bytes, list[Holder]]:
    mail = administrator.keys
    sealed = ctx.db.scalars(select(Mailbox.sealed_holders).where(Mailbox.id == mail.principal)).one()
    try:
        opened = unlock.open_organisation_holders(mail.mk, mail.principal, mail.epoch, sealed)
        return sealed, holders.from_json(opened)
    except CannotOpen as error:
        keys.require_unmoved(ctx, "mailbox", mail.principal, mail.epoch)
        log.exception("alarm: the list of administrators of %s does not open", mail.principal.hex())
        raise keys.UntrustedKey from error


def _change(ctx: Context, administrator: Administrator, how: Callable[[list[Holder]], list[Holder]]) -> None:
    mail = administrator.keys
    before, held = _holders(ctx, administrator)
    after = unlock.seal_organisation_holders(mail.mk, mail.principal, mail.epoch, holders.to_json(how(held)))
    swap = update(Mailbox).where(
        Mailbox.id == mail.principal, Mailbox.mk_epoch == mail.epoch, Mailbox.sealed_holders == before
    )
    if changed(ctx.db, swap.values(sealed_holders=after)) != 1:
        raise Conflict


def _note(ctx: Context, administrator: Administrator, kind: str, account: bytes) -> None:
    organisation, actor = administrator.organisation, administrator.member.root.account
    audit.record(ctx, organisation, kind, actor, {"account": account.hex()})
