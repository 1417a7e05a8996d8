"""Rotations within requests: one that is due comes before the page, and re-locking goes on after it."""

import logging
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

from securemail.errors import StaleKeys
from securemail.identity.context import Context, Member
from securemail.identity.sessions import Resumed
from securemail.mailboxes import rotation as mailboxes
from securemail.organisations import rotation as organisations
from securemail.web import session

log = logging.getLogger(__name__)


def rotate_first(resumed: Resumed) -> bool:
    """Replace keys that should have been replaced already; whether the request has to look anew who asks.

    The request's transaction ends: nothing may have been written in it.
    """
    if resumed.member is None or not resumed.rotation_due:
        return False
    session.settle(success=False)
    try:
        with session.write_apart() as ctx:
            organisations.rotate_due(ctx, resumed.member)
    except StaleKeys:
        log.info("another request has rotated the keys just now")
    return True


def go_on_afterwards(member: Member | None) -> None:
    """Lock a batch of older rows anew, once the page is done."""
    if member is not None and member.mail.older:
        session.afterwards(_batch(member))


def batches(member: Member, most: int) -> None:
    """Several batches, each in a transaction of its own, for the page that waits for them."""
    for _ in range(most):
        try:
            with session.write_apart() as ctx:
                progress = mailboxes.relock(ctx, member)
        except OperationalError:
            log.warning("a batch of rows was not locked anew: the database was busy")
            return
        if not progress.left or not progress.done:
            return


def _batch(member: Member) -> Callable[[Context], None]:
    def relock(ctx: Context) -> None:
        try:
            mailboxes.relock(ctx, member)
        except StaleKeys:
            log.info("rows are locked anew by the next request: keys were replaced just now")

    return relock
