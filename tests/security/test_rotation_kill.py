"""T12: a process killed before any statement of a rotation leaves old keys or new, and every message is readable."""

import pytest

from securemail.crypto.secrets import RecoveryCode
from securemail.identity import login, rotation
from securemail.identity.context import Member
from securemail.identity.passwords import NewPassword, stretch_new
from securemail.mailboxes import rotation as mailboxes
from securemail.organisations import administrators
from securemail.organisations import rotation as organisations
from tests.house import PASSWORD, House
from tests.mailboxes.test_relocking import seen
from tests.rotations import fill, relock_all, resume, rotate_mail
from tests.security.processes import dump, killed_at, kills
from tests.security.town import log_in

NEW = "zeven groene tulpen op het balkon"


def back(house: House, password: str) -> Member:
    """Marieke, by address and password."""
    with house.work() as ctx:
        candidate = login.find(ctx, house.marieke.address)
    proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, password)
    return resume(house, proved.root)


@pytest.fixture
def password(house: House) -> NewPassword:
    return stretch_new(NEW, house.runtime.keys, house.runtime.hasher)


def test_a_changed_password(house: House, password: NewPassword) -> None:
    fill(house)
    log_in(house, house.marieke)
    before, code = seen(house, house.marieke), RecoveryCode.new()

    def change(house: House) -> None:
        with house.work() as ctx:
            rotation.rotate(
                ctx, house.marieke.root, house.marieke.mail, password=password, recovery=code, others_due=True
            )

    for _ in kills(house, change):
        pass  # not one row has changed: `kills` compares them all
    assert seen(house, back(house, NEW)) == before
    assert house.letters(house.sanne, house.send(author=house.sanne).conversation)


def test_a_new_mail_key(house: House) -> None:
    fill(house)
    before = seen(house, house.marieke)

    def rotate(house: House) -> None:
        with house.work() as ctx:
            mailboxes.rotate_mail(ctx, house.marieke)

    for _ in kills(house, rotate):
        pass
    assert seen(house, back(house, PASSWORD)) == before


def test_a_batch_of_re_locking(house: House) -> None:
    fill(house)
    before = seen(house, house.marieke)
    marieke = rotate_mail(house, house.marieke)

    def relock(house: House) -> None:
        with house.work() as ctx:
            mailboxes.relock(ctx, marieke)

    untouched, statement = dump(house), 1
    while killed_at(house, statement, relock):
        assert dump(house) == untouched
        statement += 1
    assert statement > 10
    assert seen(house, resume(house, marieke.root)) == before
    relock_all(house, marieke)
    assert seen(house, resume(house, marieke.root)) == before


def test_many_batches_each_killed_once(house: House) -> None:
    fill(house)
    before = seen(house, house.marieke)
    marieke = rotate_mail(house, house.marieke)

    def relock(house: House) -> None:
        with house.work() as ctx:
            mailboxes.relock(ctx, marieke, 2)

    for statement in range(1, 12):
        killed_at(house, statement, relock)
        with house.work() as ctx:
            mailboxes.relock(ctx, marieke, 1)
        assert seen(house, resume(house, marieke.root)) == before
    relock_all(house, marieke)
    assert seen(house, resume(house, marieke.root)) == before


def test_a_new_key_for_the_organisation(house: House) -> None:
    def rotate(house: House) -> None:
        with house.work() as ctx:
            organisations.rotate(ctx, administrators.enter(ctx, house.marieke).keys)

    for _ in kills(house, rotate):
        pass
    with house.work() as ctx:
        assert administrators.enter(ctx, house.marieke).keys.epochs == (2, 1)


def test_a_renewed_password(house: House) -> None:
    password = stretch_new(PASSWORD, house.runtime.keys, house.runtime.hasher)

    def renew(house: House) -> None:
        with house.work() as ctx:
            rotation.renew_password_unlocker(ctx, house.marieke.root, password)

    untouched, statement = dump(house), 1
    while killed_at(house, statement, renew):
        assert dump(house) == untouched
        assert back(house, PASSWORD).mail.mk == house.marieke.mail.mk
        untouched = dump(house)
        statement += 1
    assert statement > 5
    assert back(house, PASSWORD).root.rk == house.marieke.root.rk
