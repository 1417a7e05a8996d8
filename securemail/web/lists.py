"""Lists as the templates take them, for the pages that show one: a page of a folder, its cursor, and taking in."""

import logging
from datetime import UTC, datetime, timedelta

from flask import request
from sqlalchemy.exc import OperationalError

from securemail import ids
from securemail.clock import microseconds
from securemail.delivery import outbox
from securemail.errors import NotFound
from securemail.identity.context import Context, Member
from securemail.messages import listing, reading, reminders
from securemail.messages.receipts import count_unread
from securemail.web import faces, present
from securemail.web import viewmodels as views
from securemail.web.session import write_apart

log = logging.getLogger(__name__)

_FIRST_YEAR, _LAST_YEAR = 1970, 9998
"""Beyond them a moment has no day in another time zone."""


def folder() -> views.Folder:
    """Which list stands beside what is asked for."""
    return "sent" if request.values.get("folder") == "sent" else "inbox"


def page_of(
    ctx: Context,
    me: Member,
    folder: views.Folder,
    before: listing.Cursor | None = None,
    selected: str | None = None,
) -> views.MailList:
    """A page of a folder as the templates take it."""
    page = listing.sent(ctx, me, before) if folder == "sent" else listing.inbox(ctx, me, before)
    photos = faces.of_rows(ctx, page.rows, me)
    return views.MailList(
        folder=folder,
        rows=tuple(present.row(listed, me, photos) for listed in page.rows),
        unread=count_unread(ctx, me.mailbox) if folder == "inbox" else 0,
        next_cursor=write_cursor(page.next) if page.next else None,
        after=before[0] if before else None,
        selected=selected,
        mark=listing.mark(ctx, me),
    )


def take_in(ctx: Context, me: Member) -> None:
    """Take in what arrived, hand waiting mail to a worker, and remind who was to be: nothing that this page shows.

    When the database cannot be written just then, the page is shown all the same: envelopes open too, only slower.
    """
    arrived, stranded = reading.anything_waiting(ctx, me), outbox.stranded(ctx, me)
    remind = reminders.anything_due(ctx, me)
    if not (arrived or stranded or remind):
        return
    try:
        with write_apart() as apart:
            if arrived:
                reading.take_in(apart, me)
            if stranded:
                outbox.relock(apart, me)
            if remind:
                reminders.queue_due(apart, me)
    except OperationalError:
        log.warning("new mail was not taken in: the database could not be written")
    ctx.db.rollback()  # the reading transaction ends, so that what follows sees what was just written


def cursor() -> listing.Cursor | None:
    """Where the asked-for page begins; None for the first. Raises `NotFound` for a mangled one."""
    text = request.args.get("cursor", "")
    if not text:
        return None
    moment, _, identifier = text.partition("-")
    try:
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(moment))
        place = at, ids.from_text(identifier)
    except (ValueError, OverflowError) as error:
        raise NotFound from error
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise NotFound
    return place


def write_cursor(cursor: listing.Cursor) -> str:
    """A cursor for an address: time and id, nothing of what stands there."""
    return f"{microseconds(cursor[0])}-{ids.to_text(cursor[1])}"
