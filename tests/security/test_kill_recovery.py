"""T12 for recovery and fresh start: killed before any statement they leave the account as it was, or as it will be."""

from dataclasses import replace

import pytest

from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.delivery.workers import OwnKey
from securemail.identity import arrivals, fresh_start, login, recovery, rotation, waits
from securemail.identity.login import WrongLogin
from securemail.identity.passwords import NewPassword, stretch_new
from securemail.messages import reading
from tests.house import FATIMA, PASSWORD, SANNE, House
from tests.identity import mails
from tests.identity.test_fresh_start import ready
from tests.identity.test_recovery import NEW, ask, code_of, keep, log_in, prove
from tests.security.processes import kills


@pytest.fixture
def worker(house: House) -> OwnKey:
    return mails.hire(house)


def stretched(house: House) -> NewPassword:
    return stretch_new(NEW, house.runtime.keys, house.runtime.hasher)


def test_giving_the_code(house: House, worker: OwnKey) -> None:
    token, code = ask(house, worker), code_of(house, house.sanne)

    def give(house: House) -> None:
        prove(house, token, code)

    for _ in kills(house, give):
        pass
    with house.work() as ctx:
        [wait] = waits.of_account(ctx, house.sanne.root.account)
    assert wait.kind == waits.RECOVERY


def test_recovering_leaves_the_old_or_the_new_account(house: House, worker: OwnKey) -> None:
    sent = house.send(SANNE, FATIMA)
    house.letters(house.sanne, sent.conversation)
    keep(house, house.sanne, code_mailed=False)
    secret, password = prove(house, ask(house, worker), code_of(house, house.sanne)).secret, stretched(house)

    def recover(house: House) -> None:
        with house.work() as ctx:
            arriving = arrivals.arriving(ctx, secret or SessionSecret.new(), cookies.RECOVERED)
            recovery.finish(ctx, arriving, password)

    for statement in kills(house, recover):
        if statement % 5 == 0:
            assert readable(house, PASSWORD, sent.conversation)
    assert readable(house, NEW, sent.conversation)
    with pytest.raises(WrongLogin):
        log_in(house, SANNE[0], PASSWORD)


def test_starting_anew_leaves_the_old_or_the_new_account(house: House, worker: OwnKey) -> None:
    old = house.send(SANNE, FATIMA)
    house.send(SANNE, subject="Nog niet opgehaald")
    house.letters(house.sanne, old.conversation)
    token, password = ready(house, worker), stretched(house)

    def start(house: House) -> None:
        with house.work() as ctx:
            fresh_start.finish(ctx, token, password)

    for statement in kills(house, start):
        if statement % 8 == 0:
            assert readable(house, PASSWORD, old.conversation)
    new = house.send(SANNE)
    assert readable(house, NEW, new.conversation)
    with pytest.raises(WrongLogin):
        log_in(house, SANNE[0], PASSWORD)


def test_ending_a_wait(house: House, worker: OwnKey) -> None:
    code = code_of(house, house.sanne)
    prove(house, ask(house, worker), code)
    house.clock.forward(hours=25)
    mails.beat(house, worker)

    def tell(house: House) -> None:
        with house.work() as ctx:
            waits.tell_due(ctx)

    for _ in kills(house, tell):
        pass
    assert prove(house, mails.token(house, worker, "recovery_ready"), code).state == cookies.RECOVERED


def readable(house: House, password: str, conversation: bytes) -> bool:
    """Whether who knows this password reads the letters. Nothing is written: the dumps are compared."""
    with house.runtime.work(write=False) as ctx:
        proved = login.prove(ctx.keys, ctx.hasher, login.find(ctx, SANNE[0]), password)
        member = replace(house.sanne, root=proved.root, mail=rotation.open_mail(ctx, proved.root))
        return all(letter.head is not None for letter in reading.conversation(ctx, member, conversation))
