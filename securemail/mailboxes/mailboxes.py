"""Mailboxes are made here: their key, who holds it, and the address that finds them."""

from typing import Literal

from securemail import ids
from securemail.crypto.mailkeys import MailKeys, seal_grant
from securemail.crypto.secrets import MailKey
from securemail.crypto.unlock import RootKeys, seal_organisation_holders
from securemail.identity.context import Context
from securemail.mailboxes import keys
from securemail.store.models import Address, Mailbox, MailGrant

FIRST_EPOCH = 1

Rights = Literal["owner", "administrator"]


def create_personal(ctx: Context, root: RootKeys, *, address: str, typed: str, name: str) -> MailKeys:
    """The mailbox of an account, found by its normalised address; the account's identity has been published."""
    mail = MailKeys(ids.new_id(), FIRST_EPOCH, MailKey.new())
    holders = root.seal_holders(mail.principal, _holders(root.account, "owner"))
    _add(ctx, mail, kind="personal", owner=root.account, sealed_holders=holders)
    _grant(ctx, mail, root.identity().public, grantee=root.account, rights="owner")
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
    listed = _holders(administrator.account, "administrator")
    holders = seal_organisation_holders(mail.mk, mail.principal, mail.epoch, listed)
    _add(ctx, mail, kind="organisation", owner=organisation, sealed_holders=holders)
    public_key = administrator.identity().public
    _grant(ctx, mail, public_key, grantee=administrator.account, rights="administrator")
    return mail


def _add(ctx: Context, mail: MailKeys, *, kind: str, owner: bytes, sealed_holders: bytes) -> None:
    ctx.db.add(Mailbox(id=mail.principal, kind=kind, owner=owner, mk_epoch=mail.epoch, sealed_holders=sealed_holders))
    keys.publish(ctx, "mailbox", mail.principal, mail.epoch, mail.pair().public)
    ctx.db.flush()


def _grant(ctx: Context, mail: MailKeys, public_key: bytes, *, grantee: bytes, rights: Rights) -> None:
    grant = ids.new_id()
    sealed = seal_grant(
        public_key,
        mail.mk,
        mailbox=mail.principal,
        epoch=mail.epoch,
        grantee=grantee,
        grant=grant,
        rights=rights,
    )
    ctx.db.add(
        MailGrant(
            id=grant,
            mailbox=mail.principal,
            epoch=mail.epoch,
            grantee=grantee,
            rights=rights,
            created=ctx.now,
            sealed_mk=sealed,
        )
    )


def _holders(grantee: bytes, rights: Rights) -> dict[str, list[dict[str, str]]]:
    return {"holders": [{"grantee": grantee.hex(), "rights": rights}]}
