"""T12 around guests: a process killed before any statement of these verbs leaves the whole of it, or nothing."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.guests import devices, gate, links
from securemail.guests.checks import Check
from securemail.identity.context import Context
from securemail.messages import completing, control, expiry, renewal, revocation, sending
from securemail.store.models import Envelope, GuestDevice, GuestLink, LinkDevice, Outbox, Recipient, SessionLink
from tests.guests.test_devices import enter, remember, send
from tests.guests.test_gate import NUMBER, ask_for_sms
from tests.house import FATIMA, PETER, SANNE, House
from tests.security import processes
from tests.security.processes import Act
from tests.security.test_guest_interleaved import Visit, agreed

pytestmark = pytest.mark.slow

OTHER_NUMBER = "+31687654321"
kills = partial(processes.kills, at_least=6)


def all_kills(house: House, act: Act, *, every: int = 1) -> None:
    for _ in kills(house, act, every=every):
        pass


def working(act: Callable[..., object]) -> Act:
    def in_one_transaction(house: House) -> None:
        with house.work() as ctx:
            act(ctx, house)

    return in_one_transaction


def states(house: House, message: bytes) -> list[str]:
    with house.work() as ctx:
        rows = select(Recipient.state).where(Recipient.message == message).order_by(Recipient.place)
        return list(ctx.db.scalars(rows))


def test_sending_with_checks(house: House) -> None:
    key = ids.new_id()
    to = [(*FATIMA, Check("sms", NUMBER)), (*PETER, Check("sms")), SANNE, ("noor@example.org", "Noor", agreed(house))]

    def send_it(ctx: Context, house: House) -> None:
        sending.send(ctx, house.marieke, key=key, to=to, subject="Uitslag", text="De uitslag.")

    act = working(send_it)
    all_kills(house, act, every=2)
    act(house)
    with house.work() as ctx:
        [message] = set(ctx.db.scalars(select(Recipient.message)))
        assert len(ctx.db.scalars(select(GuestLink)).all()) == 3
        assert len(ctx.db.scalars(select(Envelope)).all()) == 3, "whose number is missing has none"
        assert len(ctx.db.scalars(select(Outbox).where(Outbox.message == message)).all()) == 3
    assert states(house, message) == ["waiting", "unready", "waiting", "waiting"]


@pytest.mark.parametrize("missing", ["number", "password"])
def test_saying_what_was_missing(house: House, missing: str) -> None:
    link = send(house, Check("sms") if missing == "number" else Check("password"))
    said, fatima = Check("sms", NUMBER) if missing == "number" else agreed(house), Visit(house, link)
    with house.work() as ctx:
        message = fatima.message(ctx)

    def complete(ctx: Context, house: House) -> None:
        completing.complete(ctx, house.marieke, message, 0, said)

    for _ in kills(house, working(complete), every=2):
        assert states(house, message) == ["unready"]
    assert states(house, message) == ["waiting"]
    guest = enter(house, link)
    assert [letter.text for letter in house.letters(guest, guest.conversation)] == ["De uitslag."]


def test_correcting_a_number(house: House) -> None:
    link = send(house, Check("sms", NUMBER))
    guest = enter(house, link)
    secret = remember(house, guest)

    def correct(ctx: Context, house: House) -> None:
        links.correct_number(ctx, house.marieke, Visit(house, link).row(ctx), OTHER_NUMBER)

    for _ in kills(house, working(correct)):
        with house.work() as ctx:
            row = ctx.db.get_one(GuestLink, link)
            assert links.kept_of(ctx, house.marieke, row).number == NUMBER
            assert devices.returning(ctx, secret, row) is not None
    with house.work() as ctx:
        assert links.kept_of(ctx, house.marieke, ctx.db.get_one(GuestLink, link)).number == OTHER_NUMBER
        for table in (SessionLink, LinkDevice, GuestDevice):
            assert ctx.db.scalars(select(table)).all() == []


def test_taking_a_whole_conversation_back(house: House) -> None:
    sent = house.send(FATIMA, SANNE)
    with house.work() as ctx:
        sending.reply(ctx, house.marieke, conversation=sent.conversation, key=ids.new_id(), text="Nog iets.")
    guest, secret = house.enter(sent.conversation)
    kept = remember(house, guest)

    def revoke(ctx: Context, house: House) -> None:
        revocation.revoke_from_conversation(ctx, house.marieke, sent.message, 0)

    for _ in kills(house, working(revoke), every=2):
        with house.work() as ctx:
            link = ctx.db.get_one(GuestLink, guest.principal)
            assert devices.returning(ctx, kept, link) is not None
            ref = link.link_ref
        again = house.guest(secret, ref)
        assert [bool(letter.text) for letter in house.letters(again, sent.conversation)] == [True, True]
    with house.work() as ctx:
        link = ctx.db.get_one(GuestLink, guest.principal)
        assert (link.sealed_dk, link.closed is None) == (None, False)
        assert ctx.db.scalars(select(Envelope).where(Envelope.principal == guest.principal)).all() == []
        assert ctx.db.scalars(select(SessionLink)).all() == []
        theirs = set(ctx.db.scalars(select(Recipient.state).where(Recipient.principal == guest.principal)))
    assert theirs == {"revoked"}


def test_remembering_a_browser(house: House) -> None:
    guest = enter(house, send(house))

    def remember_it(ctx: Context, house: House) -> None:
        devices.remember(ctx, guest, None)

    all_kills(house, working(remember_it))
    with house.work() as ctx:
        assert len(ctx.db.scalars(select(GuestDevice)).all()) == len(ctx.db.scalars(select(LinkDevice)).all()) == 1


def test_coming_in_with_a_code_by_sms(house: House) -> None:
    link = send(house, Check("sms", NUMBER))
    with house.work() as ctx:
        at = gate.enter_code(ctx, Visit(house, link).code(ctx), None)
    typed = ask_for_sms(house, at)

    def come_in(ctx: Context, house: House) -> None:
        gate.enter_sms(ctx, gate.at(ctx, at.secret, at.link.link_ref), typed, left=1)

    all_kills(house, working(come_in))
    with house.work() as ctx:
        assert [row.sealed_challenge for row in ctx.db.scalars(select(SessionLink))] == [None]


@pytest.mark.parametrize("everybody", [False, True])
def test_ending_what_is_over(house: House, everybody: bool) -> None:
    sent = house.send(FATIMA, SANNE)
    with house.work() as ctx:
        until = ctx.now.replace(year=2027)
        control.change_expiry(ctx, house.marieke, sent.message, until, everybody=everybody)
    house.letters(house.sanne, sent.conversation)
    house.clock.forward(days=800)

    def end(ctx: Context, house: House) -> None:
        expiry.delete_due(ctx)

    for _ in kills(house, working(end), every=2):
        assert "expired" not in states(house, sent.message)
        assert [letter.text for letter in house.letters(house.sanne, sent.conversation)] == [None]
    assert states(house, sent.message) == ["expired", "expired"]
    with house.work() as ctx:
        assert ctx.db.scalars(select(Envelope)).all() == []
        assert set(ctx.db.scalars(select(Outbox.state).where(Outbox.message == sent.message))) == {"cancelled"}


def test_making_it_last_longer_once_it_was_over(house: House) -> None:
    sent = house.send(FATIMA, SANNE)
    with house.work() as ctx:
        ctx.db.execute(update(Recipient).values(expires=ctx.now))
        expiry.delete_due(ctx)

    def lengthen(ctx: Context, house: House) -> None:
        control.change_expiry(ctx, house.marieke, sent.message, None, everybody=False)

    for _ in kills(house, working(lengthen), every=2):
        assert states(house, sent.message) == ["expired", "expired"]
    assert states(house, sent.message) == ["waiting", "waiting"]
    assert [letter.state for letter in house.letters(house.sanne, sent.conversation)] == ["closed"]


def test_giving_a_new_code(house: House) -> None:
    link = send(house)
    guest = enter(house, link)

    def renew(ctx: Context, house: House) -> None:
        renewal.new_code(ctx, house.marieke, link)

    for _ in kills(house, working(renew), every=2):
        assert [letter.text for letter in house.letters(guest, guest.conversation)] == ["De uitslag."]
    with house.work() as ctx:
        old = ctx.db.get_one(GuestLink, link)
        assert (old.sealed_dk, old.successor is None) == (None, False)
        assert ctx.db.scalars(select(SessionLink)).all() == []
        assert [row.principal for row in ctx.db.scalars(select(Envelope))] == [old.successor]
