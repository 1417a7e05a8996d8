"""A new key for an organisation: for those administrators whom its sealed list names, and who stay."""

from typing import Any

import pytest
from sqlalchemy import select, update

from securemail.crypto import unlock
from securemail.crypto.keypair import KeyPair
from securemail.crypto.notes import open_audit, open_for_organisation, open_reference, seal_reference
from securemail.crypto.secrets import Token
from securemail.errors import CannotOpen, Forbidden, StaleKeys
from securemail.identity import tokens
from securemail.identity.context import Context
from securemail.identity.invitations import LIFETIME
from securemail.mailboxes import epochs, grants, holders, keys
from securemail.mailboxes import rotation as mailboxes
from securemail.mailboxes.holders import Holder
from securemail.organisations import administrators, audit, rotation
from securemail.store.models import Account, Audit, Mailbox, MailChain, Member, Pending
from tests.house import House


def make_administrator(house: House) -> None:
    """Sanne administrates as well: on the list, and with a grant."""
    with house.work() as ctx:
        mail = administrators.enter(ctx, house.marieke).keys
        listed = [Holder(member.root.account, "administrator") for member in (house.marieke, house.sanne)]
        sealed = unlock.seal_organisation_holders(mail.mk, mail.principal, mail.epoch, holders.to_json(listed))
        ctx.db.execute(update(Mailbox).where(Mailbox.id == mail.principal).values(sealed_holders=sealed))
        public_key = house.sanne.root.identity().public
        grants.add(ctx, mail, public_key, grantee=house.sanne.root.account, rights="administrator")


def rotate(house: House, without: frozenset[bytes] = frozenset()) -> None:
    with house.work() as ctx:
        rotation.rotate(ctx, administrators.enter(ctx, house.marieke).keys, without=without)


def epochs_for(house: House, administrator: str) -> tuple[int, ...]:
    with house.work() as ctx:
        return administrators.enter(ctx, getattr(house, administrator)).keys.epochs


def test_every_administrator_gets_the_new_key(house: House) -> None:
    make_administrator(house)
    rotate(house)
    assert epochs_for(house, "marieke") == epochs_for(house, "sanne") == (2, 1)


def test_who_is_removed_gets_it_no_more_and_stands_on_no_list(house: House) -> None:
    make_administrator(house)
    rotate(house, without=frozenset({house.sanne.root.account}))
    rotate(house)
    assert epochs_for(house, "marieke") == (3, 2, 1)
    with pytest.raises(Forbidden):
        epochs_for(house, "sanne")


def test_a_closed_account_is_left_out(house: House) -> None:
    make_administrator(house)
    with house.work() as ctx:
        closed = update(Account).where(Account.id == house.sanne.root.account)
        ctx.db.execute(closed.values(state="closed", sealed_vault=None))
    rotate(house)
    assert epochs_for(house, "marieke") == (2, 1)
    with pytest.raises(Forbidden):
        epochs_for(house, "sanne")


def test_an_administrator_whose_published_key_was_exchanged_is_left_out_and_the_others_are_not(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    make_administrator(house)
    with house.work() as ctx:
        theirs = keys.PrincipalKey.principal == house.sanne.root.account
        ctx.db.execute(update(keys.PrincipalKey).where(theirs).values(public_key=bytes(1216)))
    rotate(house)
    assert "alarm: untrusted public key" in caplog.text
    assert epochs_for(house, "marieke") == (2, 1)


def tell(ctx: Context, house: House) -> None:
    public_key = keys.published(ctx, "mailbox", house.sanne.organisation, 1)
    told = seal_reference(public_key, house.sanne.root.account, {"reference": "NL-17"})
    ctx.db.execute(update(Member).where(Member.account == house.sanne.root.account).values(sealed_reference=told))


def test_references_and_invitations_are_locked_anew_at_once(house: House) -> None:
    with house.work() as ctx:
        tell(ctx, house)
        tokens.add(
            ctx, "invitation", Token.new(), lifetime=LIFETIME, organisation=house.marieke.organisation,
            for_organisation={"address": "noor@example.org"},
        )  # fmt: skip
    rotate(house)
    with house.work() as ctx:
        mail = administrators.enter(ctx, house.marieke).keys
        place = ctx.db.scalars(select(Member).where(Member.account == house.sanne.root.account)).one()
        assert open_reference(mail.pair(), place.account, place.sealed_reference or b"")["reference"] == "NL-17"
        row = ctx.db.scalars(select(Pending).where(Pending.kind == "invitation")).one()
        assert tokens.genuine(ctx, row)
        sealed = row.sealed_for_organisation or b""
        assert open_for_organisation(mail.pair(), row.id, sealed)["address"] == "noor@example.org"
        with pytest.raises(CannotOpen):
            open_for_organisation(mail.at(1).pair(), row.id, sealed)


def test_what_does_not_open_stays_as_it_is(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with house.work() as ctx:
        ctx.db.execute(update(Member).values(sealed_reference=b"kapot"))
    rotate(house)
    assert "alarm" in caplog.text
    with house.work() as ctx:
        assert set(ctx.db.scalars(select(Member.sealed_reference))) == {b"kapot"}


def test_the_audit_log_is_readable_whole(house: House) -> None:
    for when in ("before", "in between", "after"):
        with house.work() as ctx:
            audit.record(ctx, house.marieke.organisation, "logged-in", house.sanne.root.account, {"when": when})
        if when != "after":
            rotate(house)
    with house.work() as ctx:
        mail = administrators.enter(ctx, house.marieke).keys
        rows = ctx.db.scalars(select(Audit).where(Audit.kind == "logged-in").order_by(Audit.at)).all()
        read = [
            epochs.open_with_any(mail, lambda pair, row=row: open_audit(pair, row.id, row.sealed_detail))
            for row in rows
        ]
    assert [detail["when"] for detail in read] == ["before", "in between", "after"]


def open_row(row: Audit, pair: KeyPair) -> dict[str, Any]:
    return open_audit(pair, row.id, row.sealed_detail)


def test_the_chain_of_an_organisation_stays(house: House) -> None:
    rotate(house)
    with house.work() as ctx:
        assert ctx.db.scalars(select(MailChain.mailbox)).all() == [house.marieke.organisation]
        rotation.rotate_due(ctx, house.marieke)
        assert ctx.db.scalars(select(MailChain.mailbox)).all() == [house.marieke.organisation]


def test_who_comes_second_is_told(house: House) -> None:
    with house.work() as ctx:
        mail = administrators.enter(ctx, house.marieke).keys
    rotate(house)
    with pytest.raises(StaleKeys), house.work() as ctx:
        rotation.rotate(ctx, mail)


def test_what_is_due_is_done_once(house: House) -> None:
    with house.work() as ctx:
        mailboxes.mark_due(ctx, [house.marieke.organisation, house.marieke.mailbox])
        rotation.rotate_due(ctx, house.marieke)
    with house.work() as ctx:
        assert set(ctx.db.scalars(select(Mailbox.mk_epoch).where(Mailbox.owner != house.sanne.root.account))) == {2}
        rotation.rotate_due(ctx, house.sanne)
        assert ctx.db.scalars(select(Mailbox.id).where(Mailbox.rotation_due.is_(True))).all() == []
