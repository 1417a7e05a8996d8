"""The authenticator app: enrolled by a code that proves it, and a code of every 30 seconds used up once."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from securemail.crypto import authenticator
from securemail.crypto.locks import same
from securemail.crypto.unlock import RootKeys
from securemail.identity import challenges, second_step, vault
from securemail.identity.challenges import Held
from securemail.identity.context import Context, Owner
from securemail.identity.second_step import Refused
from securemail.identity.vault import Totp, Vault

_ASKED: Final = "totp"
_TIME_TO_ENROL: Final = timedelta(minutes=30)
_STEPS_ACCEPTED: Final = 1
_STEPS_TOLD_APART: Final = 20
"""Ten minutes either way: nobody's clock is that wrong by chance, and 41 codes of a million help nobody to guess."""
_LONGEST_LABEL: Final = 60
_BETWEEN: Final = frozenset(" \t\u00a0\u2009\u202f-")


@dataclass(frozen=True, repr=False)
class Enrolment:
    """What an app is shown: the seed in base 32, and the same as an otpauth address for the QR code."""

    seed: str
    uri: str

    @property
    def groups(self) -> list[str]:
        """The seed to type: eight groups of four."""
        return [self.seed[start : start + 4] for start in range(0, len(self.seed), 4)]


def begin(ctx: Context, held: Held) -> None:
    """Make a seed and keep it with the browser; nothing is set up until a code proves that an app has it."""
    seed = authenticator.write_seed(authenticator.new_seed())
    challenges.keep(ctx, held, _ASKED, {"seed": seed, "at": ctx.now.isoformat()})


def begun(ctx: Context, held: Held, *, issuer: str, address: str) -> Enrolment | None:
    """What this browser is enrolling, None when nothing or too long ago."""
    seed = _seed(ctx, challenges.asked(ctx, held).get(_ASKED))
    return None if seed is None else Enrolment(seed, _uri(seed, issuer, address))


def enrol(ctx: Context, held: Held, owner: Owner, typed: str) -> Vault:
    """Set the app up, in place of an earlier one, once a code proves it. That code is used up.

    Raises:
        Refused: 'expired' (begin again), 'typing', 'wrong', 'clock'.
    """
    text = _seed(ctx, challenges.asked(ctx, held).get(_ASKED))
    if text is None:
        raise Refused("expired")
    step = _step(text, _digits(typed), ctx.now)
    if _seed(ctx, challenges.take(ctx, held, _ASKED)) != text:
        raise Refused("expired")
    app = Totp(text, step, ctx.now.isoformat())
    after = vault.change(ctx, owner.root, lambda kept: replace(kept, totp=app))
    second_step.note_change(ctx, owner, "totp-added")
    return after


def prove(ctx: Context, root: RootKeys, code: str) -> None:
    """Use a code of the app up.

    Raises:
        Refused: 'typing', 'wrong', 'used', 'clock'.
        VaultChanged: too much at once.
    """
    digits = _digits(code)
    vault.change(ctx, root, lambda kept: _used(kept, digits, ctx.now))


def remove(ctx: Context, owner: Owner) -> Vault:
    """Forget the app.

    Raises:
        LastStep: the organisation wants one, and this is the only one.
    """

    def without(kept: Vault) -> Vault:
        after = second_step.settled(replace(kept, totp=None))
        second_step.require_removable(ctx, owner, after)
        return after

    after = vault.change(ctx, owner.root, without)
    second_step.note_change(ctx, owner, "totp-removed")
    return after


def _used(kept: Vault, digits: bytes, now: datetime) -> Vault:
    if kept.totp is None:
        raise Refused("wrong")
    step = _step(kept.totp.seed, digits, now, after=kept.totp.last_step)
    return replace(kept, totp=replace(kept.totp, last_step=step))


def _step(seed_text: str, digits: bytes, now: datetime, *, after: int = -1) -> int:
    """The step whose code this is. Every candidate is looked at, so that a right code takes as long as a wrong one."""
    seed, current = authenticator.read_seed(seed_text), authenticator.step_at(now.timestamp())
    window = range(max(0, current - _STEPS_TOLD_APART), current + _STEPS_TOLD_APART + 1)
    found = [step for step in window if same(authenticator.code_of(seed, step), digits)]
    fresh = [step for step in found if abs(step - current) <= _STEPS_ACCEPTED and step > after]
    if fresh:
        return min(fresh)
    raise Refused(_why(found, after))


def _why(found: list[int], after: int) -> second_step.Reason:
    if not found:
        return "wrong"
    return "used" if min(found) <= after else "clock"


def _digits(typed: str) -> bytes:
    text = "".join(character for character in typed[:40] if character not in _BETWEEN)
    if len(text) != authenticator.DIGITS or not (text.isascii() and text.isdigit()):
        raise Refused("typing")
    return text.encode("ascii")


def _seed(ctx: Context, asked: object) -> str | None:
    if not isinstance(asked, dict) or not asked:
        return None
    begun_at = datetime.fromisoformat(asked["at"])
    return None if ctx.now - begun_at > _TIME_TO_ENROL else str(asked["seed"])


def _uri(seed: str, issuer: str, address: str) -> str:
    """https://github.com/google/google-authenticator/wiki/Key-Uri-Format; apps show the label in their list."""
    # A colon separates issuer and account, so that no issuer can hold one.
    name = issuer.replace(":", " ")[:_LONGEST_LABEL]
    # Algorithm, digits and period are what apps assume, and many know nothing else.
    values = {"secret": seed, "issuer": name}
    return f"otpauth://totp/{quote(f'{name}:{address}', safe=':@')}?{urlencode(values, quote_via=quote)}"
