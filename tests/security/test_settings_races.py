"""Several at once: one yes moves the address, one new password counts, and no message is lost to a closing account."""

from pathlib import Path

from sqlalchemy import func, select

from securemail.delivery.workers import OwnKey
from securemail.identity import address_change, closing, credentials, login
from securemail.identity.passwords import stretch_new
from securemail.mailboxes import directory
from securemail.messages import clearing
from securemail.store.models import Envelope, Item, Message, Outbox, Recipient
from tests.house import MARIEKE, SANNE, House
from tests.identity import mails
from tests.security.processes import race
from tests.security.test_races import no_crash

WANTED = "sanne@dewit.example"
_AT_ONCE = 8
_TIMES = 8


def test_of_sixty_four_yeses_one_moves_the_address(house: House, tmp_path: Path) -> None:
    worker = mails.hire(house)
    with house.work() as ctx:
        address_change.start(ctx, house.sanne.owner, WANTED)
    with house.work() as ctx:
        address_change.confirm(ctx, mails.token(house, worker, "address_change_old"))
    token = _token(house, worker)

    def confirm(house: House, _number: int) -> str:
        with house.work() as ctx:
            return address_change.confirm(ctx, token).state

    said = race(house, tmp_path, _TIMES, *[confirm] * _AT_ONCE)
    no_crash(*said)
    assert sorted(word for words in said for word in words) == ["InvalidInput"] * (_AT_ONCE * _TIMES - 1) + ["changed"]
    with house.work() as ctx:
        entry = directory.find(ctx, WANTED)
        assert entry is not None
        assert entry.mailbox == house.sanne.mailbox
        told = ctx.db.scalar(select(func.count()).select_from(Outbox).where(Outbox.kind == "address_changed"))
    assert told == 1


def _token(house: House, worker: OwnKey) -> str:
    return mails.token(house, worker, "address_change_new")


def test_of_several_new_passwords_one_counts(house: House, tmp_path: Path) -> None:
    words = [f"nieuw wachtwoord nummer {number}" for number in range(4)]
    stretched = [stretch_new(one, house.runtime.keys, house.runtime.hasher) for one in words]

    def changing(which: int) -> object:
        def change(house: House, _number: int) -> None:
            with house.work() as ctx:
                credentials.change_password(ctx, house.sanne.owner, stretched[which], short=False, about={})

        return change

    said = race(house, tmp_path, 1, *(changing(which) for which in range(4)))  # type: ignore[arg-type]
    no_crash(*said)
    assert sorted(word for [word] in said) == ["StaleKeys"] * 3 + ["done"]
    opened = [which for which, one in enumerate(words) if _logs_in(house, one)]
    assert opened == [which for which, [word] in enumerate(said) if word == "done"]


def _logs_in(house: House, password: str) -> bool:
    with house.work() as ctx:
        candidate = login.find(ctx, SANNE[0])
    try:
        login.prove(house.runtime.keys, house.runtime.hasher, candidate, password)
    except login.WrongLogin:
        return False
    return True


def test_what_is_sent_while_an_account_closes_arrives_with_the_others(house: House, tmp_path: Path) -> None:
    rounds = 10

    def send(house: House, number: int) -> str:
        return house.send(SANNE, MARIEKE, subject=str(number)).message.hex()

    def close(house: House, number: int) -> None:
        if number == rounds // 2:
            with house.work() as ctx:
                closing.close(ctx, house.sanne.owner)
        with house.work() as ctx:
            clearing.clear(ctx)

    sent, closed = race(house, tmp_path, rounds, send, close)
    no_crash(sent, closed)
    while True:
        with house.work() as ctx:
            if not clearing.clear(ctx):
                break
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(Message)) == rounds
        assert (
            ctx.db.scalar(select(func.count()).select_from(Item).where(Item.mailbox == house.marieke.mailbox)) == rounds
        )
        left = select(func.count()).select_from(Envelope).where(Envelope.principal == house.sanne.mailbox)
        assert ctx.db.scalar(left) == 0
        states = set(ctx.db.scalars(select(Recipient.state).where(Recipient.principal == house.sanne.mailbox)))
    assert states == {"gone"}
