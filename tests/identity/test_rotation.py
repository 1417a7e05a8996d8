"""A new root key: behind every unlocker that the vault lists, for everything that the account holds, at once."""

import logging
from dataclasses import replace

import pytest
from sqlalchemy import delete, func, select, update

from securemail import ids
from securemail.crypto import unlock
from securemail.crypto.keypair import key_pair
from securemail.crypto.password import Cost, Parameters
from securemail.crypto.secrets import RecoveryCode, RootKey, Seed
from securemail.crypto.unlock import RootKeys
from securemail.errors import Forbidden, StaleKeys
from securemail.identity import login, rotation, sessions, vault
from securemail.identity.challenges import SessionEnded
from securemail.identity.context import Member
from securemail.identity.passwords import NewPassword, stretch_new
from securemail.identity.vault import Totp
from securemail.mailboxes.keys import UntrustedKey
from securemail.organisations import administrators
from securemail.store.models import (
    Account,
    BrowserSession,
    Mailbox,
    MailGrant,
    PrincipalKey,
    Unlocker,
)
from tests.house import FATIMA, PASSWORD, SANNE, House
from tests.kinds import on_postgres
from tests.rotations import relock_all, resume, rotate, rotate_and_return

NEW = "zeven groene tulpen op het balkon"


def new_password(house: House, password: str = NEW) -> NewPassword:
    return stretch_new(password, house.runtime.keys, house.runtime.hasher)


def log_in(house: House, member: Member, password: str) -> RootKeys:
    with house.work() as ctx:
        candidate = login.find(ctx, member.address)
    return login.prove(house.runtime.keys, house.runtime.hasher, candidate, password).root


def open_with_code(house: House, member: Member, code: RecoveryCode) -> RootKey:
    with house.work() as ctx:
        row = ctx.db.scalars(
            select(Unlocker).where(Unlocker.account == member.account, Unlocker.kind == unlock.RECOVERY)
        ).one()
        epoch = ctx.db.get_one(Account, row.account).rk_epoch
    pair = unlock.recovery_pair(code, row.account, row.id)
    return unlock.open_root_key(pair, row.sealed_rk or b"", row.account, epoch, row.id, row.kind)


def passkey(house: House, member: Member) -> tuple[bytes, bytes]:
    """A passkey that opens the root key, as one that is listed: its id, and the seed of its key pair."""
    seed, unlocker = ids.new_token(), ids.new_id()
    pair = key_pair(Seed(seed))
    row = Unlocker(
        id=unlocker, account=member.root.account, kind=unlock.PASSKEY, public_key=pair.public,
        credential_id=ids.new_token(), credential_key=b"cose", sign_count=0,
        sealed_rk=unlock.seal_root_key(
            pair.public, member.root.rk, member.root.account, member.root.epoch, unlocker, unlock.PASSKEY
        ),
    )  # fmt: skip
    with house.work() as ctx:
        ctx.db.add(row)
        kept = vault.read(ctx, member.root)
        vault.write(ctx, member.root, replace(kept, unlockers=(*kept.unlockers, vault.listed(row, name="Sleutel"))))
    return unlocker, seed


def open_with_passkey(house: House, member: Member, unlocker: bytes, seed: bytes) -> RootKey:
    with house.work() as ctx:
        row, epoch = ctx.db.get_one(Unlocker, unlocker), ctx.db.get_one(Account, member.root.account).rk_epoch
    return unlock.open_root_key(
        key_pair(Seed(seed)), row.sealed_rk or b"", row.account, epoch, unlocker, unlock.PASSKEY
    )


def test_everything_is_readable_afterwards(house: House) -> None:
    sent = house.send(SANNE, FATIMA)
    marieke = rotate_and_return(house, house.marieke, password=new_password(house))
    assert (marieke.root.epoch, marieke.mail.epochs) == (2, (2, 1))
    [letter] = house.letters(marieke, sent.conversation)
    assert letter.text is not None
    assert [letter.state for letter in house.letters(house.sanne, sent.conversation)] == ["closed"]


def test_the_new_password_opens_and_the_old_one_does_not(house: House) -> None:
    rotated = rotate(house, house.marieke, password=new_password(house))
    assert log_in(house, house.marieke, NEW).rk == rotated.root.rk
    with pytest.raises(login.WrongLogin):
        log_in(house, house.marieke, PASSWORD)


def test_unlockers_that_are_not_present_get_the_new_root_key_too(house: House) -> None:
    code = RecoveryCode.new()
    rotate(house, house.marieke, recovery=code)
    marieke = resume(house, log_in(house, house.marieke, PASSWORD))
    unlocker, seed = passkey(house, marieke)
    rotated = rotate(house, marieke, password=new_password(house))
    assert open_with_code(house, marieke, code) == rotated.root.rk
    assert open_with_passkey(house, marieke, unlocker, seed) == rotated.root.rk
    assert log_in(house, marieke, NEW).rk == rotated.root.rk


def test_a_new_recovery_code_ends_the_one_before(house: House) -> None:
    first, second = RecoveryCode.new(), RecoveryCode.new()
    marieke = rotate_and_return(house, house.marieke, recovery=first)
    rotated = rotate(house, marieke, recovery=second)
    assert open_with_code(house, marieke, second) == rotated.root.rk
    with house.work() as ctx:
        kinds = ctx.db.scalars(select(Unlocker.kind).where(Unlocker.account == marieke.account)).all()
        listed = [entry.kind for entry in vault.read(ctx, rotated.root).unlockers]
    assert sorted(kinds) == sorted(listed) == ["password", "recovery"]


def test_a_passkey_that_is_removed_gets_nothing(house: House) -> None:
    unlocker, _seed = passkey(house, house.marieke)
    other, seed = passkey(house, house.marieke)
    rotated = rotate(house, house.marieke, without=frozenset({unlocker}))
    with house.work() as ctx:
        assert ctx.db.get(Unlocker, unlocker) is None
        assert [entry.id for entry in vault.read(ctx, rotated.root).passkeys] == [other.hex()]
    assert open_with_passkey(house, house.marieke, other, seed) == rotated.root.rk


def test_a_passkey_that_opens_nothing_stays_a_second_step(house: House) -> None:
    row = Unlocker(
        id=ids.new_id(), account=house.marieke.root.account, kind=unlock.PASSKEY, public_key=None, sealed_rk=None,
        credential_id=ids.new_token(), credential_key=b"cose", sign_count=7,
    )  # fmt: skip
    with house.work() as ctx:
        ctx.db.add(row)
        kept = vault.read(ctx, house.marieke.root)
        vault.write(ctx, house.marieke.root, replace(kept, unlockers=(*kept.unlockers, vault.listed(row))))
    rotated = rotate(house, house.marieke)
    with house.work() as ctx:
        after = ctx.db.get_one(Unlocker, row.id)
        assert vault.read(ctx, rotated.root).lists(after)
        assert (after.sealed_rk, after.sign_count) == (None, 7)


def test_the_vault_goes_along_changed_as_asked(house: House) -> None:
    phone = Totp("SEED", 7, "2026-11-19")
    with house.work() as ctx:
        vault.change(ctx, house.marieke.root, lambda kept: replace(kept, totp=phone, extra={"later": 1}))
    rotated = rotate(house, house.marieke, change=lambda kept: replace(kept, code_saved=True))
    with house.work() as ctx:
        kept = vault.read(ctx, rotated.root)
    assert (kept.totp, kept.code_saved, kept.extra, kept.revision) == (phone, True, {"later": 1}, 3)


def test_all_sessions_end(house: House) -> None:
    with house.work() as ctx:
        root = house.marieke.root
        before = [sessions.start(ctx, account=root.account, rk=root.rk, remember=True) for _ in range(3)]
        others = sessions.start(ctx, account=house.sanne.root.account, rk=house.sanne.root.rk, remember=True)
    rotate(house, house.marieke)
    with house.work() as ctx:
        for secret in before:
            with pytest.raises(SessionEnded):
                sessions.resume(ctx, secret)
        assert sessions.resume(ctx, others).member is not None


def test_nothing_of_the_older_epoch_is_left_for_the_old_identity(house: House) -> None:
    rotate(house, house.marieke)
    with house.work() as ctx:
        account = house.marieke.root.account
        published = select(PrincipalKey.epoch).where(PrincipalKey.principal == account)
        granted = select(MailGrant.mailbox, MailGrant.epoch).where(MailGrant.grantee == account)
        assert ctx.db.scalars(published).all() == [2]
        held = {(house.marieke.mailbox, 2), (house.marieke.organisation, 1)}
        assert {tuple(row) for row in ctx.db.execute(granted)} == held


def test_an_administrator_stays_one(house: House) -> None:
    marieke = rotate_and_return(house, house.marieke)
    with house.work() as ctx:
        assert administrators.enter(ctx, marieke).keys.epoch == 1


def test_who_was_taken_off_the_organisations_list_gets_no_grant_back(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with house.work() as ctx:
        keys = administrators.enter(ctx, house.marieke).keys
        nobody = unlock.seal_organisation_holders(keys.mk, keys.principal, keys.epoch, {"holders": []})
        ctx.db.execute(update(Mailbox).where(Mailbox.id == keys.principal).values(sealed_holders=nobody))
    marieke = rotate_and_return(house, house.marieke)
    with house.work() as ctx, pytest.raises(Forbidden):
        administrators.enter(ctx, marieke)
    assert "alarm" in caplog.text


def test_an_unlocker_that_the_vault_does_not_list_gets_nothing_and_goes(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    planted = rotation.accounts.password_unlocker(
        RootKeys(house.marieke.root.account, 1, RootKey.new()), new_password(house, "wachtwoord van de aanvaller")
    )
    with house.work() as ctx:
        ctx.db.add(planted)
    rotate(house, house.marieke)
    with house.work() as ctx:
        assert ctx.db.get(Unlocker, planted.id) is None
    assert f"alarm: unlocker {planted.id.hex()}" in caplog.text


def test_an_unlocker_that_somebody_deleted_raises_the_alarm_and_stays_listed(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    unlocker, _seed = passkey(house, house.marieke)
    with house.work() as ctx:
        ctx.db.execute(delete(Unlocker).where(Unlocker.id == unlocker))
    rotated = rotate(house, house.marieke)
    with house.work() as ctx:
        assert vault.read(ctx, rotated.root).has_second_step, "a second step must not be forgotten with its row"
    assert f"alarm: unlocker {unlocker.hex()}" in caplog.text


def test_an_account_without_any_way_in_is_not_rotated(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with house.work() as ctx:
        ctx.db.execute(delete(Unlocker).where(Unlocker.account == house.marieke.account))
    with pytest.raises(UntrustedKey):
        rotate(house, house.marieke)
    with house.work() as ctx:
        assert ctx.db.get_one(Account, house.marieke.root.account).rk_epoch == 1
    rotate(house, house.marieke, password=new_password(house))


def test_who_comes_second_is_told_and_nothing_of_it_stays(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    first = rotate(house, house.marieke)
    with pytest.raises(StaleKeys):
        rotate(house, house.marieke, password=new_password(house))
    assert log_in(house, house.marieke, PASSWORD).rk == first.root.rk
    assert caplog.text == "", "to lose a race is no alarm"


@on_postgres
def test_keys_that_are_replaced_while_the_mail_is_opened_are_no_alarm(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    require, before = rotation.keys.require_published, house.marieke.root

    def then_replaced(*about: object) -> None:
        require(*about)
        monkeypatch.undo()
        rotate(house, house.marieke)

    monkeypatch.setattr(rotation.keys, "require_published", then_replaced)
    with pytest.raises(StaleKeys), house.work() as ctx:
        rotation.open_mail(ctx, before)


def test_other_mailboxes_wait_for_the_next_session_of_somebody_who_may(house: House) -> None:
    marieke = rotate_and_return(house, house.marieke, others_due=True)
    with house.work() as ctx:
        due = ctx.db.scalars(select(Mailbox.id).where(Mailbox.rotation_due.is_(True))).all()
        assert due == [house.marieke.organisation]
        root = marieke.root
        secret = sessions.start(ctx, account=root.account, rk=root.rk, remember=False)
        assert sessions.resume(ctx, secret).rotation_due
        secret = sessions.start(ctx, account=house.sanne.root.account, rk=house.sanne.root.rk, remember=False)
        assert not sessions.resume(ctx, secret).rotation_due, "a member cannot rotate the organisation's key"


def test_the_mail_key_follows_from_the_root_key(house: House) -> None:
    sent = house.send(SANNE)
    rotated = rotate(house, house.marieke)
    with house.work() as ctx:
        mail = rotation.open_mail(ctx, rotated.root)
    assert mail.epochs == (2, 1)
    assert mail.mk == rotated.mail.mk
    marieke = replace(house.marieke, root=rotated.root, mail=mail)
    assert house.letters(marieke, sent.conversation)[0].text is not None
    relock_all(house, marieke)
    with house.work() as ctx:
        assert rotation.open_mail(ctx, rotated.root).epochs == (2,)
        with pytest.raises(StaleKeys):
            rotation.open_mail(ctx, house.marieke.root)


def test_many_rotations_in_a_row(house: House) -> None:
    sent = house.send(SANNE)
    member = house.marieke
    for _ in range(5):
        member = rotate_and_return(house, member)
    assert member.mail.epochs == (6, 5, 4, 3, 2, 1)
    assert house.letters(member, sent.conversation)[0].text is not None
    relock_all(house, member)
    member = resume(house, member.root)
    assert member.mail.epochs == (6,)
    assert house.letters(member, sent.conversation)[0].text is not None


def test_a_password_is_renewed_behind_the_same_root_key(house: House) -> None:
    with house.work() as ctx:
        rotation.renew_password_unlocker(ctx, house.marieke.root, new_password(house, PASSWORD))
        kinds = ctx.db.scalars(select(Unlocker.kind).where(Unlocker.account == house.marieke.account)).all()
        assert sorted(kinds) == ["password", "recovery"]
        sessions_left = ctx.db.scalar(select(func.count()).select_from(BrowserSession))
    root = log_in(house, house.marieke, PASSWORD)
    assert (root.epoch, root.rk, sessions_left) == (1, house.marieke.root.rk, 0)
    with house.work() as ctx:
        vault.read(ctx, root)
        candidate = login.find(ctx, house.marieke.address)
        proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, PASSWORD)
        login.require_listed(ctx, proved)


def test_a_password_is_outdated_when_it_is_cheaper_or_hangs_on_an_older_secret(house: House) -> None:
    with house.work() as ctx:
        cost, pepper = ctx.hasher.cost, ctx.keys.pepper_id
        assert not rotation.password_is_outdated(ctx, Parameters(cost, pepper, bytes(16)))
        assert rotation.password_is_outdated(ctx, Parameters(cost, pepper + 1, bytes(16)))
        assert rotation.password_is_outdated(ctx, Parameters(Cost(cost.kib // 2, cost.passes), pepper, bytes(16)))
