"""Logging in: from address and password to an opened root key, with the same work whoever asks.

    password ──┬── no second step set up ─────────────────────────────► session
               └── pending: 5 minutes, 5 tries ── code or passkey ────► session
    passkey that unlocks (PRF, user verified) ────────────────────────► session

Each arrow is one transaction that locks the account's row, uses up what it took (the waiting session, the code's step,
the backup code, the challenge), and writes a new row behind a new cookie. A pending session opens the vault, which
alone says which second steps there are, and no page but that of its step. Its state and its account are bound into its
lock, so that editing the row opens nothing.

An unknown address goes the same way as a known one: one stretched password, one lock tried, the same queries.
Opening the root key is the password check; there is no separate verifier that could disagree with it.
"""

import logging
import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ScalarSelect, Select, or_, select

from securemail import ids
from securemail.crypto import cookies, unlock
from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.keypair import KeyPair
from securemail.crypto.password import Cost, Parameters
from securemail.crypto.secrets import RootKey, Secret, SessionSecret
from securemail.crypto.unlock import RootKeys
from securemail.errors import CannotOpen, SecuremailError
from securemail.identity import accounts, arrivals, browsers, sessions
from securemail.identity.browsers import Browser
from securemail.identity.context import Context
from securemail.identity.hashing import PasswordHasher
from securemail.identity.vault import Vault, read
from securemail.mailboxes import keys
from securemail.organisations import audit
from securemail.store.models import Account, Address, Mailbox, Member, Unlocker

log = logging.getLogger(__name__)


class WrongLogin(SecuremailError):
    """Address and password do not belong together; which of them is wrong is not told."""


@dataclass(frozen=True, repr=False)
class Candidate:
    """What a password is tried on: an account's unlocker, or a stranger's that nothing opens."""

    known: bool
    account: bytes
    epoch: int
    unlocker: bytes
    parameters: Parameters
    sealed_rk: bytes


@dataclass(frozen=True, repr=False)
class Proved:
    """The password opened this root key; it has not been compared with what is published yet."""

    root: RootKeys
    unlocker: bytes
    pair: KeyPair


def find(ctx: Context, address: str) -> Candidate:
    """The unlocker behind a normalised address, or the stranger's: two queries and one lock either way.

    Finding a row takes longer than finding none. So who is not found finds somebody, who is then not taken.
    """
    stranger, sealed_address = _stranger(ctx.keys, ctx.hasher.cost)
    tags = ctx.keys.address_tags(address)
    theirs = Address.address_tag.in_(tags)
    rows = ctx.db.execute(
        _active(Address.mailbox, Address.sealed_address, Account.id, Account.rk_epoch)
        .where(or_(theirs, Address.address_tag == _anybody()))
        .order_by(theirs.desc())
        .limit(len(tags))
    ).all()
    found = next((row for row in rows if _address(ctx.keys, row.mailbox, row.sealed_address) == address), None)
    if not rows:
        _address(ctx.keys, stranger.account, sealed_address)  # as much work as for a known address
    tried = found or next(iter(rows), None)
    unlocker = ctx.db.scalar(
        select(Unlocker)
        .where(Unlocker.account == (tried.id if tried is not None else stranger.account))
        .where(Unlocker.kind == unlock.PASSWORD)
        .order_by(Unlocker.id)
        .limit(1)
    )
    if tried is None or unlocker is None:
        return stranger
    candidate = _candidate(unlocker, tried.rk_epoch, stranger)
    return candidate if found is not None else stranger


def _active(*columns: Any) -> Select[Any]:
    """Something of the addresses of accounts that can be logged in to."""
    joined = select(*columns).join(Mailbox, Mailbox.id == Address.mailbox).join(Account, Account.id == Mailbox.owner)
    return joined.where(Account.state == "active")


def _anybody() -> ScalarSelect[bytes]:
    """The address that comes first."""
    return _active(Address.address_tag).order_by(Address.address_tag).limit(1).scalar_subquery()


def prove(keys: ConfiguredKeys, hasher: PasswordHasher, candidate: Candidate, password: str) -> Proved:
    """Try a password: slow, and without a transaction, so that no lock on the database waits for it.

    Raises:
        WrongLogin: it opens nothing.
        Busy: too many try at the same time.
    """
    stretched = _stretch(keys, hasher, candidate.parameters, password)
    pair = unlock.password_pair(stretched, candidate.account, candidate.unlocker)
    try:
        rk = unlock.open_root_key(
            pair,
            candidate.sealed_rk,
            candidate.account,
            candidate.epoch,
            candidate.unlocker,
            unlock.PASSWORD,
        )
    except CannotOpen as error:
        raise WrongLogin from error
    if not candidate.known:
        raise WrongLogin
    return Proved(RootKeys(candidate.account, candidate.epoch, RootKey(rk)), candidate.unlocker, pair)


@dataclass(frozen=True, repr=False)
class Passed:
    """The password was right: `secret` is a session's, or that of a browser which waits for its second step."""

    secret: SessionSecret
    waits: bool


def finish(ctx: Context, proved: Proved, *, remember: bool, browser: Browser | None = None) -> Passed:
    """Start a session, or wait for a second step where the vault has one, once the root key is the published one and
    the vault lists the unlocker that opened it.

    Raises:
        WrongLogin: the account has changed meanwhile.
        UntrustedKey: somebody wrote keys into the database.
    """
    hold(ctx, proved.root)
    kept = require_listed(ctx, proved)
    if not kept.has_second_step:
        return Passed(start_session(ctx, proved.root, remember=remember, vault=kept, browser=browser), waits=False)
    secret = arrivals.arrive(
        ctx, account=proved.root.account, rk=proved.root.rk, state=cookies.PENDING, remember=remember
    )
    return Passed(secret, waits=True)


def start_session(
    ctx: Context,
    root: RootKeys,
    *,
    remember: bool,
    vault: Vault | None = None,
    browser: Browser | None = None,
) -> SessionSecret:
    """Let a browser in whose owner has proved everything that is asked; one that the vault does not know is told them.

    `vault` is the one as it stands now, read here when it is not given.
    """
    if browser is not None:
        browsers.note(ctx, root, vault or read(ctx, root), browser)
    device = browser.about if browser is not None else None
    secret = sessions.start(ctx, account=root.account, rk=root.rk, remember=remember, device=device)
    record(ctx, root, "logged-in")
    return secret


def hold(ctx: Context, root: RootKeys) -> None:
    """Lock the account's row, so that its vault stands still until this transaction ends, and look whose keys count.

    Raises:
        WrongLogin: the account was closed, or its keys were replaced meanwhile.
        UntrustedKey: somebody wrote keys into the database.
    """
    row = ctx.db.execute(
        select(Account.rk_epoch, Account.state).where(Account.id == root.account).with_for_update(key_share=True)
    ).first()
    if row is None or row.rk_epoch != root.epoch or row.state != "active":
        raise WrongLogin
    keys.require_published(ctx, "account", root.account, root.epoch, root.identity())


def record(ctx: Context, root: RootKeys, kind: str) -> None:
    """Write into the organisation's audit log what an account did."""
    organisation = ctx.db.scalar(select(Member.organisation).where(Member.account == root.account))
    if organisation is not None:
        audit.record(ctx, organisation, kind, root.account, {})


def require_listed(ctx: Context, proved: Proved, kind: str = unlock.PASSWORD) -> Vault:
    """The vault, when it lists the unlocker that opened it. Raises `UntrustedKey`."""
    root = proved.root
    used = (proved.unlocker.hex(), kind, unlock.public_key_hash(proved.pair.public))
    kept = read(ctx, root)
    if not any((entry.id, entry.kind, entry.key) == used for entry in kept.unlockers):
        log.error("alarm: unlocker %s is not in the vault of its account", proved.unlocker.hex())
        raise keys.UntrustedKey
    return kept


def _address(configured: ConfiguredKeys, mailbox: bytes, sealed: bytes) -> str | None:
    try:
        return str(configured.open_address(mailbox, sealed)["address"])
    except CannotOpen:
        return None


def _candidate(row: Unlocker, epoch: int, stranger: Candidate) -> Candidate:
    try:
        parameters = Parameters.decode(row.parameters or b"")
    except CannotOpen:
        log.error("alarm: unlocker %s has parameters that we never write", row.id.hex())  # noqa: TRY400 no trace needed
        return stranger
    return Candidate(True, row.account, epoch, row.id, parameters, row.sealed_rk or b"")


def _stretch(keys: ConfiguredKeys, hasher: PasswordHasher, parameters: Parameters, password: str) -> Secret:
    try:
        pepper = keys.pepper(parameters.pepper_id)
    except CannotOpen:
        log.exception("a password hangs on configured secret %d, which is gone", parameters.pepper_id)
        pepper = keys.pepper(keys.pepper_id)
    try:
        return hasher.stretch(password, parameters, pepper)
    except ValueError as error:  # longer than any password may be: nobody has it
        raise WrongLogin from error


@cache
def _stranger(configured: ConfiguredKeys, cost: Cost) -> tuple[Candidate, bytes]:
    """What an unknown address is tried on, made once: a random key behind a random password."""
    account, unlocker, epoch = ids.new_id(), ids.new_id(), accounts.FIRST_EPOCH
    pair = unlock.password_pair(Secret(secrets.token_bytes(32)), account, unlocker)
    sealed_rk = unlock.seal_root_key(pair.public, RootKey.new(), account, epoch, unlocker, unlock.PASSWORD)
    parameters = Parameters(cost, configured.pepper_id, secrets.token_bytes(16))
    sealed_address = configured.seal_address(account, {"address": ""})
    return Candidate(False, account, epoch, unlocker, parameters, sealed_rk), sealed_address
