"""Mailboxes are made here: their key, who holds it, and the address that finds them."""

from typing import Any, Literal

from securemail import ids
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MailKey
from securemail.crypto.unlock import RootKeys, seal_organisation_holders
from securemail.identity.context import Context
from securemail.mailboxes import grants, holders, keys
from securemail.mailboxes.holders import Holder
from securemail.store.models import Address, Mailbox

FIRST_EPOCH = 1

Rights = Literal["owner", "administrator"]


def create_personal(ctx: Context, root: RootKeys, *, address: str, typed: str, name: str) -> MailKeys:
    """The mailbox of an account, found by its normalised address; the account's identity has been published."""
    mail = MailKeys(ids.new_id(), FIRST_EPOCH, MailKey.new())
    sealed = root.seal_holders(mail.principal, _only(root.account, "owner"))
    _add(ctx, mail, kind="personal", owner=root.account, sealed_holders=sealed)
    grants.add(ctx, mail, root.identity().public, grantee=root.account, rights="owner")
    ctx.db.add(
        Address(
            address_tag=ctx.keys.address_tag(address),
            mailbox=mail.principal,
            since=ctx.now,
            sealed_address=ctx.keys.seal_address(mail.principal, {"address": address, "typed": typed, "name": name}),
        )
    )
    return mail


def create_for_organisation(ctx: Context, organisation: bytes, administrator: RootKeys) -> MailKeys:
    """An organisation's mailbox, without an address: who can open a grant of it is an administrator.

    It has the organisation's own id: owner and kind are mere columns, and a mailbox of somebody's that was written to
    be the organisation's would otherwise be believed, for its key is one that we published.
    """
    mail = MailKeys(organisation, FIRST_EPOCH, MailKey.new())
    listed = _only(administrator.account, "administrator")
    sealed = seal_organisation_holders(mail.mk, mail.principal, mail.epoch, listed)
    _add(ctx, mail, kind="organisation", owner=organisation, sealed_holders=sealed)
    public_key = administrator.identity().public
    grants.add(ctx, mail, public_key, grantee=administrator.account, rights="administrator")
    return mail


def _add(ctx: Context, mail: MailKeys, *, kind: str, owner: bytes, sealed_holders: bytes) -> None:
    ctx.db.add(Mailbox(id=mail.principal, kind=kind, owner=owner, mk_epoch=mail.epoch, sealed_holders=sealed_holders))
    keys.publish(ctx, "mailbox", mail.principal, mail.epoch, mail.pair().public)
    ctx.db.flush()


def _only(grantee: bytes, rights: Rights) -> dict[str, Any]:
    return holders.to_json([Holder(grantee, rights)])
