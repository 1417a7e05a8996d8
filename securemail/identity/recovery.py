"""Recovery: a forgotten password is replaced with a mailed link, the recovery code and, where set, a second step.

    mailed link -> code -> [a day's wait, told and stoppable] -> [second step] -> new password -> logged in

The wait is for accounts whose code was mailed and that have no second step: whoever reads the mailbox has both halves.
Afterwards root key, mail key, recovery code and every session are new, and all old messages are still there.
"""

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal

from sqlalchemy import delete, select

from securemail import ids
from securemail.crypto import cookies, unlock
from securemail.crypto.secrets import RecoveryCode, SessionSecret, Token
from securemail.crypto.unlock import RootKeys
from securemail.delivery import outbox
from securemail.errors import CannotOpen, InvalidInput, SecuremailError
from securemail.identity import accounts, arrivals, credentials, login, rotation, tokens, waits
from securemail.identity.accounts import NewAccount
from securemail.identity.arrivals import Arriving
from securemail.identity.context import Context
from securemail.identity.login import Proved
from securemail.identity.passwords import NewPassword
from securemail.identity.vault import Vault
from securemail.identity.waits import RECOVERY_TOKEN, Wait
from securemail.mailboxes import keys
from securemail.mailboxes.addresses import normalise
from securemail.organisations import audit, organisations
from securemail.store.models import Account, Member, Pending, Unlocker

log = logging.getLogger(__name__)

LIFETIME: Final = timedelta(hours=1)
Asked = Literal["recovery", "fresh-start"]
_MAILS: Final = {"recovery": ("recovery", "/recovery/open"), "fresh-start": ("fresh_start", "/recovery/anew")}
_MOST_UNLOCKERS: Final = 4


class WrongCode(SecuremailError):
    """Well typed, but not this account's recovery code."""


@dataclass(frozen=True, repr=False)
class Step:
    """What comes after the code: a cookie for the next step (`state` says which), or a wait without one."""

    secret: SessionSecret | None
    state: int | None
    wait: Wait | None


def request(ctx: Context, address: str, *, language: str, kind: Asked = "recovery") -> None:
    """Mail a link that proves the mailbox; an earlier one stops working. The same work whether there is an account.

    Raises:
        InvalidInput: ('address', …).
    """
    normal = normalise(address)
    found = login.find(ctx, normal)  # as log-in does it: the same queries and locks either way
    account = found.account if found.known else None
    known, path = _MAILS[kind]
    tag = ctx.keys.address_tag(normal)
    ctx.db.execute(delete(Pending).where(Pending.address_tag == tag, Pending.kind == kind))
    token = Token.new()
    tokens.add(ctx, kind, token, lifetime=LIFETIME, address=normal, account=account)
    payload = {"to": normal, "language": language, "path": f"{path}#{ids.token_to_text(token)}"}
    # Without a mailbox to fall back on, the mail is lost when no worker lives; it is asked for again.
    if found.known:
        outbox.add_sealed(ctx, known, payload)
    else:
        outbox.add_sealed(ctx, "recovery_unknown", {**payload, "path": "/recovery"})


def asked(ctx: Context, token: str) -> Wait | None:
    """Whether a token is good for recovering; the wait that has to pass first, when there is one already.

    Raises:
        InvalidInput: ('token', 'empty' | 'invalid' | 'expired').
    """
    _, account = _find(ctx, token)
    wait = waits.of(ctx, waits.RECOVERY, account)
    return wait if wait is not None and not wait.over else None


def prove(ctx: Context, token: str, code: RecoveryCode) -> Step:
    """Open the account with its recovery code and use the token up; of many at once, one gets through.

    Raises:
        InvalidInput: ('token', …), also when somebody was first.
        WrongCode: the token is still good.
        UntrustedKey: somebody wrote keys into the database.
    """
    row, account = _find(ctx, token)
    proved = _open(ctx, account, code)
    keys.require_published(ctx, "account", account, proved.root.epoch, proved.root.identity())
    kept = login.require_listed(ctx, proved, unlock.RECOVERY)
    waits.hold(ctx, account)
    tokens.take(ctx, row, field="token")
    return _next(ctx, proved.root, kept)


def finish(ctx: Context, arriving: Arriving, password: NewPassword) -> NewAccount:
    """Replace password, recovery code, root key and mail key; every session and token of the account ends.

    Raises:
        SessionEnded: of several at once, for all but the first.
        Conflict: the account changed meanwhile.
    """
    root = arriving.root
    waits.hold(ctx, root.account)
    arrivals.arrived(ctx, arriving)
    organisation = organisation_of(ctx, root.account)
    code, mailed = RecoveryCode.new(), organisations.policy_of(ctx, organisation).mail_recovery_code
    mail = rotation.open_mail(ctx, root)
    rotated = rotation.rotate(
        ctx, root, mail, password=password, recovery=code, others_due=True,
        change=lambda kept: replace(credentials.with_long_password(kept), code_mailed=mailed, code_saved=False),
    )  # fmt: skip
    waits.end_tokens(ctx, root.account)
    audit.record(ctx, organisation, "account-recovered", root.account, {})
    entry = waits.entry_of(ctx, root.account)
    outbox.add_plain(ctx, "recovered", mailbox=entry.mailbox)
    if mailed:
        accounts.mail_recovery_code(ctx, rotated.mail, code, to=entry.address, name=entry.name, language=entry.language)
    return NewAccount(rotated.root, rotated.mail, code, mailed)


def own_words(ctx: Context, account: bytes) -> tuple[str, str, str]:
    """Name, address and organisation, which no password may consist of."""
    entry = waits.entry_of(ctx, account)
    return entry.name, entry.address, organisations.of(ctx, organisation_of(ctx, account)).name


def organisation_of(ctx: Context, account: bytes) -> bytes:
    """The organisation that an account belongs to."""
    return ctx.db.scalars(select(Member.organisation).where(Member.account == account)).one()


def _find(ctx: Context, token: str) -> tuple[Pending, bytes]:
    _, row = tokens.find(ctx, RECOVERY_TOKEN, token, field="token")
    account = None if row.account is None else ctx.db.get(Account, row.account)
    if account is None or account.state != "active":
        raise InvalidInput("token", "invalid")
    return row, account.id


def _open(ctx: Context, account: bytes, code: RecoveryCode) -> Proved:
    epoch = ctx.db.get_one(Account, account).rk_epoch
    rows = ctx.db.scalars(
        select(Unlocker)
        .where(Unlocker.account == account, Unlocker.kind == unlock.RECOVERY)
        .order_by(Unlocker.id)
        .limit(_MOST_UNLOCKERS)  # there is one; a writer of the database may have added some
    )
    for row in rows:
        pair = unlock.recovery_pair(code, account, row.id)
        try:
            rk = unlock.open_root_key(pair, row.sealed_rk or b"", account, epoch, row.id, unlock.RECOVERY)
        except CannotOpen:
            continue
        return Proved(RootKeys(account, epoch, rk), row.id, pair)
    raise WrongCode


def _next(ctx: Context, root: RootKeys, kept: Vault) -> Step:
    if kept.has_second_step:
        return _arrive(ctx, root, cookies.RECOVERING)
    if kept.code_mailed:
        wait = waits.begin(ctx, waits.RECOVERY, root.account, organisation_of(ctx, root.account))
        if not wait.over:
            return Step(None, None, wait)
    return _arrive(ctx, root, cookies.RECOVERED)


def _arrive(ctx: Context, root: RootKeys, state: int) -> Step:
    secret = arrivals.arrive(ctx, account=root.account, rk=root.rk, state=state)
    return Step(secret, state, None)
