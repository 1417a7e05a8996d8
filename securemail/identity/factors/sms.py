"""Codes by SMS: six random digits for five minutes, kept with the browser that asked and used up once."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from securemail.crypto.locks import same
from securemail.crypto.unlock import RootKeys
from securemail.delivery import sms
from securemail.errors import InvalidInput, TooManyAttempts
from securemail.identity import challenges, phone_numbers, second_step, vault
from securemail.identity.challenges import Held
from securemail.identity.context import Context, Owner
from securemail.identity.second_step import Refused
from securemail.identity.vault import Phone, Vault

MOST_PHONES: Final = 3
LIFETIME: Final = timedelta(minutes=5)
DIGITS: Final = 6
_LOGIN: Final = "sms"
_ENROL: Final = "phone"
_FIRST_WAIT: Final = timedelta(seconds=45)
_LONGEST_WAIT: Final = timedelta(minutes=12)
_BETWEEN: Final = frozenset(" \t\u00a0\u2009\u202f-")


@dataclass(frozen=True, repr=False)
class Sent:
    """A code on its way: to which number (hidden but for its end), as which outbox row, and when another may go."""

    masked: str
    outbox: bytes
    again_after: datetime

    def wait(self, now: datetime) -> int:
        """Whole seconds until another code may be asked for."""
        return max(0, ceil((self.again_after - now).total_seconds()))


def number_of(kept: Vault, phone: int = 0) -> str:
    """The number of one of the phones, for counting how often it is sent something. Raises `Refused` ('unknown')."""
    if not 0 <= phone < len(kept.phones):
        raise Refused("unknown")
    return kept.phones[phone].number


def send(ctx: Context, held: Held, root: RootKeys, *, phone: int = 0, language: str, host: str) -> Sent:
    """Send a code to one of the account's phones; an earlier code works no more.

    Raises:
        Refused: 'unknown', there is no such phone.
        TooManyAttempts: another was sent just now.
    """
    number = number_of(vault.read(ctx, root), phone)
    return _send(ctx, held, _LOGIN, number, language=language, host=host)


def sent(ctx: Context, held: Held) -> Sent | None:
    """The code that this browser waits for, None when none was sent; it may be too old by now."""
    return _sent(challenges.asked(ctx, held).get(_LOGIN))


def prove(ctx: Context, held: Held, typed: str) -> None:
    """Use the code up. A wrong one leaves it as it is: tries are counted by the caller, before.

    Raises:
        Refused: 'typing', 'wrong', 'expired' (ask for another).
    """
    _prove(ctx, held, _LOGIN, typed)


def begin(ctx: Context, held: Held, owner: Owner, typed: str, *, region: str, host: str) -> Sent:
    """Send a code to a number that is to become one of the account's phones.

    Raises:
        InvalidInput: ('phone', …), 'known' for one that is there already.
        Refused: 'many'.
        TooManyAttempts: another was sent just now.
    """
    number = to_add(ctx, owner, typed, region=region)
    return _send(ctx, held, _ENROL, number, language=owner.language, host=host)


def to_add(ctx: Context, owner: Owner, typed: str, *, region: str) -> str:
    """The number in E.164, when the account may add it. Raises as `begin` does."""
    number = phone_numbers.normalise(typed, region=region)
    phones = vault.read(ctx, owner.root).phones
    if number in [phone.number for phone in phones]:
        raise InvalidInput("phone", "known")
    if len(phones) >= MOST_PHONES:
        raise Refused("many")
    return number


def send_again(ctx: Context, held: Held, owner: Owner, *, host: str) -> Sent:
    """Send another code to the number that is being added. Raises `Refused` ('expired') and `TooManyAttempts`."""
    return _send(ctx, held, _ENROL, adding(ctx, held), language=owner.language, host=host)


def adding(ctx: Context, held: Held) -> str:
    """The number that this browser is adding. Raises `Refused` ('expired')."""
    found = challenges.asked(ctx, held).get(_ENROL)
    if not isinstance(found, dict):
        raise Refused("expired")
    return str(found["number"])


def begun(ctx: Context, held: Held) -> Sent | None:
    """The code that proves the number being added, None when none was sent."""
    return _sent(challenges.asked(ctx, held).get(_ENROL))


def enrol(ctx: Context, held: Held, owner: Owner, typed: str) -> Vault:
    """Add the phone, once its code proves it.

    Raises:
        Refused: 'typing', 'wrong', 'expired', 'many'.
    """
    phone = Phone(_prove(ctx, held, _ENROL, typed), ctx.now.isoformat())
    after = vault.change(ctx, owner.root, lambda kept: _with(kept, phone))
    second_step.note_change(ctx, owner, "sms-added")
    return after


def remove(ctx: Context, owner: Owner, added: str) -> Vault:
    """Forget the phone that was added at this moment, as the vault writes it.

    Raises:
        LastStep: the organisation wants one, and this is the only one.
        Refused: 'unknown'.
    """

    def without(kept: Vault) -> Vault:
        left = tuple(phone for phone in kept.phones if phone.added != added)
        if len(left) == len(kept.phones):
            raise Refused("unknown")
        after = second_step.settled(replace(kept, phones=left))
        second_step.require_removable(ctx, owner, after)
        return after

    after = vault.change(ctx, owner.root, without)
    second_step.note_change(ctx, owner, "sms-removed")
    return after


def _send(ctx: Context, held: Held, name: str, number: str, *, language: str, host: str) -> Sent:
    challenges.hold(ctx, held)  # of several requests at once, one sends
    earlier = challenges.asked(ctx, held).get(name)
    count = _count(earlier, ctx.now)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    outbox = sms.send_code(ctx, to=number, code=code, language=language, host=host)
    wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2**count)
    asked = {
        "number": number, "code": code, "outbox": outbox.hex(), "count": count + 1,
        "sent": ctx.now.isoformat(), "again": (ctx.now + wait).isoformat(),
    }  # fmt: skip
    challenges.keep(ctx, held, name, asked)
    return Sent(phone_numbers.masked(number), outbox, ctx.now + wait)


def _count(earlier: object, now: datetime) -> int:
    """How many codes this browser was sent before; each one waits longer. Whom they went to makes no difference."""
    if not isinstance(earlier, dict):
        return 0
    left = (datetime.fromisoformat(earlier["again"]) - now).total_seconds()
    if left > 0:
        raise TooManyAttempts(ceil(left))
    return min(int(earlier["count"]), 10)


def _prove(ctx: Context, held: Held, name: str, typed: str) -> str:
    """The number whose code this is."""
    digits = _digits(typed)
    found = challenges.asked(ctx, held).get(name)
    if not isinstance(found, dict) or ctx.now - datetime.fromisoformat(found["sent"]) > LIFETIME:
        raise Refused("expired")
    if not same(str(found["code"]).encode("ascii"), digits):
        raise Refused("wrong")
    # Of several at once, one takes it.
    if challenges.take(ctx, held, name) != found:
        raise Refused("expired")
    return str(found["number"])


def _digits(typed: str) -> bytes:
    text = "".join(character for character in typed[:40] if character not in _BETWEEN)
    if len(text) != DIGITS or not (text.isascii() and text.isdigit()):
        raise Refused("typing")
    return text.encode("ascii")


def _sent(found: object) -> Sent | None:
    if not isinstance(found, dict):
        return None
    masked = phone_numbers.masked(found["number"])
    return Sent(masked, bytes.fromhex(found["outbox"]), datetime.fromisoformat(found["again"]))


def _with(kept: Vault, phone: Phone) -> Vault:
    if len(kept.phones) >= MOST_PHONES:
        raise Refused("many")
    others = tuple(known for known in kept.phones if known.number != phone.number)
    return replace(kept, phones=(*others, phone))
