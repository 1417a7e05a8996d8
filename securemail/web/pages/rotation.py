"""How far re-locking has come, for who has just replaced their keys. The page does nothing that other pages do not."""

from dataclasses import dataclass

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal

from securemail.mailboxes import relocking
from securemail.web import rotation
from securemail.web.auth import member
from securemail.web.htmx import is_partial, render
from securemail.web.session import current, is_own_path

pages = Blueprint("rotation", __name__)
_BATCHES = 6
"""For one look: less than a third of a second, each batch in a transaction of its own."""


@dataclass(frozen=True)
class Progress:
    """Rows with their new lock, of all rows."""

    total: int
    left: int

    @property
    def done(self) -> int:
        """How many have it."""
        return self.total - self.left

    @property
    def done_words(self) -> str:
        """The same as people write it."""
        return str(format_decimal(self.done))

    @property
    def total_words(self) -> str:
        """All of them, as people write it."""
        return str(format_decimal(self.total))


@pages.get("/rotation")
def progress() -> ResponseReturnValue:
    """The bar; who came here on the way to somewhere else, with nothing left to do, goes on."""
    now = _go_on()
    if not now.left and "next" in request.args:
        return redirect(_next())
    return render("rotation/progress.html", progress=now, next=_next())


@pages.get("/rotation/batch")
def batch() -> ResponseReturnValue:
    """The bar alone, drawn anew by the page itself."""
    if not is_partial():
        return redirect(url_for("rotation.progress", next=request.args.get("next")))
    return render("rotation/progress.html", "progress", progress=_go_on(), next=_next())


def _go_on() -> Progress:
    ctx, me = current(), member()
    rotation.batches(me, _BATCHES)
    ctx.db.rollback()  # what was locked anew meanwhile was not in this transaction's sight
    return Progress(relocking.everything(ctx, me.mail), relocking.left(ctx, me.mail))


def _next() -> str:
    path = request.args.get("next", "")
    return path if is_own_path(path) else url_for("mailbox.inbox")
