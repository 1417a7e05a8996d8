"""After sending: what a receiver still lacks, letting one try again, until when it is read, and ending all access."""

from datetime import timedelta
from typing import Final

from flask import Blueprint
from flask.typing import ResponseReturnValue

from securemail.errors import InvalidInput
from securemail.guests import links
from securemail.guests.proposals import suggested_password
from securemail.identity.context import Context, Member
from securemail.messages import completing, control, reading, receipts, revocation
from securemail.web import checks, forms, languages
from securemail.web.auth import member
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.pages.conversation import answer, dialog
from securemail.web.session import current

pages = Blueprint("control", __name__)
DAYS: Final = (1, 7, 14, 30, 90, 365)
"""From today, for whoever changes it afterwards; 0 is for ever."""
_ONE: Final = "<identifier:message>/recipients/<int(max=9999):place>"


@pages.get(f"/messages/{_ONE}/complete")
def complete(message: bytes, place: int) -> ResponseReturnValue:
    """What a receiver lacks before anything is sent to them: a number, or an agreed password."""
    ctx, me = current(), member()
    return _missing(ctx, me, message, place)


@pages.post(f"/messages/{_ONE}/complete")
def put(message: bytes, place: int) -> ResponseReturnValue:
    """Say it, and what waited is on its way."""
    method = receipts.own_link(current(), member(), message, place).method
    try:
        check = checks.typed_as(method)
        if check.missing is not None:
            raise InvalidInput("phone" if method == "sms" else "agreed", "empty")
    except InvalidInput as error:
        # A password is stretched without a transaction: look again who is asking.
        return _missing(current(), member(), message, place, forms.errors_of(error)), 422
    ctx, me = current(), member()
    conversation = receipts.own_message(ctx, me, message).conversation
    completing.complete(ctx, me, message, place, check)
    return answer(ctx, me, conversation, toast="completed")


@pages.post(f"/messages/{_ONE}/release")
def release(message: bytes, place: int) -> ResponseReturnValue:
    """Vrijgeven: a receiver who was locked out by wrong entries may try again."""
    ctx, me = current(), member()
    link = receipts.own_link(ctx, me, message, place)
    control.release(ctx, me, link)
    return answer(ctx, me, link.conversation, toast="released")


@pages.get("/messages/<identifier:message>/expiry")
def expiry(message: bytes) -> ResponseReturnValue:
    """Until when a message may be read, and by whom."""
    ctx, me = current(), member()
    return _expiry(ctx, me, message, Errors())


@pages.post("/messages/<identifier:message>/expiry")
def put_expiry(message: bytes) -> ResponseReturnValue:
    """Change it: shorter at once, longer also for whom it was over already."""
    ctx, me = current(), member()
    typed = forms.text("days")
    if typed not in {"0", *map(str, DAYS)}:
        return _expiry(ctx, me, message, forms.errors_of(InvalidInput("days", "unknown"))), 422
    conversation = receipts.own_message(ctx, me, message).conversation
    until = ctx.now + timedelta(days=int(typed)) if int(typed) else None
    control.change_expiry(ctx, me, message, until, everybody=forms.text("whom") == "everybody")
    return answer(ctx, me, conversation, toast="expiry")


@pages.get("/messages/<identifier:message>/access/conversation")
def choose_whole(message: bytes) -> ResponseReturnValue:
    """Asks who loses the whole conversation."""
    return dialog("conversation/choose_access.html", message, whole=True)


@pages.post(f"/messages/{_ONE}/revoke/conversation")
def revoke_whole(message: bytes, place: int) -> ResponseReturnValue:
    """Take the whole conversation back from one receiver."""
    ctx, me = current(), member()
    conversation = receipts.own_message(ctx, me, message).conversation
    revocation.revoke_from_conversation(ctx, me, message, place)
    return answer(ctx, me, conversation, toast="access-ended")


def _missing(ctx: Context, me: Member, message: bytes, place: int, errors: Errors | None = None) -> str:
    link = receipts.own_link(ctx, me, message, place)
    kept = links.kept_of(ctx, me, link)
    password = link.method == "password" and errors is None
    return render(
        "conversation/complete.html", "dialog", message=message, place=place, conversation_id=link.conversation,
        method=link.method, name=kept.name or kept.address, number=forms.text("number"),
        proposal=suggested_password(languages.language()) if password else forms.text("agreed"),
        hint=kept.hint if errors is None else forms.text("hint"), errors=errors or Errors(),
    )  # fmt: skip


def _expiry(ctx: Context, me: Member, message: bytes, errors: Errors) -> str:
    row = receipts.own_message(ctx, me, message)
    reading.own_key(ctx, me, row)
    readers = receipts.receipts_of(ctx, [message])[message].readers
    ends = [one.expires for one in readers if one.expires is not None and one.state != "expired"]
    return render(
        "conversation/expiry.html", "dialog", message=message, conversation_id=row.conversation, days=DAYS,
        until=min(ends, default=None), over=any(one.state == "expired" for one in readers),
        everybody=row.expires is not None, chosen=forms.text("days"), errors=errors,
    )  # fmt: skip
