"""Becoming a user, from an opened letter: what it is for, and taking what is open along into the account."""

from typing import Literal

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from securemail import ids
from securemail.guests import claiming
from securemail.guests.claiming import MayNotClaim, Reason
from securemail.identity import signup
from securemail.identity.context import Context, Guest
from securemail.mailboxes.addresses import normalise
from securemail.messages import reading
from securemail.organisations import policy
from securemail.store.models import GuestLink
from securemail.web import claiming as offered
from securemail.web import guest_views as views
from securemail.web import session
from securemail.web.auth import member, owner
from securemail.web.guest_views import guest_at, sender_of
from securemail.web.htmx import render
from securemail.web.session import current

pages = Blueprint("claims", __name__)
State = Literal["stranger", "ready", "ended"] | Reason


@pages.get("/b/<identifier:ref>/account")
def account(ref: bytes) -> ResponseReturnValue:
    """What an account is for, and what goes along; one button for who is logged in with the same address."""
    ctx = current()
    link = views.arrive(ctx, ref)
    if not isinstance(link, GuestLink):
        return link
    if current_user.is_authenticated:
        member()  # whoever must secure their account first is led there
    guest = guest_at(ref)
    if guest is None:
        return _page(ctx, link, None, "ended"), 401
    return _page(ctx, link, guest, _state(ctx, guest))


@pages.post("/b/<identifier:ref>/claim")
def claim(ref: bytes) -> ResponseReturnValue:
    """Take one conversation along."""
    ctx, me = current(), member()
    link = views.arrive(ctx, ref)
    if not isinstance(link, GuestLink):
        return link  # after a second tap: on to where the first one put it
    guest = guest_at(ref)
    if guest is None:
        return _page(ctx, link, None, "ended"), 401
    try:
        claiming.claim(ctx, me, guest)
    except MayNotClaim as refused:
        return _page(ctx, link, guest, refused.reason), 409
    return redirect(url_for("conversation.show", conversation=guest.conversation, done="claimed"), 303)


@pages.post("/claims", endpoint="claim_all")
def claim_all() -> ResponseReturnValue:
    """Take along everything that this browser has open for who is logged in."""
    ctx, me = current(), member()
    found = claiming.offers(ctx, me, session.guest_secret())
    taken = claiming.claim(ctx, me, *found) if found else []
    if len(taken) == 1:
        return redirect(url_for("conversation.show", conversation=taken[0], done="claimed"), 303)
    return redirect(url_for("mailbox.inbox", claimed=len(taken)), 303)


@pages.post("/claims/later")
def later() -> ResponseReturnValue:
    """Put the offer away, in this browser and for what is open now."""
    found = claiming.offers(current(), owner(), session.guest_secret())
    session.put_away(offered.mark_of(found))
    return redirect(url_for("mailbox.inbox"), 303)


def _state(ctx: Context, guest: Guest) -> State:
    """How far this browser is."""
    me = offered.here()
    try:
        if me is None:
            claiming.require_proved(ctx, guest)
            return "stranger"
        claiming.may_claim(ctx, me, guest)
    except MayNotClaim as refused:
        return refused.reason
    return "ready"


def _page(ctx: Context, link: GuestLink, guest: Guest | None, state: State) -> str:
    me = offered.here()
    decided = signup.policy_here(ctx)
    domains = [policy.shown_domain(domain) for domain in decided.domains] if decided.sign_up == "domains" else []
    return render(
        "guest/claim.html",
        ref=link.link_ref,
        state=state,
        sender=sender_of(ctx, link),
        address=guest.address if guest is not None else None,
        mine=me.address if me is not None else None,
        count=_count(ctx, guest) if guest is not None else 0,
        lets_in=guest is not None and decided.lets_in(normalise(guest.address)),
        domains=domains,
        sign_up=url_for("signup.start", letter=ids.to_text(link.link_ref)),
        **views.form(),
    )


def _count(ctx: Context, guest: Guest) -> int:
    """How many messages go along."""
    return sum(letter.head is not None for letter in reading.conversation(ctx, guest, guest.conversation))
