"""Passkeys and security keys: made by the browser's script, told what each can do, renamed and removed."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail import ids
from securemail.errors import InvalidInput, NotFound, TooManyAttempts
from securemail.identity import limits, sessions
from securemail.identity.context import Owner
from securemail.identity.factors import ceremonies, passkeys
from securemail.identity.second_step import LastStep, Refused
from securemail.identity.vault import Listed
from securemail.web import auth, devices, factors, forms, renewed, session, stepup
from securemail.web.auth import owner
from securemail.web.factors import go, held, vault_of
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.pages.factors import last_step_page
from securemail.web.session import current

pages = Blueprint("passkeys", __name__)


@pages.get("/security/2fa/passkey")
def create() -> ResponseReturnValue:
    """A name, and the button; the rest is a script and the device."""
    me = stepup.require()
    name = devices.browser_name(request.user_agent.string)
    return render("factors/passkey.html", name=name, errors=Errors(), kept=vault_of(me))


@pages.post("/security/2fa/passkey/options")
def options() -> ResponseReturnValue:
    """What the browser is asked to make. Proof is asked for here again: a page may have stood open for long."""
    me = owner()
    if not sessions.is_proved(current(), me):
        return _error(_("Laad de pagina opnieuw: dan vragen we nog een keer of jij het bent."))
    try:
        # The name is looked at before the device makes something that would then be thrown away.
        passkeys.clean(str(forms.json_body().get("name", "")))
        return passkeys.creation_options(current(), held(me), me, rp=factors.relying_party())
    except InvalidInput as error:
        return _error(forms.input_error(error))
    except Refused as refused:
        return _error(factors.passkey_text(refused))


@pages.post("/security/2fa/passkey/first-use")
def first_use() -> ResponseReturnValue:
    """What a passkey that was just made is asked for, when it gave no secret while it was made."""
    me = owner()
    try:
        named = str(forms.json_body().get("id", ""))
        return passkeys.first_use_options(current(), held(me), named, rp=factors.relying_party())
    except Refused as refused:
        return _error(factors.passkey_text(refused))


@pages.post("/security/2fa/passkey/finish")
def finish() -> ResponseReturnValue:
    """What the browser made."""
    me = owner()
    try:
        with auth.stepped_out():
            limits.check_enrolment(session.runtime(), me.account)
        me = owner()
        sent = _Sent.read(forms.json_body())
        added = passkeys.add(
            current(), held(me), me, sent.credential, name=sent.name, prf=sent.prf, assertion=sent.assertion
        )
    except InvalidInput as error:
        return _error(forms.input_error(error))
    except Refused as refused:
        return _error(factors.passkey_text(refused))
    except TooManyAttempts as error:
        return _error(
            _(
                "Dit is te vaak geprobeerd. Er is niets verloren. Probeer het na %(time)s opnieuw.",
                time=factors.clock_after(error.retry_after),
            )
        )
    return {"next": url_for("passkeys.added", passkey=bytes.fromhex(added.id))}


@pages.get("/security/2fa/passkey/<identifier:passkey>/added")
def added(passkey: bytes) -> ResponseReturnValue:
    """What the new passkey can do: sign in alone, or be a second step."""
    kept = vault_of(owner())
    found = _listed(kept.passkeys, passkey)
    return render("factors/passkey_added.html", one=found, way_on=factors.way_on(kept), kept=kept)


@pages.route("/security/2fa/passkey/<identifier:passkey>/name", methods=["GET", "POST"])
def rename(passkey: bytes) -> ResponseReturnValue:
    """Call it otherwise."""
    me = owner()
    found = _listed(vault_of(me).passkeys, passkey)
    if request.method == "GET":
        return render("factors/rename.html", one=found, passkey=passkey, value=found.name, errors=Errors())
    try:
        passkeys.rename(current(), me, passkey, forms.text("name"))
    except InvalidInput as error:
        errors = forms.errors_of(error)
        return render("factors/rename.html", one=found, passkey=passkey, value=forms.text("name"), errors=errors), 422
    except Refused as refused:
        raise NotFound from refused
    return go(url_for("factors.overview", saved="renamed"))


@pages.route("/security/2fa/passkey/<identifier:passkey>/remove", methods=["GET", "POST"])
def remove(passkey: bytes) -> ResponseReturnValue:
    """Remove it: the account gets new keys, and every other session ends."""
    me = stepup.require()
    found = _listed(vault_of(me).passkeys, passkey)
    action = url_for("passkeys.remove", passkey=passkey)
    if request.method == "GET":
        return render("factors/remove.html", what="passkey", action=action, name=found.name, errors=Errors())
    try:
        _remove(me, passkey)
    except LastStep as last:
        return last_step_page(last, "passkey", action, name=found.name)
    except Refused as refused:
        raise NotFound from refused
    return go(url_for("rotation.progress", next=url_for("factors.overview", saved="removed")))


def _remove(me: Owner, passkey: bytes) -> None:
    ctx = current()
    remember = renewed.is_remembered(ctx, me)
    renewed.go_on(ctx, passkeys.remove(ctx, me, passkey), remember=remember)


def _listed(entries: tuple[Listed, ...], passkey: bytes) -> Listed:
    found = next((entry for entry in entries if entry.id == passkey.hex()), None)
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, repr=False)
class _Sent:
    """What the page's script sends, as far as it can be what it should."""

    credential: dict[str, Any]
    assertion: dict[str, Any] | None
    prf: bytes | None
    name: str

    @classmethod
    def read(cls, body: dict[str, Any]) -> "_Sent":
        """Raises `Refused`: 'typing'."""
        ceremonies.reject_secret(body)
        credential, assertion, fields = body.get("credential"), body.get("assertion"), body.get("fields")
        if not isinstance(credential, dict) or not isinstance(assertion, dict | None):
            raise Refused("typing")
        name = fields.get("name", "") if isinstance(fields, dict) else ""
        return cls(credential, assertion, read_secret(body.get("prf")), str(name))


def read_secret(text: Any) -> bytes | None:
    """The 32 bytes of a passkey's secret, None when it gave none. Raises `Refused` ('typing')."""
    if text is None:
        return None
    try:
        return ids.from_base64url(text if isinstance(text, str) else "", 32)
    except ValueError as error:
        raise Refused("typing") from error


def _error(sentence: str) -> ResponseReturnValue:
    return {"error": sentence}, 422
