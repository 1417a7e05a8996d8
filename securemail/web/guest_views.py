"""What the recipient's pages have in common: who is at a link in this browser, and the pages that several lead to."""

from datetime import timedelta
from typing import Any, Literal

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail import ids
from securemail.errors import NotFound, TooManyAttempts
from securemail.guests import devices, gate, guest_sessions, links
from securemail.guests.devices import Returning
from securemail.guests.gate import AtGate
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.identity.context import Context, Guest
from securemail.mailboxes import directory
from securemail.mailboxes.directory import Entry
from securemail.store.models import GuestLink
from securemail.web import claiming, session
from securemail.web.filters import clock_time, coming_time
from securemail.web.htmx import render
from securemail.web.session import current

Gone = Literal["renewed", "claimed", "withdrawn"]


def guest_at(ref: bytes) -> Guest | None:
    """Who has opened this link here; None when nobody has, or too long ago."""
    secret = session.guest_secret()
    if secret is None:
        return None
    try:
        guest = guest_sessions.resume(current(), secret, ref)
    except (GuestSessionEnded, NotFound):
        return None
    if not _by_itself() and guest_sessions.touch_is_due(current(), guest):
        session.afterwards(lambda ctx: guest_sessions.touch(ctx, guest))
    return guest


def _by_itself() -> bool:
    """Whether the browser asks without anybody there: for news, so that a letter left open on a table closes after half
    an hour, or ahead, for a page that nobody may ever look at."""
    ahead = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return "X-News" in request.headers or any("prefetch" in purpose for purpose in ahead)


def letter_named(text: str) -> tuple[bytes | None, str]:
    """A link that an address names and this browser has open, and whom it is for; (None, '') for any other text."""
    try:
        ref = ids.from_text(text)
    except ValueError:
        return None, ""
    guest = guest_at(ref)
    return (None, "") if guest is None else (ref, guest.address)


def step_at(ctx: Context, ref: bytes) -> AtGate | None:
    """How far this browser came at a link; None when it has to give the code first."""
    try:
        return gate.at(ctx, session.guest_secret(), ref)
    except (GuestSessionEnded, NotFound):
        return None


def returning(ctx: Context, link: GuestLink) -> Returning | None:
    """This browser, where it was remembered and opens the link without a code."""
    return devices.returning(ctx, session.remembered_secret(), link)


def sender_of(ctx: Context, link: GuestLink) -> Entry | None:
    """Who made a link, as the directory knows them; None when the account is closed."""
    return directory.of_mailbox(ctx, link.maker)


def form(*, code: str = "", error: str | None = None) -> dict[str, Any]:
    """What every page with a field for the code shows."""
    host = session.public_host()
    return {"host": host, "code": code, "error": error, "retry": None, "kept": request.form.get("reply")}


def arrive(ctx: Context, ref: bytes) -> GuestLink | ResponseReturnValue:
    """The link that an address leads to; else the answer: nobody made one, or who took it along has it in a mailbox."""
    link = find(ctx, ref)
    if link is None:
        return unknown()
    ahead = claiming.ahead(link)
    return link if ahead is None else redirect(ahead, 302 if request.method in session.SAFE else 303)


def unknown() -> ResponseReturnValue:
    """A link that nobody made: the code alone is enough."""
    return render("guest/unknown.html", **form()), 404


def closed(ref: bytes, ended: str, *, kept: str = "", status: int = 401) -> ResponseReturnValue:
    """The letter was closed by its reader ('closed'), or its session ended ('idle')."""
    ctx = current()
    link = find(ctx, ref)
    back = returning(ctx, link) if link is not None else None
    page = render("guest/closed.html", ref=ref, host=session.public_host(), ended=ended, kept=kept, back=back)
    return page, status


def limited(ref: bytes | None, error: TooManyAttempts) -> ResponseReturnValue:
    """Too many wrong message codes from this network."""
    headers = {"Retry-After": str(error.retry_after)}
    retry = clock_after(error.retry_after)
    return render("guest/limited.html", retry=retry, ref=ref, host=session.public_host()), 429, headers


def gone(ctx: Context, link: GuestLink) -> ResponseReturnValue:
    """The code was right once. Told only to who has it."""
    newest = links.newest(ctx, link)
    why: Gone = "claimed" if newest.claimed_by is not None else "renewed" if links.living(newest) else "withdrawn"
    if why == "withdrawn":
        return render("guest/taken_back.html", sender=sender_of(ctx, link), sent=None), 410
    ahead = url_for("conversation.show", conversation=link.conversation)
    page = render("guest/gone.html", ref=link.link_ref, why=why, sender=sender_of(ctx, link), ahead=ahead, **form())
    return page, 410


def unready(ctx: Context, link: GuestLink) -> ResponseReturnValue:
    """The sender has yet to fill in a number or a password."""
    return render("guest/unready.html", ref=link.link_ref, sender=sender_of(ctx, link)), 409


def find(ctx: Context, ref: bytes) -> GuestLink | None:
    """The link behind an address, None when there is none."""
    try:
        return links.find(ctx, ref)
    except NotFound:
        return None


def clock_after(seconds: int) -> str:
    """The time of day after so many seconds."""
    return clock_time(current().now + timedelta(seconds=seconds))


def from_when(seconds: int) -> str:
    """The same where it may be tomorrow: 9.58, or morgen 9.58."""
    now = current().now
    return coming_time(now + timedelta(seconds=seconds), now)


def to_letter(ref: bytes, **query: Any) -> ResponseReturnValue:
    """On to the opened letter."""
    return redirect(url_for("guest.letter", ref=ref, **query), 303)
