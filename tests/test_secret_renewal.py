"""Replacing the configured secret: all is renewed but passwords and mailed links, and then the old one can go."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from securemail import cli, secret_renewal
from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.secrets import Secret
from securemail.errors import NotFound
from securemail.guests import guest_sessions, links
from securemail.identity import login, rotation, signup
from securemail.identity.passwords import stretch_new
from securemail.mailboxes import directory
from securemail.mailboxes.keys import UntrustedKey
from securemail.messages import listing
from securemail.organisations import organisations
from securemail.store.models import Account, Address, GuestLink, Message, Organisation, Outbox, Pending, PrincipalKey
from tests.house import FATIMA, MARIEKE, PASSWORD, SANNE, House, furnish
from tests.rotations import fill, resume
from tests.security.processes import dump, killed_at
from tests.servers import SECRET

NEW = Secret(b"n" * 32)


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    furnished = furnish(tmp_path, database_url)
    yield furnished
    furnished.runtime.engine.dispose()


def with_secrets(house: House, *secrets: tuple[int, Secret]) -> House:
    return replace(house, runtime=replace(house.runtime, keys=ConfiguredKeys(secrets)))


def both(house: House) -> House:
    return with_secrets(house, (2, NEW), *house.runtime.keys.secrets)


def new_alone(house: House) -> House:
    return with_secrets(house, (2, NEW))


def renew(house: House) -> dict[str, secret_renewal.Renewed]:
    return {kind.name: kind for kind in secret_renewal.renew(both(house).runtime)}


def renew_passwords(house: House) -> None:
    for member in (house.marieke, house.sanne):
        password = stretch_new(PASSWORD, house.runtime.keys, house.runtime.hasher)
        with house.work() as ctx:
            rotation.renew_password_unlocker(ctx, member.root, password)


def log_in(house: House, address: str) -> login.Proved:
    with house.work() as ctx:
        candidate = login.find(ctx, address)
    return login.prove(house.runtime.keys, house.runtime.hasher, candidate, PASSWORD)


def test_everything_works_with_the_new_secret_alone(house: House) -> None:
    [conversation, _] = fill(house)
    code = house.code_of(conversation, FATIMA[0])
    renewed = renew(house)
    assert all(kind.not_ours == 0 for kind in renewed.values())
    assert renewed["messages"].renewed == renewed["messages"].rows >= 6
    assert {name for name, kind in renewed.items() if kind.renewed} == set(renewed) - {"waiting tokens"}
    renew_passwords(both(house))
    after = new_alone(house)
    marieke = resume(after, log_in(after, MARIEKE[0]).root)
    with after.work() as ctx:
        assert all(row.head is not None for row in listing.inbox(ctx, marieke).rows)
        found = directory.find(ctx, SANNE[0])
        assert found is not None
        assert found.name == SANNE[1]
        assert organisations.first(ctx) is not None
        guest_sessions.open_link(ctx, code, None)
    after.send(SANNE, author=marieke)
    assert secret_renewal.left(both(house).runtime) == secret_renewal.Left(0, 0, None)


def test_before_it_nothing_works_without_the_older_secret(house: House) -> None:
    [conversation, _] = fill(house)
    code = house.code_of(conversation, FATIMA[0])
    after = new_alone(house)
    with after.work() as ctx:
        assert directory.find(ctx, SANNE[0]) is None
        with pytest.raises(links.WrongCode):
            guest_sessions.open_link(ctx, code, None)
    with pytest.raises(UntrustedKey):
        resume(after, house.marieke.root)


def test_in_between_everything_works_with_both(house: House) -> None:
    fill(house)
    seen = []
    for _ in secret_renewal.renew(both(house).runtime):
        here = both(house)
        marieke = resume(here, log_in(here, MARIEKE[0]).root)
        here.send(SANNE, FATIMA, author=marieke)
        with here.work() as ctx:
            rows = listing.inbox(ctx, marieke).rows
        seen.append(all(row.head is not None for row in rows))
    assert seen == [True] * 8


def test_the_second_time_there_is_nothing_left_to_do(house: House) -> None:
    fill(house)
    renew(house)
    before = dump(house)
    again = renew(house)
    assert sum(kind.renewed for kind in again.values()) == 0
    assert dump(house) == before


def test_passwords_are_counted_until_their_owners_log_in(house: House) -> None:
    renew(house)
    assert secret_renewal.left(both(house).runtime).passwords == 2
    renew_passwords(both(house))
    assert secret_renewal.left(both(house).runtime).passwords == 0


def test_mailed_links_are_counted_until_they_expire(house: House) -> None:
    with house.work() as ctx:
        signup.request(ctx, "noor@example.org", language="nl", public_url="http://localhost:8000")
    renew(house)
    left = secret_renewal.left(both(house).runtime)
    assert left.tokens == 1
    assert left.last_token is not None
    house.clock.forward(days=30)
    assert secret_renewal.left(both(house).runtime).tokens == 0


def test_a_photo_goes_along(house: House) -> None:
    with house.work() as ctx:
        account = ctx.db.get_one(Account, house.marieke.root.account)
        account.photo, account.sealed_photo = b"p" * 16, ctx.keys.seal_photo(account.id, b"image")
    renew(house)
    with new_alone(house).work() as ctx:
        sealed = ctx.db.scalars(select(Account.sealed_photo).where(Account.photo.is_not(None))).one()
        assert sealed is not None
        assert ctx.keys.open_photo(house.marieke.root.account, sealed) == b"image"


def test_what_somebody_else_wrote_does_not_become_ours(house: House, caplog: pytest.LogCaptureFixture) -> None:
    fill(house)
    with house.work() as ctx:
        message = ctx.db.scalars(select(Message.id)).first()
        ctx.db.execute(update(Message).where(Message.id == message).values(sender=house.sanne.mailbox))
        ctx.db.execute(update(GuestLink).values(maker=house.sanne.mailbox))
        ctx.db.execute(update(Organisation).values(name="Van Dalen & Bedrieger"))
        mine = PrincipalKey.principal == house.marieke.mailbox
        ctx.db.execute(update(PrincipalKey).where(mine).values(public_key=b"k" * 1216))
        tags = ctx.db.scalars(select(Address.address_tag)).all()
        ctx.db.execute(update(Address).where(Address.address_tag == tags[0]).values(address_tag=b"t" * 32))
        ctx.db.execute(update(Outbox).where(Outbox.kind == "guest_message").values(place=7))
        ctx.db.execute(update(Account).where(Account.id == house.sanne.root.account).values(sealed_entry=b"nep"))
    before = macs(house)
    renewed = renew(house)
    counted = {name: kind.not_ours for name, kind in renewed.items() if kind.not_ours}
    mails = counted.pop("waiting mail")
    assert mails >= 2, "those of the message too, where they are others: a mail names its sender"
    assert counted == {
        "messages": 1, "guest links": 2, "organisations": 1, "public keys": 1, "addresses": 1,
        "accounts in the directory": 1,
    }  # fmt: skip
    assert len(macs(house) & before) == 1 + 2 + 1 + 1 + mails
    assert caplog.text.count("alarm") >= sum(counted.values())


def macs(house: House) -> set[bytes]:
    with house.work() as ctx:
        tables = (Message, GuestLink, Organisation, PrincipalKey, Outbox)
        return {mac for table in tables for mac in ctx.db.scalars(select(table.mac))}


def test_killed_anywhere_it_goes_on_the_next_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(house)
    monkeypatch.setattr(secret_renewal, "_BATCH", 5)

    def act(house: House) -> None:
        renew(house)

    kills, statement = 0, 1
    while killed_at(house, statement, act):
        kills += 1
        here = both(house)
        marieke = resume(here, log_in(here, MARIEKE[0]).root)
        with here.work() as ctx:
            assert all(row.head is not None for row in listing.sent(ctx, marieke).rows)
        statement += 3
    assert kills > 3
    renew_passwords(both(house))
    after = new_alone(house)
    marieke = resume(after, log_in(after, MARIEKE[0]).root)
    with after.work() as ctx:
        assert all(row.head is not None for row in listing.sent(ctx, marieke).rows)


def test_a_link_that_was_withdrawn_meanwhile_is_no_trouble(house: House) -> None:
    fill(house)
    with house.work() as ctx:
        ctx.db.execute(delete(Pending))
    renew(house)
    with new_alone(house).work() as ctx, pytest.raises(NotFound):
        links.find(ctx, bytes(16))


def test_the_command_says_what_it_did(
    house: House, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(house)
    new = cli.ids.token_to_text(bytes(NEW))
    for name, value in {
        "SECUREMAIL_ENV": "development", "SECUREMAIL_SECRET": f"2:{new},{SECRET}", "DATABASE_URL": database_url,
        "VAR_DIR": str(tmp_path),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert cli.main(["renew-secret"]) == 0
    told = capsys.readouterr().out
    assert "messages: 6 of 6 renewed" in told
    assert "2 passwords hang on an older secret until their owners log in." in told
    assert new not in told
