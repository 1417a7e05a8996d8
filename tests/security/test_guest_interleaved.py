"""A guest comes in at the moment at which their way in is ended: whoever comes second sees what the first has done."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select, update

from securemail.crypto.secrets import SessionSecret
from securemail.errors import NotFound
from securemail.guests import checks, claiming, devices, gate, guest_sessions, links
from securemail.guests.checks import NONE, Check
from securemail.guests.gate import AtGate
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.identity.context import Context, Guest
from securemail.messages import completing, control, revocation, sending
from securemail.store.models import Envelope, GuestLink, LinkDevice, Message, Recipient, SessionLink
from tests.guests.test_devices import enter, remember, send
from tests.guests.test_gate import AGREED, NUMBER, ask_for_sms
from tests.house import FATIMA, House
from tests.security.steps import one_inside_the_other

pytestmark = pytest.mark.slow

OTHER_NUMBER = "+31687654321"
Act = Callable[[Context], object]


@dataclass
class Visit:
    """Fatima before one link; `secrets` are those of every browser that got in."""

    house: House
    link: bytes
    at: AtGate | None = None
    typed: str = ""
    kept: SessionSecret | None = None
    secrets: list[SessionSecret] = field(default_factory=list)

    def row(self, ctx: Context) -> GuestLink:
        return ctx.db.get_one(GuestLink, self.link)

    def message(self, ctx: Context) -> bytes:
        return ctx.db.scalars(select(Recipient.message).where(Recipient.principal == self.link)).one()

    def come_in(self, ctx: Context) -> None:
        """By the code alone, by what is asked beside it, or because the browser is remembered."""
        if self.at is None and self.kept is None:
            self.secrets.append(gate.enter_code(ctx, self.code(ctx), None).secret)
        elif self.at is None:
            back = devices.returning(ctx, self.kept, self.row(ctx))
            if back is not None:
                self.secrets.append(devices.open_here(ctx, back, None))
        else:
            at = gate.at(ctx, self.at.secret, self.at.link.link_ref)
            right = gate.enter_sms if at.step == "sms" else self._give_password
            self.secrets.append(right(ctx, at, self.typed, left=1))

    def _give_password(self, ctx: Context, at: AtGate, typed: str, *, left: int) -> SessionSecret:
        return gate.enter_password(ctx, at, gate.stretch(ctx, at, typed), left=left)

    def code(self, ctx: Context) -> Any:
        return links.kept_of(ctx, self.house.marieke, self.row(ctx)).code

    # --- how the way in ends ---

    def end_conversation(self, ctx: Context) -> None:
        revocation.revoke_from_conversation(ctx, self.house.marieke, self.message(ctx), 0)

    def correct_number(self, ctx: Context) -> None:
        links.correct_number(ctx, self.house.marieke, self.row(ctx), OTHER_NUMBER)

    def forget(self, ctx: Context) -> None:
        device = ctx.db.scalars(select(LinkDevice.device).where(LinkDevice.link == self.link)).one()
        devices.forget_by_maker(ctx, self.house.marieke, self.link, device)

    # --- what is left ---

    def sessions(self) -> list[SessionLink]:
        with self.house.work() as ctx:
            return list(ctx.db.scalars(select(SessionLink).where(SessionLink.link == self.link)))

    def reads(self) -> list[str | None]:
        """The texts that the browsers which got in still show."""
        return [letter.text for secret in self.secrets for letter in self._letters(secret) if letter.text]

    def _letters(self, secret: SessionSecret) -> list[Any]:
        with self.house.work() as ctx:
            try:
                guest = guest_sessions.resume(ctx, secret, self.row(ctx).link_ref)
            except (GuestSessionEnded, NotFound):
                return []
        return self.house.letters(guest, guest.conversation)


def visit(house: House, way: str) -> Visit:
    """A letter that was opened before, and Fatima before it once more, in another browser."""
    check = {"sms": Check("sms", NUMBER), "password": agreed(house)}.get(way, NONE)
    link = send(house, check)
    first = enter(house, link)
    here = Visit(house, link)
    if way == "remembered":
        here.kept = remember(house, first)
    if way in ("sms", "password"):
        with house.work() as ctx:
            here.at = gate.enter_code(ctx, here.code(ctx), None)
        here.typed = ask_for_sms(house, here.at) if way == "sms" else AGREED
    return here


def agreed(house: House) -> Check:
    with house.work() as ctx:
        return Check("password", password=checks.agree(ctx, AGREED))


def in_order(first: Act, second: Act, *, turned: bool) -> tuple[Act, Act]:
    return (second, first) if turned else (first, second)


ended_first = pytest.mark.parametrize("ended_first", [False, True], ids=["in, then ended", "ended, then in"])
WAYS = ["code", "sms", "password", "remembered"]


@ended_first
@pytest.mark.parametrize("way", WAYS)
def test_nobody_stays_in_a_conversation_that_is_taken_back(house: House, way: str, ended_first: bool) -> None:
    fatima = visit(house, way)
    one_inside_the_other(house, *in_order(fatima.come_in, fatima.end_conversation, turned=ended_first))
    assert fatima.reads() == []
    assert fatima.sessions() == [], "its key is in no session, also for who takes rows and cookie together"
    with house.work() as ctx:
        assert (fatima.row(ctx).sealed_dk, ctx.db.scalars(select(LinkDevice)).all()) == (None, [])


@ended_first
@pytest.mark.parametrize("way", ["sms", "remembered by sms"])
def test_who_passed_with_the_wrong_number_is_out_once_it_is_corrected(
    house: House, way: str, ended_first: bool
) -> None:
    fatima = visit(house, "sms")
    if way == "remembered by sms":
        fatima.kept, fatima.at = remember(house, enter(house, fatima.link)), None
    one_inside_the_other(house, *in_order(fatima.come_in, fatima.correct_number, turned=ended_first))
    assert fatima.reads() == []
    assert fatima.sessions() == []


@ended_first
def test_no_browser_is_remembered_for_a_number_that_is_being_corrected(house: House, ended_first: bool) -> None:
    link = send(house, Check("sms", NUMBER))
    guest, fatima = enter(house, link), Visit(house, link)

    def be_remembered(ctx: Context) -> None:
        fatima.kept = devices.remember(ctx, guest, None)

    one_inside_the_other(house, *in_order(be_remembered, fatima.correct_number, turned=ended_first))
    with house.work() as ctx:
        assert devices.returning(ctx, fatima.kept, fatima.row(ctx)) is None


def test_nobody_takes_letters_along_with_a_number_that_is_being_corrected(house: House) -> None:
    """Who had the wrong number may well have an account: what they opened with it is not theirs to keep."""
    link = send(house, Check("sms", NUMBER))
    guest, fatima = enter(house, link), Visit(house, link)
    mallory = replace(house.sanne, address=FATIMA[0])

    def take_along(ctx: Context) -> None:
        claiming.claim(ctx, mallory, guest)

    refused = one_inside_the_other(house, fatima.correct_number, take_along)
    assert [type(error) for error in refused] == [claiming.MayNotClaim]
    with house.work() as ctx:
        assert fatima.row(ctx).claimed_by is None


@ended_first
def test_no_browser_is_remembered_for_a_conversation_that_is_taken_back(house: House, ended_first: bool) -> None:
    link = send(house)
    guest, fatima = enter(house, link), Visit(house, link)

    def be_remembered(ctx: Context) -> None:
        fatima.kept = devices.remember(ctx, guest, None)

    one_inside_the_other(house, *in_order(be_remembered, fatima.end_conversation, turned=ended_first))
    with house.work() as ctx:
        assert devices.returning(ctx, fatima.kept, fatima.row(ctx)) is None
        assert ctx.db.scalars(select(LinkDevice).where(LinkDevice.link == link)).all() == []


@ended_first
def test_a_forgotten_browser_does_not_come_back_in_at_that_moment(house: House, ended_first: bool) -> None:
    fatima = visit(house, "remembered")
    one_inside_the_other(house, *in_order(fatima.come_in, fatima.forget, turned=ended_first))
    assert fatima.reads() == []
    assert [held.state for held in fatima.sessions()] == [1], "who gave the code reads on"


@ended_first
@pytest.mark.parametrize("ending", ["end_conversation", "correct_number"])
def test_opening_another_letter_carries_nothing_along_that_is_ended(
    house: House, ending: str, ended_first: bool
) -> None:
    """A browser that opens one link takes the others that it holds behind its new secret."""
    first = send(house, Check("sms", NUMBER))
    guest, fatima, other = enter(house, first), Visit(house, first), Visit(house, send(house))
    with house.work() as ctx:
        at = gate.enter_code(ctx, fatima.code(ctx), None)
    secret = gate_passed(house, at)

    def open_another(ctx: Context) -> None:
        fatima.secrets.append(gate.enter_code(ctx, other.code(ctx), secret).secret)

    one_inside_the_other(house, *in_order(open_another, getattr(fatima, ending), turned=ended_first))
    assert guest.principal == first
    assert fatima.reads() == []
    assert fatima.sessions() == []


def gate_passed(house: House, at: AtGate) -> SessionSecret:
    typed = ask_for_sms(house, at)
    with house.work() as ctx:
        return gate.enter_sms(ctx, at, typed, left=1)


@ended_first
@pytest.mark.parametrize("missing", ["number", "password"])
def test_what_is_said_late_revives_no_link(house: House, missing: str, ended_first: bool) -> None:
    """The sender says what was missing in one tab, and takes the conversation back in another."""
    check = Check("sms") if missing == "number" else Check("password")
    said = Check("sms", NUMBER) if missing == "number" else agreed(house)
    fatima = Visit(house, send(house, check))

    def say(ctx: Context) -> None:
        completing.complete(ctx, house.marieke, fatima.message(ctx), 0, said)

    one_inside_the_other(house, *in_order(say, fatima.end_conversation, turned=ended_first))
    with house.work() as ctx:
        row = fatima.row(ctx)
        assert (row.sealed_dk, row.closed is None) == (None, False)
        assert ctx.db.scalars(select(Envelope).where(Envelope.principal == fatima.link)).all() == []
        assert ctx.db.scalars(select(Recipient.state).where(Recipient.principal == fatima.link)).one() == "revoked"


@ended_first
@pytest.mark.parametrize("ending", ["revoke", "revoke_access", "revoke_from_conversation"])
def test_nothing_is_lengthened_that_is_taken_back(house: House, ending: str, ended_first: bool) -> None:
    link = send(house)
    guest, fatima = enter(house, link), Visit(house, link)
    with house.work() as ctx:
        message = fatima.message(ctx)
        ctx.db.execute(update(Recipient).values(state="expired", expires=None))
        ctx.db.execute(Envelope.__table__.delete())

    def take_back(ctx: Context) -> None:
        arguments = (house.marieke, message) if ending == "revoke" else (house.marieke, message, 0)
        getattr(revocation, ending)(ctx, *arguments)

    def lengthen(ctx: Context) -> None:
        control.change_expiry(ctx, house.marieke, message, None, everybody=False)

    one_inside_the_other(house, *in_order(lengthen, take_back, turned=ended_first))
    assert_gone(house, guest, message)


def assert_gone(house: House, guest: Guest, message: bytes) -> None:
    with house.work() as ctx:
        assert ctx.db.scalars(select(Envelope).where(Envelope.message == message)).all() == []
        assert set(ctx.db.scalars(select(Recipient.state).where(Recipient.message == message))) == {"revoked"}
    letters = [letter for letter in house.letters(guest, guest.conversation) if letter.message == message]
    assert [(letter.head, letter.text) for letter in letters] == [(None, None)]


@ended_first
def test_an_answer_to_what_is_being_taken_back_shows_nothing_of_it(house: House, ended_first: bool) -> None:
    link = send(house)
    guest, fatima = enter(house, link), Visit(house, link)
    with house.work() as ctx:
        message = fatima.message(ctx)

    def answer(ctx: Context) -> None:
        sending.reply(ctx, guest, conversation=guest.conversation, key=bytes(15) + b"a", text="Akkoord.")

    def take_back(ctx: Context) -> None:
        revocation.revoke(ctx, house.marieke, message)

    refused = one_inside_the_other(house, *in_order(answer, take_back, turned=ended_first))
    assert_gone(house, guest, message)
    with house.work() as ctx:
        answers = len(ctx.db.scalars(select(Message).where(Message.sender == link)).all())
    assert (answers, len(refused)) in ((1, 0), (0, 1))
