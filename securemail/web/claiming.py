"""What a browser has open as a guest while somebody is logged in there: offered to them, and found again afterwards."""

import hashlib
from dataclasses import dataclass

from flask import g, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from securemail.guests import claiming
from securemail.identity.context import Context, Guest, Member
from securemail.mailboxes import directory
from securemail.store.models import GuestLink
from securemail.web import auth, session


@dataclass(frozen=True)
class Offer:
    """What can be taken along: how many conversations, whose, and the mark by which it is put away."""

    guests: tuple[Guest, ...]
    names: tuple[str, ...]
    mark: str

    @property
    def count(self) -> int:
        """How many conversations."""
        return len(self.guests)


def offer() -> Offer | None:
    """What this browser has open for who is logged in, unless they put it away; asks nothing where no guest was."""
    if "claim_offer" not in g:
        g.claim_offer = _offer()
    found: Offer | None = g.claim_offer
    return found


def _offer() -> Offer | None:
    ctx, owner, secret = session.current(), auth.known_owner(), session.guest_secret()
    found = claiming.offers(ctx, owner, secret) if owner is not None and secret is not None else []
    mark = mark_of(found)
    if not found or request.cookies.get(session.PUT_AWAY) == mark:
        return None
    return Offer(tuple(found), _names(ctx, found), mark)


def mark_of(guests: list[Guest]) -> str:
    """Says which links are meant and nothing about them: another one that is opened later is offered all the same."""
    return hashlib.sha256(b"".join(sorted(guest.link for guest in guests))).hexdigest()[:32]


def _names(ctx: Context, guests: list[Guest]) -> tuple[str, ...]:
    makers = dict.fromkeys(ctx.db.get_one(GuestLink, guest.link).maker for guest in guests)
    found = [directory.of_mailbox(ctx, maker) for maker in makers]
    return tuple(entry.name if entry is not None and entry.name else _("een afzender") for entry in found)


def ahead(link: GuestLink) -> str | None:
    """Where somebody who is logged in finds what they took along; None for everybody else, who learn nothing of it."""
    # Before the link is looked at: another member's page would take longer where somebody took it along.
    me = here()
    if me is None or me.mailbox != link.claimed_by:
        return None
    return url_for("conversation.show", conversation=link.conversation)


def here() -> Member | None:
    """Who is logged in and may read, on a page that anybody may see."""
    return current_user.member if current_user.is_authenticated else None
