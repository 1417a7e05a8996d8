"""Closing an account: what opens it goes at once, in one transaction, and its rows follow in the background.

From the commit on nothing of the account opens, for whoever holds its password, its recovery code and the whole
configuration: the vault, everything that the root key was locked to, and every grant are gone. Backups still hold
those locks until they expire themselves (docs/operations.md). What others have received stays theirs.
"""

from typing import Any

from sqlalchemy import delete, select, update

from securemail.crypto import unlock
from securemail.crypto.mailkeys import MailKeys
from securemail.delivery import outbox
from securemail.errors import CannotOpen, Conflict, InvalidInput, StaleKeys
from securemail.identity import sessions
from securemail.identity.context import Context, Owner
from securemail.mailboxes import grants, holders
from securemail.mailboxes.addresses import normalise
from securemail.mailboxes.keys import UntrustedKey
from securemail.organisations import audit, rotation
from securemail.store.models import (
    Account,
    Address,
    Mailbox,
    MailChain,
    MailGrant,
    Member,
    Pending,
    PrincipalKey,
    Unlocker,
)
from securemail.store.statements import changed


class LastAdministrator(Conflict):
    """Nobody else could look after the organisation: its keys would be lost with this account."""


def require_successor(ctx: Context, owner: Owner) -> None:
    """Look whether an account may be closed.

    Raises:
        LastAdministrator
    """
    mail = _organisation(ctx, owner)
    if mail is not None and not _others(ctx, owner, mail):
        raise LastAdministrator


def require_own_address(owner: Owner, typed: str) -> None:
    """Raises InvalidInput ('address', 'other' | as `normalise` says) unless it is the account's own address."""
    if normalise(typed) != owner.address:
        raise InvalidInput("address", "other")


def close(ctx: Context, owner: Owner) -> None:
    """Close the account for good; whoever asks has just proved again who they are.

    Raises:
        LastAdministrator
        StaleKeys: it was rotated or closed meanwhile; the session has ended with that.
    """
    _claim(ctx, owner)
    mail = _organisation(ctx, owner)
    if mail is not None:
        if not _others(ctx, owner, mail):
            raise LastAdministrator
        rotation.rotate(ctx, mail, without=frozenset({owner.account}))
    audit.record(ctx, owner.organisation, "account-closed", owner.account, {"mailbox": owner.mailbox.hex()})
    payload = {"to": owner.address, "name": owner.name, "language": owner.language}
    # Without a mailbox that could hand it on: there is none any more.
    outbox.add_sealed(ctx, "account_closed", payload)
    _destroy_locks(ctx, owner)
    _leave_tombstones(ctx, owner)


def _claim(ctx: Context, owner: Owner) -> None:
    epoch = select(Account.rk_epoch).where(Account.id == owner.account, Account.state == "active")
    if ctx.db.scalar(epoch.with_for_update()) != owner.root.epoch:
        raise StaleKeys


def _organisation(ctx: Context, owner: Owner) -> MailKeys | None:
    """The organisation's keys, when the account opens them: then it is an administrator."""
    epoch = ctx.db.scalar(
        select(Mailbox.mk_epoch).where(Mailbox.id == owner.organisation, Mailbox.kind == "organisation")
    )
    if epoch is None:
        raise UntrustedKey
    identity = owner.root.identity()
    return grants.open_held(
        ctx, identity, owner.account, mailbox=owner.organisation, epoch=epoch, rights="administrator"
    )


def _others(ctx: Context, owner: Owner, mail: MailKeys) -> list[bytes]:
    """The other administrators on the sealed list whose accounts are there, held so until the commit."""
    sealed = ctx.db.scalars(select(Mailbox.sealed_holders).where(Mailbox.id == mail.principal)).one()
    try:
        listed = holders.from_json(unlock.open_organisation_holders(mail.mk, mail.principal, mail.epoch, sealed))
    except CannotOpen as error:
        raise UntrustedKey from error
    others = [holder.grantee for holder in listed if holder.grantee != owner.account]
    active = select(Account.id).where(Account.id.in_(others), Account.state == "active").order_by(Account.id)
    return list(ctx.db.scalars(active.with_for_update(read=True)))


def _destroy_locks(ctx: Context, owner: Owner) -> None:
    """Everything that opened the account, and the address by which it was found."""
    for gone in (
        delete(Unlocker).where(Unlocker.account == owner.account),
        delete(MailGrant).where((MailGrant.grantee == owner.account) | (MailGrant.mailbox == owner.mailbox)),
        delete(MailChain).where(MailChain.mailbox == owner.mailbox),
        delete(Pending).where(Pending.account == owner.account),
        delete(PrincipalKey).where(PrincipalKey.principal.in_((owner.account, owner.mailbox))),
        delete(Address).where(Address.mailbox == owner.mailbox),
        delete(Member).where(Member.account == owner.account),
    ):
        _run(ctx, gone)
    sessions.end_all(ctx, owner.account)


def _leave_tombstones(ctx: Context, owner: Owner) -> None:
    """Account and mailbox stay as bare ids: older conversations and guests' links name them."""
    # The update waits for whoever is sending to the mailbox, and whoever comes later finds it closed.
    _run(ctx, update(Mailbox).where(Mailbox.id == owner.mailbox).values(
        closed=ctx.now, sealed_holders=b"", rotation_due=False
    ))  # fmt: skip
    shut = update(Account).where(
        Account.id == owner.account, Account.state == "active", Account.rk_epoch == owner.root.epoch
    )
    nothing = ctx.keys.seal_entry(owner.account, {})
    values = {"state": "closed", "sealed_vault": None, "sealed_entry": nothing, "photo": None, "sealed_photo": None}
    if changed(ctx.db, shut.values(values)) != 1:
        raise Conflict


def _run(ctx: Context, statement: Any) -> None:
    ctx.db.execute(statement, execution_options={"synchronize_session": False})
