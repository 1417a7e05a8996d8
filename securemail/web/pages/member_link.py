"""Where the link in the mail to somebody with an account leads: log in, and on to the message."""

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from securemail.errors import NotFound
from securemail.messages import reading
from securemail.store.models import Message
from securemail.web import session
from securemail.web.auth import LogInFirst, member
from securemail.web.htmx import render
from securemail.web.session import current

pages = Blueprint("member_link", __name__)


@pages.get("/m/<identifier:message>")
def landing(message: bytes) -> ResponseReturnValue:
    """Its receiver reads it once logged in. Strangers learn nothing of the message, not even that there is one."""
    try:
        me = member()
    except LogInFirst:
        return render("guest/account.html", message=message, address=None, host=session.public_host())
    ctx = current()
    found = ctx.db.scalar(select(Message.conversation).where(Message.id == message))
    # Of no message, nothing is looked for in the same way: another account's takes no longer than one that never was.
    conversation = message if found is None else found
    try:
        reading.require_part(ctx, me, conversation)
        return redirect(url_for("conversation.show", conversation=conversation))
    except NotFound:
        pass  # another account's: told like a message that never was
    return render("guest/account.html", message=message, address=me.address, host=session.public_host()), 404
