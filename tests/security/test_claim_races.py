"""Taking letters along while others write, take back, renew or end them: nothing is lost, and nothing left behind."""

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from securemail import ids
from securemail.guests import claiming, links
from securemail.guests.checks import NONE
from securemail.identity.context import Context, Member
from securemail.mailboxes import rotation
from securemail.messages import expiry, reading, renewal, revocation, sending
from securemail.store.models import Envelope, GuestLink, Item, Message, Recipient, Thread
from tests.house import FATIMA, SANNE, House
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
_MOST, _STRIDE, _AT_LEAST = 150, 5, 20


def take_along(ctx: Context, member: Member, here: Visit) -> None:
    claiming.claim(ctx, member, here.guest)


def sanne_revokes_hers(ctx: Context, house: House, here: Visit) -> None:
    revocation.revoke_from_conversation(ctx, house.sanne, here.sent.message, 0)


def renew(ctx: Context, house: House, here: Visit) -> None:
    renewal.renew(ctx, house.marieke, here.guest.link, NONE)


def whole(house: House, fatima: Member, here: Visit) -> bool:
    """Whether it was taken along; in either case everything is in one place, and the list counts what it shows."""
    conversation = here.sent.conversation
    with house.work() as ctx:
        row = ctx.db.get_one(GuestLink, here.guest.link)
        assert links.genuine(ctx, row)
        of_it = select(Message.id).where(Message.conversation == conversation)
        places = select(func.count()).select_from(Recipient).where(Recipient.message.in_(of_it))
        at_mailbox = ctx.db.scalar(places.where(Recipient.principal == fatima.mailbox))
        at_link = ctx.db.scalar(places.where(Recipient.principal == row.id))
        of_link = select(func.count()).select_from(Envelope).where(Envelope.principal == row.id)
        of_mailbox = (
            select(func.count()).select_from(Item).where(Item.mailbox == fatima.mailbox, Item.message.in_(of_it))
        )
        keys = [ctx.db.scalar(of_link), ctx.db.scalar(of_mailbox)]
        thread = ctx.db.get(Thread, (fatima.mailbox, conversation))
    if row.claimed_by is None:
        assert (at_mailbox, keys[1], thread) == (0, 0, None)
        return False
    assert row.claimed_by == fatima.mailbox
    assert (at_link, keys[0], row.sealed_dk) == (0, 0, None)
    letters = house.letters(fatima, conversation)
    assert thread is not None
    assert thread.unread == sum(letter.state == "closed" for letter in letters)
    return True


def nothing_of(house: House, message: bytes, *principals: bytes) -> None:
    """Neither the link nor the mailbox has a key of a message."""
    with house.work() as ctx:
        held = set(ctx.db.scalars(select(Envelope.principal).where(Envelope.message == message)))
        held |= set(ctx.db.scalars(select(Item.mailbox).where(Item.message == message)))
        states = select(Recipient.state).where(Recipient.message == message, Recipient.principal.in_(principals))
        assert set(ctx.db.scalars(states)) <= {"revoked", "expired"}
    assert not held & set(principals)


def raced(house: House, folder: Path, visits: list[Visit], fatima: Member, verb: Verb) -> tuple[list[str], list[str]]:
    def claim(house: House, number: int) -> object:
        return again(house, lambda ctx: take_along(ctx, fatima, visits[number]))

    def other(house: House, number: int) -> object:
        return again(house, lambda ctx: verb(ctx, house, visits[number]))

    claimed, done = race(house, folder, ROUNDS, claim, other)
    assert [word for word in (*claimed, *done) if word.startswith("crash")] == []
    return claimed, done


@pytest.mark.parametrize("verb", [revoke, revoke_access, revoke_conversation])
def test_what_is_taken_back_meanwhile_is_in_no_mailbox(house: House, tmp_path: Path, verb: Verb) -> None:
    visits = [visit(house) for _ in range(ROUNDS)]
    fatima = house.join(FATIMA)
    claimed, taken = raced(house, tmp_path, visits, fatima, verb)
    assert set(taken) == {"done"}
    for here, said in zip(visits, claimed, strict=True):
        assert whole(house, fatima, here) == (said == "done")
        nothing_of(house, here.sent.message, fatima.mailbox, here.guest.link)


@pytest.mark.parametrize("name", ["marieke", "sanne", "fatima"])
def test_an_answer_that_is_written_meanwhile_is_in_the_mailbox(house: House, tmp_path: Path, name: str) -> None:
    visits = [visit(house) for _ in range(ROUNDS)]
    fatima = house.join(FATIMA)
    claimed, answered = raced(house, tmp_path, visits, fatima, answer_by(name))
    assert set(claimed) == {"done"}
    assert name == "fatima" or "NotFound" not in answered
    for here, said in zip(visits, answered, strict=True):
        assert whole(house, fatima, here)
        letters = {letter.message.hex(): letter for letter in house.letters(fatima, here.sent.conversation)}
        assert len(letters) == (3 if said == "NotFound" else 4)
        if said != "NotFound":
            assert letters[said].head is not None
            assert letters[said].own == (name == "fatima")


def test_one_of_a_new_code_and_a_mailbox_gets_it(house: House, tmp_path: Path) -> None:
    visits = [visit(house) for _ in range(ROUNDS)]
    fatima = house.join(FATIMA)
    claimed, renewed = raced(house, tmp_path, visits, fatima, renew)
    for here, won, lost in zip(visits, claimed, renewed, strict=True):
        assert {won, lost} in ({"done", "Conflict"}, {"done", "MayNotClaim"})
        assert whole(house, fatima, here) == (won == "done")


def test_one_of_two_tabs_takes_it_along(house: House, tmp_path: Path) -> None:
    visits = [visit(house) for _ in range(ROUNDS)]
    fatima = house.join(FATIMA)

    def claim(ctx: Context, house: House, here: Visit) -> None:
        take_along(ctx, fatima, here)

    left, right = raced(house, tmp_path, visits, fatima, claim)
    assert all(sorted(pair) == ["MayNotClaim", "done"] for pair in zip(left, right, strict=True))
    assert all(whole(house, fatima, here) for here in visits)


def test_what_expires_meanwhile_is_in_no_mailbox(house: House, tmp_path: Path) -> None:
    visits = [visit(house) for _ in range(ROUNDS)]
    fatima = house.join(FATIMA)
    with house.work() as ctx:
        first = Recipient.message.in_([here.sent.message for here in visits])
        ctx.db.execute(update(Recipient).where(first).values(expires=ctx.now))
    claimed, _ = raced(house, tmp_path, visits, fatima, expire)
    assert set(claimed) == {"done"}
    with house.work() as ctx:
        expiry.delete_due(ctx)
    for here in visits:
        assert whole(house, fatima, here)
        nothing_of(house, here.sent.message, fatima.mailbox, here.guest.link)


def test_a_new_key_of_the_mailbox_meanwhile_loses_nothing(house: House, tmp_path: Path) -> None:
    visits = [visit(house) for _ in range(ROUNDS)]
    fatima = house.join(FATIMA)

    def claim(house: House, number: int) -> str:
        # The page resumes the session before it tries again; here whoever is late has lost their try.
        with house.work() as ctx:
            claiming.claim(ctx, fatima, visits[number].guest)
        return "done"

    def rotate(house: House, number: int) -> None:
        if number == ROUNDS // 2:
            with house.work() as ctx:
                rotation.rotate_mail(ctx, fatima)

    said, _ = race(house, tmp_path, ROUNDS, claim, rotate)
    assert set(said) == {"done", "StaleKeys"}
    claims = [number for number, word in enumerate(said) if word == "done"]
    with house.work() as ctx:
        epochs = set(ctx.db.scalars(select(Item.epoch).where(Item.mailbox == fatima.mailbox)))
    assert epochs == {1}
    assert claims == list(range(len(claims))), "after the new key nothing is written under the older one"
    for number in claims:
        with house.runtime.work(write=False) as ctx:
            letters = reading.conversation(ctx, fatima, visits[number].sent.conversation)
        assert [letter.state for letter in letters] == ["open", "open", "closed"]


@on_postgres
@pytest.mark.parametrize(
    "verb",
    [revoke_conversation, sanne_revokes_hers, renew, expire, lengthen, open_as_guest, answer_by("fatima")],
    ids=["conversation", "hers", "renew", "expire", "lengthen", "open", "own answer"],
)
def test_held_up_before_any_statement_it_waits_for_nobody_in_a_circle(house: House, verb: Verb) -> None:
    for statement in range(2, _MOST, _STRIDE):
        who = (f"fatima{statement}@example.org", FATIMA[1])
        sent = house.send(who, SANNE)
        guest, _ = house.enter(sent.conversation, who[0])
        with house.work() as ctx:
            sending.reply(ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text="Akkoord.")
            if verb is expire:
                ctx.db.execute(update(Recipient).where(Recipient.principal == guest.link).values(expires=ctx.now))
        here, fatima = Visit(sent, guest), house.join(who)
        more = held_up(
            house, statement, partial(take_along, member=fatima, here=here), partial(verb, house=house, here=here)
        )
        if verb is expire:
            again(house, expiry.delete_due)
        assert whole(house, fatima, here) or verb in (renew, revoke_conversation)
        if verb is revoke_conversation:
            nothing_of(house, sent.message, fatima.mailbox, guest.link)
        if not more:
            break
    assert statement > _AT_LEAST


def test_a_claim_that_is_killed_leaves_all_of_it_or_nothing(house: House) -> None:
    here = visit(house)
    fatima = house.join(FATIMA)
    before = [(letter.state, letter.text) for letter in house.letters(here.guest, here.sent.conversation)]

    def claim(house: House) -> None:
        with house.work() as ctx:
            take_along(ctx, fatima, here)

    for _ in kills(house, claim):
        assert [(one.state, one.text) for one in house.letters(here.guest, here.sent.conversation)] == before
    assert whole(house, fatima, here)
    after = [(letter.state, letter.text) for letter in house.letters(fatima, here.sent.conversation)]
    assert after == before
