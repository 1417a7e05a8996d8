"""A new mail key for a mailbox, in one short transaction; what hangs on the older one follows in batches (`relock`).

The list of who gets the new key is the sealed one, never the rows: whoever writes a grant into the database is given
nothing. Accounts are held before mailboxes, here and wherever both are, so that nobody waits in a circle.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm.util import identity_key

from securemail.crypto import unlock
from securemail.crypto.locks import same
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MailKey
from securemail.crypto.unlock import RootKeys
from securemail.errors import CannotOpen, StaleKeys
from securemail.identity.context import Context, Member
from securemail.mailboxes import grants, holders, keys, relocking
from securemail.mailboxes.holders import Holder
from securemail.mailboxes.relocking import Progress as Progress
from securemail.mailboxes.relocking import relock as relock
from securemail.store.models import Account, Mailbox, MailChain, MailGrant
from securemail.store.statements import changed

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class _List:
    """The list of holders as it was read, and how it is sealed for the epoch to come."""

    sealed: bytes
    holders: list[Holder]
    seal: Callable[[MailKeys, Mapping[str, Any]], bytes]


def rotate_mail(ctx: Context, member: Member, *, without: frozenset[bytes] = frozenset()) -> MailKeys:
    """A new mail key for a member's own mailbox; the root key stays. `without` are holders who are given it no more.

    Raises:
        StaleKeys: somebody else rotated first.
        UntrustedKey: the list of holders does not open.
    """
    return renew_personal(ctx, member.mail, before=member.root, after=member.root, without=without)


def renew_personal(
    ctx: Context, mail: MailKeys, *, before: RootKeys, after: RootKeys, without: frozenset[bytes] = frozenset()
) -> MailKeys:
    """The same within a rotation of the root key, which holds the account: the list moves from `before` to `after`."""
    sealed, listed = _listed(ctx, mail, lambda sealed: before.open_holders(mail.principal, sealed))
    moving = _List(sealed, listed, lambda new, content: after.seal_holders(new.principal, content))
    new = _renew(ctx, mail, moving, without=without, own={after.account: after.identity().public})
    relocking.relock_codes(ctx, new)
    return new


def renew_organisation(ctx: Context, mail: MailKeys, *, without: frozenset[bytes] = frozenset()) -> MailKeys:
    """A new key for an organisation's mailbox, whose list of holders is sealed with its own key."""
    mailbox = mail.principal
    sealed, listed = _listed(
        ctx, mail, lambda sealed: unlock.open_organisation_holders(mail.mk, mailbox, mail.epoch, sealed)
    )
    moving = _List(
        sealed,
        listed,
        lambda new, content: unlock.seal_organisation_holders(new.mk, mailbox, new.epoch, content),
    )
    return _renew(ctx, mail, moving, without=without, own={})


def mark_due(ctx: Context, mailboxes: Collection[bytes]) -> None:
    """Have these mailboxes rotated by the next session of somebody who may, before it does anything else."""
    for mailbox in sorted(mailboxes):
        due = update(Mailbox).where(Mailbox.id == mailbox).values(rotation_due=True)
        ctx.db.execute(due, execution_options={"synchronize_session": False})


def alarm_about_strangers(what: str, ids: Iterable[bytes]) -> None:
    """Tell the log of rows that are on no list: somebody wrote them into the database."""
    for one in ids:
        log.error("alarm: %s %s is on no list; it is given nothing, and goes", what, one.hex())


def _listed(ctx: Context, mail: MailKeys, opening: Callable[[bytes], Mapping[str, Any]]) -> tuple[bytes, list[Holder]]:
    sealed = ctx.db.scalars(select(Mailbox.sealed_holders).where(Mailbox.id == mail.principal)).one()
    try:
        return sealed, holders.from_json(opening(sealed))
    except CannotOpen as error:
        keys.require_unmoved(ctx, "mailbox", mail.principal, mail.epoch)
        log.exception("alarm: the list of holders of mailbox %s does not open", mail.principal.hex())
        raise keys.UntrustedKey from error


def _renew(
    ctx: Context, mail: MailKeys, moving: _List, *, without: frozenset[bytes], own: Mapping[bytes, bytes]
) -> MailKeys:
    new = MailKeys(mail.principal, mail.epoch + 1, MailKey.new(), (mail, *mail.older))
    listed = {holder.grantee for holder in moving.holders}
    living = _hold_living(ctx, listed - without)
    _claim(ctx, mail, moving)
    kept = [holder for holder in moving.holders if holder.grantee in living]
    _move(ctx, mail, new, moving.seal(new, holders.to_json(kept)))
    _delete_grants(ctx, mail.principal, listed)
    for holder in kept:
        public_key = own.get(holder.grantee) or _published(ctx, holder, living[holder.grantee])
        if public_key is not None:
            grants.add(ctx, new, public_key, grantee=holder.grantee, rights=holder.rights)
    ctx.db.flush()
    return new


def _hold_living(ctx: Context, accounts: Collection[bytes]) -> dict[bytes, int]:
    """The epochs of those accounts that are not closed, held as they are until the commit."""
    rows = ctx.db.execute(
        select(Account.id, Account.rk_epoch).where(Account.id.in_(accounts), Account.state == "active")
        .order_by(Account.id).with_for_update(read=True)
    ).all()  # fmt: skip
    return {row.id: row.rk_epoch for row in rows}


def _claim(ctx: Context, mail: MailKeys, moving: _List) -> None:
    """Hold the mailbox: whoever writes under its key has finished, or waits and then begins anew."""
    row = ctx.db.execute(
        select(Mailbox.mk_epoch, Mailbox.sealed_holders).where(Mailbox.id == mail.principal)
        .with_for_update(key_share=True)
    ).one()  # fmt: skip
    if row.mk_epoch != mail.epoch or not same(row.sealed_holders, moving.sealed):
        raise StaleKeys


def _move(ctx: Context, mail: MailKeys, new: MailKeys, sealed_holders: bytes) -> None:
    swap = update(Mailbox).where(Mailbox.id == mail.principal, Mailbox.mk_epoch == mail.epoch)
    moved = swap.values(mk_epoch=new.epoch, sealed_holders=sealed_holders, rotation_due=False)
    if changed(ctx.db, moved) != 1:
        raise StaleKeys
    held = ctx.db.identity_map.get(identity_key(Mailbox, mail.principal))
    if held is not None:
        ctx.db.expire(held)
    keys.publish(ctx, "mailbox", new.principal, new.epoch, new.pair().public)
    ctx.db.add(MailChain(mailbox=new.principal, epoch=new.epoch, sealed_prev=new.seal_previous(mail)))


def _delete_grants(ctx: Context, mailbox: bytes, listed: Collection[bytes]) -> None:
    rows = ctx.db.execute(select(MailGrant.id, MailGrant.grantee).where(MailGrant.mailbox == mailbox)).all()
    alarm_about_strangers("grant", (row.id for row in rows if row.grantee not in listed))
    gone = delete(MailGrant).where(MailGrant.mailbox == mailbox)
    ctx.db.execute(gone, execution_options={"synchronize_session": False})


def _published(ctx: Context, holder: Holder, epoch: int) -> bytes | None:
    try:
        return keys.published(ctx, "account", holder.grantee, epoch)
    except keys.UntrustedKey:
        # The alarm is in the log. Nothing is locked to that key, and the others are not kept from theirs.
        return None
