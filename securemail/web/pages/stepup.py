"""Bevestig dat jij het bent: the password or a passkey once more, before something sensitive."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.errors import InvalidInput, TooManyAttempts
from securemail.identity import limits, login, sessions, steps, vault
from securemail.identity.challenges import Held, SessionEnded
from securemail.identity.context import Owner
from securemail.identity.factors import ceremonies, passkeys
from securemail.identity.login import WrongLogin
from securemail.identity.second_step import Refused
from securemail.web import auth, forms, login_steps, session, stepup
from securemail.web.entering import clock_after
from securemail.web.error_texts import field_text
from securemail.web.forms import Errors

pages = Blueprint("stepup", __name__)


@pages.route("/security/confirm", methods=["GET", "POST"])
def confirm() -> ResponseReturnValue:
    """Ask, and lead back: to a page, or, with what was typed, to the form that was being sent (307 keeps a POST)."""
    if request.method == "GET":
        target = request.args.get("next", "")
        return stepup.form(target=target if session.is_own_path(target) else "")
    owner = auth.owner()
    if not sessions.is_proved(session.current(), owner):
        try:
            _prove(owner, forms.text("stepup_password"))
        except TooManyAttempts as error:
            return _again(Errors(), clock_after(error.retry_after)), 429, {"Retry-After": str(error.retry_after)}
        except InvalidInput as error:
            return _again(Errors(stepup_password=field_text("password", error.code))), 422
        except WrongLogin:
            return _again(Errors(stepup_password=field_text("stepup", "wrong"))), 422
    action, target = forms.text("stepup_action"), forms.text("stepup_next")
    if session.is_own_path(action):
        return redirect(action, 307)
    return redirect(target if session.is_own_path(target) else url_for("mailbox.inbox"), 303)


@pages.post("/security/confirm/passkey/options")
def passkey_options() -> ResponseReturnValue:
    """What the browser asks one of the owner's passkeys."""
    try:
        with auth.stepped_out():
            limits.check_passkey(session.runtime(), session.network())
    except TooManyAttempts as error:
        return login_steps.script_waits(error.retry_after)
    ctx, owner = session.current(), auth.owner()
    kept = vault.read(ctx, owner.root)
    return passkeys.request_options(ctx, _held(owner), kept, rp=login_steps.relying_party())


@pages.post("/security/confirm/passkey")
def passkey() -> ResponseReturnValue:
    """What it answered; the page then sends its form, which needs no password any more."""
    body, owner = forms.json_body(), auth.owner()
    credential = body.get("credential")
    try:
        ceremonies.reject_secret(body)
        ctx = session.current()
        passkeys.prove(ctx, _held(owner), owner.root, credential if isinstance(credential, dict) else {})
    except Refused as refused:
        return {"error": login_steps.passkey_text(refused)}, 422
    sessions.prove(ctx, owner.session)
    return {"submit": True}


def _prove(owner: Owner, password: str) -> None:
    if not password:
        raise InvalidInput("password", "empty")
    own = session.runtime()
    with auth.stepped_out():  # counting and stretching need no transaction, and must not wait inside one
        limits.check_login(own, owner.address, session.network())
        with session.read_apart() as look:
            candidate = login.find(look, owner.address)
        proved = login.prove(own.keys, own.hasher, candidate, password)
    ctx = session.current()
    steps.prove_again(ctx, owner, proved)
    limits.forgive_login(ctx, owner.address, session.network())


def _held(owner: Owner) -> Held:
    secret = session.member_secret()
    if secret is None:
        raise SessionEnded
    return Held(secret, owner.session, owner.account)


def _again(errors: Errors, retry: str | None = None) -> str:
    auth.forget()
    return stepup.form(
        stepup.kept_fields(),
        action=forms.text("stepup_action"),
        target=forms.text("stepup_next"),
        errors=errors,
        retry=retry,
    )
