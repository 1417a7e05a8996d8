"""Leden: who belongs to the organisation, and who has a second step."""

from flask import Blueprint, request

from securemail.organisations import members, organisations
from securemail.web import present, session
from securemail.web.auth import administrator
from securemail.web.htmx import render

pages = Blueprint("members", __name__)
_MOST_DIGITS = 6


@pages.get("/admin/members")
def overview() -> str:
    """Fifty by name."""
    ctx, mine = session.current(), administrator()
    page = members.page(ctx, mine, _number())
    return render(
        "members/overview.html",
        members=[(one, present.person(one.name, one.address, one.photo)) for one in page.members],
        page=page,
        figures=members.figures(ctx, mine),
        label=organisations.policy_of(ctx, mine.organisation).reference_label,
    )


def _number() -> int:
    typed = request.args.get("page", "1")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= _MOST_DIGITS else 1
