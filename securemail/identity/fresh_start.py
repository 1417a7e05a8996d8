"""A fresh start: password and recovery code are lost, and the account begins again on the same address.

    mailed link -> [three days' wait, stoppable, and an administrator's consent] -> second link -> new password

Old mail stays locked for good; new mail keeps coming before and after. It is only as strong as the mailbox, which is
why it waits, why every live session can stop it, and why somebody else has to agree.
"""

import logging
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select, update

from securemail import ids
from securemail.crypto.secrets import RecoveryCode, RootKey
from securemail.crypto.unlock import RootKeys
from securemail.delivery import outbox
from securemail.errors import Conflict, Forbidden, InvalidInput, NotFound
from securemail.identity import accounts, recovery, sessions, tokens, vault, waits
from securemail.identity.accounts import NewAccount
from securemail.identity.context import Context
from securemail.identity.passwords import NewPassword
from securemail.identity.waits import CONFIRMED, CONSENTED, FRESH_START, FRESH_START_READY, Wait
from securemail.mailboxes import anew, keys, rotation
from securemail.mailboxes.directory import Entry
from securemail.organisations import administrators, audit, members, organisations
from securemail.organisations.administrators import Administrator
from securemail.store.models import Account, Mailbox, MailGrant, Member, Pending, Unlocker
from securemail.store.statements import changed

log = logging.getLogger(__name__)

ASKED: Final = "fresh-start"


@dataclass(frozen=True)
class Request:
    """Somebody who waits for consent, as an administrator or the operator sees it."""

    wait: Wait
    who: Entry
    only_administrator: bool


@dataclass(frozen=True)
class Standing:
    """How far the fresh start behind a token is: not asked for yet (no wait), waiting, or open."""

    wait: Wait | None
    open: bool


def standing(ctx: Context, token: str) -> Standing:
    """What a mailed link leads to.

    Raises:
        InvalidInput: ('token', 'empty' | 'invalid' | 'expired').
    """
    _, account = _find(ctx, token)
    return Standing(waits.of(ctx, FRESH_START, account), _permission(ctx, account) is not None)


def begin(ctx: Context, token: str) -> Wait:
    """Begin to wait, and use the token up; the address and the administrators are told.

    Raises:
        InvalidInput: ('token', …), also when somebody was first.
    """
    row, account = _find(ctx, token)
    if row.kind != ASKED:
        raise InvalidInput("token", "invalid")
    tokens.take(ctx, row, field="token")
    known = waits.of(ctx, FRESH_START, account)
    if known is not None:
        return known
    organisation = recovery.organisation_of(ctx, account)
    wait = waits.begin(ctx, FRESH_START, account, organisation)
    audit.record(ctx, organisation, "fresh-start-asked", account, {})
    for administrator in _administrators(ctx, organisation) - {account}:
        outbox.add_plain(ctx, "fresh_start_request", mailbox=waits.entry_of(ctx, administrator).mailbox)
    return wait


def own_words(ctx: Context, token: str) -> tuple[str, str, str]:
    """Name, address and organisation of who starts anew, once they may. Raises `InvalidInput` as `finish` does."""
    return recovery.own_words(ctx, _permitted(ctx, token)[1])


def finish(ctx: Context, token: str, password: NewPassword) -> NewAccount:
    """Begin again: the same account and mailbox with keys that nothing old opens.

    Raises:
        InvalidInput: ('token', …), also when somebody was first, or when the wait is not over.
        Conflict: the account changed meanwhile.
    """
    row, account, permission = _permitted(ctx, token)
    waits.hold(ctx, account)
    tokens.take(ctx, row, field="token")
    organisation = recovery.organisation_of(ctx, account)
    entry = waits.entry_of(ctx, account)
    held = anew.hold(ctx, entry.mailbox, organisation)
    code, mailed = RecoveryCode.new(), organisations.policy_of(ctx, organisation).mail_recovery_code
    root = _new_root(ctx, account, password, code, mailed=mailed)
    _forget(ctx, root)
    mail = anew.start_personal(ctx, root, held[entry.mailbox])
    _settle_role(ctx, root, held[organisation], alone=permission == CONFIRMED)
    members.tell(ctx, root)
    audit.record(ctx, organisation, "fresh-start", account, {})
    outbox.add_plain(ctx, "fresh_start_done", mailbox=entry.mailbox)
    if mailed:
        accounts.mail_recovery_code(ctx, mail, code, to=entry.address, name=entry.name, language=entry.language)
    return NewAccount(root, mail, code, mailed)


# --- consent ---


def requests(ctx: Context, organisation: bytes) -> list[Request]:
    """Who waits for consent in an organisation, the oldest first."""
    rows = ctx.db.scalars(
        select(Pending)
        .where(
            Pending.organisation == organisation, Pending.kind == FRESH_START, Pending.state == "open",
            Pending.expires > ctx.now,
        )
        .order_by(Pending.created)
    )  # fmt: skip
    return [_request(ctx, row) for row in rows if row.account and tokens.genuine(ctx, row)]


def all_requests(ctx: Context) -> list[Request]:
    """The same of every organisation, for the operator on the console."""
    found = ctx.db.scalars(select(Pending.organisation).where(Pending.kind == FRESH_START).distinct())
    return [request for organisation in found if organisation for request in requests(ctx, organisation)]


def consent(ctx: Context, administrator: Administrator, request: bytes) -> Entry:
    """Agree to somebody's fresh start.

    Raises:
        NotFound: nobody in this organisation waits for it (any more).
        Forbidden: it is one's own.
    """
    row = _open_request(ctx, administrator, request)
    return _agree(ctx, row, CONSENTED, administrator.member.root.account)


def refuse(ctx: Context, administrator: Administrator, request: bytes) -> Entry:
    """Refuse it; the address is told. Raises as `consent` does."""
    row = _open_request(ctx, administrator, request)
    account = row.account or b""
    waits.stop_own(ctx, account, request, told="fresh_start_refused")
    audit.record(ctx, administrator.organisation, "fresh-start-refused", administrator.member.root.account,
                 {"account": account.hex()})  # fmt: skip
    return waits.entry_of(ctx, account)


def confirm_as_operator(ctx: Context, request: bytes, *, with_organisation: bool) -> Entry:
    """Agree from the console; `with_organisation` makes a new key of the organisation for who was its only
    administrator. Raises `NotFound`."""
    row = _locked(ctx, request)
    return _agree(ctx, row, CONFIRMED if with_organisation else CONSENTED, bytes(ids.ID_BYTES))


def _request(ctx: Context, row: Pending) -> Request:
    wait = next(wait for wait in waits.of_account(ctx, row.account or b"") if wait.id == row.id)
    alone = _administrators(ctx, row.organisation or b"") == {wait.account}
    return Request(wait, waits.entry_of(ctx, wait.account), alone)


def _open_request(ctx: Context, administrator: Administrator, request: bytes) -> Pending:
    row = _locked(ctx, request)
    if row.organisation != administrator.organisation:
        raise NotFound
    if row.account == administrator.member.root.account:
        raise Forbidden
    return row


def _locked(ctx: Context, request: bytes) -> Pending:
    row = ctx.db.scalar(
        select(Pending).where(Pending.id == request, Pending.kind == FRESH_START, Pending.state == "open")
        .with_for_update()
    )  # fmt: skip
    if row is None or row.expires <= ctx.now or not tokens.genuine(ctx, row):
        raise NotFound
    return row


def _agree(ctx: Context, row: Pending, state: str, actor: bytes) -> Entry:
    account, organisation = row.account or b"", row.organisation or b""
    row.state = state
    tokens.sign(ctx, row)
    ctx.db.flush()
    audit.record(ctx, organisation, "fresh-start-consented", actor, {"account": account.hex()})
    return waits.entry_of(ctx, account)


# --- finishing ---


def _find(ctx: Context, token: str) -> tuple[Pending, bytes]:
    failed = InvalidInput("token", "invalid")
    for kind in (ASKED, FRESH_START_READY):
        try:
            _, row = tokens.find(ctx, kind, token, field="token")
        except InvalidInput as error:
            failed = error if error.code != "invalid" else failed
            continue
        account = None if row.account is None else ctx.db.get(Account, row.account)
        if account is not None and account.state == "active":
            return row, account.id
    raise failed


def _permission(ctx: Context, account: bytes) -> str | None:
    """Who agreed, once the wait is over and the mail about it was made; None before."""
    rows = ctx.db.scalars(
        select(Pending).where(Pending.account == account, Pending.kind == FRESH_START_READY, Pending.expires > ctx.now)
    )
    return next((row.state for row in rows if tokens.genuine(ctx, row)), None)


def _permitted(ctx: Context, token: str) -> tuple[Pending, bytes, str]:
    row, account = _find(ctx, token)
    permission = _permission(ctx, account)
    if permission not in (CONSENTED, CONFIRMED):
        raise InvalidInput("token", "invalid")
    return row, account, permission


def _new_root(ctx: Context, account: bytes, password: NewPassword, code: RecoveryCode, *, mailed: bool) -> RootKeys:
    row = ctx.db.get_one(Account, account)
    root, revision = RootKeys(account, row.rk_epoch + 1, RootKey.new()), row.vault_revision + 1
    unlockers = [accounts.password_unlocker(root, password), accounts.recovery_unlocker(root, code)]
    kept = vault.Vault(revision, tuple(vault.listed(one) for one in unlockers), code_mailed=mailed)
    swap = update(Account).where(
        Account.id == account, Account.rk_epoch == row.rk_epoch, Account.vault_revision == row.vault_revision,
        Account.state == "active",
    )  # fmt: skip
    sealed = root.seal_vault(revision, vault.to_json(kept))
    if changed(ctx.db, swap.values(rk_epoch=root.epoch, vault_revision=revision, sealed_vault=sealed)) != 1:
        raise Conflict
    ctx.db.expire(row)
    ctx.db.execute(delete(Unlocker).where(Unlocker.account == account))
    ctx.db.add_all(unlockers)
    keys.publish(ctx, "account", account, root.epoch, root.identity().public)
    ctx.db.flush()
    return root


def _forget(ctx: Context, root: RootKeys) -> None:
    """Grants, sessions and tokens: all that hung on the old keys. What the account shared gets new keys in time."""
    rotation.mark_due(ctx, list(ctx.db.scalars(select(MailGrant.mailbox).where(MailGrant.grantee == root.account))))
    keys.forget_older(ctx, root.account, root.epoch)
    ctx.db.execute(delete(MailGrant).where(MailGrant.grantee == root.account))
    sessions.end_all(ctx, root.account)
    waits.end_tokens(ctx, root.account)


def _settle_role(ctx: Context, root: RootKeys, organisation: Mailbox, *, alone: bool) -> None:
    """Administration has to be given again by another administrator; where there is none, it begins anew as well."""
    if alone:
        anew.start_organisation(ctx, root, organisation)
        _forget_notes(ctx, organisation.id)
    role = "administrator" if alone else "member"
    ctx.db.execute(update(Member).where(Member.account == root.account).values(role=role))


def _forget_notes(ctx: Context, organisation: bytes) -> None:
    """What was told to the older key: references are told anew, and an invitation that nobody can withdraw ends."""
    invitations = delete(Pending).where(Pending.organisation == organisation, Pending.kind == "invitation")
    ctx.db.execute(invitations, execution_options={"synchronize_session": False})
    members_of = update(Member).where(Member.organisation == organisation)
    ctx.db.execute(members_of.values(sealed_reference=None), execution_options={"synchronize_session": False})


def _administrators(ctx: Context, organisation: bytes) -> set[bytes]:
    """By the rows, for mails and for the operator's eye; what somebody may do is never decided by it."""
    current = select(Mailbox.mk_epoch).where(Mailbox.id == organisation).scalar_subquery()
    rows = ctx.db.scalars(
        select(MailGrant.grantee)
        .join(Account, Account.id == MailGrant.grantee)
        .where(
            MailGrant.mailbox == organisation, MailGrant.epoch == current,
            MailGrant.rights == administrators.RIGHTS, Account.state == "active",
        )
    )  # fmt: skip
    return set(rows)
