"""The opened letter as a page: for who reads, and for who comes back with an answer that was not sent yet."""

import hashlib

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail import ids
from securemail.crypto.secrets import SessionSecret
from securemail.guests import devices, guest_sessions
from securemail.identity.context import Context, Guest
from securemail.mailboxes import directory
from securemail.messages import answering, expiry, reading, receipts
from securemail.messages.reading import Letter
from securemail.store.models import GuestLink
from securemail.web import present, session
from securemail.web.htmx import render
from securemail.web.session import current


def letter_with(ref: bytes, secret: SessionSecret, kept: str) -> ResponseReturnValue:
    """An answer that outlived its session: the letter comes at once, with the words still in its field."""
    ctx = current()
    ctx.db.flush()
    return letters_for(guest_sessions.resume(ctx, secret, ref), ref, typed=kept)


def letters_for(
    guest: Guest, ref: bytes, *, typed: str, errors: dict[str, str] | None = None, status: int = 200,
    fresh: bool = False,
) -> ResponseReturnValue:  # fmt: skip
    """The conversation as this guest may see it now; nothing at all when the page that asks has seen it so.

    With `fresh`, what stands in the field is another answer than the one that this form's key has sent.
    """
    ctx = current()
    letters = reading.conversation(ctx, guest, guest.conversation)
    mark = _mark(letters)
    if request.headers.get("X-News") == mark:
        return "", 204
    if all(letter.state in ("revoked", "expired") for letter in letters):
        return _nothing_left(ref, letters[-1], status)
    link = ctx.db.get_one(GuestLink, guest.principal)
    there = devices.of_link(ctx, link, session.remembered_secret())
    names = [party.name for party in answering.whom(ctx, guest, guest.conversation)]
    return render(
        "guest/letter.html",
        ref=ref,
        subject=reading.subject_of(letters),
        opened=receipts.last_opened(ctx, guest, guest.conversation),
        letters=[present.letter(letter, guest) for letter in letters],
        reply_names=names,
        can_reply=bool(names),
        deserted=not names and answering.is_deserted(ctx, guest, guest.conversation),
        reply_text=typed,
        reply_key=("" if fresh else request.form.get("key", "")) or ids.to_text(ids.new_id()),
        errors=errors or {},
        sent_reply=request.args.get("sent") == "1",
        just_opened=request.args.get("opened") == "1",
        ends=expiry.next_end(ctx, guest, guest.conversation),
        mark=mark,
        devices=there,
        remember_method=link.method,
        remember_name=_name_of_maker(ctx, link),
        may_remember=not any(one.here for one in there) and devices.may_remember(ctx, guest),
    ), status


def _name_of_maker(ctx: Context, link: GuestLink) -> str:
    """Whose later messages a remembered browser opens."""
    maker = directory.of_mailbox(ctx, link.maker)
    return maker.name if maker is not None and maker.name else _("de afzender")


def _nothing_left(ref: bytes, last: Letter, status: int) -> ResponseReturnValue:
    """Everything was taken back, or its time is over."""
    over = last.state == "expired"
    page = render(
        "guest/expired.html" if over else "guest/taken_back.html", ref=ref, sender=last.sender, sent=last.sent_at
    )
    return page, 410 if status == 200 else status


def _mark(letters: list[Letter]) -> str:
    """Which letters there are and in what state: another mark means that there is something to draw anew."""
    facts = b"".join(letter.message + letter.state.encode() for letter in letters)
    return hashlib.sha256(facts).hexdigest()[:16]
