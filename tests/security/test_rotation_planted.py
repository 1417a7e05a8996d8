"""T8 for rotations: rows that somebody planted are given no new key; an older chain that is put back opens nothing."""

import pytest
from sqlalchemy import delete, insert, select, update

from securemail import ids
from securemail.crypto import mailkeys, unlock
from securemail.crypto.keypair import SUITE, KeyPair
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MailKey, Secret
from securemail.crypto.unlock import RootKeys
from securemail.errors import CannotOpen, Forbidden, StaleKeys
from securemail.identity import sessions
from securemail.mailboxes import epochs
from securemail.mailboxes.keys import UntrustedKey
from securemail.messages import listing
from securemail.organisations import administrators
from securemail.organisations import rotation as organisations
from securemail.store.models import (
    Account,
    BrowserSession,
    Item,
    Mailbox,
    MailChain,
    MailGrant,
    PrincipalKey,
    Unlocker,
)
from tests.house import FATIMA, SANNE, House
from tests.rotations import fill, relock_all, resume, rotate, rotate_mail
from tests.security.test_planted import alarmed, known_pair
from tests.security.thief import Thief, steal


def planted_unlocker(house: House, pair: KeyPair, kind: str) -> Unlocker:
    """A row that would be handed the next root key, had it been believed."""
    root = RootKeys(house.marieke.root.account, 1, house.sanne.root.rk)
    unlocker = ids.new_id()
    passkey = kind == unlock.PASSKEY
    return Unlocker(
        id=unlocker, account=root.account, kind=kind, public_key=pair.public,
        parameters=bytes(28) if kind == unlock.PASSWORD else None,
        credential_id=ids.new_token() if passkey else None, credential_key=b"cose" if passkey else None,
        sign_count=0 if passkey else None,
        sealed_rk=unlock.seal_root_key(pair.public, root.rk, root.account, 1, unlocker, kind),
    )  # fmt: skip


@pytest.mark.parametrize("kind", [unlock.PASSWORD, unlock.RECOVERY, unlock.PASSKEY])
def test_a_planted_unlocker_gets_no_root_key(house: House, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    pair = known_pair()
    row = planted_unlocker(house, pair, kind)
    with house.work() as ctx:
        ctx.db.add(row)
    rotate(house, house.marieke)
    assert alarmed(caplog)
    assert not opened_by(house, pair)


def opened_by(house: House, pair: KeyPair) -> list[object]:
    """Every lock to an unlocker or an account that this key pair opens."""
    found: list[object] = []
    rows = steal(house.runtime.engine)
    for row in rows["unlocker"]:
        for epoch in (1, 2, 3):
            try:
                found.append(
                    unlock.open_root_key(pair, row["sealed_rk"] or b"", row["account"], epoch, row["id"], row["kind"])
                )
            except CannotOpen:
                continue
    for row in rows["mail_grant"]:
        facts = {name: row[name] for name in ("mailbox", "epoch", "grantee", "rights")}
        try:
            found.append(mailkeys.open_grant(pair, row["sealed_mk"], grant=row["id"], **facts))
        except CannotOpen:
            continue
    return found


def test_a_public_key_exchanged_in_an_unlockers_row_gets_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    pair = known_pair()
    with house.work() as ctx:
        recovery = Unlocker.account == house.marieke.root.account, Unlocker.kind == unlock.RECOVERY
        ctx.db.execute(update(Unlocker).where(*recovery).values(public_key=pair.public))
    rotate(house, house.marieke)
    assert alarmed(caplog)
    assert not opened_by(house, pair)


def test_a_planted_grant_gets_no_mail_key(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with house.work() as ctx:
        ctx.db.execute(insert(MailGrant).values(grant_for(house, house.sanne.root.account, house.marieke.mailbox)))
    rotate_mail(house, house.marieke)
    assert alarmed(caplog)
    with house.work() as ctx:
        held = select(MailGrant.grantee).where(MailGrant.mailbox == house.marieke.mailbox)
        assert ctx.db.scalars(held).all() == [house.marieke.root.account]


def grant_for(house: House, grantee: bytes, mailbox: bytes, mk: MailKey | None = None) -> dict[str, object]:
    grant, public_key = ids.new_id(), house.sanne.root.identity().public
    facts = {"mailbox": mailbox, "epoch": 1, "grantee": grantee, "rights": "administrator"}
    sealed = mailkeys.seal_grant(public_key, mk or MailKey.new(), grant=grant, **facts)  # type: ignore[arg-type]
    return {"id": grant, "created": house.clock(), "sealed_mk": sealed, **facts}


def test_a_planted_administrator_gets_no_key_of_the_organisation(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with house.work() as ctx:
        ctx.db.execute(insert(MailGrant).values(grant_for(house, house.sanne.root.account, house.marieke.organisation)))
        organisations.rotate(ctx, administrators.enter(ctx, house.marieke).keys)
    assert alarmed(caplog)
    with house.work() as ctx:
        administrators.enter(ctx, house.marieke)
        with pytest.raises(Forbidden):
            administrators.enter(ctx, house.sanne)


def test_a_grant_of_a_known_key_at_a_higher_epoch_opens_nothing(house: House) -> None:
    """Everybody can lock a key of their own to Marieke and move her mailbox on in the database."""
    mail = MailKeys(house.marieke.mailbox, 2, MailKey.new())
    grant = ids.new_id()
    facts = {"mailbox": mail.principal, "epoch": 2, "grantee": house.marieke.root.account, "rights": "owner"}
    sealed = mailkeys.seal_grant(house.marieke.root.identity().public, mail.mk, grant=grant, **facts)  # type: ignore[arg-type]
    with house.work() as ctx:
        ctx.db.execute(insert(MailGrant).values(id=grant, created=house.clock(), sealed_mk=sealed, **facts))
        ctx.db.execute(update(Mailbox).where(Mailbox.id == mail.principal).values(mk_epoch=2))
        ctx.db.execute(
            insert(PrincipalKey).values(
                principal=mail.principal, epoch=2, kind="mailbox", suite=SUITE, public_key=mail.pair().public,
                created=house.clock(), mac=bytes(32),
            )
        )  # fmt: skip
    with pytest.raises(UntrustedKey):
        resume(house, house.marieke.root)


def test_a_list_of_holders_that_somebody_wrote_stops_the_rotation(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with house.work() as ctx:
        other = select(Mailbox.sealed_holders).where(Mailbox.id == house.sanne.mailbox).scalar_subquery()
        ctx.db.execute(update(Mailbox).where(Mailbox.id == house.marieke.mailbox).values(sealed_holders=other))
    with pytest.raises(UntrustedKey):
        rotate(house, house.marieke)
    assert alarmed(caplog)


def test_an_older_chain_that_is_put_back_opens_nothing(house: House) -> None:
    fill(house)
    marieke = rotate_mail(house, house.marieke)
    before = steal(house.runtime.engine)
    relock_all(house, marieke)
    with house.work() as ctx:
        ctx.db.execute(insert(MailChain).values(before["mail_chain"]))
    assert resume(house, marieke.root).mail.older == (), "its older key is not published any more"
    marieke = resume(house, marieke.root)
    with house.work() as ctx:
        ctx.db.execute(delete(Item).where(Item.mailbox == marieke.mailbox))
        ctx.db.execute(insert(Item).values([row for row in before["item"] if row["mailbox"] == marieke.mailbox]))
        heads = [row.head for row in listing.sent(ctx, marieke).rows]
    assert set(heads) == {None}


def test_a_chain_that_a_former_holder_wrote_is_not_believed(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """They know the mail key of epoch 1, and would have us believe one of their own before it."""
    mail, known = house.marieke.mail, MailKey.new()
    forged = mail.seal_previous(MailKeys(mail.principal, 0, known))
    marieke = rotate_mail(house, house.marieke)
    with house.work() as ctx:
        ctx.db.execute(insert(MailChain).values(mailbox=mail.principal, epoch=1, sealed_prev=forged))
    assert resume(house, marieke.root).mail.epochs == (2, 1)
    assert "is broken at epoch 1" in caplog.text


def test_a_chain_that_leads_to_another_key_than_the_published_one_is_not_believed(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """They know the mail key of epoch 2, before anything was locked anew."""
    second = rotate_mail(house, house.marieke)
    third = rotate_mail(house, second)
    forged = second.mail.seal_previous(MailKeys(second.mailbox, 1, MailKey.new()))
    with house.work() as ctx:
        ctx.db.execute(update(MailChain).where(MailChain.epoch == 2).values(sealed_prev=forged))
    assert resume(house, third.root).mail.epochs == (3, 2)
    assert "is broken at epoch 2" in caplog.text


def test_an_older_epoch_put_back_blocks_the_session(house: House, caplog: pytest.LogCaptureFixture) -> None:
    stolen = steal(house.runtime.engine)
    rotated = rotate(house, house.marieke)
    account = next(row for row in stolen["account"] if row["id"] == house.marieke.root.account)
    with house.work() as ctx:
        ctx.db.execute(update(Account).where(Account.id == account["id"]).values(rk_epoch=1))
    with pytest.raises((UntrustedKey, StaleKeys)):
        resume(house, house.marieke.root)
    with pytest.raises((UntrustedKey, StaleKeys)):
        resume(house, rotated.root)
    assert alarmed(caplog)


def test_a_session_of_before_that_is_put_back_opens_nothing(house: House) -> None:
    with house.work() as ctx:
        root = house.marieke.root
        secret = sessions.start(ctx, account=root.account, rk=root.rk, remember=True)
    stolen = [row for row in steal(house.runtime.engine)["session"] if row["account"] == house.marieke.root.account]
    rotate(house, house.marieke)
    with house.work() as ctx:
        ctx.db.execute(insert(BrowserSession).values(stolen))
    with house.work() as ctx, pytest.raises(UntrustedKey):
        sessions.resume(ctx, secret)


def test_with_the_attackers_keys_nothing_opens_after_all_of_it(house: House) -> None:
    pair = known_pair()
    with house.work() as ctx:
        ctx.db.add(planted_unlocker(house, pair, unlock.RECOVERY))
        ctx.db.execute(insert(MailGrant).values(grant_for(house, house.marieke.root.account, house.marieke.mailbox)))
    house.send(FATIMA, SANNE)
    marieke = resume(house, rotate(house, house.marieke).root)
    relock_all(house, marieke)
    assert Thief(steal(house.runtime.engine), ()).try_everything(Secret(bytes(32)), guess=True).opened == {}
    assert not opened_by(house, pair)
    with house.work() as ctx:
        assert epochs.hold(ctx, marieke.mail)
