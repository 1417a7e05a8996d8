"""Logging in with nothing but a passkey: it says itself whose it is, and its secret opens the root key.

The challenge hangs on the cookie that every browser has for its form tokens, so that a page that offers passkeys by
itself leaves one row behind and not one each time.
"""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from securemail import ids
from securemail.crypto.secrets import SessionSecret
from securemail.errors import TooManyAttempts
from securemail.identity import challenges, limits, steps
from securemail.identity.challenges import SessionEnded
from securemail.identity.factors import ceremonies, passkeys
from securemail.identity.login import WrongLogin
from securemail.identity.second_step import Refused
from securemail.web import entering, forms, login_steps, session
from securemail.web.devices import this_browser

pages = Blueprint("login_passkey", __name__)
_SECRET_BYTES = 32


@pages.post("/login/passkey/options")
def options() -> ResponseReturnValue:
    """What the browser asks whichever passkey there is."""
    try:
        limits.check_passkey(session.runtime(), session.network())
    except TooManyAttempts as error:
        return login_steps.script_waits(error.retry_after)
    secret = session.stranger_secret()
    if secret is None:
        secret = SessionSecret.new()
        session.keep_stranger(secret)
    ctx = session.current()
    held = challenges.ask_stranger(ctx, secret)
    return passkeys.request_options(ctx, held, None, rp=login_steps.relying_party())


@pages.post("/login/passkey")
def finish() -> ResponseReturnValue:
    """What the passkey answered, with its secret where it has one."""
    body = forms.json_body()
    try:
        ceremonies.reject_secret(body)
        limits.check_passkey(session.runtime(), session.network())
        return _enter(body)
    except TooManyAttempts as error:
        return login_steps.script_waits(error.retry_after)
    except Refused as refused:
        return {"error": login_steps.passkey_text(refused)}, 422
    except (SessionEnded, WrongLogin):
        return {"error": login_steps.passkey_text(Refused("expired"))}, 422


def _enter(body: dict[str, object]) -> ResponseReturnValue:
    ctx = session.current()
    held = challenges.stranger(ctx, session.stranger_secret() or SessionSecret.new())
    credential, fields = body.get("credential"), body.get("fields")
    remember = isinstance(fields, dict) and fields.get("remember") is True
    root, secret = steps.enter_alone(
        ctx,
        held,
        credential if isinstance(credential, dict) else {},
        _secret(body.get("prf")),
        remember=remember,
        browser=this_browser(),
    )
    entering.let_in(ctx, secret, root.account, remember=remember, by="passkey")
    return login_steps.script_arrived(body, secret, root.account)


def _secret(text: object) -> bytes | None:
    if not text:
        return None
    try:
        return ids.from_base64url(str(text), _SECRET_BYTES)
    except ValueError as error:
        raise Refused("typing") from error
