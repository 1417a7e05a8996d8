"""Leden: who belongs to the organisation, who has a second step, and who administers."""

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail.errors import InvalidInput
from securemail.organisations import appointments, members, organisations
from securemail.web import forms, paging, present, session, stepup
from securemail.web.auth import administrator
from securemail.web.forms import Errors
from securemail.web.htmx import render

pages = Blueprint("members", __name__)


@pages.get("/admin/members")
def overview() -> str:
    """Fifty by name."""
    return _list()


@pages.get("/admin/members/<identifier:account>/appoint")
def confirm_appoint(account: bytes) -> str:
    """The question, in a dialog or on a page of its own."""
    found = members.find(session.current(), administrator(), account)
    return render("members/appoint.html", "dialog", one=found)


@pages.post("/admin/members/<identifier:account>/appoint")
def appoint(account: bytes) -> ResponseReturnValue:
    """Give a member the organisation's key."""
    mine = administrator()
    stepup.require()
    try:
        appointments.appoint(session.current(), mine, account)
    except InvalidInput as error:
        return _list(forms.errors_of(error, field="form")), 422
    return redirect(url_for("members.overview"), 303)


@pages.get("/admin/members/<identifier:account>/dismiss")
def confirm_dismiss(account: bytes) -> str:
    """The question, in a dialog or on a page of its own."""
    found = members.find(session.current(), administrator(), account)
    return render("members/dismiss.html", "dialog", one=found)


@pages.post("/admin/members/<identifier:account>/dismiss")
def dismiss(account: bytes) -> ResponseReturnValue:
    """Make a new key for the organisation, without them."""
    mine = administrator()
    stepup.require()
    try:
        appointments.dismiss(session.current(), mine, account)
    except InvalidInput as error:
        return _list(forms.errors_of(error, field="form")), 422
    own = account == mine.member.root.account
    return redirect(url_for("mailbox.inbox" if own else "members.overview"), 303)


def _list(errors: Errors | None = None) -> str:
    ctx, mine = session.current(), administrator()
    page, listed = members.page(ctx, mine, paging.asked()), appointments.listed(ctx, mine)
    alone = _(
        "Je bent de enige beheerder. Maak nog iemand beheerder: dan kan die je helpen als je zelf niet meer binnenkomt."
    )
    return render(
        "members/overview.html",
        members=[(one, present.person(one.name, one.address, one.photo)) for one in page.members],
        administrators=listed,
        alone=alone if len(listed) == 1 and page.total > 1 else "",
        page=page,
        figures=members.figures(ctx, mine),
        label=organisations.policy_of(ctx, mine.organisation).reference_label,
        errors=errors or Errors(),
    )
