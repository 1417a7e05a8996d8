"""T15: what a stranger may not learn gets the same answer after the same work, whichever it is.

Counted: primitives by what they are for, statements by their words, transactions. `make bench-timing` has the clock.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

import pyotp
import pytest
from flask import Flask
from sqlalchemy import Select, select, update

from securemail import ids
from securemail.crypto import cookies
from securemail.crypto.codes import write_message_code
from securemail.crypto.secrets import MessageCode
from securemail.guests import claiming, gate
from securemail.guests.checks import NONE, Check
from securemail.identity import closing, vault
from securemail.identity.factors import backup_codes
from securemail.identity.vault import Totp
from securemail.messages import renewal
from securemail.store.models import GuestLink, SessionLink
from securemail.web import session
from tests.counted import Work, counted, more
from tests.guests.test_gate import AGREED, NUMBER
from tests.house import FATIMA, MARIEKE, PASSWORD, PETER, SANNE, House
from tests.kept import app_around
from tests.letterbox import living_worker
from tests.security.test_guest_interleaved import agreed
from tests.security.test_guest_stranger import (
    Letter,
    ended,
    expired,
    locked,
    opened,
    remembered,
    stand_still,
    taken_back,
    wait,
)
from tests.visitor import Visitor

pytestmark = pytest.mark.slow

UNKNOWN = "niemand@vandalenbakker.example"
INVENTED = write_message_code(MessageCode(bytes(range(16))))
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STRETCHED = "stretch"
Event = Callable[[Letter, Visitor], None]


class Seen(NamedTuple):
    """One answer without what is new in each, and the work behind it."""

    status: int
    location: str
    text: str
    work: Work


@pytest.fixture
def app(house: House) -> Flask:
    living_worker(house)
    return app_around(house.runtime)


def ask(
    house: House, visitor: Visitor, method: str, path: str, form: dict[str, str] | None = None, *, hide: str = " "
) -> Seen:
    """Ask for a page; `hide` is what the question itself brought along."""
    with counted() as work:
        answer = visitor.get(path) if method == "GET" else visitor.post(path, form)
    status, location, text = stand_still(answer)
    return Seen(status, location.replace(hide, "…"), text.replace(hide, "…"), work)


def same(left: Seen, right: Seen) -> None:
    """Neither the answer nor the work tells one from the other."""
    assert left[:3] == right[:3]
    assert more(left.work, right.work) == {}


def browsers(app: Flask) -> Callable[[], Visitor]:
    """Browsers that were never here, each in a network of its own: no limit counts two of them together."""
    made = iter(range(1, 250))
    return lambda: Visitor(app, f"198.51.100.{next(made)}")


# --- addresses ---


@pytest.mark.parametrize(
    ("path", "form", "stretched"),
    [
        ("/login", {"password": "fout fout fout"}, 1),
        ("/login/again", {"password": "fout fout fout"}, 1),
        ("/signup", {}, 0),
        ("/recovery", {}, 0),
        ("/recovery/lost", {}, 0),
    ],
)
def test_known_and_unknown_addresses(house: House, app: Flask, path: str, form: dict[str, str], stretched: int) -> None:
    """With and without a second step, closed for good, and never there."""
    set_up_app(house)
    gone = house.join(PETER)
    with house.work() as ctx:
        closing.close(ctx, gone)
    new, seen = browsers(app), []
    for address in (UNKNOWN, UNKNOWN, SANNE[0], MARIEKE[0], PETER[0]):
        visitor = new()
        visitor.get(path)
        seen.append(ask(house, visitor, "POST", path, {"address": address, **form}, hide=address))
        house.clock.forward(hours=3)
    for other in seen[2:]:
        same(other, seen[1])
    assert [one.work[STRETCHED] for one in seen] == [stretched] * 5


@pytest.mark.parametrize("wanted", [MARIEKE[0], PETER[0]])
def test_whether_a_member_wants_an_address_that_is_taken(house: House, app: Flask, wanted: str) -> None:
    with house.work() as ctx:
        closing.close(ctx, house.join(PETER))
    seen = []
    for address in (UNKNOWN, UNKNOWN, wanted):
        sanne = Visitor(app)
        sanne.log_in(SANNE[0], PASSWORD)
        sanne.get("/settings/address")
        seen.append(ask(house, sanne, "POST", "/settings/address", {"address": address}, hide=address))
        sanne.post("/settings/address/cancel")
        house.clock.forward(hours=3)
    assert seen[1].status == 303
    same(seen[2], seen[1])


# --- the second step ---


def set_up_app(house: House) -> list[str]:
    """Sanne has an app and backup codes."""
    with house.work() as ctx:
        totp = Totp(SEED, 0, ctx.now.isoformat())
        vault.change(ctx, house.sanne.root, lambda kept: replace(kept, totp=totp))
    with house.work() as ctx:
        return backup_codes.renew(ctx, house.sanne.root)


def step(house: House, visitor: Visitor, method: str, code: str) -> Seen:
    """One code, after the right password."""
    visitor.get(visitor.log_in(SANNE[0], PASSWORD).location)
    return ask(house, visitor, "POST", "/login/step", {"method": method, "code": code}, hide=code)


def test_how_much_of_a_code_from_the_app_is_right(house: House, app: Flask) -> None:
    """Nothing, or all but the last digit. All of it, used before, is told to be that, and takes no other work."""
    set_up_app(house)
    new, right = browsers(app), pyotp.TOTP(SEED).at(house.clock.now)
    assert step(house, new(), "totp", right).status == 303
    near, far = right[:5] + str((int(right[5]) + 1) % 10), f"{(int(right) + 500_001) % 10**6:06d}"
    seen = [step(house, new(), "totp", code) for code in (far, far, near, right)]
    assert seen[1].status == seen[3].status == 422
    same(seen[2], seen[1])
    assert more(seen[3].work, seen[1].work) == {}


def test_how_much_of_a_backup_code_is_right(house: House, app: Flask) -> None:
    codes, new = set_up_app(house), browsers(app)
    used, right = codes[0], codes[1]
    assert step(house, new(), "backup", used).status == 303
    near = right[:-1] + ("0" if right[-1] != "0" else "1")
    seen = [step(house, new(), "backup", code) for code in ("0000-0000", "0000-0000", near, used)]
    assert seen[1].status == 422
    for other in seen[2:]:
        same(other, seen[1])


# --- a guest's link, to who has its address alone ---


def renewed(letter: Letter, visitor: Visitor) -> None:
    with letter.house.work() as ctx:
        renewal.new_code(ctx, letter.house.marieke, letter.link)


def renewed_thrice(letter: Letter, visitor: Visitor) -> None:
    for _ in range(3):
        with letter.house.work() as ctx:
            renewal.new_code(ctx, letter.house.marieke, ctx.db.scalars(living_link(letter)).one().id)


def claimed(letter: Letter, visitor: Visitor) -> None:
    guest, _secret = letter.house.enter(letter.sent.conversation)
    member = letter.house.join(FATIMA)
    with letter.house.work() as ctx:
        claiming.claim(ctx, member, guest)


def claimed_after_renewal(letter: Letter, visitor: Visitor) -> None:
    renewed(letter, visitor)
    with letter.house.work() as ctx:
        entered = gate.enter_code(ctx, newest_code(letter), None)
    guest, member = letter.house.guest(entered.secret, entered.link.link_ref), letter.house.join(FATIMA)
    with letter.house.work() as ctx:
        claiming.claim(ctx, member, guest)


def living_link(letter: Letter) -> Select[tuple[GuestLink]]:
    of_it = (GuestLink.conversation == letter.sent.conversation, GuestLink.closed.is_(None))
    return select(GuestLink).where(*of_it)


def newest_code(letter: Letter) -> MessageCode:
    house = letter.house
    with house.runtime.work(write=False) as ctx:
        row = ctx.db.scalars(living_link(letter)).one()
        return MessageCode(bytes.fromhex(house.marieke.mail.open_maker(row.id, row.sealed_maker)["code"]))


def stranger(app: Flask, letter: Letter) -> Visitor:
    """Mallory, whom the browser knows nothing of."""
    return Visitor(app, "198.51.100.66")


def with_invented_cookies(app: Flask, letter: Letter) -> Visitor:
    visitor = stranger(app, letter)
    for name in (session.GUEST, session.REMEMBERED_GUEST):
        visitor.client.set_cookie(name, cookies.write_cookie(cookies.read_cookie("A" * 43) or SECRET))
    return visitor


def with_a_letter_of_her_own(app: Flask, letter: Letter) -> Visitor:
    """A guest of the same sender, whose browser is remembered for her own letter."""
    own, visitor = Letter(letter.house, to=PETER), stranger(app, letter)
    remembered(own, visitor)
    return visitor


def colleague(app: Flask, letter: Letter) -> Visitor:
    """Sanne, who is logged in and to whom nobody wrote."""
    visitor = stranger(app, letter)
    assert visitor.log_in(SANNE[0], PASSWORD).status_code == 303
    visitor.get("/inbox")
    return visitor


SECRET = cookies.SessionSecret(bytes(32))
PAGES = ("", "?again=1", ".", "/letter", "/check", "/devices", "/account", "/help")
FORMS = ("", "/open", "/reply", "/check", "/check/sms", "/return", "/remember", "/devices/forget", "/claim")


def seen_at(house: House, visitor: Visitor, letter: Letter) -> dict[str, Seen]:
    """All that the pages of a link answer, and how much work it was."""
    form = {"code": INVENTED, "reply": "Kwaad", "key": "A" * 22, "device": "A" * 22}
    return {
        f"{method} {end}": ask(house, visitor, method, f"{letter.page}{end}", form, hide=letter.ref)
        for method, ends in (("GET", PAGES), ("POST", FORMS))
        for end in ends
    }


EVENTS: Final[tuple[Event, ...]] = (
    wait, opened, remembered, locked, expired, taken_back, ended,
    renewed, renewed_thrice, claimed, claimed_after_renewal,
)  # fmt: skip

on_sqlite = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
"""What is asked of the database is the same on both."""


@on_sqlite
@pytest.mark.parametrize("event", EVENTS)
def test_what_became_of_a_link(house: House, app: Flask, event: Event) -> None:
    letter = Letter(house)
    crowd = [who(app, letter) for who in (stranger, with_invented_cookies, with_a_letter_of_her_own, colleague)]
    for visitor in crowd:
        seen_at(house, visitor, letter)  # what is made once is made now
    before = [seen_at(house, visitor, letter) for visitor in crowd]
    event(letter, Visitor(app))
    for visitor, shown in zip(crowd, before, strict=True):
        for page, seen in seen_at(house, visitor, letter).items():
            same(seen, shown[page])


@on_sqlite
@pytest.mark.parametrize("event", EVENTS)
def test_asking_for_help_is_answered_alike(house: House, app: Flask, event: Event) -> None:
    """The work is not: of what is left to be asked about, the sender's mail is made. Three times a day at most."""
    letter, plain = Letter(house, to=FATIMA), Letter(house, to=PETER)
    event(letter, Visitor(app))
    seen = []
    for asked in (letter, plain):
        mallory = stranger(app, asked)
        mallory.get("/b")
        seen.append(ask(house, mallory, "POST", f"{asked.page}/help", {"kind": "again"}, hide=asked.ref))
    assert seen[0][:3] == seen[1][:3] == (303, "/b/…/help?asked=1", seen[0].text)


def test_which_check_waits_behind_a_code_that_is_wrong(house: House, app: Flask) -> None:
    checks = (NONE, Check("sms", NUMBER), Check("sms"), agreed(house), Check("password"))
    plain, *others = (Letter(house, check) for check in checks)
    mallory = stranger(app, plain)
    seen_at(house, mallory, plain)
    shown = seen_at(house, mallory, plain)
    for other in others:
        for page, seen in seen_at(house, mallory, other).items():
            same(seen, shown[page])


def test_a_code_that_is_wrong_is_looked_for_in_the_same_way_wherever_it_is_typed(house: House, app: Flask) -> None:
    """At the door, at a link that nobody made, and at one that was: but for showing who wrote, and when."""
    letter, mallory = Letter(house), Visitor(app)
    mallory.get("/b")
    doors = ("/b", f"/b/{'A' * 22}", letter.page)
    seen = [[ask(house, mallory, "POST", door, {"code": INVENTED}) for _ in range(2)][1] for door in doors]
    assert [one.status for one in seen] == [422] * 3
    (front, nowhere, known) = ({what: one.work[what] for what in one.work if "/ref" in what} for one in seen)
    assert front == nowhere == known
    assert all(one.work[STRETCHED] == 0 for one in seen)


def test_whether_a_message_is_anothers_or_was_never_there(house: House, app: Flask) -> None:
    letter = Letter(house, to=PETER)
    own = house.send(PETER, author=house.marieke)
    for who in (stranger, colleague):
        visitor, seen = who(app, letter), []
        for message in (ids.new_id(), ids.new_id(), letter.sent.message, own.message):
            name = ids.to_text(message)
            seen.append(ask(house, visitor, "GET", f"/m/{name}", hide=name))
        for other in seen[2:]:
            same(other, seen[1])


# --- a guest's check, to who has the code ---


def at_step(house: House, app: Flask, check: Check) -> tuple[Letter, Visitor]:
    """Fatima's browser, which gave the code of a letter of its own."""
    letter, visitor = Letter(house, check), Visitor(app)
    visitor.get(letter.open(visitor).location)
    return letter, visitor


def sms_code(house: House, visitor: Visitor, letter: Letter) -> str:
    """The digits that went to the phone."""
    secret = cookies.read_cookie(visitor.cookie(session.GUEST) or "") or SECRET
    held = cookies.session_id(secret)
    with house.work() as ctx:
        sealed = ctx.db.get_one(SessionLink, (held, letter.link)).sealed_challenge or b""
    return str(cookies.open_link_challenge(secret, sealed, session=held, link=letter.link)["code"])


def wrong(house: House, visitor: Visitor, letter: Letter) -> str:
    return f"{(int(sms_code(house, visitor, letter)) + 543_211) % 10**6:06d}"


def nearly(house: House, visitor: Visitor, letter: Letter) -> str:
    right = sms_code(house, visitor, letter)
    return right[:5] + str((int(right[5]) + 1) % 10)


def lock(house: House, letter: Letter) -> None:
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).where(GuestLink.id == letter.link).values(tries=gate.TRIES, locked=ctx.now))


def too_late(house: House, letter: Letter) -> None:
    house.clock.forward(minutes=11)


def five_tries(house: House, letter: Letter) -> None:
    with house.work() as ctx:
        ctx.db.execute(update(SessionLink).where(SessionLink.link == letter.link).values(tries=gate.TRIES_A_CODE))


def nothing(house: House, letter: Letter) -> None:
    """Everything is as it was."""


@pytest.mark.parametrize(
    ("before", "codes"),
    [
        (nothing, (wrong, nearly)),
        (too_late, (wrong, sms_code)),
        (five_tries, (wrong, sms_code)),
        (lock, (wrong, sms_code)),
    ],
)
def test_how_much_of_a_code_by_sms_is_right(
    house: House, app: Flask, before: Callable[[House, Letter], None], codes: tuple[Callable[..., str], ...]
) -> None:
    """Where it is refused: the right one is told from a wrong one by being let in, and in no other way."""
    seen = []
    for code in (codes[0], *codes):
        letter, visitor = at_step(house, app, Check("sms", NUMBER))
        typed = code(house, visitor, letter)
        before(house, letter)
        answer = ask(house, visitor, "POST", f"{letter.page}/check", {"code": typed}, hide=letter.ref)
        seen.append(answer._replace(text=answer.text.replace(typed, "…")))
    assert seen[1].status == 422
    same(seen[2], seen[1])


@pytest.mark.parametrize("before", [nothing, lock])
def test_how_much_of_an_agreed_password_is_right(
    house: House, app: Flask, before: Callable[[House, Letter], None]
) -> None:
    check, seen = agreed(house), []
    for typed in ("iets anders", "iets anders", f"{AGREED}x" if before is nothing else AGREED):
        letter, visitor = at_step(house, app, check)
        before(house, letter)
        seen.append(ask(house, visitor, "POST", f"{letter.page}/check", {"code": typed}, hide=letter.ref))
    assert seen[1].status == 422
    assert seen[1].work[STRETCHED] == (1 if before is nothing else 0)
    same(seen[2], seen[1])


def test_a_right_agreed_password_is_stretched_once_as_a_wrong_one(house: House, app: Flask) -> None:
    check = agreed(house)
    for typed, status in (("iets anders", 422), (AGREED, 303)):
        letter, visitor = at_step(house, app, check)
        seen = ask(house, visitor, "POST", f"{letter.page}/check", {"code": typed})
        assert (seen.status, seen.work[STRETCHED]) == (status, 1)
