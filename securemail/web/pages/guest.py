"""The recipient's pages: landing, the opened conversation, answering, closing. A GET changes nothing at all here."""

import re

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail.crypto.codes import TypingError, read_message_code
from securemail.crypto.secrets import MessageCode
from securemail.errors import InvalidInput, NotFound, TooManyAttempts
from securemail.guests import gate, guest_sessions, links
from securemail.guests.gate import LinkClosed, Unready
from securemail.guests.links import WrongCode
from securemail.i18n import LOCALES
from securemail.identity import limits
from securemail.identity.context import Context
from securemail.messages import receipts, sending
from securemail.store.models import GuestLink
from securemail.web import claiming, session
from securemail.web import guest_views as views
from securemail.web.forms import identifier, input_error
from securemail.web.guest_letters import letter_with, letters_for
from securemail.web.guest_views import closed, form, guest_at, sender_of, step_at, to_letter
from securemail.web.htmx import render
from securemail.web.pages import guest_check, guest_devices
from securemail.web.session import current

pages = Blueprint("guest", __name__)
_REF = re.compile(r"[A-Za-z0-9_-]{21}[AQgw](?![A-Za-z0-9_-])")
"""The part of a link that names it; the last of 22 characters holds only two bits."""


@pages.get("/b")
def enter() -> ResponseReturnValue:
    """A field for a code, for who has no link."""
    return render("guest/enter.html", **form())


@pages.post("/b", endpoint="enter_code")
def enter_code() -> ResponseReturnValue:
    """A code typed by hand finds its own message."""
    return _open(None)


@pages.get("/b/<identifier:ref>")
def landing(ref: bytes) -> ResponseReturnValue:
    """Who sent something, when, and one field. Robots may ask for this as often as they like."""
    ctx = current()
    link = views.arrive(ctx, ref)
    if not isinstance(link, GuestLink):
        return link
    at = step_at(ctx, ref) if request.args.get("again") is None else None
    if at is None:
        back = views.returning(ctx, link) if request.args.get("again") is None else None
        return _landing(ctx, ref, link) if back is None else guest_devices.returning_page(ctx, back)
    # A browser between two steps goes on where it was: the code by SMS that it waits for stays good.
    return redirect(url_for("guest.letter" if at.step == "open" else "guest_check.show", ref=ref))


@pages.get("/b/<path:garbled>")
def garbled(garbled: str) -> ResponseReturnValue:
    """A link that lost something on its way, or was given a full stop: never a dead end, the code alone is enough."""
    found = _REF.match(garbled)
    if found is not None:
        return redirect(url_for("guest.landing", ref=found[0]))
    return render("guest/unknown.html", **form()), 404


@pages.post("/b/<identifier:ref>", endpoint="open_code")
def open_code(ref: bytes) -> ResponseReturnValue:
    """The person's own act: the code opens the conversation in this browser."""
    return _open(ref)


@pages.get("/b/<identifier:ref>/letter")
def letter(ref: bytes) -> ResponseReturnValue:
    """The opened conversation; what came since stays closed until a person opens it."""
    return _letters(ref)


@pages.post("/b/<identifier:ref>/open", endpoint="open")
def open_(ref: bytes) -> ResponseReturnValue:
    """Open what came since."""
    guest = guest_at(ref)
    if guest is None:
        return closed(ref, "idle")
    receipts.mark_opened(current(), guest, guest.conversation)
    return redirect(url_for("guest.letter", ref=ref), 303)


@pages.post("/b/<identifier:ref>/reply")
def reply(ref: bytes) -> ResponseReturnValue:
    """Answer within the conversation, to those who are in it."""
    ctx, text = current(), request.form.get("reply", "")
    guest = guest_at(ref)
    if guest is None:
        return closed(ref, "idle", kept=text)
    try:
        sending.reply(ctx, guest, conversation=guest.conversation, key=identifier("key"), text=text)
        limits.count_guest_answer(ctx, guest.principal)
    except TooManyAttempts as error:
        session.settle(success=False)
        return _letters(ref, typed=text, errors={"reply": _too_many(error)}, status=429)
    except InvalidInput as error:
        return _letters(ref, typed=text, errors={"reply": input_error(error)}, status=422)
    except sending.AlreadySent:
        errors = {"reply": _("Uw antwoord is al verstuurd, met een andere tekst. Wat u hier schreef staat er nog.")}
        return _letters(ref, typed=text, errors=errors, status=409, fresh=True)
    except (sending.NobodyLeft, NotFound):
        errors = {"reply": _("Er is niemand meer aan wie u kunt antwoorden: het bericht is ingetrokken.")}
        return _letters(ref, typed=text, errors=errors, status=409)
    return redirect(url_for("guest.letter", ref=ref, sent=1, _anchor="verstuurd"), 303)


def _too_many(error: TooManyAttempts) -> str:
    when = views.from_when(error.retry_after)
    return str(
        _("U heeft kort na elkaar veel antwoorden verstuurd. Vanaf %(time)s uur kunt u dit versturen.", time=when)
    )


@pages.post("/b/<identifier:ref>/close")
def close(ref: bytes) -> ResponseReturnValue:
    """Forget this browser's guest session."""
    secret = session.guest_secret()
    if secret is not None:
        guest_sessions.end(current(), secret)
    response = closed(ref, "closed", status=200)
    session.forget_guest()
    return response


@pages.post("/language")
def language() -> ResponseReturnValue:
    """The other language, kept in a cookie; back to the page it was asked on."""
    chosen, target = request.form.get("language", ""), request.form.get("next", "/b")
    if chosen not in LOCALES:
        raise InvalidInput("language", "unknown")
    session.choose_language(chosen)
    return redirect(target if session.is_own_path(target) else url_for("guest.enter"), 303)


def _open(ref: bytes | None) -> ResponseReturnValue:
    ctx, typed = current(), request.form.get("code", "")
    if not typed.strip():
        return _again(ctx, ref, typed, "empty", 422)
    try:
        code = read_message_code(typed)
        session.require_room_for_codes()
        waits = _waits_already(ctx, code)
        if waits is not None:
            return redirect(url_for("guest_check.show", ref=waits), 303)
        entered = gate.enter_code(ctx, code, session.guest_secret())
    except TypingError:
        return _again(ctx, ref, typed, "typing", 422)
    except WrongCode:
        session.count_wrong_code()
        return _again(ctx, ref, typed, "wrong", 422)
    except TooManyAttempts as error:
        return views.limited(ref, error)
    except LinkClosed:
        return views.gone(ctx, links.by_code(ctx, code))
    except Unready:
        return views.unready(ctx, links.by_code(ctx, code))
    session.keep_guest(entered.secret)
    return _entered(ctx, entered)


def _entered(ctx: Context, entered: gate.AtGate) -> ResponseReturnValue:
    """The code was right: the letter, or the step that comes before it."""
    ref, kept = entered.link.link_ref, request.form.get("reply", "")
    if entered.step == "sms":
        # This step stands, also where no code can be sent just now.
        session.settle(success=True)
        return guest_check.send_code(entered.secret, ref)
    if entered.step == "password":
        if kept.strip():
            return guest_check.step_page(entered)
        return redirect(url_for("guest_check.show", ref=ref), 303)
    if kept.strip():
        return letter_with(ref, entered.secret, kept)
    return to_letter(ref, opened=1)


def _waits_already(ctx: Context, code: MessageCode) -> bytes | None:
    """The link of a code that this browser has given before, where a code by SMS is on its way to it."""
    ref = links.by_code(ctx, code).link_ref
    at = step_at(ctx, ref)
    waiting = at is not None and at.step == "sms" and gate.sms_sent(ctx, at) is not None
    return ref if waiting and not request.form.get("reply", "").strip() else None


def _landing(
    ctx: Context, ref: bytes, link: GuestLink, *, code: str = "", error: str | None = None, status: int = 200
) -> ResponseReturnValue:
    return render(
        "guest/landing.html",
        ref=ref,
        sender=sender_of(ctx, link),
        # The same with the address of an earlier mail: only who has its code is told that there is another.
        sent=receipts.last_sent_to(ctx, link),
        **form(code=code, error=error),
    ), status


def _again(ctx: Context, ref: bytes | None, typed: str, error: str, status: int) -> ResponseReturnValue:
    """The same page with a sentence at the field, and what was typed still in it."""
    if ref is None:
        return render("guest/enter.html", **form(code=typed, error=error)), status
    link = views.find(ctx, ref)
    if link is None:
        return render("guest/unknown.html", **form(code=typed, error=error)), status
    return _landing(ctx, ref, link, code=typed, error=error, status=status)


def _letters(
    ref: bytes, *, typed: str = "", errors: dict[str, str] | None = None, status: int = 200, fresh: bool = False
) -> ResponseReturnValue:
    guest = guest_at(ref)
    if guest is None:
        link = views.find(current(), ref)
        ahead = claiming.ahead(link) if link is not None else None
        return closed(ref, "idle") if ahead is None else redirect(ahead)
    return letters_for(guest, ref, typed=typed, errors=errors, status=status, fresh=fresh)
