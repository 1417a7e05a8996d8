"""A session is a cookie and a row; neither opens anything alone, and nothing planted is believed."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from securemail import ids
from securemail.crypto import cookies
from securemail.crypto.keypair import key_pair
from securemail.crypto.mailkeys import seal_grant
from securemail.crypto.secrets import MailKey, RootKey, Seed, SessionSecret
from securemail.crypto.unlock import RootKeys
from securemail.errors import SecuremailError
from securemail.identity import sessions
from securemail.identity.challenges import SessionEnded
from securemail.mailboxes.keys import UntrustedKey
from securemail.store.models import Account, BrowserSession, MailGrant, PrincipalKey
from tests.house import SANNE, House


def _start(house: House, *, remember: bool = False) -> SessionSecret:
    with house.work() as ctx:
        root = house.sanne.root
        return sessions.start(ctx, account=root.account, rk=root.rk, remember=remember)


def _resume(house: House, secret: SessionSecret) -> sessions.Resumed:
    with house.runtime.work(write=False) as ctx:
        return sessions.resume(ctx, secret)


def test_cookie_and_row_together_are_the_member(house: House) -> None:
    member = _resume(house, _start(house)).member
    assert (member.address, member.name, member.language) == (SANNE[0], SANNE[1], "nl")
    assert member.mail.mk == house.sanne.mail.mk
    assert member.organisation == house.sanne.organisation
    assert SANNE[0] not in repr(member)


def test_a_cookie_without_its_row_opens_nothing(house: House) -> None:
    secret = _start(house)
    with house.work() as ctx:
        ctx.db.execute(delete(BrowserSession))
    with pytest.raises(SessionEnded):
        _resume(house, secret)


def test_a_row_with_another_cookie_opens_nothing(house: House) -> None:
    """T5: the row of another session, put under the id that a stolen cookie leads to."""
    secret, stolen = _start(house), SessionSecret.new()
    with house.work() as ctx:
        row = update(BrowserSession).where(BrowserSession.id == cookies.session_id(secret))
        ctx.db.execute(row.values(id=cookies.session_id(stolen)))
    with pytest.raises(SessionEnded):
        _resume(house, stolen)


def test_a_session_of_another_account_cannot_be_given_away(house: House) -> None:
    secret = _start(house)
    with house.work() as ctx:
        ctx.db.execute(update(BrowserSession).values(account=house.marieke.root.account))
    with pytest.raises(SessionEnded):
        _resume(house, secret)


def test_a_pending_session_cannot_be_edited_into_a_full_one(house: House) -> None:
    secret, root = SessionSecret.new(), house.sanne.root
    session = cookies.session_id(secret)
    with house.work() as ctx:
        sealed = cookies.seal_session_root_key(
            secret, root.rk, session=session, account=root.account, state=cookies.PENDING
        )
        ctx.db.add(
            BrowserSession(
                id=session,
                account=root.account,
                state=cookies.FULL,
                created=ctx.now,
                seen=ctx.now,
                expires=ctx.now + timedelta(minutes=5),
                remember=False,
                sealed_rk=sealed,
            )
        )
    with pytest.raises(SessionEnded):
        _resume(house, secret)


@pytest.mark.parametrize(
    ("remember", "after", "lasts"),
    [
        (False, {"minutes": 59}, True),
        (False, {"minutes": 61}, False),
        (True, {"days": 29}, True),
        (True, {"days": 31}, False),
    ],
)
def test_a_session_lasts_as_long_as_was_promised(house: House, remember: bool, after: dict, lasts: bool) -> None:
    secret = _start(house, remember=remember)
    house.clock.forward(**after)
    if lasts:
        _resume(house, secret)
    else:
        with pytest.raises(SessionEnded):
            _resume(house, secret)


def test_use_keeps_it_alive_for_twelve_hours_and_no_longer(house: House) -> None:
    secret = _start(house)
    for _ in range(12):
        house.clock.forward(minutes=59)
        with house.work() as ctx:
            sessions.touch(ctx, sessions.resume(ctx, secret).member.session)
    house.clock.forward(minutes=30)
    with pytest.raises(SessionEnded):
        _resume(house, secret)


def test_a_touch_is_due_once_a_minute(house: House) -> None:
    resumed = _resume(house, _start(house))
    assert not resumed.touch_is_due(resumed.seen + timedelta(seconds=59))
    assert resumed.touch_is_due(resumed.seen + timedelta(seconds=60))


def test_logging_out_ends_it(house: House) -> None:
    secret = _start(house)
    with house.work() as ctx:
        sessions.end(ctx, secret)
    with pytest.raises(SessionEnded):
        _resume(house, secret)


def test_a_planted_grant_to_a_known_key_is_not_used(house: House) -> None:
    """T8: everybody can lock a mail key to a published identity; the genuine grant is used, the other one ignored."""
    secret, planted = _start(house), MailKey.new()
    with house.work() as ctx:
        ctx.db.add(_grant(house, ids.new_id(), planted))
    assert _resume(house, secret).member.mail.mk == house.sanne.mail.mk


def test_with_only_a_planted_grant_nothing_opens(house: House) -> None:
    secret = _start(house)
    with house.work() as ctx:
        ctx.db.execute(delete(MailGrant).where(MailGrant.grantee == house.sanne.root.account))
        ctx.db.add(_grant(house, ids.new_id(), MailKey.new()))
    with pytest.raises(UntrustedKey):
        _resume(house, secret)


@pytest.mark.parametrize("kind", ["account", "mailbox"])
def test_a_planted_public_key_ends_the_session(house: House, kind: str) -> None:
    """T8: Mallory's own key in place of the published one."""
    secret, mallory = _start(house), key_pair(Seed(b"m" * 32))
    principal = house.sanne.root.account if kind == "account" else house.sanne.mailbox
    with house.work() as ctx:
        ctx.db.execute(
            update(PrincipalKey).where(PrincipalKey.principal == principal).values(public_key=mallory.public)
        )
    with pytest.raises(UntrustedKey):
        _resume(house, secret)


def test_mallorys_own_root_key_in_a_planted_session_is_not_believed(house: House) -> None:
    """T8: a whole planted session row, with a root key that Mallory made, for Sanne's account."""
    mallory = RootKeys(house.sanne.root.account, 1, RootKey.new())
    with house.work() as ctx:
        secret = sessions.start(ctx, account=mallory.account, rk=mallory.rk, remember=True)
    with pytest.raises(UntrustedKey):
        _resume(house, secret)


def test_an_older_root_key_put_back_is_noticed(house: House) -> None:
    secret = _start(house)
    with house.work() as ctx:
        ctx.db.execute(update(Account).where(Account.id == house.sanne.root.account).values(rk_epoch=2))
    with pytest.raises(SecuremailError):
        _resume(house, secret)


def _grant(house: House, grant: bytes, mk: MailKey) -> MailGrant:
    sanne = house.sanne
    identity = sanne.root.identity().public
    sealed = seal_grant(
        identity, mk, mailbox=sanne.mailbox, epoch=1, grantee=sanne.root.account, grant=grant, rights="owner"
    )
    return MailGrant(
        id=grant,
        mailbox=sanne.mailbox,
        epoch=1,
        grantee=sanne.root.account,
        rights="owner",
        created=house.clock.now,
        sealed_mk=sealed,
    )


def test_the_cookie_secret_is_in_no_row(house: House) -> None:
    secret = _start(house)
    with house.work() as ctx:
        row = ctx.db.scalars(select(BrowserSession)).one()
        assert bytes(secret) not in b"".join((row.id, row.sealed_rk or b""))
