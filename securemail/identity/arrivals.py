"""A browser on its way in: the password or the recovery code was right, and something is still missing."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select, update

from securemail.crypto import cookies
from securemail.crypto.secrets import RootKey, SessionSecret
from securemail.crypto.unlock import RootKeys
from securemail.identity.challenges import STEP, Held, SessionEnded
from securemail.identity.context import Context
from securemail.identity.sessions import new_row, opened
from securemail.mailboxes import keys
from securemail.store.models import Account, BrowserSession
from securemail.store.statements import changed

RECOVERED_FOR: Final = timedelta(minutes=30)
TRIES: Final = 5


@dataclass(frozen=True, repr=False)
class Arriving:
    """A browser on its way in. Its root key opens the vault, to check the next step with, and no page but that step."""

    root: RootKeys
    held: Held
    state: int
    remember: bool
    tries: int


def arrive(ctx: Context, *, account: bytes, rk: RootKey, state: int, remember: bool = False) -> SessionSecret:
    """Let a browser wait for its next step: five minutes for a second step, half an hour for choosing a password."""
    secret = SessionSecret.new()
    row = new_row(ctx, secret, account, rk, state=state, remember=remember)
    row.expires = ctx.now + (RECOVERED_FOR if state == cookies.RECOVERED else STEP)
    ctx.db.add(row)
    ctx.db.flush()
    return secret


def arriving(ctx: Context, secret: SessionSecret, *states: int) -> Arriving:
    """The browser behind a cookie, when it waits for one of these steps.

    Raises:
        SessionEnded: too late, too many tries, or another step.
        UntrustedKey: somebody wrote keys into the database.
    """
    session = cookies.session_id(secret)
    found = ctx.db.execute(
        select(BrowserSession, Account)
        .join(Account, Account.id == BrowserSession.account)
        .where(BrowserSession.id == session, BrowserSession.state.in_(states), Account.state == "active")
    ).first()
    if found is None:
        raise SessionEnded
    row, account = found
    if row.sealed_rk is None or row.expires <= ctx.now:
        raise SessionEnded
    root = opened(secret, row, account)
    keys.require_published(ctx, "account", account.id, account.rk_epoch, root.identity())
    return Arriving(root, Held(secret, session, account.id), row.state, row.remember, row.tries)


def count_try(ctx: Context, held: Held) -> int:
    """Count one try at a second step, in a transaction of its own before anything is compared; how many are left.

    Raises:
        SessionEnded: there were five already.
    """
    counted = update(BrowserSession).where(BrowserSession.id == held.session, BrowserSession.tries < TRIES)
    if changed(ctx.db, counted.values(tries=BrowserSession.tries + 1)) != 1:
        raise SessionEnded
    return TRIES - ctx.db.scalars(select(BrowserSession.tries).where(BrowserSession.id == held.session)).one()


def arrived(ctx: Context, arriving: Arriving) -> None:
    """Use the waiting session up; of several that pass the same step at once, one gets through.

    Raises:
        SessionEnded: for all the others.
    """
    used = delete(BrowserSession).where(
        BrowserSession.id == arriving.held.session, BrowserSession.state == arriving.state
    )
    if changed(ctx.db, used) != 1:
        raise SessionEnded


def leave(ctx: Context, held: Held) -> None:
    """End a waiting session; one that is gone already is nothing to complain about."""
    ctx.db.execute(
        delete(BrowserSession).where(BrowserSession.id == held.session, BrowserSession.state != cookies.FULL)
    )
