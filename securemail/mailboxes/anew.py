"""New keys for a mailbox whose old key nobody has any more: no chain leads back, what was locked stays locked.

The mailbox keeps its id and address, so that new mail comes in all the time, before and after.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Update, delete, func, insert, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute

from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MailKey
from securemail.crypto.unlock import RootKeys, seal_organisation_holders
from securemail.errors import Conflict
from securemail.identity.context import Context
from securemail.mailboxes import grants, holders, keys
from securemail.mailboxes.holders import Holder
from securemail.messages.threads import UNOPENED
from securemail.store.models import (
    Contact,
    Draft,
    Envelope,
    Item,
    Mailbox,
    MailChain,
    MailGrant,
    Message,
    Recipient,
    Thread,
)
from securemail.store.statements import changed

LOCKED = "locked"


def start_personal(ctx: Context, root: RootKeys, row: Mailbox) -> MailKeys:
    """The mailbox of an account that starts anew with `root`, whose identity has been published."""
    mail = _next_keys(row)
    sealed = root.seal_holders(row.id, holders.to_json([Holder(root.account, "owner")]))
    _replace(ctx, row, mail, root, "owner", sealed)
    put_away(ctx, row.id)
    return mail


def start_organisation(ctx: Context, root: RootKeys, row: Mailbox) -> MailKeys:
    """The mailbox of an organisation whose only administrator starts anew."""
    mail = _next_keys(row)
    listed = holders.to_json([Holder(root.account, "administrator")])
    _replace(ctx, row, mail, root, "administrator", seal_organisation_holders(mail.mk, row.id, mail.epoch, listed))
    return mail


def put_away(ctx: Context, mailbox: bytes) -> None:
    """Keep what is locked where no page shows it: mail is kept, drafts and contacts go. Who sent what was not opened
    yet sees that it will not be."""
    waiting = (
        select(
            Envelope.principal, Envelope.message, Envelope.epoch, literal(LOCKED), Message.sent_at, Envelope.sealed_cek
        )
        .join(Message, Message.id == Envelope.message)
        .where(Envelope.principal == mailbox, Envelope.sealed_cek.is_not(None))
        .where(~select(Item.message).where(Item.mailbox == mailbox, Item.message == Envelope.message).exists())
    )
    columns = ["mailbox", "message", "epoch", "folder", "sent_at", "sealed_cek"]
    ctx.db.execute(insert(Item).from_select(columns, waiting))
    for statement in (
        update(Envelope).where(Envelope.principal == mailbox).values(sealed_cek=None),
        update(Item).where(Item.mailbox == mailbox).values(folder=LOCKED),
        update(Recipient)
        .where(Recipient.principal == mailbox, Recipient.state.in_(UNOPENED))
        .values(state="gone", state_at=ctx.now),
        delete(Thread).where(Thread.mailbox == mailbox),
        delete(Draft).where(Draft.mailbox == mailbox),
        delete(Contact).where(Contact.mailbox == mailbox),
    ):
        ctx.db.execute(statement, execution_options={"synchronize_session": False})


def locked_in(ctx: Context, mailbox: bytes) -> int:
    """How many messages a mailbox keeps that nobody can open any more."""
    kept = select(func.count()).select_from(Item).where(Item.mailbox == mailbox, Item.folder == LOCKED)
    return ctx.db.scalar(kept) or 0


def started(ctx: Context, mailboxes: Collection[bytes]) -> dict[bytes, datetime]:
    """When those of these mailboxes that started anew did so, for who writes to them."""
    rows = ctx.db.execute(
        select(Mailbox.id, Mailbox.started_anew).where(Mailbox.id.in_(mailboxes), Mailbox.started_anew.is_not(None))
    )
    return {mailbox: moment for mailbox, moment in rows if moment is not None}


def hold(ctx: Context, *mailboxes: bytes) -> dict[bytes, Mailbox]:
    """Rows held until the commit, in the order in which senders hold them: nothing arrives meanwhile."""
    rows = select(Mailbox).where(Mailbox.id.in_(mailboxes)).order_by(Mailbox.id).with_for_update()
    return {row.id: row for row in ctx.db.scalars(rows.execution_options(populate_existing=True))}


def _next_keys(row: Mailbox) -> MailKeys:
    return MailKeys(row.id, row.mk_epoch + 1, MailKey.new())


def _replace(ctx: Context, row: Mailbox, mail: MailKeys, root: RootKeys, rights: str, sealed_holders: bytes) -> None:
    if changed(ctx.db, _swap(row, mail.epoch, sealed_holders, ctx, personal=rights == "owner")) != 1:
        raise Conflict
    ctx.db.expire(row)
    _delete_all(ctx, MailGrant.mailbox, row.id)
    _delete_all(ctx, MailChain.mailbox, row.id)
    keys.publish(ctx, "mailbox", row.id, mail.epoch, mail.pair().public)
    grants.add(ctx, mail, root.identity().public, grantee=root.account, rights=rights)
    ctx.db.flush()


def _swap(row: Mailbox, epoch: int, sealed_holders: bytes, ctx: Context, *, personal: bool) -> Update:
    values = {"mk_epoch": epoch, "sealed_holders": sealed_holders, "rotation_due": False}
    if personal:
        values["started_anew"] = ctx.now
    return update(Mailbox).where(Mailbox.id == row.id, Mailbox.mk_epoch == row.mk_epoch).values(**values)


def _delete_all(ctx: Context, column: InstrumentedAttribute[bytes], mailbox: bytes) -> None:
    ctx.db.execute(delete(column.class_).where(column == mailbox), execution_options={"synchronize_session": False})
