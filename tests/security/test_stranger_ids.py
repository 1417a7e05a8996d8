"""A member of the same organisation with the ids of what is somebody else's: each answers as an id that nobody gave.

Sanne knows every id of a conversation of Marieke's: from a log, an old page, or because she receives it herself.
"""

import re
from dataclasses import dataclass, field

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from securemail import ids
from securemail.guests import help as helping
from securemail.guests.checks import NONE, Check
from securemail.messages import drafts, sending
from securemail.store.models import GuestDevice, GuestLink, Help
from securemail.web import create_app
from tests.guests.test_devices import enter, remember
from tests.guests.test_gate import NUMBER
from tests.house import FATIMA, MARIEKE, PASSWORD, PETER, SANNE, House
from tests.security.processes import dump
from tests.visitor import HTMX, Visitor

pytestmark = pytest.mark.slow

_PART = re.compile(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>")
_CHANGING = re.compile(r'(name="csrf_token" value=|<meta name="csrf" content=|name="key" value=)"[^"]*"')
_PASSING = {"session", "attempt"}
"""Rows that a visit by itself may write: that the session is alive."""


@dataclass
class Theirs:
    """What belongs to Marieke: by the names that addresses have for it, and as fields of a form."""

    parts: dict[str, str]
    form: dict[str, str]
    unknown: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.unknown = {name: "0" if name == "place" else ids.to_text(ids.new_id()) for name in self.parts}

    def path(self, rule: Rule, parts: dict[str, str]) -> str:
        return _PART.sub(lambda found: parts.get(found[1], "A" * 22), rule.rule)


def mariekes(house: House, *others: tuple[str, str]) -> Theirs:
    """Marieke wrote to Fatima, who asks for help and had her browser remembered; a draft of Marieke's besides."""
    with house.work() as ctx:
        to = [(*FATIMA, Check("sms", NUMBER)), (*PETER, NONE), *((*one, NONE) for one in others)]
        sent = sending.send(ctx, house.marieke, key=ids.new_id(), to=to, subject="Zaak", text="Alleen voor u.")
        found = ctx.db.scalars(select(GuestLink).where(GuestLink.conversation == sent.conversation)).all()
        [sms] = [row for row in found if row.method == "sms"]
        [plain] = [row for row in found if row.method == "none"]
        helping.ask(ctx, sms, "number")
        draft = ids.new_id()
        drafts.save(ctx, house.marieke, draft, 0, drafts.Content((FATIMA,), "Concept", "Nog niet af."))
    remember(house, enter(house, plain.id))
    with house.work() as ctx:
        asked, device = ctx.db.scalars(select(Help.id)).one(), ctx.db.scalars(select(GuestDevice.id)).one()
    parts = {
        "message": sent.message, "conversation": sent.conversation, "asked": asked, "draft": draft,
        "ref": plain.link_ref,
    }  # fmt: skip
    form = {
        "link": ids.to_text(sms.id), "device": ids.to_text(device), "key": ids.to_text(draft), "revision": "1",
        "method": "none", "number": "+31687654321", "phone": "+31687654321", "days": "365", "whom": "everybody",
        "agreed": "een heel lang wachtwoord", "hint": "", "body": "Kwaad", "reply": "Kwaad", "told": "",
        "recipient": "mallory@kwaad.example", "subject": "Kwaad", "who": FATIMA[0], "everybody": "1",
    }  # fmt: skip
    return Theirs({**{name: ids.to_text(value) for name, value in parts.items()}, "place": "0"}, form)


def logged_in(app: Flask, who: tuple[str, str]) -> Visitor:
    browser = Visitor(app)
    assert browser.log_in(who[0], PASSWORD).status_code == 303
    browser.get("/inbox")
    return browser


def about_something(app: Flask, names: set[str]) -> list[tuple[Rule, str]]:
    """Every page of a member that names something of these, with the methods that it answers to."""
    rules = [rule for rule in app.url_map.iter_rules() if names & rule.arguments and not rule.rule.startswith("/b/")]
    found = [(rule, method) for rule in rules for method in ("GET", "POST") if method in (rule.methods or ())]
    return sorted(found, key=lambda one: (one[0].rule, one[1]))


def ask(browser: Visitor, path: str, method: str, form: dict[str, str], *, part: bool) -> TestResponse:
    headers = HTMX if part else {}
    return browser.get(path, headers=headers) if method == "GET" else browser.post(path, form, headers=headers)


def told(answer: TestResponse, path: str) -> tuple[int, str, str]:
    """An answer without what is new in each, and without what was asked."""
    name = path.split("/")[2]
    text = _CHANGING.sub("", answer.text).replace(name, "ID")
    return answer.status_code, (answer.location or "").replace(name, "ID"), text


@pytest.mark.parametrize("receives", [False, True], ids=["a colleague", "a receiver of it"])
def test_what_is_somebody_elses_answers_as_what_is_not_there(house: House, receives: bool) -> None:
    app = create_app(house.runtime)
    theirs = mariekes(house, *([SANNE] if receives else []))
    names = {"message", "asked", "draft"} | (set() if receives else {"conversation"})
    sanne = logged_in(app, SANNE)
    before, pages = dump(house), about_something(app, names)
    assert len(pages) >= 30
    for rule, method in pages:
        if receives and rule.rule.startswith("/m/"):
            continue
        own, none = theirs.path(rule, theirs.parts), theirs.path(rule, theirs.unknown)
        for part in (False, True):
            answer = ask(sanne, own, method, theirs.form, part=part)
            assert told(answer, own) == told(ask(sanne, none, method, theirs.form, part=part), none), (method, rule)
            assert answer.status_code == 404 or rule.endpoint in ("compose.discard", "compose_checks.overview"), rule
            assert "Alleen voor u" not in answer.text
    after = dump(house)
    assert [name for name in before if name not in _PASSING and after[name] != before[name]] == []


def test_the_same_requests_of_whose_it_is_find_something(house: House) -> None:
    """Else the table above would prove nothing."""
    app = create_app(house.runtime)
    theirs = mariekes(house)
    marieke = logged_in(app, MARIEKE)
    last = ("revoke", "discard", "dismiss")
    pages = about_something(app, {"message", "asked", "draft", "conversation"})
    for rule, method in sorted(pages, key=lambda one: (one[1], one[0].rule.endswith(last), "/method" in one[0].rule)):
        status = ask(marieke, theirs.path(rule, theirs.parts), method, theirs.form, part=False).status_code
        found = status != 404 or (method == "POST" and rule.rule.startswith("/help/"))  # answered by the one before
        assert found, (method, rule)


def test_a_place_or_a_browser_of_another_message_is_not_taken_for_ones_own(house: House) -> None:
    """Sanne's own message in the address, and somebody else's things in the form."""
    app = create_app(house.runtime)
    theirs = mariekes(house)
    sent = house.send((*FATIMA, Check("sms", NUMBER)), author=house.sanne)
    sanne = logged_in(app, SANNE)
    sanne.get("/sent")
    before = dump(house)
    one = f"/messages/{ids.to_text(sent.message)}/recipients"
    for place in ("1", "9999"):
        for act in (
            "complete",
            "release",
            "revoke",
            "revoke/conversation",
            "resend",
            "code",
            "check",
            "devices/forget",
        ):
            assert sanne.post(f"{one}/{place}/{act}", theirs.form).status_code == 404, (place, act)
    assert sanne.post(f"{one}/0/devices/forget", theirs.form).status_code == 303
    assert sanne.post(f"{one}/0/code", theirs.form).status_code == 409, "the form was made for another link"
    assert sanne.post(f"{one}/0/check", theirs.form).status_code == 409
    after = dump(house)
    assert [name for name in before if name not in _PASSING and after[name] != before[name]] == []
