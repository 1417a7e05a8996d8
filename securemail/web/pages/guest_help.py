"""Asking the sender for help: one page, one button, and what happens then. A GET asks nobody anything."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from securemail.errors import NotFound, TooManyAttempts
from securemail.guests import help as helping
from securemail.guests.help import Kind
from securemail.identity import limits
from securemail.store.models import GuestLink
from securemail.web import session
from securemail.web.guest_views import find, from_when, sender_of, unknown
from securemail.web.htmx import render
from securemail.web.session import current

pages = Blueprint("guest_help", __name__)


@pages.route("/b/<identifier:ref>/help", methods=["GET", "POST"])
def ask(ref: bytes) -> ResponseReturnValue:
    """Ask whoever sent the message."""
    if request.method != "POST":
        link = find(current(), ref)
        return unknown() if link is None else _page(link)
    with session.write_apart() as ctx:
        link = find(ctx, ref)
    if link is None:
        return unknown()
    try:
        limits.check_help(session.runtime(), link=link.id, maker=link.maker, network=session.network())
        helping.ask(current(), link, _kind() or "again")
    except TooManyAttempts as error:
        return _page(link, retry=from_when(error.retry_after), status=429)
    except NotFound:
        return _page(link, status=409)
    except IntegrityError:
        # Somebody asked at the same moment: the sender knows.
        session.settle(success=False)
    return redirect(url_for("guest_help.ask", ref=ref, asked=1), 303)


def _page(link: GuestLink, *, retry: str | None = None, status: int = 200) -> ResponseReturnValue:
    page = render(
        "guest/help.html",
        ref=link.link_ref,
        sender=sender_of(current(), link),
        kind=_kind(),
        asked=request.args.get("asked") == "1",
        retry=retry,
        host=session.public_host(),
    )
    return page, status


def _kind() -> Kind | None:
    wanted = request.values.get("kind", "")
    return next((kind for kind in helping.KINDS if kind == wanted), None)
