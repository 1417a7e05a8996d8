"""A logged-in browser: a cookie and a row that only open together. `arrivals` has those on their way in."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Exists, and_, delete, or_, select, update
from sqlalchemy.orm import aliased

from securemail.crypto import cookies
from securemail.crypto.keypair import KeyPair
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import RootKey, SessionSecret
from securemail.crypto.unlock import RootKeys
from securemail.errors import CannotOpen
from securemail.identity import context, vault
from securemail.identity.challenges import SessionEnded
from securemail.identity.context import Context
from securemail.mailboxes import directory, epochs, grants, keys
from securemail.organisations import organisations
from securemail.store.models import Account, BrowserSession, Mailbox, MailChain, Member
from securemail.store.statements import changed

log = logging.getLogger(__name__)

REMEMBERED = timedelta(days=30)
LIFETIME = timedelta(hours=12)
IDLE = timedelta(hours=1)
TOUCH_EVERY = timedelta(minutes=1)
PROOF = timedelta(minutes=10)
"""How long a password or passkey given again opens sensitive settings."""


@dataclass(frozen=True, repr=False)
class Resumed:
    """An account back in its session, and when that was noted last.

    Without a member where the organisation wants the account secured first: its mail is not even opened.
    """

    owner: context.Owner
    member: context.Member | None
    seen: datetime
    rotation_due: bool = False
    """Keys should have been replaced already: before anything else."""

    def touch_is_due(self, now: datetime) -> bool:
        """Once a minute is enough for an hour of idleness."""
        return now - self.seen >= TOUCH_EVERY


def start(
    ctx: Context, *, account: bytes, rk: RootKey, remember: bool, device: Mapping[str, Any] | None = None
) -> SessionSecret:
    """Log a browser in; the secret goes into its cookie and nowhere else.

    `device` (browser, network) is sealed for the owner's list of sessions.
    """
    secret = SessionSecret.new()
    row = new_row(ctx, secret, account, rk, state=cookies.FULL, remember=remember)
    row.expires = ctx.now + (REMEMBERED if remember else LIFETIME)
    row.proved = ctx.now
    if device is not None:
        epoch = ctx.db.get_one(Account, account).rk_epoch
        row.sealed_device = RootKeys(account, epoch, rk).seal_device(row.id, device)
    ctx.db.add(row)
    ctx.db.flush()
    return secret


def prove(ctx: Context, session: bytes) -> None:
    """Note that password or passkey were just given again: sensitive settings are open for ten minutes."""
    ctx.db.execute(update(BrowserSession).where(BrowserSession.id == session).values(proved=ctx.now))


def is_proved(ctx: Context, owner: context.Owner) -> bool:
    """Whether sensitive settings are open to this session."""
    return owner.proved is not None and ctx.now - owner.proved < PROOF


def end_all(ctx: Context, account: bytes, *, but: bytes | None = None) -> int:
    """End every session of an account, waiting ones too; how many."""
    mine = delete(BrowserSession).where(BrowserSession.account == account)
    return changed(ctx.db, mine if but is None else mine.where(BrowserSession.id != but))


def resume(ctx: Context, secret: SessionSecret) -> Resumed:
    """The member behind a cookie: session, root key, identity, grant, mail key, each believed only when published.

    Raises:
        SessionEnded: log in again.
        UntrustedKey: somebody wrote keys into the database; nothing is opened with them.
        StaleKeys: keys were replaced at this very moment; ask again.
    """
    session = cookies.session_id(secret)
    found = ctx.db.execute(
        select(BrowserSession, Account, Mailbox, Member.organisation, _chained(), _rotation_due())
        .join(Account, Account.id == BrowserSession.account)
        .join(Mailbox, Mailbox.owner == Account.id)
        .join(Member, Member.account == Account.id)
        .where(BrowserSession.id == session, Account.state == "active", Mailbox.kind == "personal")
    ).first()
    if found is None:
        raise SessionEnded
    row, account, mailbox, organisation, chained, due = found
    root = _root(ctx, secret, row, account)
    identity = root.identity()
    keys.require_published(ctx, "account", account.id, account.rk_epoch, identity)
    owner = _owner(ctx, root, mailbox.id, row, organisation)
    if _must_be_secured(ctx, owner):
        return Resumed(owner, None, row.seen)
    mail = _mail(ctx, account.id, identity, mailbox, chained=chained)
    return Resumed(owner, _member(owner, mail), row.seen, due)


def _chained() -> Exists:
    """Whether anything still hangs on an older key of the mailbox; asked here, so that usually nothing else is."""
    return select(MailChain.epoch).where(MailChain.mailbox == Mailbox.id).exists()


def _rotation_due() -> ColumnElement[bool]:
    """Whether the mailbox or, for who seems to administrate it, the organisation's waits for a new key."""
    theirs = aliased(Mailbox)
    waits = select(theirs.id).where(theirs.id == Member.organisation, theirs.rotation_due.is_(True)).exists()
    return or_(Mailbox.rotation_due, and_(Member.role == "administrator", waits))


def touch(ctx: Context, session: bytes) -> None:
    """Note that the session is in use."""
    ctx.db.execute(update(BrowserSession).where(BrowserSession.id == session).values(seen=ctx.now))


def end(ctx: Context, secret: SessionSecret) -> None:
    """Log a browser out; a cookie without a session is nothing to complain about."""
    ctx.db.execute(delete(BrowserSession).where(BrowserSession.id == cookies.session_id(secret)))


def _root(ctx: Context, secret: SessionSecret, row: BrowserSession, account: Account) -> RootKeys:
    if row.state != cookies.FULL or _over(row, ctx.now):
        raise SessionEnded
    return opened(secret, row, account)


def opened(secret: SessionSecret, row: BrowserSession, account: Account) -> RootKeys:
    """The root key behind a cookie. Raises `SessionEnded` when it is not in the lock of this state."""
    try:
        # The state is bound into the lock: editing a pending session's row into a full one opens nothing.
        rk = cookies.open_session_root_key(
            secret, row.sealed_rk or b"", session=row.id, account=account.id, state=row.state
        )
    except CannotOpen as error:
        # The row was found by the cookie's own hash: that it does not open means that somebody wrote in it.
        log.error("alarm: a session of account %s does not open", account.id.hex())  # noqa: TRY400 no trace needed
        raise SessionEnded from error
    return RootKeys(account.id, account.rk_epoch, rk)


def new_row(
    ctx: Context, secret: SessionSecret, account: bytes, rk: RootKey, *, state: int, remember: bool
) -> BrowserSession:
    """A session as it is written, of no length yet."""
    session = cookies.session_id(secret)
    sealed = cookies.seal_session_root_key(secret, rk, session=session, account=account, state=state)
    return BrowserSession(
        id=session, account=account, state=state, created=ctx.now, seen=ctx.now, expires=ctx.now,
        remember=remember, proved=None, tries=0, sealed_rk=sealed,
    )  # fmt: skip


def _must_be_secured(ctx: Context, owner: context.Owner) -> bool:
    decided = organisations.policy_of(ctx, owner.organisation)
    return decided.require_second_step and not vault.read(ctx, owner.root).has_second_step


def _over(row: BrowserSession, now: datetime) -> bool:
    idle = not row.remember and now - row.seen > IDLE
    return row.expires <= now or idle


def _mail(ctx: Context, account: bytes, identity: KeyPair, mailbox: Mailbox, *, chained: bool) -> MailKeys:
    mail = grants.open_held(ctx, identity, account, mailbox=mailbox.id, epoch=mailbox.mk_epoch)
    if mail is None:
        raise keys.UntrustedKey
    return epochs.with_older(ctx, mail) if chained else mail


def _owner(ctx: Context, root: RootKeys, mailbox: bytes, row: BrowserSession, organisation: bytes) -> context.Owner:
    entry = directory.of_mailbox(ctx, mailbox)
    if entry is None:
        raise SessionEnded
    return context.Owner(
        root, row.id, organisation, mailbox, entry.address, entry.name, entry.language, entry.zone, entry.photo,
        row.proved,
    )  # fmt: skip


def _member(owner: context.Owner, mail: MailKeys) -> context.Member:
    return context.Member(
        kind="mailbox",
        mail=mail,
        address=owner.address,
        name=owner.name,
        language=owner.language,
        account=owner.account,
        root=owner.root,
        session=owner.session,
        organisation=owner.organisation,
        zone=owner.zone,
        photo=owner.photo,
        proved=owner.proved,
    )
