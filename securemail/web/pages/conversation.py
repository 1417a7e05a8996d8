"""One conversation: reading, opening, answering, who has read it, and taking back."""

from datetime import datetime
from typing import cast

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail.delivery import outbox
from securemail.errors import InvalidInput
from securemail.guests import devices, links
from securemail.identity.context import Context, Member
from securemail.mailboxes import anew
from securemail.messages import drafts, listing, notices, reading, receipts, revocation, sending
from securemail.web import faces, present
from securemail.web import viewmodels as views
from securemail.web.auth import member
from securemail.web.forms import identifier, input_error
from securemail.web.htmx import is_partial, render
from securemail.web.letters import conversation_view
from securemail.web.lists import folder, page_of, take_in
from securemail.web.session import current

pages = Blueprint("conversation", __name__)


@pages.get("/conversations/<identifier:conversation>")
def show(conversation: bytes) -> ResponseReturnValue:
    """A conversation beside its list; what is closed stays closed, since this is only a GET."""
    ctx, me = current(), member()
    take_in(ctx, me)
    beside = folder()
    seen = conversation_view(ctx, me, conversation, beside)
    if is_partial():
        return render("conversation/show.html", "conversation", conversation=seen)
    page = page_of(ctx, me, beside, selected=seen.id)
    return render("conversation/show.html", conversation=seen, list=page, toast=_toast(request.args.get("done")))


@pages.post("/conversations/<identifier:conversation>/open", endpoint="open")
def open_(conversation: bytes) -> ResponseReturnValue:
    """A person opens what is closed: the sender sees that from now on."""
    ctx, me = current(), member()
    reading.take_in(ctx, me)
    reading.require_part(ctx, me, conversation)
    receipts.mark_opened(ctx, me, conversation)
    return answer(ctx, me, conversation)


@pages.post("/conversations/<identifier:conversation>/reply")
def reply(conversation: bytes) -> ResponseReturnValue:
    """Answer to everybody in the conversation; the key in the form sends once."""
    ctx, me = current(), member()
    key, text = identifier("key"), request.form.get("body", "")
    try:
        sending.reply(ctx, me, conversation=conversation, key=key, text=text)
    except InvalidInput as error:
        errors = {"body": input_error(error)}
        seen = conversation_view(ctx, me, conversation, folder(), typed=text, key=key, errors=errors)
        return _page(ctx, me, seen, 422)
    drafts.discard(ctx, me, key)
    return answer(ctx, me, conversation, toast="sent")


@pages.get("/messages/<identifier:message>/receipts", endpoint="receipts")
def who_has_read(message: bytes) -> ResponseReturnValue:
    """Who has read a message of one's own, and when."""
    return dialog("conversation/receipts.html", message)


@pages.get("/messages/<identifier:message>/revoke")
def confirm_revoke(message: bytes) -> ResponseReturnValue:
    """Asks before a message is taken back."""
    return dialog("conversation/confirm_revoke.html", message)


@pages.get("/messages/<identifier:message>/access")
def choose_access(message: bytes) -> ResponseReturnValue:
    """Asks whose access is taken back."""
    return dialog("conversation/choose_access.html", message)


@pages.post("/messages/<identifier:message>/revoke")
def revoke(message: bytes) -> ResponseReturnValue:
    """Take a message back from everybody."""
    ctx, me = current(), member()
    conversation = receipts.own_message(ctx, me, message).conversation
    revocation.revoke(ctx, me, message)
    return answer(ctx, me, conversation, toast="revoked")


@pages.post("/messages/<identifier:message>/recipients/<int(max=9999):place>/revoke")
def revoke_access(message: bytes, place: int) -> ResponseReturnValue:
    """Take a message back from one receiver."""
    ctx, me = current(), member()
    conversation = receipts.own_message(ctx, me, message).conversation
    revocation.revoke_access(ctx, me, message, place)
    return answer(ctx, me, conversation, toast="access-revoked")


@pages.post("/messages/<identifier:message>/recipients/<int(max=9999):place>/resend")
def resend(message: bytes, place: int) -> ResponseReturnValue:
    """Send the notification again after a refusal."""
    ctx, me = current(), member()
    conversation = receipts.own_message(ctx, me, message).conversation
    notices.send_again(ctx, me, message, place)
    return answer(ctx, me, conversation, toast="resent")


def answer(ctx: Context, me: Member, conversation: bytes, toast: str | None = None) -> ResponseReturnValue:
    """What follows a POST: the conversation in place for htmx, else back to its page."""
    if not is_partial():
        ctx.db.flush()
        return redirect(url_for("conversation.show", conversation=conversation, done=toast), 303)
    ctx.db.flush()
    ctx.db.expire_all()
    seen = conversation_view(ctx, me, conversation, folder())
    row = next((row for row in listing.inbox(ctx, me).rows if row.conversation == conversation), None)
    return render(
        "conversation/answer.html",
        conversation=seen,
        row=present.row(row, me, faces.of_rows(ctx, [row], me)) if row else None,
        toast=_toast(toast),
    )


def _toast(name: str | None) -> str | None:
    words = {
        "sent": _("Je antwoord is verzonden"),
        "revoked": _("Bericht ingetrokken"),
        "access-revoked": _("Toegang ingetrokken"),
        "access-ended": _("Toegang tot de hele conversatie ingetrokken"),
        "completed": _("Het bericht wordt nu verstuurd"),
        "expiry": _("Verloopdatum gewijzigd"),
        "released": _("Vrijgegeven: het kan opnieuw worden geprobeerd"),
        "resent": _("De notificatie wordt opnieuw verstuurd"),
        "number": _("Het nummer is verbeterd"),
        "prolonged": _("Weer te openen. Er gaat een e-mail naar de ontvanger."),
        "claimed": _("Bewaard in je postvak"),
        "renewed": _("Er gaat een nieuwe code naar de ontvanger. De eerdere werkt niet meer."),
        "checked": _("De controle is gewijzigd. De eerdere code werkt niet meer."),
    }
    return words.get(name) if name else None


def _page(ctx: Context, me: Member, seen: views.Conversation, status: int) -> ResponseReturnValue:
    if is_partial():
        return render("conversation/show.html", "conversation", conversation=seen), status
    page = page_of(ctx, me, seen.folder, selected=seen.id)
    return render("conversation/show.html", conversation=seen, list=page), status


def dialog(template: str, message: bytes, *, whole: bool = False) -> ResponseReturnValue:
    """A dialog about one message of one's own, or a page of its own without script."""
    ctx, me = current(), member()
    row = receipts.own_message(ctx, me, message)
    letter = reading.letter(ctx, me, row)
    waiting = outbox.places_waiting(ctx, [message])[message]
    return render(
        template,
        "dialog",
        conversation_id=row.conversation,
        letter=present.letter(letter, me, waiting, photos=faces.of_letters(ctx, [letter])),
        anew=_started_anew(ctx, letter),
        devices=_remembered(ctx, me, letter),
        checks=_checks(ctx, me, letter),
        notified={str(one.place): one.state in ("notified", "bounced") for one in _readers(letter)},
        whole=whole,
    )


def _started_anew(ctx: Context, letter: reading.Letter) -> dict[str, datetime]:
    """By place: when a receiver lost every way in and began again with new keys."""
    to = letter.head.to if letter.head else ()
    moments = anew.started(ctx, {who.principal for who in to if who.kind == "mailbox"})
    return {str(place): moments[who.principal] for place, who in enumerate(to) if who.principal in moments}


def _readers(letter: reading.Letter) -> tuple[receipts.Reader, ...]:
    return letter.receipt.readers if letter.receipt else ()


def _checks(ctx: Context, me: Member, letter: reading.Letter) -> dict[str, views.PlaceCheck]:
    """By place: how each receiver proves to be the one. Somebody else's link says no more than its method."""
    found = links.several(ctx, {one.principal for one in _readers(letter) if one.kind == "link"})
    checks = {}
    for one in _readers(letter):
        link = found.get(one.principal)
        if one.kind == "mailbox":
            checks[str(one.place)] = views.PlaceCheck("account")
        elif link is not None:
            mine = link.maker == me.mailbox
            checks[str(one.place)] = views.PlaceCheck(
                cast(views.CheckMethod, link.method), mine and link.locked is not None, link.closed is not None,
                mine and links.living(link) and link.epoch in me.mail.epochs,
            )  # fmt: skip
    return checks


def _remembered(ctx: Context, me: Member, letter: reading.Letter) -> dict[str, list[devices.Remembered]]:
    """By place: the browsers that a guest had remembered."""
    to = letter.head.to if letter.head else ()
    found = devices.of_links(ctx, me, {who.principal for who in to if who.kind == "link"})
    return {str(place): found.get(who.principal, []) for place, who in enumerate(to)}
