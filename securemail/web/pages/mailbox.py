"""Postvak, Verzonden, Concepten and Meer, and the poll that brings news to an open page."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail import ids
from securemail.errors import NotFound
from securemail.identity.context import Context, Member
from securemail.messages import drafts, listing
from securemail.web import present
from securemail.web import viewmodels as views
from securemail.web.auth import member
from securemail.web.composing import MOST_CHIPS
from securemail.web.htmx import render
from securemail.web.letters import conversation_view
from securemail.web.lists import cursor, folder, page_of, take_in, write_cursor
from securemail.web.session import current

pages = Blueprint("mailbox", __name__)


@pages.get("/inbox")
def inbox() -> ResponseReturnValue:
    """The list of conversations, or a further page of it."""
    return _list("inbox")


@pages.get("/sent")
def sent() -> ResponseReturnValue:
    """The list of sent messages, or a further page of it."""
    return _list("sent")


@pages.get("/drafts", endpoint="drafts")
def drafts_list() -> ResponseReturnValue:
    """The list of drafts, or a further page of it."""
    before = cursor()
    saved = drafts.newest(current(), member(), before=before, limit=listing.PAGE + 1)
    shown, more = saved[: listing.PAGE], len(saved) > listing.PAGE
    page = views.DraftList(
        rows=tuple(present.draft_row(draft) for draft in shown),
        next_cursor=write_cursor((shown[-1].changed, shown[-1].draft)) if more else None,
        after=before[0] if before else None,
    )
    return render("mailbox/drafts.html", "rows" if before else None, drafts=page)


@pages.get("/more")
def more() -> ResponseReturnValue:
    """Profile, language and log-out, for the phone."""
    return render("mailbox/more.html")


@pages.get("/news")
def news() -> ResponseReturnValue:
    """What changed since a mark: nothing (204), or the first rows and the open conversation drawn anew."""
    ctx, me = current(), member()
    mark = listing.mark(ctx, me)
    if mark == request.args.get("since"):
        return "", 204
    take_in(ctx, me)
    beside = folder()
    return render(
        "mailbox/news.html",
        list=page_of(ctx, me, beside, selected=request.args.get("conversation")),
        conversation=_open_conversation(ctx, me, beside),
        arrived=listing.arrived_since(ctx, me, request.args.get("since", "")),
        mark=mark,
        folder=beside,
    )


def _open_conversation(ctx: Context, me: Member, beside: views.Folder) -> views.Conversation | None:
    try:
        shown = ids.from_text(request.args.get("conversation", ""))
        return conversation_view(ctx, me, shown, beside)
    except (ValueError, NotFound):
        return None


def _list(name: views.Folder) -> ResponseReturnValue:
    ctx, me, before = current(), member(), cursor()
    take_in(ctx, me)
    page = page_of(ctx, me, name, before)
    if before is not None and request.headers.get("HX-Request"):
        return render("mailbox/rows.html", list=page)
    return render("mailbox/list.html", list=page, toast=_sent_apart() if name == "sent" else _claimed())


def _sent_apart() -> str | None:
    """After a message to each apart: how many conversations that made, and where they are."""
    made = request.args.get("apart", "")
    if not (made.isascii() and made.isdigit() and len(made) < 4 and 1 < int(made) <= MOST_CHIPS):
        return None
    return str(_("Verzonden in %(num)s aparte conversaties. Ze staan hier bovenaan.", num=int(made)))


def _claimed() -> str | None:
    """After letters were taken along: how many conversations are new here."""
    taken = request.args.get("claimed", "")
    if not (taken.isascii() and taken.isdigit() and len(taken) < 3):
        return None
    if int(taken):
        return str(_("Bewaard in je postvak"))
    return str(_("De berichten zijn intussen gesloten. Open ze opnieuw met je code."))


@pages.get("/")
def start() -> ResponseReturnValue:
    """The front door leads to the postvak; who is not logged in is asked to."""
    return redirect(url_for("mailbox.inbox"))
