"""A guest's browser: one session, and a row for every link that it has opened. Idle 30 minutes, 8 hours at most."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update

from securemail.crypto import cookies, links
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import SessionSecret
from securemail.errors import CannotOpen, SecuremailError
from securemail.guests.links import find, living, trusted
from securemail.identity.context import Context, Guest
from securemail.messages import receipts
from securemail.store.models import BrowserSession, GuestLink, SessionLink
from securemail.store.statements import NO_SYNC

IDLE = timedelta(minutes=30)
LIFETIME = timedelta(hours=8)
_TOUCH = timedelta(minutes=1)
OPEN = (cookies.FULL, cookies.RETURNED)
"""States in which a link is open: its check was passed, or the browser is a remembered one."""


class GuestSessionEnded(SecuremailError):
    """This browser has not opened that link, or too long ago."""


def open_here(
    ctx: Context, link: GuestLink, opened: MailKeys, secret: SessionSecret | None, *, state: int = cookies.FULL
) -> tuple[SessionSecret, bytes]:
    """Open a link in this browser, its check being passed (`guests.gate`); what waits there is marked opened.

    The link is held alone: see `links.hold_alone`.

    `secret` is the browser's guest session, where it has one. A live one keeps its other links, behind a new secret:
    whoever used this browser before may have kept the old one. `state` is RETURNED for a remembered browser.
    """
    secret, session = renew(ctx, secret)
    forget_link(ctx, session, link.id)
    sealed = cookies.seal_session_link_key(secret, opened.mk, session=session, link=link.id, state=state)
    ctx.db.add(SessionLink(session=session, link=link.id, state=state, tries=0, sealed_dk=sealed))
    ctx.db.flush()
    # The link's row before its receivers' rows, as whoever renews or claims it.
    receipts.link_opened(ctx, link.id)
    receipts.mark_opened(ctx, _guest(ctx, link, opened, session), link.conversation)
    return secret, session


def forget_link(ctx: Context, session: bytes, link: bytes) -> None:
    """What a session holds of a link, however far it came there."""
    mine = delete(SessionLink).where(SessionLink.session == session, SessionLink.link == link)
    ctx.db.execute(mine, execution_options=NO_SYNC)


def held(ctx: Context, session: bytes, link: bytes) -> SessionLink | None:
    """What a living session holds of a link."""
    return ctx.db.get(SessionLink, (session, link)) if _living(ctx, session) is not None else None


def state_now(ctx: Context, guest: Guest) -> int | None:
    """How this browser came to where it is, None when it is there no more: as it is in the database now, since the
    number of its check may have been corrected after the page was asked for."""
    mine = (SessionLink.session == guest.session, SessionLink.link == guest.link)
    return ctx.db.scalar(select(SessionLink.state).where(*mine))


def resume(ctx: Context, secret: SessionSecret, ref: bytes) -> Guest:
    """The guest behind a cookie, for the link that an address names.

    Raises:
        GuestSessionEnded: log in with the code again.
        NotFound: there is no such link.
    """
    link = find(ctx, ref)
    session = cookies.session_id(secret)
    there = held(ctx, session, link.id)
    if there is None or there.state not in OPEN or not living(link):
        raise GuestSessionEnded
    try:
        # The state is bound into the lock: a row edited from one step to the next opens nothing.
        dk = cookies.open_session_link_key(
            secret, there.sealed_dk or b"", session=session, link=link.id, state=there.state
        )
    except CannotOpen as error:
        raise GuestSessionEnded from error
    return _guest(ctx, link, trusted(ctx, link, dk), session)


def touch_is_due(ctx: Context, guest: Guest) -> bool:
    """Whether half an hour of idleness should be counted anew; once a minute is enough."""
    row = ctx.db.get(BrowserSession, guest.session)
    return row is not None and ctx.now - row.seen > _TOUCH


def touch(ctx: Context, guest: Guest) -> None:
    """Note that the guest is still there."""
    ctx.db.execute(update(BrowserSession).where(BrowserSession.id == guest.session).values(seen=ctx.now))


def end(ctx: Context, secret: SessionSecret) -> None:
    """Forget this browser's guest session."""
    session = cookies.session_id(secret)
    guest = delete(BrowserSession).where(BrowserSession.id == session, BrowserSession.account.is_(None))
    ctx.db.execute(guest, execution_options=NO_SYNC)


def renew(ctx: Context, older: SessionSecret | None) -> tuple[SessionSecret, bytes]:
    """The browser's guest session behind a new secret, or a new one."""
    row = _living(ctx, cookies.session_id(older)) if older is not None else None
    fresh = SessionSecret.new()
    session = cookies.session_id(fresh)
    ctx.db.add(
        BrowserSession(
            id=session, account=None, state=cookies.FULL, created=ctx.now, seen=ctx.now,
            expires=row.expires if row is not None else ctx.now + LIFETIME, remember=False, sealed_rk=None,
        )
    )  # fmt: skip
    ctx.db.flush()
    if older is not None and row is not None:
        _take_over(ctx, older, fresh, session)
    return fresh, session


def _take_over(ctx: Context, older: SessionSecret, fresh: SessionSecret, session: bytes) -> None:
    before = cookies.session_id(older)
    mine = select(SessionLink).where(SessionLink.session == before).order_by(SessionLink.link)
    for row in ctx.db.scalars(mine).all():
        # Moved, not copied: who ends one of these links now waits for its row, and finds it where it is then.
        ctx.db.expunge(row)
        try:
            moved = _behind(fresh, session, row, older, before)
        except CannotOpen:
            continue
        there = (SessionLink.session == before, SessionLink.link == row.link, SessionLink.state == row.state)
        ctx.db.execute(update(SessionLink).where(*there).values(moved), execution_options=NO_SYNC)
    end(ctx, older)


def _behind(
    fresh: SessionSecret, session: bytes, row: SessionLink, older: SessionSecret, before: bytes
) -> dict[str, Any]:
    """The same link at the same step behind another secret; a code that was sent by SMS is asked for again."""
    moved: dict[str, Any] = {"session": session, "sealed_challenge": None}
    if row.sealed_dk is not None:
        dk = cookies.open_session_link_key(older, row.sealed_dk, session=before, link=row.link, state=row.state)
        moved["sealed_dk"] = cookies.seal_session_link_key(fresh, dk, session=session, link=row.link, state=row.state)
    if row.sealed_code is not None:
        code = cookies.open_session_code(older, row.sealed_code, session=before, link=row.link)
        moved["sealed_code"] = cookies.seal_session_code(fresh, code, session=session, link=row.link)
    return moved


def _living(ctx: Context, session: bytes) -> BrowserSession | None:
    return ctx.db.scalar(
        select(BrowserSession).where(
            BrowserSession.id == session,
            BrowserSession.account.is_(None),
            BrowserSession.expires > ctx.now,
            BrowserSession.seen > ctx.now - IDLE,
        )
    )


def _guest(ctx: Context, link: GuestLink, opened: MailKeys, session: bytes) -> Guest:
    facts = links.open_guest(opened.mk, link.id, link.sealed_guest)
    return Guest(
        kind="link",
        mail=opened,
        address=str(facts["address"]),
        name=str(facts["name"]),
        language=str(facts["language"]),
        account=None,
        session=session,
        conversation=link.conversation,
    )
