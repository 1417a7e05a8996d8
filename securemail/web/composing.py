"""The composer's form: what stands in it, and what the templates show of a draft."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from flask import request

from securemail import ids
from securemail.errors import InvalidInput
from securemail.guests.checks import NONE, Check
from securemail.identity.context import Context, Member
from securemail.mailboxes import directory
from securemail.mailboxes.addresses import normalise
from securemail.messages import contacts, drafts
from securemail.messages.contacts import Known
from securemail.messages.drafts import Content
from securemail.messages.typed_addresses import take_apart
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.web import checks, present
from securemail.web import viewmodels as views
from securemail.web.forms import identifier, input_error

MOST_CHIPS = 120
"""More than may be sent to. Who pastes more gets no names looked up: each costs the one place to write a moment."""
MOST_DAYS = 3650


class People:
    """Whom a member writes to, looked up once a request: contacts, the directory, and what the organisation asks."""

    def __init__(self, ctx: Context, me: Member) -> None:
        self.ctx, self.me = ctx, me
        self._entries: dict[str, directory.Entry | None] = {}

    @cached_property
    def known(self) -> dict[str, Known]:
        return {contact.address: contact for contact in contacts.everybody(self.ctx, self.me)}

    @cached_property
    def policy(self) -> Policy:
        return organisations.policy_of(self.ctx, self.me.organisation)

    def entry(self, address: str) -> directory.Entry | None:
        """The account of a normalised address."""
        if address not in self._entries:
            self._entries[address] = directory.find(self.ctx, address)
        return self._entries[address]

    def name(self, address: str) -> str:
        """A name from the contacts or the directory; empty when there is none."""
        normal = comparable(address)
        if normal in self.known:
            return self.known[normal].name if self.known[normal].name != normal else ""
        entry = self.entry(normal) if is_address(address) else None
        return entry.name if entry else ""

    def first_check(self, address: str) -> Check:
        """What a new recipient begins with."""
        return checks.chosen_for(self.known.get(address), self.entry(address), self.policy)

    def is_enough(self, address: str, check: Check) -> bool:
        """Whether it can be passed, and the organisation asks no more; who has an account logs in, enough for any."""
        if not checks.is_offered(check.method):
            return False
        return check.meets(self.policy.check_minimum) or (check.method == "none" and self.entry(address) is not None)


def typed(people: People, *, conversation: bytes | None = None, kept: drafts.Saved | None = None) -> Content:
    """What the form says; the checks are those of the draft, and for new recipients what they begin with."""
    form = request.form
    pairs = named(people, addresses([*form.getlist("recipient"), form.get("to", "")]))
    content = Content(
        to=tuple(pairs), subject=form.get("subject", ""), text=form.get("body", ""), conversation=conversation,
        apart=form.get("apart") == "1", expires=_days("expires"), remind=_days("remind"),
    )  # fmt: skip
    return content if conversation else with_checks(people, content, kept.content.checks if kept else {})


def with_checks(people: People, content: Content, kept: Mapping[str, Check]) -> Content:
    """The same with a check for each address that is right."""
    chosen = {
        normal: kept.get(normal) or people.first_check(normal)
        for address, _name in content.to[:MOST_CHIPS]
        if is_address(address) and (normal := normalise(address))
    }
    return replace(content, checks=chosen)


def _days(name: str) -> int | None:
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 and int(text) <= MOST_DAYS else None


def key() -> bytes:
    """The draft's id. Raises `InvalidInput` when the form has none."""
    return identifier("key")


def revision() -> int:
    """Which revision of the draft the page has, 0 for none."""
    text = request.form.get("revision", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput("revision", "malformed")
    return int(text)


def addresses(texts: list[str]) -> list[tuple[str, str]]:
    """(address, name) pairs from fields in which people separate addresses as they like."""
    pairs: dict[str, tuple[str, str]] = {}
    for address, name in take_apart("\n".join(texts)):
        known_as = comparable(address) if len(pairs) <= MOST_CHIPS else address
        pairs.setdefault(known_as, (address, name))
    return list(pairs.values())


def comparable(address: str) -> str:
    """The normalised address, or what was typed when it is none."""
    try:
        return normalise(address)
    except InvalidInput:
        return address


def is_address(text: str) -> bool:
    """Whether it can be written to."""
    try:
        normalise(text)
    except InvalidInput:
        return False
    return True


def named(people: People, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names from the contacts and the directory, where none was typed."""
    found = [(address, name or people.name(address)) for address, name in pairs[:MOST_CHIPS]]
    return found + pairs[MOST_CHIPS:]


def chip(people: People, address: str, name: str, check: Check | None = None) -> views.Chip:
    """A recipient with the check that was chosen, or the one they begin with."""
    try:
        normal = normalise(address)
    except InvalidInput as error:
        return views.Chip(present.person(name or address, address), state="error", problem=input_error(error))
    check = check or people.first_check(normal)
    too_little = not people.is_enough(normal, check)
    return views.Chip(
        present.person(name or normal, normal),
        check=check.method,
        state="warn" if check.missing or too_little else "ok",
        missing=check.missing or "",
        too_little=too_little,
    )


def _chips(people: People, content: Content) -> tuple[views.Chip, ...]:
    looked_up = [
        chip(people, address, name, content.checks.get(comparable(address)))
        for address, name in content.to[:MOST_CHIPS]
    ]
    rest = [views.Chip(present.person(name or address, address)) for address, name in content.to[MOST_CHIPS:]]
    return (*looked_up, *rest)


def view(
    people: People, content: Content, *, key: bytes, saved: drafts.Saved | None = None,
    errors: dict[str, str] | None = None, problem: str = "",
) -> views.Compose:  # fmt: skip
    """The composer with a draft in it."""
    return views.Compose(
        key=ids.to_text(key),
        draft=ids.to_text(saved.draft) if saved else "",
        revision=saved.revision if saved else 0,
        chips=_chips(people, content),
        subject=content.subject,
        body=content.text,
        saved_at=saved.changed if saved else None,
        errors=errors or {},
        problem=problem,
        apart=content.apart,
        expires=people.policy.expiry_days if content.expires is None else content.expires,
        remind=people.policy.remind_days if content.remind is None else content.remind,
    )


def check_of(content: Content, address: str) -> Check:
    """The check of a recipient."""
    return content.checks.get(address, NONE)
