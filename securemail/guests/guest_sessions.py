"""A guest's browser: one session, and a row for every link that it has opened. Idle 30 minutes, 8 hours at most."""

from datetime import timedelta

from sqlalchemy import delete, select, update

from securemail.crypto import cookies, links
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MessageCode, SessionSecret
from securemail.errors import CannotOpen, SecuremailError
from securemail.guests.links import find, open_with
from securemail.identity.context import Context, Guest
from securemail.mailboxes import keys
from securemail.messages import receipts
from securemail.store.models import BrowserSession, GuestLink, SessionLink
from securemail.store.statements import upsert

IDLE = timedelta(minutes=30)
LIFETIME = timedelta(hours=8)
_TOUCH = timedelta(minutes=1)


class GuestSessionEnded(SecuremailError):
    """This browser has not opened that link, or too long ago."""


def open_link(ctx: Context, code: MessageCode, secret: SessionSecret | None) -> tuple[SessionSecret, GuestLink]:
    """Prove the check "none": a message code opens its link in this browser, and what waits there is marked opened.

    `secret` is the browser's guest session, where it has one. A live one keeps its other links, behind a new secret:
    whoever used this browser before may have kept the old one.

    Raises:
        WrongCode: it opens nothing here.
    """
    link, opened = open_with(ctx, code)
    secret, session = _session(ctx, secret)
    sealed = cookies.seal_session_link_key(secret, opened.mk, session=session, link=link.id, state=cookies.FULL)
    upsert(
        ctx.db,
        SessionLink,
        {"session": session, "link": link.id, "state": cookies.FULL, "sealed_dk": sealed},
        key=["session", "link"],
        update={"state": cookies.FULL, "sealed_dk": sealed},
    )
    receipts.mark_opened(ctx, _guest(ctx, link, opened, session), link.conversation)
    receipts.link_opened(ctx, link.id)
    return secret, link


def resume(ctx: Context, secret: SessionSecret, ref: bytes) -> Guest:
    """The guest behind a cookie, for the link that an address names.

    Raises:
        GuestSessionEnded: log in with the code again.
        NotFound: there is no such link.
    """
    link = find(ctx, ref)
    session = cookies.session_id(secret)
    row = _living(ctx, session)
    held = ctx.db.get(SessionLink, (session, link.id)) if row is not None else None
    if row is None or held is None:
        raise GuestSessionEnded
    try:
        dk = cookies.open_session_link_key(secret, held.sealed_dk, session=session, link=link.id, state=cookies.FULL)
    except CannotOpen as error:
        raise GuestSessionEnded from error
    opened = MailKeys(link.id, links.EPOCH, dk)
    keys.require_published(ctx, "link", link.id, links.EPOCH, opened.pair())
    return _guest(ctx, link, opened, session)


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
    ctx.db.execute(guest, execution_options={"synchronize_session": False})


def _session(ctx: Context, older: SessionSecret | None) -> tuple[SessionSecret, bytes]:
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
    for held in ctx.db.scalars(select(SessionLink).where(SessionLink.session == before)).all():
        try:
            dk = cookies.open_session_link_key(
                older, held.sealed_dk, session=before, link=held.link, state=cookies.FULL
            )
        except CannotOpen:
            continue
        sealed = cookies.seal_session_link_key(fresh, dk, session=session, link=held.link, state=cookies.FULL)
        ctx.db.add(SessionLink(session=session, link=held.link, state=cookies.FULL, sealed_dk=sealed))
    ctx.db.flush()
    end(ctx, older)


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
