"""The recipient's pages: landing, the opened conversation, answering, closing. A GET changes nothing at all here."""

import hashlib
import re
from datetime import timedelta
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail import ids
from securemail.crypto.codes import TypingError, read_message_code
from securemail.errors import InvalidInput, NotFound, TooManyAttempts
from securemail.guests import gate, guest_sessions, links
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.guests.links import WrongCode
from securemail.i18n import LOCALES
from securemail.identity.context import Context, Guest
from securemail.mailboxes import directory
from securemail.messages import reading, receipts, sending
from securemail.messages.reading import Letter
from securemail.store.models import GuestLink
from securemail.web import present, session
from securemail.web.filters import clock_time
from securemail.web.forms import input_error
from securemail.web.htmx import render
from securemail.web.session import current

pages = Blueprint("guest", __name__)
_REF = re.compile(r"[A-Za-z0-9_-]{21}[AQgw](?![A-Za-z0-9_-])")
"""The part of a link that names it; the last of 22 characters holds only two bits."""


@pages.get("/b")
def enter() -> ResponseReturnValue:
    """A field for a code, for who has no link."""
    return render("guest/enter.html", **_form())


@pages.post("/b", endpoint="enter_code")
def enter_code() -> ResponseReturnValue:
    """A code typed by hand finds its own message."""
    return _open(None)


@pages.get("/b/<identifier:ref>")
def landing(ref: bytes) -> ResponseReturnValue:
    """Who sent something, when, and one field. Robots may ask for this as often as they like."""
    ctx = current()
    try:
        link = links.find(ctx, ref)
    except NotFound:
        return render("guest/unknown.html", **_form()), 404
    if _guest(ref) is not None:
        return redirect(url_for("guest.letter", ref=ref))
    return _landing(ctx, ref, link)


@pages.get("/b/<path:garbled>")
def garbled(garbled: str) -> ResponseReturnValue:
    """A link that lost something on its way, or was given a full stop: never a dead end, the code alone is enough."""
    found = _REF.match(garbled)
    if found is not None:
        return redirect(url_for("guest.landing", ref=found[0]))
    return render("guest/unknown.html", **_form()), 404


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
    guest = _guest(ref)
    if guest is None:
        return _closed(ref, "idle")
    receipts.mark_opened(current(), guest, guest.conversation)
    return redirect(url_for("guest.letter", ref=ref), 303)


@pages.post("/b/<identifier:ref>/reply")
def reply(ref: bytes) -> ResponseReturnValue:
    """Answer within the conversation, to those who are in it."""
    ctx, text = current(), request.form.get("reply", "")
    guest = _guest(ref)
    if guest is None:
        return _closed(ref, "idle", kept=text)
    try:
        sending.reply(ctx, guest, conversation=guest.conversation, key=_key(), text=text)
    except InvalidInput as error:
        return _letters(ref, typed=text, errors={"reply": input_error(error)}, status=422)
    except (sending.NobodyLeft, NotFound):
        errors = {"reply": _("Er is niemand meer aan wie u kunt antwoorden: het bericht is ingetrokken.")}
        return _letters(ref, typed=text, errors=errors, status=409)
    return redirect(url_for("guest.letter", ref=ref, sent=1), 303)


@pages.post("/b/<identifier:ref>/close")
def close(ref: bytes) -> ResponseReturnValue:
    """Forget this browser's guest session."""
    secret = session.guest_secret()
    if secret is not None:
        guest_sessions.end(current(), secret)
    response = _closed(ref, "closed", status=200)
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
        entered = gate.enter_code(ctx, code, session.guest_secret())
        secret, link = entered.secret, entered.link
    except TypingError:
        return _again(ctx, ref, typed, "typing", 422)
    except WrongCode:
        session.count_wrong_code()
        return _again(ctx, ref, typed, "wrong", 422)
    except TooManyAttempts as error:
        return _limited(ref, error)
    session.keep_guest(secret)
    kept = request.form.get("reply", "")
    if kept.strip():
        # An answer that outlived its session: the letter comes at once, with the words still in its field.
        ctx.db.flush()
        return _letters_for(guest_sessions.resume(ctx, secret, link.link_ref), link.link_ref, typed=kept)
    return redirect(url_for("guest.letter", ref=link.link_ref, opened=1), 303)


def _landing(
    ctx: Context, ref: bytes, link: GuestLink, *, code: str = "", error: str | None = None, status: int = 200
) -> ResponseReturnValue:
    maker = directory.of_mailbox(ctx, link.maker)
    return render(
        "guest/landing.html",
        ref=ref,
        sender=maker,
        sent=receipts.last_sent_to(ctx, link.id),
        **_form(code=code, error=error),
    ), status


def _again(ctx: Context, ref: bytes | None, typed: str, error: str, status: int) -> ResponseReturnValue:
    """The same page with a sentence at the field, and what was typed still in it."""
    if ref is None:
        return render("guest/enter.html", **_form(code=typed, error=error)), status
    try:
        return _landing(ctx, ref, links.find(ctx, ref), code=typed, error=error, status=status)
    except NotFound:
        return render("guest/unknown.html", **_form(code=typed, error=error)), status


def _limited(ref: bytes | None, error: TooManyAttempts) -> ResponseReturnValue:
    retry = clock_time(current().now + timedelta(seconds=error.retry_after))
    headers = {"Retry-After": str(error.retry_after)}
    return render("guest/limited.html", retry=retry, ref=ref, host=session.public_host()), 429, headers


def _letters(
    ref: bytes, *, typed: str = "", errors: dict[str, str] | None = None, status: int = 200
) -> ResponseReturnValue:
    guest = _guest(ref)
    if guest is None:
        return _closed(ref, "idle")
    return _letters_for(guest, ref, typed=typed, errors=errors, status=status)


def _letters_for(
    guest: Guest, ref: bytes, *, typed: str, errors: dict[str, str] | None = None, status: int = 200
) -> ResponseReturnValue:
    ctx = current()
    letters = reading.conversation(ctx, guest, guest.conversation)
    mark = _mark(letters)
    if request.headers.get("X-News") == mark:
        return "", 204
    if all(letter.state == "revoked" for letter in letters):
        last = letters[-1]
        return render("guest/taken_back.html", sender=last.sender, sent=last.sent_at), 410 if status == 200 else status
    names = [party.name for party in sending.would_answer(ctx, guest, guest.conversation)]
    return render(
        "guest/letter.html",
        ref=ref,
        subject=reading.subject_of(letters),
        opened=receipts.last_opened(ctx, guest, guest.conversation),
        letters=[present.letter(letter, guest, frozenset()) for letter in letters],
        reply_names=names,
        can_reply=bool(names),
        deserted=not names and sending.is_deserted(ctx, guest, guest.conversation),
        reply_text=typed,
        reply_key=request.form.get("key") or ids.to_text(ids.new_id()),
        errors=errors or {},
        sent_reply=request.args.get("sent") == "1",
        just_opened=request.args.get("opened") == "1",
        mark=mark,
    ), status


def _mark(letters: list[Letter]) -> str:
    """Which letters there are and in what state: another mark means that there is something to draw anew."""
    facts = b"".join(letter.message + letter.state.encode() for letter in letters)
    return hashlib.sha256(facts).hexdigest()[:16]


def _guest(ref: bytes) -> Guest | None:
    secret = session.guest_secret()
    if secret is None:
        return None
    try:
        guest = guest_sessions.resume(current(), secret, ref)
    except GuestSessionEnded:
        return None
    # The question for news is no activity: a letter left open on a table closes after half an hour.
    if "X-News" not in request.headers and guest_sessions.touch_is_due(current(), guest):
        session.afterwards(lambda ctx: guest_sessions.touch(ctx, guest))
    return guest


def _closed(ref: bytes, ended: str, *, kept: str = "", status: int = 401) -> ResponseReturnValue:
    page = render("guest/closed.html", ref=ref, host=session.public_host(), ended=ended, kept=kept)
    return page, status


def _form(*, code: str = "", error: str | None = None) -> dict[str, Any]:
    return {
        "host": session.public_host(),
        "code": code,
        "error": error,
        "retry": None,
        "kept": request.form.get("reply"),
    }


def _key() -> bytes:
    try:
        return ids.from_text(request.form.get("key", ""))
    except ValueError as error:
        raise InvalidInput("key", "malformed") from error
