"""An account is made whole: what it writes on its first day cannot be added later without its holder."""

import pytest
from sqlalchemy import select

from securemail.crypto import unlock
from securemail.crypto.mailkeys import open_grant
from securemail.crypto.password import Parameters
from securemail.errors import Conflict
from securemail.identity import accounts, profile
from securemail.identity.passwords import stretch_new
from securemail.mailboxes import directory, keys
from securemail.store.models import Account, Mailbox, MailGrant, Outbox, OutboxLock, Unlocker
from tests.house import PASSWORD, PETER, SANNE, House


def _create(house: House, address: str = PETER[0]) -> accounts.NewAccount:
    password = stretch_new(PASSWORD, house.runtime.keys, house.runtime.hasher)
    with house.work() as ctx:
        return accounts.create_account(
            ctx,
            address=address,
            name=PETER[1],
            language="en",
            password=password,
            organisation=house.marieke.organisation,
            role="member",
        )


def test_password_and_recovery_code_both_open_the_root_key(house: House) -> None:
    new = _create(house)
    password = house.runtime.hasher.stretch
    with house.work() as ctx:
        for row in ctx.db.scalars(select(Unlocker).where(Unlocker.account == new.root.account)):
            if row.kind == unlock.PASSWORD:
                parameters = Parameters.decode(row.parameters or b"")
                stretched = password(PASSWORD, parameters, ctx.keys.pepper(parameters.pepper_id))
                pair = unlock.password_pair(stretched, row.account, row.id)
            else:
                pair = unlock.recovery_pair(new.recovery_code, row.account, row.id)
            assert pair.public == row.public_key
            assert unlock.open_root_key(pair, row.sealed_rk, row.account, 1, row.id, row.kind) == new.root.rk


def test_the_vault_lists_exactly_the_unlockers_that_count(house: House) -> None:
    new = _create(house)
    with house.work() as ctx:
        account = ctx.db.get_one(Account, new.root.account)
        vault = new.root.open_vault(account.vault_revision, account.sealed_vault)
        rows = ctx.db.scalars(select(Unlocker).where(Unlocker.account == account.id)).all()
    assert {entry["id"] for entry in vault["unlockers"]} == {row.id.hex() for row in rows}
    assert {entry["kind"] for entry in vault["unlockers"]} == {"password", "recovery"}


def test_keys_are_published_and_the_mailbox_is_granted_to_its_owner(house: House) -> None:
    new = _create(house)
    with house.work() as ctx:
        keys.require_published(ctx, "account", new.root.account, 1, new.root.identity())
        keys.require_published(ctx, "mailbox", new.mail.principal, 1, new.mail.pair())
        grant = ctx.db.scalars(select(MailGrant).where(MailGrant.grantee == new.root.account)).one()
        opened = open_grant(
            new.root.identity(),
            grant.sealed_mk,
            mailbox=grant.mailbox,
            epoch=grant.epoch,
            grantee=grant.grantee,
            grant=grant.id,
            rights=grant.rights,
        )
        assert opened == new.mail.mk
        mailbox = ctx.db.get_one(Mailbox, new.mail.principal)
        holders = new.root.open_holders(mailbox.id, mailbox.sealed_holders)["holders"]
        assert holders == [{"grantee": new.root.account.hex(), "rights": "owner"}]


def test_others_find_it_by_its_address_in_any_spelling(house: House) -> None:
    new = _create(house, "Peter@Hoekstra.Example")
    with house.work() as ctx:
        entry = directory.find(ctx, "peter@hoekstra.example")
        assert entry is not None
        assert (entry.mailbox, entry.name, entry.language) == (new.mail.principal, PETER[1], "en")


def test_one_address_has_one_account(house: House) -> None:
    with pytest.raises(Conflict):
        _create(house, SANNE[0].upper())


def test_the_recovery_code_is_mailed_and_the_new_mailbox_can_mend_that(house: House) -> None:
    new = _create(house)
    with house.work() as ctx:
        mail = ctx.db.scalars(
            select(Outbox).where(Outbox.kind == "recovery_code", Outbox.mailbox == new.mail.principal)
        ).one()
        assert ctx.db.get(OutboxLock, (mail.id, new.mail.principal)) is not None
        assert mail.sealed_payload is not None
        assert new.code_groups[0].encode() not in mail.sealed_payload


def test_what_is_secret_does_not_show_itself(house: House) -> None:
    new = _create(house)
    assert repr(new) == "<NewAccount>"
    assert new.recovery_code.hex() not in f"{new!r} {new.root!r} {new.mail!r} {new.recovery_code!r}"


def test_a_member_chooses_another_language(house: House) -> None:
    with house.work() as ctx:
        profile.set_language(ctx, house.sanne.owner, "en")
    with house.work() as ctx:
        entry = directory.find(ctx, SANNE[0])
        assert entry is not None
        assert (entry.language, entry.name) == ("en", SANNE[1])
