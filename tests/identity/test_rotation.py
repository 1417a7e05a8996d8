"""Rotation: a new root key and mail key, for everybody whom the sealed lists name and for nobody else."""

from sqlalchemy import func, select

from securemail.crypto.secrets import RecoveryCode
from securemail.identity import rotation, sessions
from securemail.identity.context import Member
from securemail.identity.passwords import stretch_new
from securemail.identity.rotation import Rotated
from securemail.store.models import BrowserSession
from tests.house import FATIMA, SANNE, House

NEW = "zeven groene tulpen op het balkon"


def rotate(house: House, member: Member, **changes: object) -> Rotated:
    with house.work() as ctx:
        return rotation.rotate(ctx, member.root, member.mail, **changes)  # type: ignore[arg-type]


def back(house: House, member: Member, rotated: Rotated) -> Member:
    """The member in a session that starts after the rotation."""
    with house.work() as ctx:
        secret = sessions.start(ctx, account=member.root.account, rk=rotated.root.rk, remember=False)
        resumed = sessions.resume(ctx, secret)
    assert resumed.member is not None
    return resumed.member


def test_everything_is_readable_after_a_rotation(house: House) -> None:
    sent = house.send(SANNE, FATIMA)
    house.letters(house.marieke, sent.conversation)
    password = stretch_new(NEW, house.runtime.keys, house.runtime.hasher)
    rotated = rotate(house, house.marieke, password=password, recovery=RecoveryCode.new())
    marieke = back(house, house.marieke, rotated)
    assert (marieke.root.epoch, marieke.mail.epochs) == (2, (2, 1))
    [letter] = house.letters(marieke, sent.conversation)
    assert letter.text is not None
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(BrowserSession)) == 1
