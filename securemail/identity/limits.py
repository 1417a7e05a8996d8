"""Limits on guessing, kept as rows under tags that hide who tried: right across processes, and closed on failure.

A try is counted in a transaction of its own before the secret is looked at, so that neither a crash nor a race gives
a free one. A limit slows a network down; it never locks an account: the owner's own networks are not counted in the
account's total, and the pair of account and network waits a quarter of an hour at most.
"""

import ipaddress
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from securemail.errors import TooManyAttempts
from securemail.identity.context import Context
from securemail.identity.limit_rules import DAY, Bucket, Daily, Few, Growing, Rule, Steady, require_passed
from securemail.store.models import Attempt
from securemail.store.statements import upsert

if TYPE_CHECKING:
    from securemail.runtime import Runtime

KNOWN_FOR = timedelta(days=30)
_SUFFIX_BITS = 64


LOGIN_PAIR = Growing("login-pair", free=5)
LOGIN_NETWORK = Steady("login-network", an_hour=60)
LOGIN_ACCOUNT = Steady("login-account", an_hour=100)
SECOND_STEP_PAIR = Growing("second-step-pair", free=5)
SECOND_STEP_ACCOUNT = Steady("second-step-account", an_hour=10)
SECOND_STEP_DAY = Daily("second-step-day", a_day=30)
PASSKEY_NETWORK = Steady("passkey-network", an_hour=120)
RECOVERY_ADDRESS = Growing("recovery-address", free=3)
RECOVERY_NETWORK = Steady("recovery-network", an_hour=30)
RECOVERY_CODE = Growing("recovery-code", free=5)
RECOVERY_CODE_NETWORK = Steady("recovery-code-network", an_hour=60)
SIGN_UP_ADDRESS = Growing("sign-up-address", free=3)
SIGN_UP_NETWORK = Steady("sign-up-network", an_hour=30)
MESSAGE_CODE = Steady("message-code", an_hour=60)
TOKEN = Steady("token", an_hour=600)
"""A whole office that was invited joins from one network."""
ALARM = Steady("alarm", an_hour=20)
SMS_ACCOUNT = Steady("sms-account", an_hour=10)
SMS_NUMBER = Steady("sms-number", an_hour=6)
SMS_NETWORK = Steady("sms-network", an_hour=30)
ENROLMENT = Growing("enrolment", free=10)
GUEST_SMS = Few("guest-sms", most=3, within=timedelta(minutes=15))
GUEST_SMS_DAY = Few("guest-sms-day", most=10, within=DAY)
GUEST_SMS_MAKER = Steady("guest-sms-maker", an_hour=120)
"""Whoever may sign up could otherwise have us ring a number of their own, link after link, at our cost."""
GUEST_ANSWERS = Steady("guest-answers", an_hour=30)
HELP_LINK = Few("help-link", most=3, within=DAY)
HELP_MAKER = Steady("help-maker", an_hour=20)
HELP_NETWORK = Steady("help-network", an_hour=20)
_KNOWN = "known-network"
_FAILED_STEPS = "second-step-failed"


def network(address: str | None) -> bytes:
    """Who a visitor counts as: an IPv4 address, or the /64 that one IPv6 customer has to themselves."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return b"unknown"  # a socket without addresses: everybody counts as one
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return parsed.ipv4_mapped.packed
        return parsed.packed[: _SUFFIX_BITS // 8]
    return parsed.packed


def check_login(runtime: "Runtime", address: str, network: bytes) -> None:
    """Count one try to log in, before the password is looked at.

    Raises:
        TooManyAttempts: wait; what is told is the same for known and unknown addresses.
    """
    with runtime.work(write=True) as ctx:
        account = ctx.keys.address_tag(address)
        _spend(ctx, LOGIN_NETWORK, network)
        _spend(ctx, LOGIN_PAIR, account, network)
        if not _is_known(ctx, account, network):
            _spend(ctx, LOGIN_ACCOUNT, account)


def forgive_login(ctx: Context, address: str, network: bytes) -> None:
    """A right password: the pair starts afresh, the try is given back, and the network is the owner's for a while."""
    account = ctx.keys.address_tag(address)
    # In the order of `check_login`: two that lock the same rows the other way round would wait for each other.
    _give_back(ctx, LOGIN_NETWORK, network)
    ctx.db.execute(delete(Attempt).where(Attempt.tag == _tag(ctx, LOGIN_PAIR.purpose, account, network)))
    if not _is_known(ctx, account, network):
        _give_back(ctx, LOGIN_ACCOUNT, account)
    recognise(ctx, address, network)


def give_back_login(runtime: "Runtime", address: str, network: bytes) -> None:
    """A try that was counted and then not looked at, because too many wait for that: it was none."""
    with runtime.work(write=True) as ctx:
        account = ctx.keys.address_tag(address)
        _give_back(ctx, LOGIN_NETWORK, network)
        tag = _tag(ctx, LOGIN_PAIR.purpose, account, network)
        bucket = _locked(ctx, tag)
        _write(ctx, tag, Bucket(max(bucket.count - 1, 0), bucket.ends))
        if not _is_known(ctx, account, network):
            _give_back(ctx, LOGIN_ACCOUNT, account)


def recognise(ctx: Context, address: str, network: bytes) -> None:
    """From this network the owner has come: it is theirs for a while."""
    account = ctx.keys.address_tag(address)
    _write(ctx, _tag(ctx, _KNOWN, account, network), Bucket(1, ctx.now + KNOWN_FOR))


def check_second_step(runtime: "Runtime", address: str, network: bytes) -> None:
    """Count one try at a second step, in addition to the five of its session: whoever has the password can make those.

    Raises:
        TooManyAttempts: wait.
    """
    with runtime.work(write=True) as ctx:
        account = ctx.keys.address_tag(address)
        _spend(ctx, SECOND_STEP_PAIR, account, network)
        if not _is_known(ctx, account, network):
            _spend(ctx, SECOND_STEP_DAY, account)
            _spend(ctx, SECOND_STEP_ACCOUNT, account)


def forgive_second_step(ctx: Context, address: str, network: bytes) -> None:
    """A right second step, called before `forgive_login`, which makes the network known."""
    account = ctx.keys.address_tag(address)
    ctx.db.execute(delete(Attempt).where(Attempt.tag == _tag(ctx, SECOND_STEP_PAIR.purpose, account, network)))
    if not _is_known(ctx, account, network):
        _give_back(ctx, SECOND_STEP_ACCOUNT, account)
    ctx.db.execute(delete(Attempt).where(Attempt.tag == _tag(ctx, SECOND_STEP_DAY.purpose, account)))
    ctx.db.execute(delete(Attempt).where(Attempt.tag == _tag(ctx, _FAILED_STEPS, account)))


def count_failed_step(ctx: Context, address: str) -> int:
    """Count a wrong second step, over all sessions of an account: somebody has the password. How many today."""
    tag = _tag(ctx, _FAILED_STEPS, ctx.keys.address_tag(address))
    bucket = _locked(ctx, tag)
    count = bucket.count + 1 if bucket.ends > ctx.now else 1
    _write(ctx, tag, Bucket(count, bucket.ends if count > 1 else ctx.now + DAY))
    return count


def check_passkey(runtime: "Runtime", network: bytes) -> None:
    """Count one challenge for a passkey: nobody guesses one, but it is work. Raises `TooManyAttempts`."""
    with runtime.work(write=True) as ctx:
        _spend(ctx, PASSKEY_NETWORK, network)


def check_sign_up(runtime: "Runtime", address: str, network: bytes) -> None:
    """Count one mail that a stranger asks for. Raises `TooManyAttempts`."""
    with runtime.work(write=True) as ctx:
        _spend(ctx, SIGN_UP_NETWORK, network)
        _spend(ctx, SIGN_UP_ADDRESS, ctx.keys.address_tag(address))


def check_recovery(runtime: "Runtime", address: str, network: bytes) -> None:
    """Count one mail for who forgot their password, the same for every address. Raises `TooManyAttempts`."""
    with runtime.work(write=True) as ctx:
        _spend(ctx, RECOVERY_NETWORK, network)
        _spend(ctx, RECOVERY_ADDRESS, ctx.keys.address_tag(address))


def check_recovery_code(runtime: "Runtime", token_hash: bytes, network: bytes) -> None:
    """Count one recovery code with a mailed token, before it is tried. Raises `TooManyAttempts`."""
    with runtime.work(write=True) as ctx:
        _spend(ctx, RECOVERY_CODE_NETWORK, network)
        _spend(ctx, RECOVERY_CODE, token_hash)


def require_room_for_codes(ctx: Context, network: bytes) -> None:
    """Look, without counting: 128 random bits are not guessed, so only wrong codes need to be counted, afterwards.

    Raises:
        TooManyAttempts: wait.
    """
    tag = _tag(ctx, MESSAGE_CODE.purpose, network)
    found = ctx.db.execute(select(Attempt.count, Attempt.window_ends).where(Attempt.tag == tag)).first()
    if found is not None:
        count, ends = found
        MESSAGE_CODE.spend(Bucket(count, ends), ctx.now)


def count_code(ctx: Context, network: bytes) -> None:
    """Count a wrong message code; when there is no room left, it counts for nothing more."""
    with suppress(TooManyAttempts):
        _spend(ctx, MESSAGE_CODE, network)


def check_token(runtime: "Runtime", network: bytes) -> None:
    """Count one token from a link: guessing is hopeless, but looking it up is work. Raises `TooManyAttempts`."""
    with runtime.work(write=True) as ctx:
        _spend(ctx, TOKEN, network)


def check_sms(runtime: "Runtime", *, account: bytes, number: str, network: bytes, adding: bool = False) -> None:
    """Count one code by SMS, which somebody pays for and somebody's phone rings for.

    The number itself is counted only while it is `adding`, unproved: else strangers who type it could keep its owner
    from logging in.

    Raises:
        TooManyAttempts
    """
    with runtime.work(write=True) as ctx:
        _spend(ctx, SMS_NETWORK, network)
        _spend(ctx, SMS_ACCOUNT, account)
        if adding:
            _spend(ctx, SMS_NUMBER, number.encode("ascii"))


def check_guest_sms(runtime: "Runtime", link: bytes, maker: bytes) -> None:
    """Count one code by SMS to a guest, whichever browser asks for it. Raises `TooManyAttempts`."""
    with runtime.work(write=True) as ctx:
        _spend_at_link(ctx, GUEST_SMS_DAY, link)
        _spend_at_link(ctx, GUEST_SMS, link)
        _spend(ctx, GUEST_SMS_MAKER, maker)


def count_guest_answer(ctx: Context, link: bytes) -> None:
    """Count one answer of a guest, in the transaction that sends it: each one mails everybody else in a conversation.

    Raises:
        TooManyAttempts
    """
    _spend(ctx, GUEST_ANSWERS, link)


def check_help(runtime: "Runtime", *, link: bytes, maker: bytes, network: bytes) -> None:
    """Count one request to a sender, who gets a mail for it. Raises `TooManyAttempts`."""
    with runtime.work(write=True) as ctx:
        _spend(ctx, HELP_NETWORK, network)
        _spend_at_link(ctx, HELP_LINK, link)
        _spend(ctx, HELP_MAKER, maker)


def check_enrolment(runtime: "Runtime", account: bytes) -> None:
    """Count one code that is to prove an app or a phone being set up. Raises `TooManyAttempts`."""
    with runtime.work(write=True) as ctx:
        _spend(ctx, ENROLMENT, account)


def has_room_for_alarm(ctx: Context) -> bool:
    """Whether one more alarm belongs into the audit log: a page that asks every 20 seconds must not fill it."""
    try:
        _spend(ctx, ALARM)
    except TooManyAttempts:
        return False
    return True


def _spend(ctx: Context, rule: Rule, *subject: bytes) -> None:
    tag = _tag(ctx, rule.purpose, *subject)
    _write(ctx, tag, rule.spend(_locked(ctx, tag), ctx.now))


def _spend_at_link(ctx: Context, rule: Few, link: bytes) -> None:
    free_again = []
    for place in range(rule.most):
        # A link's id stands in the database anyway: its tag need not change daily, and midnight forgives nothing.
        tag = ctx.keys.attempt_tag(0, rule.purpose, link, bytes([place]))
        bucket = _locked(ctx, tag)
        if bucket.ends <= ctx.now:
            _write(ctx, tag, Bucket(1, ctx.now + rule.within))
            return
        free_again.append(bucket.ends)
    require_passed(min(free_again), ctx.now)


def _give_back(ctx: Context, rule: Steady, *subject: bytes) -> None:
    tag = _tag(ctx, rule.purpose, *subject)
    bucket = _locked(ctx, tag)
    _write(ctx, tag, Bucket(max(bucket.count - 1, 0), max(bucket.ends - rule.share, ctx.now)))


def _locked(ctx: Context, tag: bytes) -> Bucket:
    """The bucket, made when missing; its row stays locked until this transaction ends: no two tries read the same."""
    fresh = {"tag": tag, "count": 0, "window_ends": ctx.now}
    upsert(ctx.db, Attempt, fresh, key=["tag"], update={"count": Attempt.count})
    count, ends = ctx.db.execute(select(Attempt.count, Attempt.window_ends).where(Attempt.tag == tag)).one()
    return Bucket(count, ends)


def _write(ctx: Context, tag: bytes, bucket: Bucket) -> None:
    values = {"count": bucket.count, "window_ends": bucket.ends}
    upsert(ctx.db, Attempt, {"tag": tag, **values}, key=["tag"], update=values)


def _is_known(ctx: Context, account: bytes, network: bytes) -> bool:
    """Whether the account logged in from this network lately; the tag of every day it can have been is looked for."""
    tags = [_tag(ctx, _KNOWN, account, network, days_ago=days) for days in range(KNOWN_FOR.days + 1)]
    found = select(Attempt.tag).where(Attempt.tag.in_(tags), Attempt.window_ends > ctx.now).limit(1)
    return ctx.db.scalar(found) is not None


def _tag(ctx: Context, purpose: str, *subject: bytes, days_ago: int = 0) -> bytes:
    day = ctx.now.date().toordinal() - days_ago
    return ctx.keys.attempt_tag(day, purpose, *subject)
