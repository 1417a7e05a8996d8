"""A new code while others write, take back, open or renew too: nothing is lost, and the old code keeps nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.errors import Conflict
from securemail.guests import gate, links
from securemail.guests.checks import Check
from securemail.identity.context import Context
from securemail.messages import aliases, notices, renewal, sending
from securemail.store.models import Envelope, GuestLink, LinkDevice, Message, Recipient, SessionLink
from tests.guests.test_gate import NUMBER
from tests.house import FATIMA, House
from tests.kinds import on_postgres
from tests.security.processes import kills, race
from tests.security.steps import held_up
from tests.security.visits import (
    Verb,
    Visit,
    again,
    answer_by,
    expire,
    lengthen,
    open_as_guest,
    revoke,
    revoke_access,
    revoke_conversation,
    visit,
)

ROUNDS = 8
OTHER_NUMBER = "+31687654321"
_APART, _STATEMENTS = 9, 60


def renew(ctx: Context, house: House, here: Visit) -> None:
    renewal.new_code(ctx, house.marieke, here.guest.link)


def enter(ctx: Context, house: House, here: Visit) -> None:
    """With the code of before, in another browser."""
    code = links.kept_of(ctx, house.marieke, ctx.db.get_one(GuestLink, here.guest.link)).code
    gate.enter_code(ctx, code, None)


def tell_again(ctx: Context, house: House, here: Visit) -> None:
    notices.send_again(ctx, house.marieke, newest(ctx, here), 0)


def newest(ctx: Context, here: Visit) -> bytes:
    of_it = select(Message.id).where(Message.conversation == here.sent.conversation)
    return ctx.db.scalars(of_it.order_by(Message.sent_at.desc()).limit(1)).one()


def whole(house: House, here: Visit) -> bool:
    """Whether it was renewed; in either case what is shared, and nothing else, is where the link leads."""
    with house.work() as ctx:
        old = ctx.db.get_one(GuestLink, here.guest.link)
        known = aliases.of_conversation(ctx, here.sent.conversation)
        now = ctx.db.get_one(GuestLink, known.now(old.id))
        assert links.genuine(ctx, old)
        assert links.genuine(ctx, now)
        shared = set(ctx.db.scalars(
            select(Recipient.message).where(
                Recipient.principal == now.id, Recipient.state.in_(("waiting", "notified", "bounced", "opened"))
            )
        ))  # fmt: skip
        own = set(ctx.db.scalars(select(Message.id).where(Message.sender.in_(known.of(now.id)))))
        held = set(ctx.db.scalars(select(Envelope.message).where(Envelope.principal == now.id)))
        assert held == (shared | own if now.closed is None else set())
        if now.id == old.id:
            return False
        assert (old.closed is not None, old.sealed_dk) == (True, None)
        assert ctx.db.scalars(select(Recipient).where(Recipient.principal == old.id)).all() == []
        assert ctx.db.scalars(select(Envelope).where(Envelope.principal == old.id)).all() == []
        assert ctx.db.scalars(select(LinkDevice).where(LinkDevice.link == old.id)).all() == []
        if now.closed is None:
            opened = links.open_row(ctx, now, links.kept_of(ctx, house.marieke, now).code)
            assert opened.principal == now.id
    return True


def nothing_of(house: House, message: bytes) -> None:
    """No link has a key of a message."""
    with house.work() as ctx:
        guests = select(GuestLink.id)
        assert ctx.db.scalars(
            select(Envelope).where(Envelope.message == message, Envelope.principal.in_(guests))
        ).all() == []  # fmt: skip


def raced(house: House, folder: Path, visits: list[Visit], verb: Verb) -> tuple[list[str], list[str]]:
    def one(house: House, number: int) -> object:
        return again(house, lambda ctx: renew(ctx, house, visits[number]))

    def other(house: House, number: int) -> object:
        return again(house, lambda ctx: verb(ctx, house, visits[number]))

    renewed, done = race(house, folder, ROUNDS, one, other)
    assert [word for word in (*renewed, *done) if word.startswith("crash")] == []
    return renewed, done


def test_one_of_two_who_renew_at_once_wins(house: House, tmp_path: Path) -> None:
    visits = [visit(house) for _ in range(ROUNDS)]
    left, right = raced(house, tmp_path, visits, renew)
    assert all(sorted(pair) == ["Conflict", "done"] for pair in zip(left, right, strict=True))
    assert all(whole(house, here) for here in visits)
    with house.work() as ctx:
        assert len(ctx.db.scalars(select(GuestLink)).all()) == 2 * ROUNDS


@pytest.mark.parametrize("verb", [revoke, revoke_access, revoke_conversation])
def test_what_is_taken_back_meanwhile_has_no_new_code(house: House, tmp_path: Path, verb: Verb) -> None:
    visits = [visit(house) for _ in range(ROUNDS)]
    renewed, taken = raced(house, tmp_path, visits, verb)
    assert set(taken) == {"done"}
    assert set(renewed) <= ({"done", "Conflict"} if verb is revoke_conversation else {"done"})
    for here in visits:
        whole(house, here)
        nothing_of(house, here.sent.message)


@pytest.mark.parametrize("name", ["sanne", "fatima"])
def test_an_answer_that_is_written_meanwhile_is_behind_the_new_code(house: House, tmp_path: Path, name: str) -> None:
    visits = [visit(house) for _ in range(ROUNDS)]
    renewed, answered = raced(house, tmp_path, visits, answer_by(name))
    assert set(renewed) == {"done"}
    assert name == "fatima" or "NotFound" not in answered
    for here, said in zip(visits, answered, strict=True):
        assert whole(house, here)
        with house.work() as ctx:
            now = aliases.of_conversation(ctx, here.sent.conversation).now(here.guest.link)
            held = {message.hex() for message in ctx.db.scalars(
                select(Envelope.message).where(Envelope.principal == now)
            )}  # fmt: skip
        assert said == "NotFound" or said in held


def test_who_comes_in_meanwhile_with_the_old_code_is_out_again(house: House, tmp_path: Path) -> None:
    visits = [visit(house) for _ in range(ROUNDS)]
    renewed, entered = raced(house, tmp_path, visits, enter)
    assert set(renewed) == {"done"}
    assert set(entered) <= {"done", "LinkClosed"}
    assert all(whole(house, here) for here in visits)


def acting(verb: Verb, house: House, here: Visit) -> Callable[[Context], object]:
    return lambda ctx: verb(ctx, house, here)


VERBS: dict[str, Verb] = {
    "renew": renew,
    "access": revoke_access,
    "conversation": revoke_conversation,
    "expire": expire,
    "lengthen": lengthen,
    "enter": enter,
    "open": open_as_guest,
    "tell": tell_again,
    "answer": answer_by("marieke"),
    "own answer": answer_by("fatima"),
    "other's answer": answer_by("sanne"),
}


@on_postgres
@pytest.mark.slow
@pytest.mark.parametrize("name", VERBS)
def test_held_up_on_its_way_it_waits_for_nobody_in_a_circle(house: House, name: str) -> None:
    # Every moment is taken by one of the verbs, and each verb meets each stretch between two locks.
    for statement in range(1 + list(VERBS).index(name) % _APART, _STATEMENTS, _APART):
        here = visit(house)
        with house.work() as ctx:
            if name == "expire":
                first = Recipient.message == here.sent.message
                ctx.db.execute(update(Recipient).where(first).values(expires=ctx.now))
            if name == "tell":
                ctx.db.execute(update(Recipient).where(Recipient.state == "waiting").values(state="notified"))
        assert held_up(house, statement, acting(renew, house, here), acting(VERBS[name], house, here))
        with house.work() as ctx:
            expire(ctx, house, here)  # its row moved on while the worker looked
        assert whole(house, here) or name == "conversation"
        if name in ("access", "conversation"):
            nothing_of(house, here.sent.message)


@on_postgres
@pytest.mark.parametrize("statement", [2, 3, 4, 5, 6])
def test_a_number_that_is_corrected_meanwhile_leaves_one_genuine_link(house: House, statement: int) -> None:
    with house.work() as ctx:
        to = [(*FATIMA, Check("sms", NUMBER))]
        sending.send(ctx, house.marieke, key=ids.new_id(), to=to, subject="Uitslag", text="De uitslag is er.")
        link = ctx.db.scalars(select(GuestLink.id)).one()

    def correct(ctx: Context) -> None:
        links.correct_number(ctx, house.marieke, ctx.db.get_one(GuestLink, link), OTHER_NUMBER)

    def give_code(ctx: Context) -> None:
        renewal.new_code(ctx, house.marieke, link)

    assert held_up(house, statement, correct, give_code)
    with house.work() as ctx:
        old = ctx.db.get_one(GuestLink, link)
        now = links.newest(ctx, old)
        assert now.id != link
        assert (links.genuine(ctx, old), links.genuine(ctx, now), old.sealed_dk) == (True, True, None)


def test_a_renewal_that_is_killed_leaves_all_of_it_or_nothing(house: House) -> None:
    here = visit(house)
    before = [(letter.state, letter.text) for letter in house.letters(here.guest, here.sent.conversation)]

    def act(house: House) -> None:
        with house.work() as ctx:
            renew(ctx, house, here)

    for _ in kills(house, act):
        assert [(one.state, one.text) for one in house.letters(here.guest, here.sent.conversation)] == before
    assert whole(house, here)
    with house.work() as ctx:
        now = links.newest(ctx, ctx.db.get_one(GuestLink, here.guest.link))
        assert ctx.db.scalars(select(SessionLink).where(SessionLink.link == here.guest.link)).all() == []
        entered = gate.enter_code(ctx, links.kept_of(ctx, house.marieke, now).code, None)
    guest = house.guest(entered.secret, now.link_ref)
    texts = [letter.text for letter in house.letters(guest, here.sent.conversation)]
    assert texts[:2] == [text for _, text in before][:2]
    with house.work() as ctx, pytest.raises(Conflict):
        renew(ctx, house, here)
