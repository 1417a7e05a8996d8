"""Remembered browsers as pages: a guest's own (remember, come back, list, forget), and for whoever wrote to them."""

from contextlib import suppress

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.errors import NotFound
from securemail.guests import devices
from securemail.guests.devices import MayNotRemember, Returning
from securemail.identity.context import Context
from securemail.messages import receipts
from securemail.store.models import GuestLink, Recipient
from securemail.web import guest_views as views
from securemail.web import session
from securemail.web.auth import member
from securemail.web.forms import identifier
from securemail.web.guest_letters import letter_with
from securemail.web.guest_views import closed, guest_at, sender_of, to_letter
from securemail.web.htmx import render
from securemail.web.session import current

pages = Blueprint("guest_devices", __name__)


def returning_page(ctx: Context, back: Returning) -> ResponseReturnValue:
    """One button instead of a code; with script the page presses it itself, once somebody sees it."""
    link = back.link
    sent = receipts.last_sent_to(ctx, link)
    return render(
        "guest/returning.html", ref=link.link_ref, sender=sender_of(ctx, link), sent=sent, until=back.device.expires
    )


@pages.post("/b/<identifier:ref>/return", endpoint="open")
def open_(ref: bytes) -> ResponseReturnValue:
    """The remembered browser opens what waits for it."""
    ctx = current()
    link = views.find(ctx, ref)
    back = views.returning(ctx, link) if link is not None else None
    kept = request.form.get("reply", "")
    try:
        secret = devices.open_here(ctx, back, session.guest_secret()) if back is not None else None
    except NotFound:
        secret = None
    if secret is None:
        # Forgotten meanwhile: words that were not sent yet wait beside the field for the code.
        return (
            closed(ref, "idle", kept=kept)
            if kept.strip()
            else redirect(url_for("guest.landing", ref=ref, again=1), 303)
        )
    session.keep_guest(secret)
    return letter_with(ref, secret, kept) if kept.strip() else to_letter(ref, opened=1)


@pages.post("/b/<identifier:ref>/remember")
def remember(ref: bytes) -> ResponseReturnValue:
    """Onthoud dit apparaat 30 dagen."""
    guest = guest_at(ref)
    if guest is None:
        return closed(ref, "idle")
    try:
        secret = devices.remember(current(), guest, session.remembered_secret())
    except MayNotRemember:
        return to_letter(ref)
    session.keep_remembered(secret, lives=devices.LIVES)
    return redirect(url_for("guest_devices.overview", ref=ref, added=1), 303)


@pages.get("/b/<identifier:ref>/devices")
def overview(ref: bytes) -> ResponseReturnValue:
    """The browsers that open this letter without a code."""
    guest, ctx = guest_at(ref), current()
    if guest is None:
        return closed(ref, "idle")
    link = ctx.db.get_one(GuestLink, guest.principal)
    there = devices.of_link(ctx, link, session.remembered_secret())
    may = devices.may_remember(ctx, guest) and not any(one.here for one in there)
    return render(
        "guest/devices.html",
        ref=ref,
        sender=sender_of(ctx, link),
        devices=there,
        may_remember=may,
        remember_method=link.method,
        added=request.args.get("added") == "1",
        forgotten=request.args.get("forgotten") == "1",
    )


@pages.post("/b/<identifier:ref>/devices/forget")
def forget(ref: bytes) -> ResponseReturnValue:
    """A guest forgets a browser."""
    guest = guest_at(ref)
    if guest is None:
        return closed(ref, "idle")
    with suppress(NotFound):  # forgotten already, in another tab or by whoever wrote
        devices.forget(current(), guest, identifier("device"))
    return redirect(url_for("guest_devices.overview", ref=ref, forgotten=1), 303)


@pages.post("/messages/<identifier:message>/recipients/<int(max=9999):place>/devices/forget")
def forget_of(message: bytes, place: int) -> ResponseReturnValue:
    """Whoever wrote forgets a browser of a receiver."""
    ctx, me = current(), member()
    receipts.own_message(ctx, me, message)
    receiver = ctx.db.get(Recipient, (message, place))
    if receiver is None or receiver.kind != "link":
        raise NotFound
    with suppress(NotFound):  # forgotten already by the receiver; another's is left alone
        devices.forget_by_maker(ctx, me, receiver.principal, identifier("device"))
    return redirect(url_for("conversation.receipts", message=message, folder=request.args.get("folder")), 303)
