"""A new root key for an account, and with it a new mail key: after a changed password, a used recovery code, a theft.

Every lasting unlocker is a key pair, so the new root key is put behind those that are not present too. The vault says
which unlockers count, sealed lists who holds a mailbox; rows that neither names get nothing and go, with an alarm.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from sqlalchemy import delete, select

from securemail.crypto import unlock
from securemail.crypto.keypair import KeyPair
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.password import Parameters
from securemail.crypto.secrets import RecoveryCode, RootKey
from securemail.crypto.unlock import RootKeys
from securemail.delivery import outbox
from securemail.errors import CannotOpen, StaleKeys
from securemail.identity import accounts, sessions, vault
from securemail.identity.context import Context
from securemail.identity.passwords import NewPassword
from securemail.identity.vault import Listed, Vault
from securemail.mailboxes import epochs, grants, holders, keys
from securemail.mailboxes import rotation as mailboxes
from securemail.store.models import Account, Mailbox, MailGrant, Outbox, Unlocker

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Rotated:
    """The keys from now on. Every session of the account has ended: the caller starts a new one."""

    root: RootKeys
    mail: MailKeys

    def __repr__(self) -> str:
        return "<Rotated>"


def same_vault(kept: Vault) -> Vault:
    """No change."""
    return kept


def rotate(
    ctx: Context,
    root: RootKeys,
    mail: MailKeys,
    *,
    password: NewPassword | None = None,
    recovery: RecoveryCode | None = None,
    without: frozenset[bytes] = frozenset(),
    change: Callable[[Vault], Vault] = same_vault,
    others_due: bool = False,
) -> Rotated:
    """Replace an account's root key and its mailbox's key.

    A new password or recovery code takes the place of the one before; the unlockers in `without` go; `change` is
    applied to the vault. With `others_due`, other mailboxes that the account could open are rotated by the next
    session of somebody who may.

    Raises:
        StaleKeys: somebody else rotated first.
        UntrustedKey: the database is not as we wrote it: no vault, no list of holders, or nothing that would open.
    """
    _claim(ctx, root)
    renewed = RootKeys(root.account, root.epoch + 1, RootKey.new())
    kept = vault.read(ctx, root)
    unlockers = _put_behind_unlockers(ctx, root, renewed, kept, _replaced(kept, without, password, recovery))
    unlockers += _new_unlockers(ctx, renewed, password, recovery)
    keys.publish(ctx, "account", renewed.account, renewed.epoch, renewed.identity().public)
    vault.move(ctx, root, renewed, change(replace(kept, unlockers=tuple(unlockers))))
    others = _grant_again(ctx, root, renewed, own=mail.principal, exclusively=others_due)
    if recovery is not None:
        _cancel_codes(ctx, mail.principal)
    new_mail = mailboxes.renew_personal(ctx, mail, before=root, after=renewed)
    if others_due:
        mailboxes.mark_due(ctx, others)
    keys.forget_older(ctx, renewed.account, renewed.epoch)
    sessions.end_all(ctx, root.account)
    ctx.db.flush()
    return Rotated(renewed, new_mail)


def open_mail(ctx: Context, root: RootKeys) -> MailKeys:
    """The mail key of an account's own mailbox, for who has the root key only (a recovery).

    Raises:
        UntrustedKey: no grant gives the published key.
        StaleKeys: the account was rotated since its root key was opened.
    """
    identity = root.identity()
    keys.require_published(ctx, "account", root.account, root.epoch, identity)
    own = select(Mailbox.id, Mailbox.mk_epoch).where(Mailbox.owner == root.account, Mailbox.kind == "personal")
    mailbox = ctx.db.execute(own).one()
    mail = grants.open_held(ctx, identity, root.account, mailbox=mailbox.id, epoch=mailbox.mk_epoch)
    if mail is None:
        # A mailbox that was read after both were replaced has no grant for who the account was before.
        keys.require_unmoved(ctx, "account", root.account, root.epoch)
        raise keys.UntrustedKey
    return epochs.with_older(ctx, mail)


def password_is_outdated(ctx: Context, parameters: Parameters) -> bool:
    """Whether a password's unlocker hangs on an older configured secret, or was cheaper to guess than new ones are."""
    return (parameters.pepper_id, parameters.cost) != (ctx.keys.pepper_id, ctx.hasher.cost)


def renew_password_unlocker(ctx: Context, root: RootKeys, password: NewPassword) -> None:
    """The same password, stretched at today's cost with today's pepper, in front of the same root key.

    Raises:
        VaultChanged: the vault kept changing meanwhile; the next log-in tries again.
    """
    row = accounts.password_unlocker(root, password)
    replaced: set[str] = set()

    def exchange(kept: Vault) -> Vault:
        replaced.update(_of_kind(kept, unlock.PASSWORD))
        others = (entry for entry in kept.unlockers if entry.kind != unlock.PASSWORD)
        return replace(kept, unlockers=(*others, vault.listed(row, added=ctx.now.isoformat())))

    vault.change(ctx, root, exchange)
    ctx.db.add(row)
    ctx.db.flush()
    _delete_unlockers(ctx, replaced)


def _claim(ctx: Context, root: RootKeys) -> None:
    """Hold the account: of two rotations at once, the second finds another epoch when it is let in."""
    epoch = select(Account.rk_epoch).where(Account.id == root.account, Account.state == "active")
    if ctx.db.scalar(epoch.with_for_update(key_share=True)) != root.epoch:
        raise StaleKeys


def _of_kind(kept: Vault, kind: str) -> set[str]:
    return {entry.id for entry in kept.unlockers if entry.kind == kind}


def _replaced(
    kept: Vault, without: frozenset[bytes], password: NewPassword | None, recovery: RecoveryCode | None
) -> set[str]:
    """The unlockers on the list that get no new root key."""
    gone = {unlocker.hex() for unlocker in without}
    gone |= _of_kind(kept, unlock.PASSWORD) if password else set()
    return gone | (_of_kind(kept, unlock.RECOVERY) if recovery else set())


def _put_behind_unlockers(
    ctx: Context, root: RootKeys, renewed: RootKeys, kept: Vault, gone: Collection[str]
) -> list[Listed]:
    """Lock the new root key to every unlocker that stays; what the vault says of those."""
    mine = select(Unlocker).where(Unlocker.account == root.account).execution_options(populate_existing=True)
    rows = {row.id.hex(): row for row in ctx.db.scalars(mine)}
    strangers = [row.id for row in rows.values() if not kept.lists(row)]
    mailboxes.alarm_about_strangers("unlocker", strangers)
    staying = {name: row for name, row in rows.items() if name not in gone and row.id not in strangers}
    for row in staying.values():
        if row.public_key is not None:
            row.sealed_rk = unlock.seal_root_key(
                row.public_key, renewed.rk, renewed.account, renewed.epoch, row.id, row.kind
            )
    _delete_unlockers(ctx, rows.keys() - staying.keys())
    listed = [entry for entry in kept.unlockers if entry.id not in gone]
    for entry in listed:
        if entry.id not in staying:
            # It stays on the list: a second step that a writer of the database deletes must not be forgotten.
            log.error("alarm: unlocker %s is in the vault, and not in the database", entry.id)
    return listed


def _new_unlockers(
    ctx: Context, renewed: RootKeys, password: NewPassword | None, recovery: RecoveryCode | None
) -> list[Listed]:
    rows = [accounts.password_unlocker(renewed, password)] if password else []
    rows += [accounts.recovery_unlocker(renewed, recovery)] if recovery else []
    ctx.db.add_all(rows)
    ctx.db.flush()
    _require_a_way_in(ctx, renewed)
    return [vault.listed(row, added=ctx.now.isoformat()) for row in rows]


def _cancel_codes(ctx: Context, mailbox: bytes) -> None:
    """A recovery code that was replaced is mailed no more: it opens nothing, and would take the new one's place."""
    codes = Outbox.kind == "recovery_code", Outbox.mailbox == mailbox, Outbox.state == "waiting"
    for row in ctx.db.scalars(select(Outbox.id).where(*codes)).all():
        outbox.settle(ctx, row, "cancelled")


def _require_a_way_in(ctx: Context, renewed: RootKeys) -> None:
    """Better no rotation than an account that nobody opens again, its unlockers having been deleted by somebody."""
    opening = select(Unlocker.id).where(Unlocker.account == renewed.account, Unlocker.sealed_rk.is_not(None))
    if ctx.db.scalar(opening.limit(1)) is None:
        log.error("alarm: account %s has no unlocker left", renewed.account.hex())
        raise keys.UntrustedKey


def _delete_unlockers(ctx: Context, names: Collection[str]) -> None:
    ctx.db.flush()
    gone = delete(Unlocker).where(Unlocker.id.in_([bytes.fromhex(name) for name in names]))
    ctx.db.execute(gone, execution_options={"synchronize_session": "fetch"})


def _grant_again(ctx: Context, root: RootKeys, renewed: RootKeys, *, own: bytes, exclusively: bool) -> list[bytes]:
    """Give what the old identity held to the new one: organisations, as far as their sealed lists name the account."""
    granted = MailGrant.grantee == root.account, MailGrant.mailbox != own
    mailboxes_held = ctx.db.scalars(select(MailGrant.mailbox).where(*granted).distinct().order_by(MailGrant.mailbox))
    identity, again = root.identity(), []
    for mailbox in mailboxes_held.all():
        held = _held_by(ctx, root, identity, mailbox, exclusively=exclusively)
        if held is not None:
            again.append(held)
    ctx.db.execute(delete(MailGrant).where(*granted), execution_options={"synchronize_session": False})
    for mail, rights in again:
        grants.add(ctx, mail, renewed.identity().public, grantee=renewed.account, rights=rights)
    return [mail.principal for mail, _ in again]


def _held_by(
    ctx: Context, root: RootKeys, identity: KeyPair, mailbox: bytes, *, exclusively: bool
) -> tuple[MailKeys, str] | None:
    row = select(Mailbox.mk_epoch, Mailbox.sealed_holders).where(Mailbox.id == mailbox, Mailbox.kind == "organisation")
    held = row.with_for_update(key_share=True) if exclusively else row.with_for_update(read=True)
    found = ctx.db.execute(held).first()
    if found is not None:
        mail = grants.open_held(ctx, identity, root.account, mailbox=mailbox, epoch=found.mk_epoch)
        rights = None if mail is None else _listed_rights(mail, found.sealed_holders, root.account)
        if mail is not None and rights is not None:
            return mail, rights
    log.error("alarm: account %s has a grant of mailbox %s and is not its holder", root.account.hex(), mailbox.hex())
    return None


def _listed_rights(mail: MailKeys, sealed: bytes, account: bytes) -> str | None:
    try:
        listed = holders.from_json(unlock.open_organisation_holders(mail.mk, mail.principal, mail.epoch, sealed))
    except CannotOpen:
        return None
    return next((holder.rights for holder in listed if holder.grantee == account), None)
