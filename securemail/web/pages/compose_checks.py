"""Ontvangerscontrole: how each recipient of a draft proves to be the one, set for one person or for all of them."""

from dataclasses import replace

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail import ids
from securemail.errors import InvalidInput, NotFound
from securemail.guests.checks import Check
from securemail.messages import drafts
from securemail.messages.drafts import Content, Saved
from securemail.web import checks, composing
from securemail.web.auth import member
from securemail.web.composing import People, comparable
from securemail.web.forms import input_error
from securemail.web.htmx import is_partial, render
from securemail.web.session import current

pages = Blueprint("compose_checks", __name__)


@pages.post("/compose/check")
def one() -> ResponseReturnValue:
    """The sheet for one recipient; a POST, so that no address stands in an address or a log."""
    ctx, me = current(), member()
    people = People(ctx, me)
    return _sheet(people, *_who(people), drafts.find(ctx, me, composing.key()))


@pages.post("/compose/check/set")
def put() -> ResponseReturnValue:
    """Keep the check that was chosen, in the draft; a mistake comes back at its field."""
    kept = drafts.find(current(), member(), composing.key())
    address, name = _who(People(current(), member()))
    mistake, check = None, None
    try:
        check = checks.typed(kept.content.checks.get(address, Check()) if kept else Check())
        if check.method == "account" and People(current(), member()).entry(address) is None:
            raise InvalidInput("check", "no_account")
        if not People(current(), member()).is_enough(address, check):
            raise InvalidInput("check", "minimum")
    except InvalidInput as error:
        mistake = {error.field: input_error(error)}
    # A password was stretched without a transaction: look again at what is kept.
    ctx, me = current(), member()
    people, kept = People(ctx, me), drafts.find(ctx, me, composing.key())
    if mistake is not None or check is None:
        return _sheet(people, address, name, kept, errors=mistake), 422
    content = kept.content if kept else Content(((address, name),), "", "")
    if address not in {comparable(there) for there, _name in content.to}:
        content = replace(content, to=(*content.to, (address, name)))
    return _keep(people, kept, replace(content, checks={**content.checks, address: check}), [address])


@pages.post("/compose/checks")
def everybody() -> ResponseReturnValue:
    """All recipients with their checks. Without script the draft is kept first, and its page shown."""
    ctx, me = current(), member()
    people, kept = People(ctx, me), drafts.find(ctx, me, composing.key())
    content = composing.typed(people, kept=kept)
    if is_partial():
        return _overview(people, content, composing.key())
    drafts.save(ctx, me, composing.key(), composing.revision(), content)
    return redirect(url_for("compose_checks.overview", draft=composing.key()), 303)


@pages.get("/drafts/<identifier:draft>/checks")
def overview(draft: bytes) -> ResponseReturnValue:
    """The same as a page."""
    ctx, me = current(), member()
    return _overview(People(ctx, me), drafts.load(ctx, me, draft).content, draft)


@pages.post("/compose/checks/set")
def put_everybody() -> ResponseReturnValue:
    """Check all recipients who are not checked yet, or none."""
    ctx, me = current(), member()
    people, kept = People(ctx, me), drafts.find(ctx, me, composing.key())
    content = composing.typed(people, kept=kept)
    if kept is not None:  # the words are the draft's; the recipients those of the page, which may be ahead of it
        content = composing.with_checks(
            people, replace(kept.content, to=content.to or kept.content.to), kept.content.checks
        )
    checked = request.form.get("everybody") == "1"
    chosen = {address: _chosen(people, address, check, checked) for address, check in content.checks.items()}
    changed = [address for address, check in chosen.items() if content.checks[address] != check]
    return _keep(people, kept, replace(content, checks=chosen), changed)


def _chosen(people: People, address: str, check: Check, checked: bool) -> Check:
    entry = people.entry(address)
    if checked:
        return checks.for_everybody(check, people.known.get(address), entry, people.policy)
    off = Check("account") if entry is not None else Check()
    return off if people.is_enough(address, off) else check


def _keep(people: People, kept: Saved | None, content: Content, changed: list[str]) -> ResponseReturnValue:
    saved = drafts.save(people.ctx, people.me, composing.key(), kept.revision if kept else 0, content)
    if not is_partial():
        return redirect(url_for("compose_checks.overview", draft=saved.draft), 303)
    compose = composing.view(people, content, key=saved.draft, saved=saved)
    chips = [chip for chip in compose.chips if chip.person.address in changed]
    return render(
        "compose/check_set.html", draft=compose.draft, revision=saved.revision, saved_at=saved.changed,
        compose=compose, chips=chips,
    )  # fmt: skip


def _who(people: People) -> tuple[str, str]:
    """Whose check it is. Raises `NotFound` where it is nobody's."""
    found = composing.addresses([request.form.get("who", "")])
    if len(found) != 1 or not composing.is_address(found[0][0]):
        raise NotFound
    address = comparable(found[0][0])
    return address, found[0][1] or people.name(address)


def _sheet(people: People, address: str, name: str, kept: Saved | None, errors: dict[str, str] | None = None) -> str:
    check = kept.content.checks.get(address) if kept else None
    draft = request.form.get("key", "")
    value = checks.sheet(
        people.ctx, people.me, name=name, address=address, check=check or people.first_check(address),
        contact=people.known.get(address), entry=people.entry(address), policy=people.policy, key=draft,
        who=composing.chip(people, address, name).typed, errors=errors,
    )  # fmt: skip
    back = url_for("compose_checks.overview", draft=ids.from_text(draft)) if kept else url_for("compose.new")
    return render("compose/check.html", "dialog" if is_partial() else None, sheet=value, back=back)


def _overview(people: People, content: Content, key: bytes) -> str:
    compose = composing.view(people, content, key=key)
    checked = bool(compose.valid) and not compose.unchecked
    return render(
        "compose/checks.html", "dialog" if is_partial() else None, compose=compose, checked=checked,
        forced=people.policy.check_minimum != "none", by_password=people.policy.check_default == "password",
    )  # fmt: skip
