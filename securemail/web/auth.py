"""Who is asking: nobody gets past here unless the table of permissions says so."""

import logging
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, Request, g, request
from flask_login import LoginManager, UserMixin, current_user

from securemail.errors import Forbidden, SecuremailError
from securemail.identity import sessions
from securemail.identity.context import Member
from securemail.identity.permissions import PASSIVE, needed
from securemail.identity.sessions import SessionEnded
from securemail.web import security, session

log = logging.getLogger(__name__)


class LogInFirst(SecuremailError):
    """Only members come here, and nobody is logged in."""


@dataclass(frozen=True, repr=False)
class LoggedIn(UserMixin):  # type: ignore[misc]
    """A member, in the form that Flask-Login hands around."""

    member: Member


def register(app: Flask) -> None:
    """Ask every request who sends it."""
    manager = LoginManager()
    # Without its context processor: an error page must not ask anew for whom the page failed to find.
    manager.init_app(app, add_context_processor=False)
    manager.request_loader(_load)
    app.before_request(_guard)


def member() -> Member:
    """Who is logged in.

    Raises:
        LogInFirst: nobody.
    """
    if not current_user.is_authenticated:
        raise LogInFirst
    return cast(Member, current_user.member)


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
    if who == "member" and session.member_secret() is None:
        raise LogInFirst
    if changes:
        _require_token()
    if who == "member":
        member()


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
    except SessionEnded:
        g.session_ended = True
        return None
    g.member = resumed.member
    if request.endpoint not in PASSIVE and resumed.touch_is_due(session.current().now):
        _touch(resumed.member.session)
    return LoggedIn(resumed.member)


def _touch(held: bytes) -> None:
    def touch(ctx: Any) -> None:
        sessions.touch(ctx, held)

    session.afterwards(touch)
