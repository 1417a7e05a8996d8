"""The recipient check as pages: the code by SMS, or the agreed password. A GET sends nothing and counts nothing."""

from math import ceil
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from securemail.crypto.secrets import Secret, SessionSecret
from securemail.delivery import sms as delivery
from securemail.errors import Busy, InvalidInput, TooManyAttempts
from securemail.guests import gate
from securemail.guests.gate import AtGate, Locked, Refused, SmsSent
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.identity import limits
from securemail.identity.context import Context
from securemail.web import forms, session
from securemail.web.forms import Errors
from securemail.web.guest_letters import letter_with
from securemail.web.guest_views import from_when, sender_of, step_at, to_letter
from securemail.web.htmx import render
from securemail.web.languages import language
from securemail.web.session import current

pages = Blueprint("guest_check", __name__)
WAIT = 60
"""Seconds before another code may be asked for."""
_LONGEST_TYPED = 40


@pages.get("/b/<identifier:ref>/check")
def show(ref: bytes) -> ResponseReturnValue:
    """What this browser has to do next."""
    at = step_at(current(), ref)
    if at is None:
        return redirect(url_for("guest.landing", ref=ref))
    return to_letter(ref) if at.step == "open" else step_page(at)


@pages.post("/b/<identifier:ref>/check", endpoint="enter")
def enter(ref: bytes) -> ResponseReturnValue:
    """The code from the phone, or the agreed password."""
    typed = request.form.get("code", "")
    try:
        return _passed(ref, *_counted(ref, typed), typed)
    except GuestSessionEnded:
        return redirect(url_for("guest.landing", ref=ref), 303)
    except Refused as refused:
        return _again(ref, refused=refused)
    except InvalidInput as error:
        return _again(ref, error=forms.input_error(error))
    except Locked:
        return _again(ref)


@pages.post("/b/<identifier:ref>/check/sms")
def send(ref: bytes) -> ResponseReturnValue:
    """Send a code, the first or another."""
    at = step_at(current(), ref)
    if at is None or at.step != "sms":
        return redirect(url_for("guest_check.show", ref=ref), 303)
    sent = gate.sms_sent(current(), at)
    wait = 0 if sent is None else _wait(current(), sent)
    if wait:
        return step_page(at, status=429)
    # What is counted stands apart, and this request's own transaction would be in its way.
    session.settle(success=False)
    return send_code(at.secret, at.link.link_ref)


def send_code(secret: SessionSecret, ref: bytes) -> ResponseReturnValue:
    """Count a code, send it, and show where it is typed; with the transaction of the page before it over."""
    at = gate.at(current(), secret, ref)
    if at.locked or not session.runtime().settings.sms_offered:
        return step_page(at)
    session.settle(success=False)
    try:
        limits.check_guest_sms(session.runtime(), at.link.id, at.link.maker)
        at = gate.at(current(), secret, ref)
        gate.send_sms(current(), at, host=session.public_host(), language=language())
    except TooManyAttempts as error:
        return step_page(gate.at(current(), secret, ref), retry=from_when(error.retry_after), status=429)
    except Locked:
        return step_page(gate.at(current(), secret, ref))
    if request.form.get("reply", "").strip():
        current().db.flush()
        return step_page(gate.at(current(), secret, ref))
    return redirect(url_for("guest_check.show", ref=ref), 303)


def step_page(
    at: AtGate, *, error: str | None = None, retry: str | None = None, status: int = 200
) -> ResponseReturnValue:
    """The step that a browser is at, or that its link is locked."""
    ctx = current()
    facts: dict[str, Any] = {
        "ref": at.link.link_ref,
        "sender": sender_of(ctx, at.link),
        "kept": request.form.get("reply"),
    }
    errors = Errors(code=error) if error else Errors()
    if at.locked:
        return render("guest/locked.html", **facts), status
    if at.step == "password":
        return render("guest/password.html", hint=gate.hint(at), errors=errors, **facts), status
    sent = gate.sms_sent(ctx, at)
    page = render(
        "guest/sms.html",
        state=_state(ctx, sent),
        number=gate.masked_number(at),
        wait=0 if sent is None else _wait(ctx, sent),
        typed=forms.text("code")[:_LONGEST_TYPED] if error else "",
        retry=retry,
        errors=errors,
        **facts,
    )
    return page, status


def _counted(ref: bytes, typed: str) -> tuple[AtGate, int]:
    """Where the browser is, and its try counted in a transaction that stands."""
    with session.write_apart() as ctx:
        at = gate.at(ctx, session.guest_secret(), ref)
        if at.step == "sms":
            gate.digits_of(typed)
        if not typed:
            raise Refused("typing")
        return at, 0 if at.step == "open" else gate.count_try(ctx, at)


def _passed(ref: bytes, at: AtGate, left: int, typed: str) -> ResponseReturnValue:
    if at.step == "open":
        return to_letter(ref)
    if at.step == "sms":
        ctx = current()
        secret = gate.enter_sms(ctx, gate.at(ctx, at.secret, ref), typed, left=left)
    else:
        # Slow, and before the first statement: no transaction is open yet.
        stretched = _stretched(at, typed)
        ctx = current()
        secret = gate.enter_password(ctx, gate.at(ctx, at.secret, ref), stretched, left=left)
    session.keep_guest(secret)
    kept = request.form.get("reply", "")
    if not kept.strip():
        return to_letter(ref, opened=1)
    return letter_with(ref, secret, kept)


def _stretched(at: AtGate, typed: str) -> Secret:
    try:
        return gate.stretch(current(), at, typed)
    except (Busy, InvalidInput):
        # Never compared: a busy server, or a text that no password can be, locks nobody out.
        session.settle(success=False)
        with session.write_apart() as ctx:
            gate.give_back(ctx, at)
        raise


def _again(ref: bytes, *, refused: Refused | None = None, error: str | None = None) -> ResponseReturnValue:
    session.settle(success=False)
    at = step_at(current(), ref)
    if at is None:
        return redirect(url_for("guest.landing", ref=ref), 303)
    return step_page(at, error=_refused_text(at, refused) if refused else error, status=422)


def _refused_text(at: AtGate, refused: Refused) -> str:
    if refused.reason == "expired":
        return str(_("Deze code werkt niet meer. Vraag een nieuwe code."))
    if refused.reason == "typing":
        return str(_("De code heeft 6 cijfers.") if at.step == "sms" else _("Vul het wachtwoord in."))
    left = refused.left or 0
    if at.step == "sms" and not left:
        return str(_("Deze code klopt niet. Vraag een nieuwe code."))
    if at.step == "password":
        return str(
            ngettext(
                "Dit wachtwoord klopt niet. U kunt het nog %(num)s keer proberen.",
                "Dit wachtwoord klopt niet. U kunt het nog %(num)s keer proberen.",
                left,
            )
        )
    return str(
        ngettext(
            "Deze code klopt niet. U kunt het nog %(num)s keer proberen.",
            "Deze code klopt niet. U kunt het nog %(num)s keer proberen.",
            left,
        )
    )


def _wait(ctx: Context, sent: SmsSent) -> int:
    return max(0, ceil(WAIT - (ctx.now - sent.sent).total_seconds()))


def _state(ctx: Context, sent: SmsSent | None) -> str:
    """How the code fares: 'none' (not sent yet), 'sent', 'failed', 'expired' or 'off' (not offered any more)."""
    if not session.runtime().settings.sms_offered:
        return "off"
    if sent is None:
        return "none"
    if ctx.now - sent.sent > gate.CODE_LIVES:
        return "expired"
    fares = delivery.state_of(ctx, sent.outbox)
    return "failed" if fares in ("failed", "lost") or delivery.delayed(ctx, sent.outbox) else "sent"
