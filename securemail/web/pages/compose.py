"""Writing a new message: chips, suggestions, the draft that keeps itself, and sending."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail import ids
from securemail.errors import InvalidInput
from securemail.identity.context import Context, Member
from securemail.mailboxes import directory
from securemail.mailboxes.addresses import normalise
from securemail.messages import contacts, drafts, sending
from securemail.messages.typed_addresses import take_apart
from securemail.messages.writing import check_receivers, check_subject, check_text
from securemail.web import present
from securemail.web import viewmodels as views
from securemail.web.auth import member
from securemail.web.forms import input_error
from securemail.web.htmx import is_partial, render
from securemail.web.session import current

pages = Blueprint("compose", __name__)
_MOST_CHIPS = 120
"""More than may be sent to. Who pastes more gets no names looked up: each costs the one place to write a moment."""


@pages.get("/compose")
def new() -> ResponseReturnValue:
    """An empty sheet. Its key is both the draft's id and what makes a double click send once."""
    return render("compose/edit.html", compose=views.Compose(key=ids.to_text(ids.new_id())))


@pages.get("/drafts/<identifier:draft>")
def edit(draft: bytes) -> ResponseReturnValue:
    """Go on with a draft; one that answers a conversation opens there."""
    ctx, me = current(), member()
    saved = drafts.load(ctx, me, draft)
    if saved.content.conversation is not None:
        return redirect(url_for("conversation.show", conversation=saved.content.conversation))
    return render("compose/edit.html", compose=_compose(ctx, me, saved.content, key=draft, saved=saved))


@pages.post("/compose")
def send() -> ResponseReturnValue:
    """Send; what cannot be sent comes back whole, with a sentence at the field."""
    ctx, me = current(), member()
    key, content = _key(), _typed(ctx, me)
    try:
        sent = sending.send(ctx, me, key=key, to=content.to, subject=content.subject, text=content.text)
    except InvalidInput as error:
        return _refused(ctx, me, content, key, _mistakes(content) or _mistake(error))
    except sending.AlreadySent:
        problem = _("Dit concept is al verzonden, met een andere tekst. Wat je hier schreef staat er nog.")
        return _refused(ctx, me, content, ids.new_id(), {}, problem=problem, status=409)
    drafts.discard(ctx, me, key)
    return _leave(url_for("conversation.show", conversation=sent.conversation))


@pages.post("/drafts")
def save() -> ResponseReturnValue:
    """Keep what is being written; another tab's newer revision is told, never overwritten."""
    ctx, me = current(), member()
    key, content = _key(), _typed(ctx, me, conversation=_conversation())
    revision = _revision()
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
    compose = None if content.conversation else _compose(ctx, me, content, key=key, saved=saved)
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
    there = {address for address, _name in _addresses(request.form.getlist("recipient"))}
    typed = _named(ctx, me, _addresses([request.form.get("entry", "")])[: _MOST_CHIPS + len(there)])
    chips = tuple(_chip(address, name) for address, name in typed if _comparable(address) not in there)
    return render("compose/chips.html", chips=chips[:_MOST_CHIPS])


@pages.post("/compose/suggestions")
def suggest() -> ResponseReturnValue:
    """Contacts that fit what is being typed; a POST, so that no name stands in an address or a log."""
    ctx, me = current(), member()
    there = {address for address, _name in _addresses(request.form.getlist("recipient"))}
    found = contacts.suggest(ctx, me, request.form.get("entry", ""))
    people = tuple(present.person(known.name, known.address) for known in found if known.address not in there)
    return render("compose/suggestions.html", people=people)


def _mistakes(content: drafts.Content) -> dict[str, str]:
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


_FIELDS = {"to": "to", "address": "to", "name": "to", "subject": "subject", "text": "body"}


def _typed(ctx: Context, me: Member, *, conversation: bytes | None = None) -> drafts.Content:
    form = request.form
    to = _named(ctx, me, _addresses([*form.getlist("recipient"), form.get("to", "")]))
    return drafts.Content(
        to=tuple(to), subject=form.get("subject", ""), text=form.get("body", ""), conversation=conversation
    )


def _addresses(typed: list[str]) -> list[tuple[str, str]]:
    """(address, name) pairs from fields in which people separate addresses as they like."""
    pairs: dict[str, tuple[str, str]] = {}
    for address, name in take_apart("\n".join(typed)):
        known_as = _comparable(address) if len(pairs) <= _MOST_CHIPS else address
        pairs.setdefault(known_as, (address, name))
    return list(pairs.values())


def _comparable(address: str) -> str:
    try:
        return normalise(address)
    except InvalidInput:
        return address


def _named(ctx: Context, me: Member, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names from the contacts and the directory, where none was typed."""
    known = {contact.address: contact.name for contact in contacts.everybody(ctx, me)} if pairs else {}
    named = [(address, name or _known_name(ctx, known, address)) for address, name in pairs[:_MOST_CHIPS]]
    return named + pairs[_MOST_CHIPS:]


def _known_name(ctx: Context, known: dict[str, str], address: str) -> str:
    normal = _comparable(address)
    if normal in known:
        return known[normal] if known[normal] != normal else ""
    try:
        entry = directory.find(ctx, normalise(address))
    except InvalidInput:
        return ""
    return entry.name if entry else ""


def _chip(address: str, name: str) -> views.Chip:
    try:
        normal = normalise(address)
    except InvalidInput as error:
        return views.Chip(present.person(name or address, address), state="error", problem=input_error(error))
    return views.Chip(present.person(name or normal, normal))


def _compose(
    ctx: Context,
    me: Member,
    content: drafts.Content,
    *,
    key: bytes,
    saved: drafts.Saved | None = None,
    errors: dict[str, str] | None = None,
    problem: str = "",
) -> views.Compose:
    return views.Compose(
        key=ids.to_text(key),
        draft=ids.to_text(saved.draft) if saved else "",
        revision=saved.revision if saved else 0,
        chips=tuple(_chip(address, name) for address, name in content.to),
        subject=content.subject,
        body=content.text,
        saved_at=saved.changed if saved else None,
        errors=errors or {},
        problem=problem,
    )


def _refused(
    ctx: Context,
    me: Member,
    content: drafts.Content,
    key: bytes,
    errors: dict[str, str],
    *,
    problem: str = "",
    status: int = 422,
) -> ResponseReturnValue:
    kept = drafts.find(ctx, me, key)
    compose = _compose(ctx, me, content, key=key, saved=kept, errors=errors, problem=problem)
    return render("compose/edit.html", "composer" if is_partial() else None, compose=compose), status


def _leave(target: str) -> ResponseReturnValue:
    """To another page: htmx is told in a header, a plain form by a redirect."""
    if is_partial():
        return "", 200, {"HX-Redirect": target}
    return redirect(target, 303)


def _key() -> bytes:
    try:
        return ids.from_text(request.form.get("key", ""))
    except ValueError as error:
        raise InvalidInput("key", "malformed") from error


def _conversation() -> bytes | None:
    text = request.form.get("conversation", "")
    try:
        return ids.from_text(text) if text else None
    except ValueError as error:
        raise InvalidInput("conversation", "malformed") from error


def _revision() -> int:
    text = request.form.get("revision", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput("revision", "malformed")
    return int(text)
