"""Waits before an account is handed over: a day for a recovery, three for a fresh start. Told at once, and stoppable.

A wait is a row of `pending` whose token stops it; every live session of the account can stop it too. Its times and
its state stand under our signature: a writer of the database can neither shorten a wait nor consent to one.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, cast

from sqlalchemy import delete, or_, select

from securemail import ids
from securemail.crypto import cookies
from securemail.crypto.secrets import Token
from securemail.delivery import outbox
from securemail.errors import InvalidInput, NotFound
from securemail.identity import tokens
from securemail.identity.context import Context
from securemail.mailboxes import directory
from securemail.mailboxes.directory import Entry
from securemail.store.models import Account, BrowserSession, Mailbox, Outbox, Pending

log = logging.getLogger(__name__)

WaitKind = Literal["recovery-wait", "fresh-start-wait"]
RECOVERY: Final[WaitKind] = "recovery-wait"
FRESH_START: Final[WaitKind] = "fresh-start-wait"
LASTS: Final[Mapping[WaitKind, timedelta]] = {RECOVERY: timedelta(hours=24), FRESH_START: timedelta(hours=72)}
KEPT: Final[Mapping[WaitKind, timedelta]] = {RECOVERY: timedelta(days=7), FRESH_START: timedelta(days=30)}
"""How long what a wait has earned can be used, or consent be given, once it is over."""
RECOVERY_TOKEN: Final = "recovery"  # noqa: S105 - kinds of waiting rows
FRESH_START_TOKEN: Final = "fresh-start"  # noqa: S105
FRESH_START_READY: Final = "fresh-start-ready"
CONSENTED: Final = "consented"
"""By an administrator of the organisation."""
CONFIRMED: Final = "confirmed"
"""By the operator: who starts anew was the only administrator, and gets the organisation anew as well."""
_SOON: Final = timedelta(hours=24)
_BATCH: Final = 50
_KINDS: Final = (RECOVERY, FRESH_START)


@dataclass(frozen=True)
class Wait:
    """A wait of an account; `over` says whether its time has passed, which for a fresh start is not consent."""

    id: bytes
    kind: WaitKind
    account: bytes
    begun: datetime
    ready: datetime
    state: str
    over: bool

    @property
    def consented(self) -> bool:
        """Whether somebody entitled to it has agreed to a fresh start."""
        return self.state in (CONSENTED, CONFIRMED, "ready")


def begin(ctx: Context, kind: WaitKind, account: bytes, organisation: bytes) -> Wait:
    """Begin a wait, or give back the one that is there; the address is told, with a link that stops it."""
    hold(ctx, account)
    known = of(ctx, kind, account)
    if known is not None:
        return known
    token, ready = Token.new(), ctx.now + LASTS[kind]
    row = tokens.add(
        ctx, kind, token, lifetime=LASTS[kind] + KEPT[kind], account=account, organisation=organisation, ready=ready
    )
    path = f"/recovery/stop#{ids.token_to_text(token)}"
    _tell(ctx, "recovery_started" if kind == RECOVERY else "fresh_start_started", account, path, until=ready)
    if kind == FRESH_START:
        outbox.add_plain(ctx, "fresh_start_soon", mailbox=entry_of(ctx, account).mailbox, due=ready - _SOON)
    return _wait(ctx, row)


def hold(ctx: Context, account: bytes) -> None:
    """Hold the account until the commit: who begins, stops or uses a wait at the same moment waits here."""
    ctx.db.execute(select(Account.id).where(Account.id == account).with_for_update(key_share=True))


def of(ctx: Context, kind: WaitKind, account: bytes) -> Wait | None:
    """The wait of a kind that an account is in, over or not; None when there is none."""
    return next((wait for wait in of_account(ctx, account) if wait.kind == kind), None)


def of_account(ctx: Context, account: bytes) -> list[Wait]:
    """What an account waits for: one cheap query, for the banner above the list."""
    rows = ctx.db.scalars(
        select(Pending)
        .where(Pending.account == account, Pending.kind.in_(_KINDS), Pending.expires > ctx.now)
        .order_by(Pending.created)
    )
    return [_wait(ctx, row) for row in rows if tokens.genuine(ctx, row)]


def stop(ctx: Context, token: str) -> Wait:
    """Stop the wait that a mailed link names.

    Raises:
        InvalidInput: ('token', 'empty' | 'invalid' | 'expired'); also when it was stopped or used before.
    """
    row = _by_token(ctx, token)
    hold(ctx, cast(bytes, row.account))
    tokens.take(ctx, row, field="token")
    return _stopped(ctx, row)


def stop_own(ctx: Context, account: bytes, wait: bytes, *, told: str | None = None) -> Wait:
    """Stop a wait of one's own account; `told` is the mail that says so, when it is not the usual one.

    Raises:
        NotFound: there is none with this id (any more).
    """
    row = ctx.db.get(Pending, wait)
    if row is None or row.account != account or row.kind not in _KINDS or not tokens.genuine(ctx, row):
        raise NotFound
    hold(ctx, account)
    try:
        tokens.take(ctx, row, field="token")
    except InvalidInput as error:
        raise NotFound from error
    return _stopped(ctx, row, told=told)


def stoppable(ctx: Context, token: str) -> Wait:
    """The wait that a mailed link would stop. Raises `InvalidInput` as `stop` does."""
    return _wait(ctx, _by_token(ctx, token))


def call_off(ctx: Context, account: bytes) -> None:
    """End what waits, and the links that it earned: who is logged in has just replaced password or recovery code."""
    kinds = (*_KINDS, RECOVERY_TOKEN, FRESH_START_TOKEN, FRESH_START_READY)
    ended = delete(Pending).where(Pending.account == account, Pending.kind.in_(kinds))
    ctx.db.execute(ended, execution_options={"synchronize_session": False})
    _cancel_reminder(ctx, account)


def end_tokens(ctx: Context, account: bytes) -> None:
    """End every token and wait of an account: what they would do has been done, or is impossible now."""
    mine = delete(Pending).where(Pending.account == account, Pending.kind != "invitation")
    ctx.db.execute(mine, execution_options={"synchronize_session": False})
    _cancel_reminder(ctx, account)


def tell_due(ctx: Context) -> int:
    """The worker's job: mail a fresh link to whoever has waited long enough; how many."""
    due = or_(
        Pending.state.in_((CONSENTED, CONFIRMED)) & (Pending.kind == FRESH_START),
        (Pending.state == "open") & (Pending.kind == RECOVERY),
    )
    rows = ctx.db.scalars(
        select(Pending)
        .where(Pending.kind.in_(_KINDS), Pending.ready <= ctx.now, Pending.expires > ctx.now, due)
        .order_by(Pending.ready)
        .limit(_BATCH)
        .with_for_update()  # of two workers, the second finds nothing left to tell
    ).all()
    return sum(_tell_one(ctx, row) for row in rows if tokens.genuine(ctx, row))


def entry_of(ctx: Context, account: bytes) -> Entry:
    """The directory entry of an account. Raises `NotFound` when it is closed or does not open."""
    mailbox = ctx.db.scalar(
        select(Mailbox.id)
        .join(Account, Account.id == Mailbox.owner)
        .where(Mailbox.owner == account, Mailbox.kind == "personal", Account.state == "active")
    )
    entry = None if mailbox is None else directory.of_mailbox(ctx, mailbox)
    if entry is None:
        raise NotFound
    return entry


def _by_token(ctx: Context, token: str) -> Pending:
    failed: InvalidInput | None = None
    for kind in _KINDS:
        try:
            return tokens.find(ctx, kind, token, field="token")[1]
        except InvalidInput as error:
            failed = error if failed is None or error.code == "expired" else failed
    raise failed or InvalidInput("token", "invalid")


def _stopped(ctx: Context, row: Pending, *, told: str | None = None) -> Wait:
    account = cast(bytes, row.account)
    fruit = {RECOVERY: (RECOVERY_TOKEN,), FRESH_START: (FRESH_START_TOKEN, FRESH_START_READY)}[cast(WaitKind, row.kind)]
    ctx.db.execute(delete(Pending).where(Pending.account == account, Pending.kind.in_(fruit)))
    # Who was about to choose a new password is stopped as well.
    halfway = (cookies.RECOVERING, cookies.RECOVERED)
    ctx.db.execute(delete(BrowserSession).where(BrowserSession.account == account, BrowserSession.state.in_(halfway)))
    if row.kind == FRESH_START:
        _cancel_reminder(ctx, account)
    told = told or ("recovery_stopped" if row.kind == RECOVERY else "fresh_start_stopped")
    outbox.add_plain(ctx, told, mailbox=entry_of(ctx, account).mailbox)
    return _wait(ctx, row)


def _cancel_reminder(ctx: Context, account: bytes) -> None:
    """The reminder of a fresh start that will not happen is not sent."""
    waiting = (
        select(Outbox.id)
        .join(Mailbox, Mailbox.id == Outbox.mailbox)
        .where(Mailbox.owner == account, Outbox.kind == "fresh_start_soon", Outbox.state == "waiting")
    )
    for reminder in ctx.db.scalars(waiting).all():
        outbox.settle(ctx, reminder, "cancelled")


def _tell_one(ctx: Context, row: Pending) -> bool:
    account, token, consent = cast(bytes, row.account), Token.new(), row.state
    lifetime = row.expires - ctx.now
    try:
        entry_of(ctx, account)
    except NotFound:
        return False
    row.state = "ready"
    tokens.sign(ctx, row)
    if row.kind == RECOVERY:
        tokens.add(ctx, RECOVERY_TOKEN, token, lifetime=lifetime, account=account)
        _tell(ctx, "recovery_ready", account, f"/recovery/open#{ids.token_to_text(token)}", until=row.expires)
        return True
    ready = tokens.add(ctx, FRESH_START_READY, token, lifetime=lifetime, account=account, organisation=row.organisation)
    ready.state = consent
    tokens.sign(ctx, ready)
    ctx.db.flush()
    _tell(ctx, "fresh_start_ready", account, f"/recovery/anew#{ids.token_to_text(token)}", until=row.expires)
    return True


def _tell(ctx: Context, kind: str, account: bytes, path: str, *, until: datetime) -> None:
    """By mail; without a mailbox to fall back on, since whoever waits cannot open it."""
    entry = entry_of(ctx, account)
    payload = {"to": entry.address, "name": entry.name, "language": entry.language, "zone": entry.zone}
    outbox.add_sealed(ctx, kind, {**payload, "path": path, "until": until.isoformat()})


def _wait(ctx: Context, row: Pending) -> Wait:
    ready = cast(datetime, row.ready)
    return Wait(
        row.id, cast(WaitKind, row.kind), cast(bytes, row.account), row.created, ready, row.state, ready <= ctx.now
    )
