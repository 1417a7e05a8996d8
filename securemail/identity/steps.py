"""The second step of a log-in, and the passkey that needs none. `identity.login` draws the whole machine."""

from collections.abc import Mapping
from typing import Any, Final

from securemail.crypto import cookies, unlock
from securemail.crypto.codes import TypingError, read_backup_code
from securemail.crypto.secrets import SessionSecret
from securemail.crypto.unlock import RootKeys
from securemail.identity import arrivals, browsers, login, sessions
from securemail.identity.arrivals import Arriving
from securemail.identity.browsers import Browser
from securemail.identity.challenges import Held
from securemail.identity.context import Context, Owner
from securemail.identity.factors import backup_codes, passkeys, sms, totp
from securemail.identity.login import Proved, WrongLogin
from securemail.identity.second_step import Method, Refused

DIGITS: Final = 6


def can_be(method: Method, typed: str) -> bool:
    """Whether something typed can be a code of this method; if not it is a slip of the finger, and counts as no try."""
    if method == "backup":
        try:
            read_backup_code(typed)
        except TypingError:
            return False
        return True
    digits = "".join(typed[:40].split()).replace("-", "")
    return len(digits) == DIGITS and digits.isascii() and digits.isdigit()


def enter(ctx: Context, arriving: Arriving, method: Method, typed: str, *, browser: Browser | None) -> SessionSecret:
    """Pass the second step with a code: the app's, one sent by SMS, or a backup code.

    Count the try first (`arrivals.count_try`), in a transaction of its own. Who recovers an account passes on to
    choosing a new password, everybody else into a session.

    Raises:
        Refused: see `second_step`.
        SessionEnded: another request passed this step already.
    """
    login.hold(ctx, arriving.root)
    if method == "totp":
        totp.prove(ctx, arriving.root, typed)
    elif method == "sms":
        sms.prove(ctx, arriving.held, typed)
    elif method == "backup":
        backup_codes.prove(ctx, arriving.root, typed)
    else:
        raise Refused("unknown")
    return _arrive(ctx, arriving, browser)


def enter_with_passkey(
    ctx: Context, arriving: Arriving, credential: Mapping[str, Any], *, browser: Browser | None
) -> SessionSecret:
    """Pass the second step with a passkey that this account's vault lists. Raises as `enter`."""
    login.hold(ctx, arriving.root)
    passkeys.prove(ctx, arriving.held, arriving.root, credential)
    return _arrive(ctx, arriving, browser)


def enter_alone(
    ctx: Context,
    held: Held,
    credential: Mapping[str, Any],
    prf: bytes | None,
    *,
    remember: bool,
    browser: Browser | None,
) -> tuple[RootKeys, SessionSecret]:
    """Log in with nothing but a passkey that unlocks: it was unlocked itself, by finger or code, which makes it two.

    Raises:
        Refused: see `second_step`.
        WrongLogin, UntrustedKey: as `finish`.
    """
    proved = passkeys.prove_alone(ctx, held, credential, prf)
    login.hold(ctx, proved.root)
    kept = login.require_listed(ctx, proved, unlock.PASSKEY)
    return proved.root, login.start_session(ctx, proved.root, remember=remember, vault=kept, browser=browser)


def prove_again(ctx: Context, owner: Owner, proved: Proved) -> None:
    """The password of somebody who is logged in was given again: sensitive settings are open for a while.

    Raises:
        WrongLogin: it is another account's.
        UntrustedKey: as `login.finish`.
    """
    if proved.root.account != owner.account:
        raise WrongLogin
    login.hold(ctx, proved.root)
    login.require_listed(ctx, proved)
    sessions.prove(ctx, owner.session)


def give_up(ctx: Context, arriving: Arriving, *, about: Mapping[str, str]) -> None:
    """After too many wrong codes: this way in is over, and the owner hears that somebody knows the password."""
    arrivals.leave(ctx, arriving.held)
    tell_of_failures(ctx, arriving, about=about)


def tell_of_failures(ctx: Context, arriving: Arriving, *, about: Mapping[str, str]) -> None:
    """Mail the owner that somebody with their password, or their recovery code, gives wrong codes, and from where
    (`devices.describe`)."""
    kind = "recovery_step_failed" if arriving.state == cookies.RECOVERING else "second_step_failed"
    browsers.warn(ctx, arriving.root.account, kind, about)
    login.record(ctx, arriving.root, "second-step-failed")


def _arrive(ctx: Context, arriving: Arriving, browser: Browser | None) -> SessionSecret:
    arrivals.arrived(ctx, arriving)
    if arriving.state == cookies.RECOVERING:  # no session yet: a new password comes first
        return arrivals.arrive(ctx, account=arriving.root.account, rk=arriving.root.rk, state=cookies.RECOVERED)
    return login.start_session(ctx, arriving.root, remember=arriving.remember, browser=browser)
