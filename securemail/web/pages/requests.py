"""Requests of members to start anew, for the administrators who allow or refuse them."""

from collections.abc import Callable

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from securemail.errors import NotFound
from securemail.identity import fresh_start
from securemail.identity.context import Context
from securemail.mailboxes.directory import Entry
from securemail.organisations.administrators import Administrator
from securemail.web import auth, present, session, stepup
from securemail.web.htmx import render

pages = Blueprint("requests", __name__)
Decide = Callable[[Context, Administrator, bytes], Entry]


@pages.get("/admin/requests")
def overview() -> str:
    """Who waits for consent."""
    return _page(auth.administrator())


@pages.route("/admin/requests/<identifier:wait>/allow", methods=["GET", "POST"])
def allow(wait: bytes) -> ResponseReturnValue:
    """Ask first, then allow it."""
    return _decide(wait, fresh_start.consent, "allowed")


@pages.route("/admin/requests/<identifier:wait>/refuse", methods=["GET", "POST"])
def refuse(wait: bytes) -> ResponseReturnValue:
    """Ask first, then refuse it."""
    return _decide(wait, fresh_start.refuse, "refused")


def _decide(wait: bytes, decide: Decide, outcome: str) -> ResponseReturnValue:
    administrator = auth.administrator()
    stepup.require()
    ctx = session.current()
    found = next((one for one in fresh_start.requests(ctx, administrator.organisation) if one.wait.id == wait), None)
    if found is None:
        return _page(administrator, outcome="gone"), 404
    if request.method == "GET":
        own = found.wait.account == administrator.member.root.account
        return render(
            "requests/confirm.html", who=present.person(found.who.name, found.who.address), own=own,
            outcome=outcome, action=request.path,
        )  # fmt: skip
    try:
        who = decide(ctx, administrator, wait)
    except NotFound:
        return _page(administrator, outcome="gone"), 404
    return _page(administrator, outcome=outcome, name=who.name)


def _page(administrator: Administrator, *, outcome: str = "", name: str = "") -> str:
    found = fresh_start.requests(session.current(), administrator.organisation)
    rows = [(one, present.person(one.who.name, one.who.address)) for one in found]
    return render("requests/overview.html", rows=rows, outcome=outcome, name=name)
