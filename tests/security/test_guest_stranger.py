"""A stranger at a guest's pages: with the address of a link and nothing else, with another's cookies or forged forms.

What somebody without the code may learn is who wrote and when. In particular not whether a message was opened, taken
back, locked, renewed or is over: every state of a link answers alike.
"""

import logging
import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from securemail import ids
from securemail.crypto.codes import write_message_code
from securemail.errors import Busy
from securemail.guests import claiming, gate
from securemail.guests.checks import NONE, Check
from securemail.messages import renewal, revocation, sending
from securemail.store.models import GuestLink, Message, Recipient, SessionLink
from securemail.web import session
from tests.guests.test_gate import AGREED, NUMBER
from tests.house import FATIMA, PETER, House
from tests.kept import app_around
from tests.security.processes import dump
from tests.security.test_guest_interleaved import Visit, agreed
from tests.visitor import Visitor

pytestmark = pytest.mark.slow

EVIL = "https://kwaad.example/"
_REFUSED = (400, 401)
"""Where only members come, whoever is none is told that first."""
_GUEST = ("/b", "/m/", "/claims", "/language")
_CHANGING = re.compile(r'(name="csrf_token" value=|<meta name="csrf" content=|name="key" value=)"[^"]*"')


@pytest.fixture
def app(house: House) -> Flask:
    return app_around(house.runtime)


@pytest.fixture
def mallory(app: Flask) -> Visitor:
    """Somebody who was never written to; the form tokens are those of a page that anybody gets."""
    return Visitor(app, "198.51.100.66")


@pytest.fixture
def fatima(app: Flask) -> Visitor:
    return Visitor(app)


class Letter:
    """A message to Fatima: where it is, and its code."""

    def __init__(self, house: House, check: Check = NONE, to: tuple[str, str] = FATIMA, **words: str) -> None:
        self.house, self.sent = house, house.send((*to, check), **words)
        self.code = write_message_code(house.code_of(self.sent.conversation, to[0]))
        with house.work() as ctx:
            [row] = ctx.db.scalars(select(GuestLink).where(GuestLink.conversation == self.sent.conversation))
        self.link, self.ref = row.id, ids.to_text(row.link_ref)
        self.page = f"/b/{self.ref}"

    def open(self, visitor: Visitor) -> TestResponse:
        visitor.get(self.page)
        return visitor.post(self.page, {"code": self.code})


def guest_pages(app: Flask, method: str, ref: str, message: str) -> list[str]:
    """Every address of a guest that answers to a method."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(_GUEST) and method in (rule.methods or ()):
            path = rule.rule.replace("<identifier:ref>", ref).replace("<identifier:message>", message)
            found.append(path.replace("<path:garbled>", f"{ref}."))
    assert len(found) > 4
    return sorted(found)


def everything(app: Flask, letter: Letter, method: str) -> list[str]:
    return guest_pages(app, method, letter.ref, ids.to_text(letter.sent.message))


def at_the_link(app: Flask, letter: Letter) -> list[str]:
    """What a page of a link can send, but for closing the browser's session and asking for help."""
    paths = [path for path in everything(app, letter, "POST") if path.startswith(letter.page)]
    return [path for path in paths if not path.endswith(("/close", "/help"))]


# --- headers, tokens, redirects ---


def test_no_page_of_a_guest_is_kept_framed_or_passed_on(house: House, app: Flask, fatima: Visitor) -> None:
    letter = Letter(house)
    for visitor in (Visitor(app), fatima):
        for path in everything(app, letter, "GET"):
            for answer in (visitor.get(path), visitor.client.open(path, method="HEAD")):
                assert answer.status_code < 500, path
                assert answer.headers["Cache-Control"] == "no-store", path
                assert answer.headers["Referrer-Policy"] == "no-referrer", path
                assert answer.headers["X-Frame-Options"] == "DENY", path
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path
                assert letter.code not in answer.text
        letter.open(fatima)


def test_forms_of_another_site_change_nothing(house: House, app: Flask, fatima: Visitor) -> None:
    """With Fatima's own cookies, as her browser would send them."""
    letter = Letter(house)
    letter.open(fatima)
    before = dump(house)
    token = fatima.token
    for path in everything(app, letter, "POST"):
        form = {"code": letter.code, "reply": "Kwaad", "key": ids.to_text(ids.new_id()), "device": "A" * 22}
        assert fatima.client.post(path, data=form).status_code in _REFUSED, path
        foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://kwaad.example"}
        assert fatima.client.post(path, data={**form, "csrf_token": token}, headers=foreign).status_code == 403, path
        theirs = Visitor(app)
        theirs.get("/b")
        stolen = {**form, "csrf_token": theirs.token}
        assert fatima.client.post(path, data=stolen).status_code in _REFUSED, path
    assert dump(house) == before


@pytest.mark.parametrize(
    "target",
    [EVIL, "//kwaad.example", "/\\kwaad.example", "\\\\kwaad.example", "/\t/kwaad.example", "javascript:1", ""],
)
def test_the_other_language_leads_nowhere_else(mallory: Visitor, target: str) -> None:
    mallory.get("/b")
    answer = mallory.post("/language", {"language": "en", "next": target})
    assert (answer.status_code, answer.location) == (303, "/b")


# --- what a link's address tells ---


def stand_still(answer: TestResponse) -> tuple[int, str, str]:
    """An answer without what is new in each."""
    return answer.status_code, answer.location or "", _CHANGING.sub("", answer.text)


def seen_by(visitor: Visitor, app: Flask, letter: Letter) -> list[tuple[str, str, int, str, str]]:
    """All that somebody with the address gets to see, from every page and from every form."""
    visitor.get("/b")
    form = {"reply": "Kwaad", "key": "A" * 22, "device": "A" * 22, "kind": "again", "language": "nl"}
    shown = []
    for path in everything(app, letter, "GET"):
        shown.append(("GET", path, *stand_still(visitor.get(path))))
    for path in everything(app, letter, "POST"):
        if not path.endswith("/help"):
            shown.append(("POST", path, *stand_still(visitor.post(path, form))))
    return shown


def wait(letter: Letter, visitor: Visitor) -> None:
    """Nothing happens."""


def opened(letter: Letter, visitor: Visitor) -> None:
    assert letter.open(visitor).status_code == 303


def remembered(letter: Letter, visitor: Visitor) -> None:
    letter.open(visitor)
    visitor.get(f"{letter.page}/letter")
    assert visitor.post(f"{letter.page}/remember").status_code == 303


def locked(letter: Letter, visitor: Visitor) -> None:
    with letter.house.work() as ctx:
        ctx.db.execute(update(GuestLink).values(locked=ctx.now, tries=10))


def expired(letter: Letter, visitor: Visitor) -> None:
    with letter.house.work() as ctx:
        ctx.db.execute(update(Recipient).values(expires=ctx.now))


def taken_back(letter: Letter, visitor: Visitor) -> None:
    with letter.house.work() as ctx:
        revocation.revoke(ctx, letter.house.marieke, letter.sent.message)


def ended(letter: Letter, visitor: Visitor) -> None:
    with letter.house.work() as ctx:
        revocation.revoke_from_conversation(ctx, letter.house.marieke, letter.sent.message, 0)


def renewed(letter: Letter, visitor: Visitor) -> None:
    with letter.house.work() as ctx:
        renewal.new_code(ctx, letter.house.marieke, letter.link)


def taken_along(letter: Letter, visitor: Visitor) -> None:
    guest, _secret = letter.house.enter(letter.sent.conversation)
    fatima = letter.house.join(FATIMA)
    with letter.house.work() as ctx:
        claiming.claim(ctx, fatima, guest)


def moved_to_an_account(letter: Letter, visitor: Visitor) -> None:
    letter.house.join(FATIMA)
    with letter.house.work() as ctx:
        renewal.renew(ctx, letter.house.marieke, letter.link, Check("account"))


@pytest.mark.parametrize(
    "event",
    [wait, opened, remembered, locked, expired, taken_back, ended, renewed, taken_along, moved_to_an_account],
)
def test_an_address_without_its_code_tells_nothing_of_what_became_of_the_message(
    house: House, app: Flask, mallory: Visitor, fatima: Visitor, event: Callable[[Letter, Visitor], None]
) -> None:
    letter = Letter(house)
    before = seen_by(mallory, app, letter)
    event(letter, fatima)
    assert seen_by(mallory, app, letter) == before


@pytest.mark.parametrize("way", ["none", "sms", "password"])
def test_an_address_without_its_code_does_not_tell_what_is_asked(
    house: House, app: Flask, mallory: Visitor, way: str
) -> None:
    plain = Letter(house)
    check = {"none": NONE, "sms": Check("sms", NUMBER), "password": agreed(house)}[way]
    other = Letter(house, check)

    def of(letter: Letter) -> list[str]:
        made = repr(seen_by(mallory, app, letter))
        return re.split(r"(?=\('(?:GET|POST)')", made.replace(letter.ref, "REF").replace(
            ids.to_text(letter.sent.message), "MESSAGE"
        ))  # fmt: skip

    assert of(other) == of(plain)


def test_whether_a_message_for_an_account_exists_is_not_told(house: House, mallory: Visitor) -> None:
    letter = Letter(house, to=PETER)
    shown = [
        _CHANGING.sub("", mallory.get(f"/m/{name}").text).replace(name, "ID")
        for name in (ids.to_text(letter.sent.message), ids.to_text(ids.new_id()))
    ]
    assert shown[0] == shown[1]


# --- with another's cookies, and after the end ---


def test_who_opened_one_conversation_reaches_no_other(house: House, app: Flask, fatima: Visitor) -> None:
    mine, theirs = Letter(house), Letter(house, to=PETER, subject="Peters zaak", text="Alleen voor Peter.")
    mine.open(fatima)
    fatima.get(f"{mine.page}/letter")
    before = dump(house)
    for path in everything(app, theirs, "GET"):
        answer = fatima.get(path)
        assert "Alleen voor Peter" not in answer.text
        assert "Peters zaak" not in answer.text
        assert PETER[0] not in answer.text
    for path in at_the_link(app, theirs):
        answer = fatima.post(path, {"reply": "Kwaad", "key": ids.to_text(ids.new_id()), "device": "A" * 22})
        assert answer.status_code in (303, 401, 422), path
        assert "Peters zaak" not in answer.text
    assert dump(house)["message"] == before["message"]
    assert dump(house)["recipient"] == before["recipient"]
    assert dump(house)["guest_device"] == before["guest_device"]


def test_a_page_left_open_does_nothing_once_access_was_taken_back(house: House, app: Flask, fatima: Visitor) -> None:
    letter = Letter(house)
    remembered(letter, fatima)
    fatima.get(f"{letter.page}/letter")
    ended(letter, fatima)
    before = dump(house)
    for path in at_the_link(app, letter):
        form = {"reply": "Nog een antwoord.", "text": "x", "key": ids.to_text(ids.new_id()), "device": "A" * 22}
        answer = fatima.post(path, form)
        assert answer.status_code in (303, 401, 422), path
        assert "€ 384" not in answer.text
    with house.work() as ctx:
        assert len(ctx.db.scalars(select(Message)).all()) == 1
        assert ctx.db.scalars(select(SessionLink)).all() == []
    after = dump(house)
    for table in ("message", "recipient", "envelope", "guest_link", "guest_device", "link_device", "outbox", "help"):
        assert after[table] == before[table], table


def test_the_cookie_of_another_browser_opens_nothing_in_its_place(house: House, app: Flask, fatima: Visitor) -> None:
    """A pending one as an opened one, a remembered one as a session, a session as a remembered one."""
    letter = Letter(house, Check("sms", NUMBER))
    letter.open(fatima)
    plain = Letter(house)
    remembered(plain, fatima)
    with house.work() as ctx:
        ctx.db.execute(update(SessionLink).where(SessionLink.link == plain.link).values(state=1))
    held = {name: fatima.cookie(name) or "" for name in (session.GUEST, session.REMEMBERED_GUEST, session.STRANGER)}
    for place in (session.MEMBER, session.GUEST, session.ARRIVING, session.REMEMBERED_GUEST):
        for name, value in held.items():
            if (place, name) in ((session.GUEST, session.GUEST), (session.REMEMBERED_GUEST, session.REMEMBERED_GUEST)):
                continue
            other = Visitor(app)
            other.client.set_cookie(place, value)
            for page in (letter.page, plain.page):
                for path in (f"{page}/letter", f"{page}/devices", page, "/inbox"):
                    answer = other.get(path)
                    assert "€ 384" not in answer.text, (place, name, path)
                    assert "Doorgaan" not in answer.text or name != session.GUEST


def test_a_locked_link_stays_closed_for_the_browser_it_remembers(house: House, fatima: Visitor) -> None:
    letter = Letter(house)
    remembered(letter, fatima)
    fatima.client.delete_cookie(session.GUEST)
    locked(letter, fatima)
    fatima.get(letter.page)
    fatima.post(f"{letter.page}/return")
    assert "€ 384" not in fatima.get(f"{letter.page}/letter").text


@pytest.mark.parametrize("why", ["busy", "too long"])
def test_what_was_never_compared_locks_nobody_out(
    house: House, fatima: Visitor, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """A server that is kept busy, or a text that no password can be: eleven times, and the right one still opens."""
    letter = Letter(house, agreed(house))
    letter.open(fatima)
    fatima.get(f"{letter.page}/check")

    def busy(*_: object) -> None:
        raise Busy(2)

    with monkeypatch.context() as patched:
        if why == "busy":
            patched.setattr(gate, "stretch", busy)
        for _ in range(gate.TRIES + 1):
            answer = fatima.post(f"{letter.page}/check", {"code": "x" * 1025})
            assert answer.status_code == (503 if why == "busy" else 422)
    assert fatima.post(f"{letter.page}/check", {"code": AGREED}).status_code == 303


# --- what people type ---


def test_words_of_people_are_words_on_every_page(house: House, app: Flask, fatima: Visitor) -> None:
    nasty = '"><img src=x onerror=alert(1)>{{7*7}}'
    with house.work() as ctx:
        check = Check("password", password=agreed(house).password, hint=nasty)
        sent = sending.send(
            ctx, house.marieke, key=ids.new_id(), to=[(FATIMA[0], nasty, check)], subject=nasty, text=nasty
        )
    letter = Letter.__new__(Letter)
    letter.house, letter.sent = house, sent
    letter.code = write_message_code(house.code_of(sent.conversation, FATIMA[0]))
    with house.work() as ctx:
        letter.ref = ids.to_text(ctx.db.scalars(select(GuestLink.link_ref)).one())
    letter.page = f"/b/{letter.ref}"
    assert "&lt;img" in fatima.get(letter.open(fatima).location).text, "the hint stands there"
    for turn in range(2):
        for path in everything(app, letter, "GET"):
            answer = fatima.get(path, headers={"Referer": nasty, "User-Agent": nasty})
            assert "<img src=x" not in answer.text, path
            assert "49" not in re.findall(r"onerror=alert\(1\)&gt;(\w\w)", answer.text)
        typed = fatima.post(letter.page, {"code": nasty, "reply": nasty})
        assert "<img src=x" not in typed.text
        if turn == 0:
            fatima.get(f"{letter.page}/check")
            assert fatima.post(f"{letter.page}/check", {"code": AGREED}).status_code == 303


# --- the log ---


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG, logger="securemail"):
        yield caplog


def test_a_whole_visit_leaves_neither_name_number_code_nor_address_in_the_log(
    house: House, app: Flask, fatima: Visitor, mallory: Visitor, logged: pytest.LogCaptureFixture
) -> None:
    for check in (NONE, Check("sms", NUMBER), agreed(house)):
        letter = Letter(house, check)
        mallory.get(letter.page)
        mallory.post(letter.page, {"code": write_message_code(house.code_of(letter.sent.conversation, FATIMA[0]))[:-1]})
        letter.open(fatima)
        fatima.get(f"{letter.page}/check")
        fatima.post(f"{letter.page}/check", {"code": "000000"})
        fatima.post(f"{letter.page}/check", {"code": AGREED})
        fatima.get(f"{letter.page}/letter")
        fatima.post(f"{letter.page}/reply", {"reply": "Mijn antwoord", "key": ids.to_text(ids.new_id())})
        fatima.post(f"{letter.page}/remember")
        fatima.post(f"{letter.page}/help", {"kind": "again"})
        with house.work() as ctx:
            ctx.db.execute(update(GuestLink).values(mac=bytes(32)))  # and something goes wrong
        fatima.get(f"{letter.page}/letter")
        with house.work() as ctx:
            visit = Visit(house, letter.link)
            row = visit.row(ctx)
        secrets = [letter.ref, letter.code, letter.code.replace(" ", ""), row.link_ref.hex(), *FATIMA, NUMBER]
        secrets += [NUMBER[3:], AGREED, "Mijn antwoord", "198.51.100.66", "192.0.2.7"]
        secrets += [held for held in map(fatima.cookie, (session.GUEST, session.REMEMBERED_GUEST)) if held]
        said = logged.text
        assert "alarm: guest link" in said, "something is logged at all"
        assert [word for word in secrets if word in said] == []
