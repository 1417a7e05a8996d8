"""What guests ask of a sender, answered with one tap in the conversation it is about."""

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.errors import Conflict, InvalidInput
from securemail.guests import help as helping
from securemail.guests import links
from securemail.guests.help import Asked
from securemail.identity import phone_numbers
from securemail.identity.context import Context, Member
from securemail.messages import control, renewal
from securemail.organisations import organisations
from securemail.store.models import GuestLink
from securemail.web import forms, other_checks, session
from securemail.web.auth import member
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.letters import days_more
from securemail.web.session import current

pages = Blueprint("help", __name__)
Act = Callable[[Context, Member, Asked, GuestLink], None]


@pages.post("/help/<identifier:asked>/again")
def again(asked: bytes) -> ResponseReturnValue:
    """Opnieuw versturen: the notification with its code."""

    def act(ctx: Context, me: Member, what: Asked, _link: GuestLink) -> None:
        helping.send_again(ctx, me, what)

    return _answered(asked, act, done="resent")


@pages.route("/help/<identifier:asked>/number", methods=["GET", "POST"])
def number(asked: bytes) -> ResponseReturnValue:
    """Nummer verbeteren: the number that codes go to; the code of the message stays the same."""
    ctx, me = current(), member()
    what, link = helping.find(ctx, me, asked)
    if request.method != "POST":
        there = links.kept_of(ctx, me, link).number
        return _number_page(what, link, phone_numbers.formatted(there) if there else "", Errors())
    typed = forms.text("phone")
    try:
        wanted = phone_numbers.normalise(typed, region=session.runtime().settings.default_region)
    except InvalidInput as error:
        return _number_page(what, link, typed, forms.errors_of(error, field="phone")), 422

    def act(ctx: Context, me: Member, what: Asked, _link: GuestLink) -> None:
        control.correct_number(ctx, me, what, wanted)

    return _answered(asked, act, done="number")


@pages.route("/help/<identifier:asked>/method", methods=["GET", "POST"])
def method(asked: bytes) -> ResponseReturnValue:
    """Andere controle kiezen: a new link in the same conversation takes the place of the one that nobody passed."""
    what, link = helping.find(current(), member(), asked)
    if request.method != "POST":
        return _method_page(what, link)
    try:
        check = other_checks.typed()
        # A password is stretched with no transaction open: everything is looked up anew.
        ctx, me = current(), member()
        what, link = helping.find(ctx, me, asked)
        renewal.renew(ctx, me, link.id, other_checks.as_it_reads(ctx, me, link, check))
    except InvalidInput as error:
        session.settle(success=False)
        return _method_page(*helping.find(current(), member(), asked), errors=forms.errors_of(error)), 422
    except Conflict:
        session.settle(success=False)
        return _cannot(link)
    return redirect(url_for("conversation.show", conversation=link.conversation, done="checked"), 303)


@pages.post("/help/<identifier:asked>/release")
def release(asked: bytes) -> ResponseReturnValue:
    """Vrijgeven: the receiver may try again."""

    def act(ctx: Context, me: Member, what: Asked, link: GuestLink) -> None:
        helping.answer(ctx, what.request)
        control.release(ctx, me, link)

    return _answered(asked, act, done="released")


@pages.post("/help/<identifier:asked>/prolong")
def prolong(asked: bytes) -> ResponseReturnValue:
    """Nog zoveel dagen laten lezen: what is over for who asks is theirs again for a while, and a mail says so."""

    def act(ctx: Context, me: Member, what: Asked, _link: GuestLink) -> None:
        days = days_more(organisations.policy_of(ctx, me.organisation))
        control.prolong(ctx, me, what, ctx.now + timedelta(days=days))

    return _answered(asked, act, done="prolonged")


@pages.post("/help/<identifier:asked>/dismiss")
def dismiss(asked: bytes) -> ResponseReturnValue:
    """Put it aside: nothing else changes."""

    def act(ctx: Context, _me: Member, what: Asked, _link: GuestLink) -> None:
        helping.answer(ctx, what.request)

    return _answered(asked, act)


def _answered(asked: bytes, act: Act, *, done: str | None = None) -> ResponseReturnValue:
    """Do it, and back to the conversation; what another tab did already is no mistake."""
    ctx, me = current(), member()
    what, link = helping.find(ctx, me, asked)
    try:
        act(ctx, me, what, link)
    except Conflict:
        session.settle(success=False)
        return _cannot(link)
    return redirect(url_for("conversation.show", conversation=link.conversation, done=done), 303)


def _cannot(link: GuestLink) -> ResponseReturnValue:
    return render("conversation/cannot.html", conversation_id=link.conversation, why="asked"), 409


def _method_page(what: Asked, link: GuestLink, *, errors: Errors | None = None) -> str:
    sheet = other_checks.sheet(current(), member(), link, errors)
    return render("help/method.html", asked=what, conversation=link.conversation, sheet=sheet)


def _number_page(what: Asked, link: GuestLink, typed: str, errors: Errors) -> str:
    return render("help/number.html", asked=what, conversation=link.conversation, typed=typed, errors=errors)
