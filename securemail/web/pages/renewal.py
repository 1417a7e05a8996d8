"""A new code for a guest, or another check, from the receipts of a message; the earlier code then works no more."""

from typing import Final

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from securemail import ids
from securemail.errors import Conflict, InvalidInput
from securemail.guests import links
from securemail.identity.context import Context, Member
from securemail.messages import receipts, renewal
from securemail.store.models import GuestLink
from securemail.web import forms, other_checks, session
from securemail.web.auth import member
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.pages.conversation import answer
from securemail.web.session import current

pages = Blueprint("renewal", __name__)
_WHY: Final = {renewal.NothingShared: "nothing", renewal.TakesPart: "account"}
_ONE: Final = "/messages/<identifier:message>/recipients/<int(max=9999):place>"


@pages.get(f"{_ONE}/code")
def code(message: bytes, place: int) -> ResponseReturnValue:
    """Asks before a new code is sent. Where a password was agreed on, it has to be said again."""
    ctx, me = current(), member()
    link = receipts.own_link(ctx, me, message, place)
    if link.method == "password":
        return _to_sheet(message, place)
    kept = links.kept_of(ctx, me, link)
    return render(
        "renewal/code.html", "dialog", message=message, place=place, conversation_id=link.conversation,
        link=ids.to_text(link.id), name=kept.name or kept.address, address=kept.address,
    )  # fmt: skip


@pages.post(f"{_ONE}/code")
def send(message: bytes, place: int) -> ResponseReturnValue:
    """Nieuwe code sturen, with the check that stands."""
    ctx, me = current(), member()
    link = receipts.own_link(ctx, me, message, place)
    try:
        _require_unchanged(link)
        renewal.new_code(ctx, me, link.id)
    except InvalidInput:  # the organisation asks more by now
        session.settle(success=False)
        return _to_sheet(message, place)
    except Conflict as error:
        return _cannot(link, error)
    return answer(ctx, me, link.conversation, toast="renewed")


@pages.get(f"{_ONE}/check")
def check(message: bytes, place: int) -> ResponseReturnValue:
    """Controle wijzigen: the sheet of the composer, for one who was written to already."""
    ctx, me = current(), member()
    return _sheet(ctx, me, message, place)


@pages.post(f"{_ONE}/check")
def put(message: bytes, place: int) -> ResponseReturnValue:
    """Another check, with a new code."""
    link = receipts.own_link(current(), member(), message, place)
    try:
        chosen = other_checks.typed()
        # A password is stretched with no transaction open: everything is looked up anew.
        ctx, me = current(), member()
        link = receipts.own_link(ctx, me, message, place)
        _require_unchanged(link)
        renewal.renew(ctx, me, link.id, other_checks.as_it_reads(ctx, me, link, chosen))
    except InvalidInput as error:
        session.settle(success=False)
        return _sheet(current(), member(), message, place, forms.errors_of(error)), 422
    except Conflict as error:
        return _cannot(link, error)
    return answer(ctx, me, link.conversation, toast="checked")


def _require_unchanged(link: GuestLink) -> None:
    """A form that is sent twice gives one code: the second one would end what the first mail brings."""
    if forms.text("link") != ids.to_text(link.id):
        raise Conflict("it was renewed since the page was made")


def _cannot(link: GuestLink, error: Conflict) -> ResponseReturnValue:
    """Nothing was changed, and why."""
    session.settle(success=False)
    why = _WHY.get(type(error), "ended")
    return render("conversation/cannot.html", "dialog", conversation_id=link.conversation, why=why), 409


def _to_sheet(message: bytes, place: int) -> ResponseReturnValue:
    return redirect(url_for("renewal.check", message=message, place=place), 303)


def _sheet(ctx: Context, me: Member, message: bytes, place: int, errors: Errors | None = None) -> str:
    link = receipts.own_link(ctx, me, message, place)
    return render(
        "renewal/check.html", "dialog", message=message, place=place, conversation_id=link.conversation,
        link=ids.to_text(link.id), sheet=other_checks.sheet(ctx, me, link, errors),
    )  # fmt: skip
