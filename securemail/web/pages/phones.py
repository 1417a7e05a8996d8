"""Phones that get codes by SMS: a number, the code that proves it, and doing without it again."""

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from securemail.delivery import sms as delivery
from securemail.errors import InvalidInput, NotFound, TooManyAttempts
from securemail.identity import limits, phone_numbers
from securemail.identity.context import Owner
from securemail.identity.factors import sms
from securemail.identity.second_step import LastStep, Refused
from securemail.web import auth, factors, forms, session, stepup
from securemail.web.auth import owner
from securemail.web.factors import go, held, vault_of
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.pages.factors import last_step_page
from securemail.web.session import current

pages = Blueprint("phones", __name__)


@pages.route("/security/2fa/phone", methods=["GET", "POST"])
def number() -> ResponseReturnValue:
    """Which number; a code is sent to it."""
    me = stepup.require()
    if not session.runtime().settings.sms_offered:
        return go(url_for("factors.start"))
    if request.method == "GET":
        return _number(Errors())
    settings = session.runtime().settings
    try:
        wanted = sms.to_add(current(), me, forms.text("phone"), region=settings.default_region)
        _count(me, wanted)
        sms.begin(current(), held(me), me, wanted, region=settings.default_region, host=session.public_host())
    except InvalidInput as error:
        return _number(forms.errors_of(error)), 422
    except Refused as refused:
        return _number(Errors(form=factors.refused_text(refused))), 422
    except TooManyAttempts as error:
        return _number(Errors(), retry=factors.clock_after(error.retry_after)), 429
    return go(url_for("phones.code"))


@pages.route("/security/2fa/phone/code", methods=["GET", "POST"])
def code() -> ResponseReturnValue:
    """The code that came by SMS."""
    me = owner()
    if request.method == "GET":
        return _code(me, Errors())
    try:
        with auth.stepped_out():
            limits.check_enrolment(session.runtime(), me.account)
        me = owner()
        kept = sms.enrol(current(), held(me), me, forms.text("code"))
    except TooManyAttempts as error:
        return _code(owner(), Errors(), 429, retry=factors.clock_after(error.retry_after))
    except Refused as refused:
        return _code(me, Errors(code=factors.refused_text(refused)), 422)
    return go(factors.way_on(kept))


@pages.post("/security/2fa/phone/again")
def again() -> ResponseReturnValue:
    """Send another code to the same number."""
    me = owner()
    try:
        _count(me, sms.adding(current(), held(me)))
        sms.send_again(current(), held(me), me, host=session.public_host())
    except Refused:
        return go(url_for("phones.number"))
    except TooManyAttempts as error:
        return _code(owner(), Errors(), 429, retry=factors.clock_after(error.retry_after))
    return go(url_for("phones.code"))


@pages.route("/security/2fa/phone/remove", methods=["GET", "POST"])
def remove() -> ResponseReturnValue:
    """Send no more codes to a number. It is named by when it was added: a number belongs in no address."""
    me = stepup.require()
    added = request.values.get("phone", "")
    found = next((phone for phone in vault_of(me).phones if phone.added == added), None)
    if found is None:
        raise NotFound
    action, shown = url_for("phones.remove"), phone_numbers.masked(found.number)
    if request.method == "GET":
        return render("factors/remove.html", what="sms", action=action, name=shown, key=added, errors=Errors())
    try:
        sms.remove(current(), me, added)
    except LastStep as last:
        return last_step_page(last, "sms", action, name=shown, key=added)
    except Refused as refused:
        raise NotFound from refused
    return go(url_for("factors.overview", saved="removed"))


def _count(me: Owner, number: str) -> None:
    """Count a code before anything is written, in a transaction that stands."""
    with auth.stepped_out():
        limits.check_sms(session.runtime(), account=me.account, number=number, network=session.network(), adding=True)


def _number(errors: Errors, *, retry: str | None = None) -> str:
    values = forms.values(["phone"])
    return render("factors/phone.html", values=values, errors=errors, retry=retry, kept=vault_of(owner()))


def _code(me: Owner, errors: Errors, status: int = 200, *, retry: str | None = None) -> ResponseReturnValue:
    sent = sms.begun(current(), held(me))
    if sent is None:
        return go(url_for("phones.number"))
    ctx = current()
    fares = delivery.state_of(ctx, sent.outbox)
    page = render(
        "factors/phone_code.html",
        number=phone_numbers.formatted(sms.adding(ctx, held(me))),
        wait=sent.wait(ctx.now),
        failed=fares in ("failed", "lost") or delivery.delayed(ctx, sent.outbox),
        errors=errors,
        retry=retry,
        kept=vault_of(me),
    )
    return page, status
