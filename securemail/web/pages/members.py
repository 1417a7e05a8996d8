"""Leden: who belongs to the organisation, and who has a second step."""

from flask import Blueprint

from securemail.organisations import members, organisations
from securemail.web import paging, present, session
from securemail.web.auth import administrator
from securemail.web.htmx import render

pages = Blueprint("members", __name__)


@pages.get("/admin/members")
def overview() -> str:
    """Fifty by name."""
    ctx, mine = session.current(), administrator()
    page = members.page(ctx, mine, paging.asked())
    return render(
        "members/overview.html",
        members=[(one, present.person(one.name, one.address, one.photo)) for one in page.members],
        page=page,
        figures=members.figures(ctx, mine),
        label=organisations.policy_of(ctx, mine.organisation).reference_label,
    )
