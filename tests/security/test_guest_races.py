"""Guests in processes of their own: what ends while they come in is over, and no limit is passed by two at once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from securemail import ids
from securemail.crypto.secrets import SessionSecret
from securemail.errors import NotFound, TooManyAttempts
from securemail.guests import gate, guest_sessions
from securemail.guests import help as helping
from securemail.guests.checks import Check
from securemail.guests.gate import AtGate, Refused
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.identity import limits
from securemail.identity.context import Context
from securemail.messages import control, expiry, reading, receipts, revocation, sending
from securemail.messages.reading import Letter
from securemail.store.models import Envelope, GuestLink, Help, Item, Message, Outbox, Recipient, SessionLink
from tests.guests.test_gate import NUMBER, ask_for_sms, other_than
from tests.house import FATIMA, PETER, SANNE, House
from tests.security.processes import race
from tests.security.test_guest_interleaved import Visit, agreed, visit

pytestmark = pytest.mark.slow

ROUNDS = 21
KINDS = ("revoke", "revoke_access", "revoke_from_conversation")
"""How a round takes back: each seven times with every way of coming in."""
BOTH = "crash: taken back, and still readable"
Act = Callable[[House, int], str | None]


def no_crash(*said: list[str]) -> None:
    assert [word for words in said for word in words if word.startswith("crash")] == []


def read_as(house: House, visitor: Visit, secret: SessionSecret) -> list[Letter]:
    with house.runtime.work(write=False) as ctx:
        try:
            guest = guest_sessions.resume(ctx, secret, visitor.row(ctx).link_ref)
            return reading.conversation(ctx, guest, guest.conversation)
        except (GuestSessionEnded, NotFound):
            return []


def nothing_but_revoked(ctx: Context, principal: bytes) -> bool:
    """Whether all that somebody received was taken back, and no key to any of it is left."""
    states = set(ctx.db.scalars(select(Recipient.state).where(Recipient.principal == principal)))
    keys = [*ctx.db.scalars(select(Envelope.message).where(Envelope.principal == principal))]
    keys += ctx.db.scalars(select(Item.message).where(Item.mailbox == principal))
    return states == {"revoked"} and keys == []


def never_both(house: House, visitor: Visit, secret: SessionSecret, *over: str) -> None:
    """Once the row says that it is over, nothing is readable: looked at in this order."""
    with house.runtime.work(write=False) as ctx:
        state = ctx.db.scalars(select(Recipient.state).where(Recipient.principal == visitor.link)).one()
    if state in over and any(letter.text for letter in read_as(house, visitor, secret)):
        raise AssertionError(BOTH)


def take_back(house: House, ctx: Context, kind: str, message: bytes) -> None:
    arguments = (house.marieke, message) if kind == "revoke" else (house.marieke, message, 0)
    getattr(revocation, kind)(ctx, *arguments)


@pytest.mark.parametrize("way", ["code", "sms", "password", "remembered"])
def test_what_is_taken_back_while_a_guest_comes_in_is_not_read(house: House, tmp_path: Path, way: str) -> None:
    visitors = [visit(house, way) for _ in range(ROUNDS)]

    def revoke(house: House, number: int) -> None:
        with house.work() as ctx:
            take_back(house, ctx, KINDS[number % 3], visitors[number].message(ctx))

    def come_in(house: House, number: int) -> str | None:
        here = visitors[number]
        with house.work() as ctx:
            here.come_in(ctx)
        for secret in here.secrets:
            never_both(house, here, secret, "revoked")
        return here.secrets[0].hex() if here.secrets else "closed"

    taken, got_in = race(house, tmp_path, ROUNDS, revoke, come_in)
    assert taken == ["done"] * ROUNDS
    no_crash(got_in)
    refused = {word for word in got_in if len(word) < 64}
    assert refused <= {"LinkClosed", "GuestSessionEnded", "NotFound", "closed"}
    for number, said in enumerate(got_in):
        fatima, ended = visitors[number], KINDS[number % 3] == "revoke_from_conversation"
        if len(said) == 64:
            letters = read_as(house, fatima, SessionSecret(bytes.fromhex(said)))
            assert [letter.text for letter in letters if letter.text] == []
        with house.work() as ctx:
            assert nothing_but_revoked(ctx, fatima.link)
            left = ctx.db.scalars(select(SessionLink).where(SessionLink.link == fatima.link)).all()
            assert not (ended and left)
            assert not (ended and fatima.row(ctx).sealed_dk)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_taken_back_while_a_colleague_takes_it_in_is_not_read(house: House, tmp_path: Path, kind: str) -> None:
    """Three unread messages in each conversation: who opens them holds several rows, as does who takes them back."""
    firsts = [house.send(SANNE, subject=str(number)) for number in range(ROUNDS)]
    for sent in firsts * 2:
        with house.work() as ctx:
            more = {"conversation": sent.conversation, "key": ids.new_id(), "text": "En nog iets."}
            sending.reply(ctx, house.marieke, **more)

    def take_all_back(house: House, number: int) -> None:
        with house.work() as ctx:
            mine = select(Message.id).where(Message.conversation == firsts[number].conversation)
            messages = ctx.db.scalars(mine.order_by(Message.sent_at)).all()
        for message in messages[:1] if kind == "revoke_from_conversation" else messages:
            with house.work() as ctx:
                take_back(house, ctx, kind, message)

    def open_them(house: House, number: int) -> None:
        with house.work() as ctx:
            reading.take_in(ctx, house.sanne)
        with house.work() as ctx:
            receipts.mark_opened(ctx, house.sanne, firsts[number].conversation)

    assert race(house, tmp_path, ROUNDS, take_all_back, open_them) == [["done"] * ROUNDS] * 2
    with house.work() as ctx:
        assert nothing_but_revoked(ctx, house.sanne.mailbox)


def test_what_is_taken_back_while_a_code_is_guessed_stops_nobody(house: House, tmp_path: Path) -> None:
    """Wrong tries and the withdrawal hold the same rows: neither waits for the other in a circle."""
    visitors = [visit(house, "sms") for _ in range(ROUNDS)]

    def revoke(house: House, number: int) -> None:
        with house.work() as ctx:
            if number % 2:
                visitors[number].correct_number(ctx)
            else:
                visitors[number].end_conversation(ctx)

    def guess(house: House, number: int) -> str | None:
        at = visitors[number].at
        assert at is not None
        for _ in range(3):
            with house.work() as ctx:
                left = gate.count_try(ctx, at)
            try:
                with house.work() as ctx:
                    gate.enter_sms(ctx, at, other_than(visitors[number].typed), left=left)
            except Refused:
                continue
        return None

    taken, guessed = race(house, tmp_path, ROUNDS, revoke, guess)
    assert taken == ["done"] * ROUNDS
    no_crash(guessed)


def several(house: House, count: int, *, expires: bool) -> list[sending.Sent]:
    """Letters to a colleague and two guests; the n-th ends after n + 1 days."""
    sent = []
    for number in range(count):
        with house.work() as ctx:
            sent.append(
                sending.send(
                    ctx, house.marieke, key=ids.new_id(), to=[SANNE, FATIMA, PETER], subject=str(number), text="Tekst.",
                    expires=timedelta(days=number + 1) if expires else None,
                )
            )  # fmt: skip
    return sent


def guest_of(house: House, sent: sending.Sent) -> Visit:
    with house.work() as ctx:
        mine = select(Recipient.principal).where(Recipient.message == sent.message, Recipient.place == 1)
        return Visit(house, ctx.db.scalars(mine).one())


def ending(start: datetime) -> Act:
    """The worker, once the letter of a round is over."""

    def expire(house: House, number: int) -> None:
        house.clock.now = start + timedelta(days=number + 1, seconds=1)
        with house.work() as ctx:
            expiry.delete_due(ctx)

    return expire


def lengthening(start: datetime, letters: list[sending.Sent], seconds: int) -> Act:
    """Its sender, so many seconds after its end."""

    def lengthen(house: House, number: int) -> None:
        house.clock.now = start + timedelta(days=number + 1, seconds=seconds)
        with house.work() as ctx:
            control.change_expiry(ctx, house.marieke, letters[number].message, None, everybody=False)

    return lengthen


def test_what_ends_while_it_is_opened_is_not_read(house: House, tmp_path: Path) -> None:
    letters = several(house, ROUNDS, expires=True)
    guests = [guest_of(house, sent) for sent in letters]
    start = house.clock.now

    def open_it(house: House, number: int) -> str:
        house.clock.now = start + timedelta(days=number + 1, seconds=-30)
        with house.work() as ctx:
            reading.take_in(ctx, house.sanne)
        with house.work() as ctx:
            receipts.mark_opened(ctx, house.sanne, letters[number].conversation)
        with house.work() as ctx:
            guests[number].come_in(ctx)
        never_both(house, guests[number], guests[number].secrets[0], "expired")
        return guests[number].secrets[0].hex()

    no_crash(*(said := race(house, tmp_path, ROUNDS, ending(start), open_it)))
    house.clock.now = start + timedelta(days=ROUNDS + 1)
    with house.work() as ctx:
        assert set(ctx.db.scalars(select(Recipient.state))) == {"expired"}
        assert ctx.db.scalars(select(Envelope)).all() == []
        assert set(ctx.db.scalars(select(Item.mailbox))) == {house.marieke.mailbox}
    for guest, secret in zip(guests, said[1], strict=True):
        assert not any(letter.text for letter in read_as(house, guest, SessionSecret(bytes.fromhex(secret))))


def test_what_is_lengthened_while_it_ends_is_read_again(house: House, tmp_path: Path) -> None:
    letters = several(house, ROUNDS, expires=True)
    guests = [guest_of(house, sent) for sent in letters]
    start = house.clock.now

    assert race(house, tmp_path, ROUNDS, ending(start), lengthening(start, letters, 2)) == [["done"] * ROUNDS] * 2
    house.clock.now = start + timedelta(days=ROUNDS + 1)
    for guest, sent in zip(guests, letters, strict=True):
        with house.work() as ctx:
            guest.come_in(ctx)
        assert guest.reads() == ["Tekst."]
        assert [letter.state for letter in house.letters(house.sanne, sent.conversation)] == ["closed"]


def test_what_is_taken_back_while_it_ends_or_is_lengthened_stays_taken_back(house: House, tmp_path: Path) -> None:
    letters = several(house, ROUNDS, expires=True)
    start = house.clock.now

    def revoke(house: House, number: int) -> None:
        house.clock.now = start + timedelta(days=number + 1, seconds=1)
        with house.work() as ctx:
            if KINDS[number % 3] == "revoke":
                revocation.revoke(ctx, house.marieke, letters[number].message)
            else:
                getattr(revocation, KINDS[number % 3])(ctx, house.marieke, letters[number].message, 1)

    said = race(house, tmp_path, ROUNDS, ending(start), lengthening(start, letters, 1), revoke)
    assert (said[0], said[2]) == (["done"] * ROUNDS, ["done"] * ROUNDS)
    assert set(said[1]) <= {"done", "Conflict", "NotFound"}
    house.clock.now = start + timedelta(days=ROUNDS + 1)
    with house.work() as ctx:
        for sent in letters:
            mine = select(Recipient.principal).where(Recipient.message == sent.message, Recipient.place == 1)
            assert nothing_but_revoked(ctx, ctx.db.scalars(mine).one())


# --- limits ---


def at_the_gate(house: House, check: Check) -> AtGate:
    """A letter with a check, and Fatima who gave its code."""
    sent = house.send((*FATIMA, check))
    code = house.code_of(sent.conversation, FATIMA[0])
    with house.work() as ctx:
        return gate.enter_code(ctx, code, None)


def guessing(at: AtGate, typed: str) -> Act:
    """One wrong entry a round; whether it was compared."""

    def guess(house: House, _number: int) -> str:
        with house.work() as ctx:
            left = gate.count_try(ctx, at)
        try:
            with house.work() as ctx:
                if at.step == "sms":
                    gate.enter_sms(ctx, at, typed, left=left)
                else:
                    gate.enter_password(ctx, at, gate.stretch(ctx, at, typed), left=left)
        except Refused as refused:
            return f"compared: {refused.reason}"
        return "crash: let in"

    return guess


def compared(said: list[list[str]]) -> int:
    no_crash(*said)
    return sum(word == "compared: wrong" for words in said for word in words)


def locked(house: House) -> list[bool]:
    with house.work() as ctx:
        return [moment is not None for moment in ctx.db.scalars(select(GuestLink.locked))]


def test_two_processes_make_no_eleventh_guess_at_an_agreed_password(house: House, tmp_path: Path) -> None:
    at = at_the_gate(house, agreed(house))
    guess = guessing(at, "dat is het niet")
    said = race(house, tmp_path, gate.TRIES, guess, guess)
    assert compared(said) == gate.TRIES
    assert locked(house) == [True]
    with house.work() as ctx:
        assert ctx.db.scalars(select(GuestLink.tries)).one() == gate.TRIES


def test_two_processes_make_five_guesses_at_a_code_and_ten_at_a_link(house: House, tmp_path: Path) -> None:
    """Two browsers, each with a code of its own: what one of them used up is gone for both."""
    at = at_the_gate(house, Check("sms", NUMBER))
    guess = guessing(at, other_than(ask_for_sms(house, at)))
    assert compared(race(house, tmp_path, gate.TRIES, guess, guess)) == gate.TRIES_A_CODE
    assert locked(house) == [False]
    with house.work() as ctx:
        again = gate.enter_code(ctx, house.code_of(at.link.conversation, FATIMA[0]), None)
    first, second = (guessing(one, other_than(ask_for_sms(house, one))) for one in (at, again))
    assert compared(race(house, tmp_path, gate.TRIES, first, second)) == gate.TRIES - gate.TRIES_A_CODE
    assert locked(house) == [True]


def test_a_right_entry_beside_wrong_ones_gives_no_more_than_itself_back(house: House, tmp_path: Path) -> None:
    at = at_the_gate(house, agreed(house))
    again = [at_the_gate_of(house, at) for _ in range(4)]
    wrong = guessing(at, "dat is het niet")

    def right(house: House, number: int) -> str | None:
        if number % 2 or number >= 8:
            return None
        mine = again[number // 2]
        with house.work() as ctx:
            left = gate.count_try(ctx, mine)
        with house.work() as ctx:
            gate.enter_password(ctx, mine, gate.stretch(ctx, mine, "de naam van ons konijn"), left=left)
        return None

    said = race(house, tmp_path, 2 * gate.TRIES, wrong, right)
    no_crash(said[1])
    assert compared(said[:1]) <= gate.TRIES
    with house.work() as ctx:
        tries = ctx.db.scalars(select(GuestLink.tries)).one()
    assert tries == compared(said[:1])
    assert locked(house) == [tries >= gate.TRIES]


def at_the_gate_of(house: House, at: AtGate) -> AtGate:
    with house.work() as ctx:
        return gate.enter_code(ctx, house.code_of(at.link.conversation, FATIMA[0]), None)


def test_two_processes_are_sent_three_codes_in_a_quarter_and_ten_a_day(house: House, tmp_path: Path) -> None:
    at = at_the_gate(house, Check("sms", NUMBER))
    start = house.clock.now

    def ask(house: House, number: int) -> str:
        house.clock.now = start + timedelta(minutes=16 * (number // 4))
        limits.check_guest_sms(house.runtime, at.link.id, at.link.maker)
        with house.work() as ctx:
            gate.send_sms(ctx, at, host="mail.example.org", language="nl")
        return f"sent {number // 4}"

    said = race(house, tmp_path, 24, ask, ask)
    no_crash(*said)
    sent = [word for words in said for word in words if word.startswith("sent")]
    assert [sent.count(f"sent {quarter}") for quarter in range(6)] == [3, 3, 3, 1, 0, 0]
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(Outbox).where(Outbox.kind == "sms_guest_code")) == 10


def test_who_comes_twice_a_day_is_sent_a_code_every_time(house: House) -> None:
    """Ten in any day, and no fewer: a guest who reads in the morning and in the evening waits for nothing."""
    link = visit(house, "sms").link
    for _ in range(15):
        for away in ({"hours": 10}, {"hours": 13}):
            limits.check_guest_sms(house.runtime, link, house.marieke.mailbox)
            house.clock.forward(**away)
    house.clock.forward(days=1)
    for _ in range(10):
        limits.check_guest_sms(house.runtime, link, house.marieke.mailbox)
        house.clock.forward(minutes=15)
    with pytest.raises(TooManyAttempts) as refused:
        limits.check_guest_sms(house.runtime, link, house.marieke.mailbox)
    house.clock.forward(seconds=refused.value.retry_after)
    limits.check_guest_sms(house.runtime, link, house.marieke.mailbox)


def test_one_of_two_who_ask_for_help_at_once_reaches_the_sender(house: House, tmp_path: Path) -> None:
    guests = [visit(house, "code") for _ in range(10)]

    def ask(house: House, number: int) -> str:
        with house.work() as ctx:
            link = guests[number].row(ctx)
        limits.check_help(house.runtime, link=link.id, maker=bytes([number]), network=bytes([number]))
        try:
            with house.work() as ctx:
                return str(helping.ask(ctx, guests[number].row(ctx), "again"))
        except IntegrityError:
            return "False"

    said = race(house, tmp_path, 10, ask, ask)
    assert [sorted(pair) for pair in zip(*said, strict=True)] == [["False", "True"]] * 10
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(Help)) == 10
        assert ctx.db.scalar(select(func.count()).select_from(Outbox).where(Outbox.kind == "help_asked")) == 10


def test_two_processes_ask_for_help_three_times_a_day_at_a_link(house: House, tmp_path: Path) -> None:
    link = visit(house, "code").link

    def ask(house: House, number: int) -> str:
        limits.check_help(house.runtime, link=link, maker=b"m", network=b"n")
        return "asked"

    said = race(house, tmp_path, 4, ask, ask)
    assert sum(word == "asked" for words in said for word in words) == 3
    assert {word for words in said for word in words} == {"asked", "TooManyAttempts"}


def test_wrong_message_codes_are_counted_for_a_network_whatever_process_it_meets(house: House, tmp_path: Path) -> None:
    """They are counted once they were wrong: two processes can be one too many at the very edge, and no more."""

    def mistype(house: House, _number: int) -> str:
        with house.runtime.work(write=False) as ctx:
            limits.require_room_for_codes(ctx, b"192.0.2.7")
        with house.work() as ctx:
            limits.count_code(ctx, b"192.0.2.7")
        return "looked at"

    said = race(house, tmp_path, 40, mistype, mistype)
    looked_at = sum(word == "looked at" for words in said for word in words)
    assert limits.MESSAGE_CODE.an_hour <= looked_at <= limits.MESSAGE_CODE.an_hour + 1
    with house.runtime.work(write=False) as ctx:
        limits.require_room_for_codes(ctx, b"198.51.100.7")
        with pytest.raises(TooManyAttempts):
            limits.require_room_for_codes(ctx, b"192.0.2.7")


def test_a_browser_is_remembered_once_however_often_it_is_asked(house: House, tmp_path: Path) -> None:
    """And forgotten for good, by the sender and by the guest at the same time."""
    visitors = [visit(house, "remembered") for _ in range(10)]

    def forget(house: House, number: int) -> str:
        with house.work() as ctx:
            try:
                visitors[number].forget(ctx)
            except NotFound:
                return "forgotten already"
        return "forgotten"

    def come_in(house: House, number: int) -> str:
        with house.work() as ctx:
            visitors[number].come_in(ctx)
        return visitors[number].secrets[0].hex() if visitors[number].secrets else "closed"

    said = race(house, tmp_path, 10, forget, come_in)
    no_crash(*said)
    for here, secret in zip(visitors, said[1], strict=True):
        if len(secret) == 64:
            assert read_as(house, here, SessionSecret(bytes.fromhex(secret))) == []
        assert [row.state for row in here.sessions()] == [1]
