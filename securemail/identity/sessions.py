"""A logged-in browser: a cookie and a row that only open together."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from securemail.crypto import cookies, mailkeys
from securemail.crypto.keypair import KeyPair
from securemail.crypto.locks import same
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import RootKey, SessionSecret
from securemail.crypto.unlock import RootKeys
from securemail.errors import CannotOpen, SecuremailError
from securemail.identity import context
from securemail.identity.context import Context
from securemail.mailboxes import directory, keys
from securemail.store.models import Account, BrowserSession, Mailbox, MailGrant, Member

REMEMBERED = timedelta(days=30)
LIFETIME = timedelta(hours=12)
IDLE = timedelta(hours=1)
TOUCH_EVERY = timedelta(minutes=1)


class SessionEnded(SecuremailError):
    """The browser has to log in again."""


@dataclass(frozen=True, repr=False)
class Resumed:
    """A member back in their session, and when that was noted last."""

    member: context.Member
    seen: datetime

    def touch_is_due(self, now: datetime) -> bool:
        """Once a minute is enough for an hour of idleness."""
        return now - self.seen >= TOUCH_EVERY


def start(ctx: Context, *, account: bytes, rk: RootKey, remember: bool) -> SessionSecret:
    """Log a browser in; the secret goes into its cookie and nowhere else."""
    secret = SessionSecret.new()
    session = cookies.session_id(secret)
    ctx.db.add(
        BrowserSession(
            id=session,
            account=account,
            state=cookies.FULL,
            created=ctx.now,
            seen=ctx.now,
            expires=ctx.now + (REMEMBERED if remember else LIFETIME),
            remember=remember,
            sealed_rk=cookies.seal_session_root_key(
                secret, rk, session=session, account=account, state=cookies.FULL
            ),
        )
    )
    ctx.db.flush()
    return secret


def resume(ctx: Context, secret: SessionSecret) -> Resumed:
    """The member behind a cookie: session, root key, identity, grant, mail key, each believed only when published.

    Raises:
        SessionEnded: log in again.
        UntrustedKey: somebody wrote keys into the database; nothing is opened with them.
    """
    session = cookies.session_id(secret)
    found = ctx.db.execute(
        select(BrowserSession, Account, Mailbox, Member.organisation)
        .join(Account, Account.id == BrowserSession.account)
        .join(Mailbox, Mailbox.owner == Account.id)
        .join(Member, Member.account == Account.id)
        .where(BrowserSession.id == session, Account.state == "active", Mailbox.kind == "personal")
    ).first()
    if found is None:
        raise SessionEnded
    row, account, mailbox, organisation = found
    root = _root(ctx, secret, row, account)
    identity = root.identity()
    keys.require_published(ctx, "account", account.id, account.rk_epoch, identity)
    mail = _mail(ctx, account.id, identity, mailbox)
    return Resumed(_member(ctx, root, mail, session=session, organisation=organisation), row.seen)


def touch(ctx: Context, session: bytes) -> None:
    """Note that the session is in use."""
    ctx.db.execute(update(BrowserSession).where(BrowserSession.id == session).values(seen=ctx.now))


def end(ctx: Context, secret: SessionSecret) -> None:
    """Log a browser out; a cookie without a session is nothing to complain about."""
    ctx.db.execute(delete(BrowserSession).where(BrowserSession.id == cookies.session_id(secret)))


def _root(ctx: Context, secret: SessionSecret, row: BrowserSession, account: Account) -> RootKeys:
    if row.sealed_rk is None or _over(row, ctx.now):
        raise SessionEnded
    try:
        # The state is bound into the lock: editing a pending session's row into a full one opens nothing.
        rk = cookies.open_session_root_key(
            secret, row.sealed_rk, session=row.id, account=account.id, state=cookies.FULL
        )
    except CannotOpen as error:
        raise SessionEnded from error
    return RootKeys(account.id, account.rk_epoch, rk)


def _over(row: BrowserSession, now: datetime) -> bool:
    idle = not row.remember and now - row.seen > IDLE
    return row.state != cookies.FULL or row.expires <= now or idle


def _mail(ctx: Context, account: bytes, identity: KeyPair, mailbox: Mailbox) -> MailKeys:
    trusted = keys.published(ctx, "mailbox", mailbox.id, mailbox.mk_epoch)
    grants = ctx.db.scalars(
        select(MailGrant).where(
            MailGrant.grantee == account, MailGrant.mailbox == mailbox.id, MailGrant.epoch == mailbox.mk_epoch
        )
    )
    for grant in grants:
        mail = _open(identity, grant)
        # Everybody can make a grant to a published identity; it counts only when it gives the published mail key.
        if mail is not None and same(mail.pair().public, trusted):
            return mail
        keys.log.error("alarm: mail grant %s does not give the published key", grant.id.hex())
    raise keys.UntrustedKey


def _open(identity: KeyPair, grant: MailGrant) -> MailKeys | None:
    try:
        mk = mailkeys.open_grant(
            identity,
            grant.sealed_mk,
            mailbox=grant.mailbox,
            epoch=grant.epoch,
            grantee=grant.grantee,
            grant=grant.id,
            rights=grant.rights,
        )
    except CannotOpen:
        return None
    return MailKeys(grant.mailbox, grant.epoch, mk)


def _member(
    ctx: Context, root: RootKeys, mail: MailKeys, *, session: bytes, organisation: bytes
) -> context.Member:
    entry = directory.of_mailbox(ctx, mail.principal)
    if entry is None:
        raise SessionEnded
    return context.Member(
        kind="mailbox",
        mail=mail,
        address=entry.address,
        name=entry.name,
        language=entry.language,
        account=root.account,
        root=root,
        session=session,
        organisation=organisation,
    )
