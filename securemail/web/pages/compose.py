"""Writing a new message: chips, suggestions, the draft that keeps itself, and sending."""

from datetime import timedelta

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail import ids
from securemail.errors import InvalidInput
from securemail.guests.checks import Check
from securemail.identity.context import Context, Member
from securemail.messages import contacts, drafts, sending
from securemail.messages.drafts import Content
from securemail.messages.writing import check_receivers, check_subject, check_text
from securemail.web import checks, composing, present
from securemail.web import viewmodels as views
from securemail.web.auth import member
from securemail.web.composing import People, comparable
from securemail.web.forms import identifier, input_error
from securemail.web.htmx import is_partial, render
from securemail.web.session import current

pages = Blueprint("compose", __name__)


@pages.get("/compose")
def new() -> ResponseReturnValue:
    """An empty sheet. Its key is both the draft's id and what makes a double click send once."""
    people = People(current(), member())
    return render("compose/edit.html", compose=composing.view(people, Content((), "", ""), key=ids.new_id()))


@pages.get("/drafts/<identifier:draft>")
def edit(draft: bytes) -> ResponseReturnValue:
    """Go on with a draft; one that answers a conversation opens there."""
    ctx, me = current(), member()
    saved = drafts.load(ctx, me, draft)
    if saved.content.conversation is not None:
        return redirect(url_for("conversation.show", conversation=saved.content.conversation))
    compose = composing.view(People(ctx, me), saved.content, key=draft, saved=saved)
    return render("compose/edit.html", compose=compose)


@pages.post("/compose")
def send() -> ResponseReturnValue:
    """Send; what cannot be sent comes back whole, with a sentence at the field. What is still missing for somebody is
    said once: who then sends all the same knows that one person waits."""
    ctx, me = current(), member()
    key = composing.key()
    people, content = _typed(ctx, me, key)
    told = set(request.form.get("told", "").split())
    compose = composing.view(people, content, key=key)
    if not {chip.id for chip in compose.unready} <= told:
        return _refused(
            people,
            content,
            key,
            _mistakes(content),
            problem=_("Nog niet verzonden. Kijk wat er mist, of verzend toch."),
        )
    try:
        sent = _send(ctx, me, people, key, content)
    except InvalidInput as error:
        return _refused(people, content, key, _mistakes(content) or _mistake(error))
    except sending.AlreadySent:
        problem = _("Dit concept is al verzonden, met een andere tekst. Wat je hier schreef staat er nog.")
        return _refused(people, content, ids.new_id(), {}, problem=problem, status=409)
    drafts.discard(ctx, me, key)
    if sent.others:
        return _leave(url_for("mailbox.sent", apart=1 + len(sent.others)))
    return _leave(url_for("conversation.show", conversation=sent.conversation))


def _send(ctx: Context, me: Member, people: People, key: bytes, content: Content) -> sending.Sent:
    policy = people.policy
    to = [(address, name, composing.check_of(content, comparable(address))) for address, name in content.to]
    for _address, _name, check in to:
        checks.require_offered(check.method)
    return sending.send(
        ctx, me, key=key, to=to, subject=content.subject, text=content.text,
        apart=content.apart and len(content.to) > 1,
        expires=_lasting(policy.expiry_days if content.expires is None else content.expires),
        remind=_lasting(policy.remind_days if content.remind is None else content.remind),
    )  # fmt: skip


def _lasting(days: int) -> timedelta | None:
    return timedelta(days=days) if days else None


@pages.post("/drafts")
def save() -> ResponseReturnValue:
    """Keep what is being written; another tab's newer revision is told, never overwritten."""
    ctx, me = current(), member()
    key = composing.key()
    people, content = _typed(ctx, me, key, conversation=_conversation())
    revision = composing.revision()
    if content.empty and not revision:
        return render("compose/saved.html", draft="", revision=0, saved_at=None, compose=None)
    try:
        saved = drafts.save(ctx, me, key, revision, content)
    except drafts.DraftGone:
        return render("compose/gone.html", key=ids.to_text(ids.new_id())), 409
    except drafts.DraftChanged:
        theirs = drafts.load(ctx, me, key)
        conflict = views.Conflict(
            saved_at=theirs.changed, revision=theirs.revision, draft=ids.to_text(key),
            conversation=ids.to_text(content.conversation) if content.conversation else "",
        )  # fmt: skip
        return render("compose/conflict.html", conflict=conflict), 409
    compose = None if content.conversation else composing.view(people, content, key=key, saved=saved)
    return render(
        "compose/saved.html", draft=ids.to_text(key), revision=saved.revision, saved_at=saved.changed, compose=compose
    )


@pages.post("/drafts/<identifier:draft>/discard")
def discard(draft: bytes) -> ResponseReturnValue:
    """Throw a draft away."""
    drafts.discard(current(), member(), draft)
    return _leave(url_for("mailbox.drafts"))


@pages.post("/compose/chips")
def chip() -> ResponseReturnValue:
    """Take apart what was typed or pasted: a chip for each address that is not there yet."""
    ctx, me = current(), member()
    people = People(ctx, me)
    there = {address for address, _name in composing.addresses(request.form.getlist("recipient"))}
    most = composing.MOST_CHIPS + len(there)
    typed = composing.named(people, composing.addresses([request.form.get("entry", "")])[:most])
    fresh = [pair for pair in typed if comparable(pair[0]) not in there][: composing.MOST_CHIPS]
    kept = _kept_checks(ctx, me)
    chips = [composing.chip(people, address, name, kept.get(comparable(address))) for address, name in fresh]
    return render("compose/chips.html", chips=tuple(chips))


def _kept_checks(ctx: Context, me: Member) -> dict[str, Check]:
    """What was chosen in this draft, for somebody who was taken away and is back."""
    if not request.form.get("key"):
        return {}
    saved = drafts.find(ctx, me, composing.key())
    return dict(saved.content.checks) if saved else {}


@pages.post("/compose/suggestions")
def suggest() -> ResponseReturnValue:
    """Contacts that fit what is being typed; a POST, so that no name stands in an address or a log."""
    ctx, me = current(), member()
    there = {address for address, _name in composing.addresses(request.form.getlist("recipient"))}
    found = contacts.suggest(ctx, me, request.form.get("entry", ""))
    people = tuple(present.person(known.name, known.address) for known in found if known.address not in there)
    return render("compose/suggestions.html", people=people)


def _mistakes(content: Content) -> dict[str, str]:
    """Every field that cannot be sent, told at once."""
    checks = (
        lambda: check_receivers(list(content.to)),
        lambda: check_subject(content.subject),
        lambda: check_text(content.text),
    )
    found: dict[str, str] = {}
    for check in checks:
        try:
            check()
        except InvalidInput as error:
            found |= _mistake(error)
    return found


def _mistake(error: InvalidInput) -> dict[str, str]:
    return {_FIELDS.get(error.field, "to"): input_error(error)}


_FIELDS = {"to": "to", "check": "to", "address": "to", "name": "to", "subject": "subject", "text": "body"}


def _typed(ctx: Context, me: Member, key: bytes, *, conversation: bytes | None = None) -> tuple[People, Content]:
    people = People(ctx, me)
    kept = None if conversation else drafts.find(ctx, me, key)
    return people, composing.typed(people, conversation=conversation, kept=kept)


def _refused(
    people: People, content: Content, key: bytes, errors: dict[str, str], *, problem: str = "", status: int = 422
) -> ResponseReturnValue:
    kept = drafts.find(people.ctx, people.me, key)
    compose = composing.view(people, content, key=key, saved=kept, errors=errors, problem=problem)
    return render("compose/edit.html", "composer" if is_partial() else None, compose=compose), status


def _leave(target: str) -> ResponseReturnValue:
    """To another page: htmx is told in a header, a plain form by a redirect."""
    if is_partial():
        return "", 200, {"HX-Redirect": target}
    return redirect(target, 303)


def _conversation() -> bytes | None:
    return identifier("conversation") if request.form.get("conversation") else None
