"""The browser that asked for new keys goes on, in a new session: the rotation ended all that there were."""

from flask import request
from sqlalchemy import select

from securemail.crypto.secrets import SessionSecret
from securemail.identity import sessions
from securemail.identity.context import Context, Owner
from securemail.identity.rotation import Rotated
from securemail.store.models import BrowserSession
from securemail.web import devices, security, session


def is_remembered(ctx: Context, owner: Owner) -> bool:
    """Whether this browser stays logged in when it is closed. Ask before the rotation, which deletes the session."""
    return bool(ctx.db.scalar(select(BrowserSession.remember).where(BrowserSession.id == owner.session)))


def go_on(ctx: Context, rotated: Rotated, *, remember: bool) -> SessionSecret:
    """A new session with the new keys; this answer's forms belong to it."""
    root = rotated.root
    secret = sessions.start(ctx, account=root.account, rk=root.rk, remember=remember, device=devices.describe(request))
    session.keep_member(secret, remember=remember)
    security.use_for_forms(secret)
    return secret
