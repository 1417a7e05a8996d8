"""Security: everything that lets somebody in, and the steps that set up the authenticator app and backup codes."""

from typing import Any, Final

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from securemail.errors import InvalidInput, TooManyAttempts
from securemail.identity import limits, second_step
from securemail.identity.context import Owner
from securemail.identity.factors import backup_codes as codes
from securemail.identity.factors import passkeys, sms, totp
from securemail.identity.second_step import LastStep, Refused
from securemail.organisations import organisations
from securemail.web import auth, factors, forms, qr, session, stepup
from securemail.web.auth import owner
from securemail.web.brand import brand
from securemail.web.factors import go, held, vault_of
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.session import current

pages = Blueprint("factors", __name__)

_SAID: Final = {
    "added": lazy_gettext("Toegevoegd"),
    "removed": lazy_gettext("Verwijderd"),
    "renamed": lazy_gettext("Bewaard"),
}


@pages.get("/security")
def overview() -> ResponseReturnValue:
    """Password, second steps, backup codes, recovery code: what there is and how to change it."""
    me = owner()
    kept = vault_of(me)
    return render(
        "factors/overview.html",
        kept=kept,
        passkeys=factors.passkey_rows(kept),
        app=factors.app_row(kept),
        phones=factors.phone_rows(kept),
        wanted=organisations.policy_of(current(), me.organisation).require_second_step and not kept.has_second_step,
        few=second_step.FEW_CODES,
        most_passkeys=passkeys.MOST,
        most_phones=sms.MOST_PHONES,
        sms_offered=session.runtime().settings.sms_offered,
        toast=_SAID.get(request.args.get("saved", "")),
    )


@pages.route("/security/2fa", methods=["GET", "POST"])
def start() -> ResponseReturnValue:
    """Choose a method. What is begun is kept with the browser: nothing is set up before it is proved."""
    if request.method == "GET":
        return _choose(owner(), Errors())
    me = stepup.require()
    chosen = forms.text("method")
    if chosen == "totp":
        totp.begin(current(), held(me))
        return go(url_for("factors.app"))
    if chosen == "sms" and session.runtime().settings.sms_offered:
        return go(url_for("phones.number"))
    if chosen == "passkey":
        return go(url_for("passkeys.create"))
    return _choose(me, forms.errors_of(InvalidInput("method", "empty"))), 422


@pages.route("/security/2fa/app", methods=["GET", "POST"])
def app() -> ResponseReturnValue:
    """The QR code, and the code that proves that an app has read it."""
    me = owner()
    if request.method == "GET":
        return _scan(me, Errors())
    try:
        with auth.stepped_out():
            limits.check_enrolment(session.runtime(), me.account)
        me = owner()
        kept = totp.enrol(current(), held(me), me, forms.text("code"))
    except TooManyAttempts as error:
        return _scan(owner(), Errors(), 429, retry=factors.clock_after(error.retry_after))
    except Refused as refused:
        return _scan(me, Errors(code=factors.refused_text(refused)), 422)
    return go(factors.way_on(kept))


@pages.route("/security/2fa/app/remove", methods=["GET", "POST"])
def remove_app() -> ResponseReturnValue:
    """Do without the app."""
    me = stepup.require()
    if request.method == "GET":
        return render("factors/remove.html", what="totp", action=url_for("factors.remove_app"), errors=Errors())
    try:
        totp.remove(current(), me)
    except LastStep as last:
        return last_step_page(last, "totp", url_for("factors.remove_app"))
    return go(url_for("factors.overview", saved="removed"))


@pages.get("/security/2fa/second")
def second() -> ResponseReturnValue:
    """Recommend another method beside the first."""
    kept = vault_of(owner())
    if not kept.has_second_step:
        return redirect(url_for("factors.start"), 303)
    offered = factors.ways(kept, beside=True)
    return render("factors/second.html", offered=offered, value=factors.first_way(offered), kept=kept, errors=Errors())


@pages.route("/security/backup-codes", methods=["GET", "POST"])
def backup_codes() -> ResponseReturnValue:
    """The ten codes until they are put away; before there are any, or afterwards, a button that makes new ones."""
    me = owner()
    shown = codes.shown(current(), held(me))
    if request.method == "GET":
        return _codes(me, shown, Errors())
    if not forms.checked("saved") and shown:
        return _codes(me, shown, forms.errors_of(InvalidInput("saved", "codes")), 422)
    codes.put_away(current(), held(me))
    return go(url_for("factors.done"))


@pages.post("/security/backup-codes/new")
def new_backup_codes() -> ResponseReturnValue:
    """Make ten codes; older ones stop working."""
    me = stepup.require()
    try:
        written = codes.renew(current(), me.root)
    except Refused:  # there is nothing yet that they could stand in for
        return go(url_for("factors.start"))
    codes.show(current(), held(me), written)
    second_step.note_change(current(), me, "codes-renewed")
    return go(url_for("factors.backup_codes"))


@pages.get("/security/2fa/done")
def done() -> ResponseReturnValue:
    """The account is ready."""
    kept = vault_of(owner())
    if not kept.has_second_step:
        return redirect(url_for("factors.start"), 303)
    return render("factors/done.html", kept=kept)


def last_step_page(last: LastStep, what: str, action: str, **values: Any) -> ResponseReturnValue:
    """What is to be removed is the only one, and one is needed."""
    errors = forms.errors_of(InvalidInput("form", f"last_step_{last.reason}"))
    return render("factors/remove.html", what=what, action=action, errors=errors, **values), 422


def _choose(me: Owner, errors: Errors) -> str:
    kept = vault_of(me)
    offered = factors.ways(kept)
    wanted = request.values.get("method") or factors.first_way(offered)
    return render("factors/start.html", offered=offered, kept=kept, errors=errors, value=wanted)


def _scan(me: Owner, errors: Errors, status: int = 200, *, retry: str | None = None) -> ResponseReturnValue:
    begun = totp.begun(current(), held(me), issuer=brand().name, address=me.address)
    if begun is None:
        return go(url_for("factors.start"))
    picture = qr.svg(begun.uri)
    return render("factors/app.html", begun=begun, svg=picture, errors=errors, retry=retry, kept=vault_of(me)), status


def _codes(me: Owner, shown: list[str], errors: Errors, status: int = 200) -> ResponseReturnValue:
    kept = vault_of(me)
    if not kept.has_second_step:
        return go(url_for("factors.start"))
    template = "factors/backup_codes.html" if shown else "factors/new_backup_codes.html"
    return render(template, codes=shown, kept=kept, errors=errors), status
