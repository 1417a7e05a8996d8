"""Who is asking: nobody gets past here unless the table of permissions says so."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

from flask import Flask, Request, g, request
from flask_login import LoginManager, UserMixin, current_user

from securemail.errors import Forbidden, SecuremailError
from securemail.identity import arrivals, sessions
from securemail.identity.arrivals import Arriving
from securemail.identity.challenges import SessionEnded
from securemail.identity.context import Member, Owner
from securemail.identity.permissions import PASSIVE, needed
from securemail.organisations import administrators
from securemail.organisations.administrators import Administrator
from securemail.web import rotation, security, session

log = logging.getLogger(__name__)


class LogInFirst(SecuremailError):
    """Only members come here, and nobody is logged in."""


class SecureFirst(SecuremailError):
    """The organisation wants a second step set up before this account reads or sends anything."""


class ArrivalEnded(SecuremailError):
    """The step on the way in took too long, was tried too often, or is over: begin again."""


@dataclass(frozen=True, repr=False)
class LoggedIn(UserMixin):  # type: ignore[misc]
    """Who is logged in, in the form that Flask-Login hands around; no member while the account must be secured."""

    owner: Owner
    member: Member | None


def register(app: Flask) -> None:
    """Ask every request who sends it."""
    manager = LoginManager()
    # Without its context processor: an error page must not ask anew for whom the page failed to find.
    manager.init_app(app, add_context_processor=False)
    manager.request_loader(_load)
    app.before_request(_guard)


def owner() -> Owner:
    """Whose account is logged in.

    Raises:
        LogInFirst: nobody's.
    """
    if not current_user.is_authenticated:
        raise LogInFirst
    return cast(Owner, current_user.owner)


def member() -> Member:
    """Who is logged in, with their mail.

    Raises:
        LogInFirst: nobody.
        SecureFirst: their organisation wants a second step first.
    """
    owner()
    if current_user.member is None:
        raise SecureFirst
    return cast(Member, current_user.member)


def arriving(*states: int) -> Arriving:
    """The browser that waits for its next step, when it is one of these.

    Raises:
        ArrivalEnded: it has to begin again.
    """
    secret = session.arriving_secret()
    if secret is None:
        raise ArrivalEnded
    try:
        return arrivals.arriving(session.current(), secret, *states)
    except SessionEnded as error:
        raise ArrivalEnded from error


def administrator() -> Administrator:
    """Who is logged in, with the keys of the organisation.

    Raises:
        LogInFirst, SecureFirst
        Forbidden: no administrator.
    """
    who = member()
    if "administrator" not in g:
        g.administrator = administrators.enter(session.current(), who)
    return cast(Administrator, g.administrator)


@contextmanager
def stepped_out() -> Iterator[None]:
    """Slow work, or a count that must stand, without the request's transaction; who is asking is then looked up anew.

    What the page wrote so far is lost: do it before anything is written.

    Raises:
        LogInFirst: the session was ended meanwhile.
    """
    forget()
    try:
        yield
    finally:
        owner()


def forget() -> None:
    """End the request's transaction, of which nothing is kept, and who was found to be asking in it."""
    session.settle(success=False)
    for name in ("_login_user", "owner", "member", "administrator", "banners", "claim_offer"):
        g.pop(name, None)


def look_again() -> None:
    """Ask anew who is asking, and whether they may.

    Raises:
        LogInFirst: the session has ended meanwhile.
    """
    forget()
    _guard()


def known_owner() -> Owner | None:
    """Whose account this request has met already; asks the database nothing."""
    return cast("Owner | None", g.get("owner"))


def known_member() -> Member | None:
    """The member whom this request has met already; asks the database nothing."""
    return cast("Member | None", g.get("member"))


def _guard() -> None:
    who = needed(request.endpoint) if request.endpoint else "anyone"
    if who is None:
        log.error("the page %s is not in the table of permissions", request.endpoint)
        raise Forbidden
    changes = request.method not in session.SAFE and request.endpoint
    if changes:
        # Before all else: what another site sent must not come back as a form that waits to be sent again.
        security.refuse_other_sites()
    # A browser without a session is told so before its form's token is looked at: that token went with the session.
    if who in _LOGGED_IN and session.member_secret() is None:
        raise LogInFirst
    if who == "arriving" and session.arriving_secret() is None:
        raise ArrivalEnded
    if changes:
        _require_token()
    if who in _LOGGED_IN:
        _LOGGED_IN[who]()


_LOGGED_IN: Final[Mapping[str, Callable[[], object]]] = {
    "owner": owner,
    "member": member,
    "administrator": administrator,
}


def _require_token() -> None:
    # The log-in page says itself that the browser keeps no cookies, in place of "this request is not right".
    if request.endpoint in ("login.login", "login.fragment") and not security.has_cookie():
        g.cookie_missing = True
        return
    security.require_form_token()


def _load(_request: Request) -> LoggedIn | None:
    secret = session.member_secret()
    if secret is None:
        return None
    try:
        resumed = sessions.resume(session.current(), secret)
        if rotation.rotate_first(resumed):
            resumed = sessions.resume(session.current(), secret)
    except SessionEnded:
        g.session_ended = True
        return None
    rotation.go_on_afterwards(resumed.member)
    g.owner, g.member = resumed.owner, resumed.member
    if request.endpoint not in PASSIVE and resumed.touch_is_due(session.current().now):
        _touch(resumed.owner.session)
    return LoggedIn(resumed.owner, resumed.member)


def _touch(held: bytes) -> None:
    def touch(ctx: Any) -> None:
        sessions.touch(ctx, held)

    session.afterwards(touch)
