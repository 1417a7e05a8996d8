"""Administrators make others administrators, and end it; the last one stays."""

import dataclasses
import threading

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.crypto.notes import open_audit
from securemail.errors import Conflict, Forbidden, InvalidInput, NotFound, StaleKeys
from securemail.identity import vault
from securemail.identity.context import Member
from securemail.identity.vault import Totp
from securemail.organisations import administrators, appointments, members
from securemail.organisations.administrators import Administrator
from securemail.store import models
from securemail.store.models import Audit, MailGrant
from tests.house import House


def enter(house: House, member: Member) -> Administrator:
    with house.work() as ctx:
        return administrators.enter(ctx, member)


def secure(house: House, member: Member) -> None:
    totp = Totp(seed="A" * 32, last_step=0, added="2026-11-03T09:00:00+00:00")
    with house.work() as ctx:
        vault.change(ctx, member.root, lambda kept: dataclasses.replace(kept, totp=totp))
        members.tell(ctx, member.root)


def appoint(house: House) -> None:
    secure(house, house.sanne)
    marieke = enter(house, house.marieke)
    with house.work() as ctx:
        appointments.appoint(ctx, marieke, house.sanne.root.account)


def test_sanne_becomes_an_administrator(house: House) -> None:
    with pytest.raises(Forbidden):
        enter(house, house.sanne)
    appoint(house)
    sanne = enter(house, house.sanne)
    with house.work() as ctx:
        everybody = {house.marieke.root.account, house.sanne.root.account}
        assert appointments.listed(ctx, sanne) == everybody
        event = ctx.db.scalars(select(Audit).where(Audit.kind == "administrator-appointed")).one()
        told = open_audit(sanne.keys.pair(), event.id, event.sealed_detail)
        assert told["account"] == house.sanne.root.account.hex()


def test_nobody_without_a_second_step(house: House) -> None:
    marieke = enter(house, house.marieke)
    with house.work() as ctx, pytest.raises(InvalidInput) as refused:
        appointments.appoint(ctx, marieke, house.sanne.root.account)
    assert refused.value.code == "unsecured"
    with pytest.raises(Forbidden):
        enter(house, house.sanne)


def test_nobody_twice_and_nobody_unknown(house: House) -> None:
    appoint(house)
    marieke = enter(house, house.marieke)
    with house.work() as ctx, pytest.raises(InvalidInput) as refused:
        appointments.appoint(ctx, marieke, house.sanne.root.account)
    assert refused.value.code == "already"
    with house.work() as ctx, pytest.raises(NotFound):
        appointments.appoint(ctx, marieke, ids.new_id())


def test_the_last_administrator_stays(house: House) -> None:
    marieke = enter(house, house.marieke)
    with house.work() as ctx, pytest.raises(InvalidInput) as refused:
        appointments.dismiss(ctx, marieke, house.marieke.root.account)
    assert refused.value.code == "last"


def test_dismissed_she_opens_nothing_that_comes_after(house: House) -> None:
    appoint(house)
    before = enter(house, house.sanne)
    marieke = enter(house, house.marieke)
    with house.work() as ctx:
        appointments.dismiss(ctx, marieke, house.sanne.root.account)
    with pytest.raises(Forbidden):
        enter(house, house.sanne)
    now = enter(house, house.marieke)
    assert now.keys.epoch == before.keys.epoch + 1
    assert bytes(now.keys.mk) != bytes(before.keys.mk)
    with house.work() as ctx:
        assert appointments.listed(ctx, now) == {house.marieke.root.account}
        by_name = {one.name: one for one in members.page(ctx, now).members}
        assert by_name[house.sanne.name].secured is not None, "what members tell is locked anew"


def test_an_administrator_may_go_by_themselves_when_another_is_left(house: House) -> None:
    appoint(house)
    marieke = enter(house, house.marieke)
    with house.work() as ctx:
        appointments.dismiss(ctx, marieke, house.marieke.root.account)
    with pytest.raises(Forbidden):
        enter(house, house.marieke)
    assert enter(house, house.sanne).organisation == house.sanne.organisation


def test_a_role_or_a_grant_in_the_database_puts_nobody_on_the_list(house: House) -> None:
    """T8: the list that counts opens with the organisation's key only."""
    marieke = enter(house, house.marieke)
    with house.work() as ctx:
        ctx.db.execute(
            update(models.Member).where(models.Member.account == house.sanne.root.account).values(role="administrator")
        )
        grant = ctx.db.scalars(select(MailGrant).where(MailGrant.rights == "administrator")).one()
        values = {column.name: getattr(grant, column.name) for column in MailGrant.__table__.columns}
        ctx.db.add(MailGrant(**{**values, "id": ids.new_id(), "grantee": house.sanne.root.account}))
    with house.work() as ctx:
        assert appointments.listed(ctx, marieke) == {house.marieke.root.account}


def test_of_many_at_the_same_moment_one_appoints(house: House) -> None:
    secure(house, house.sanne)
    marieke, done, refused = enter(house, house.marieke), [], []

    def try_once() -> None:
        try:
            with house.work() as ctx:
                appointments.appoint(ctx, marieke, house.sanne.root.account)
            done.append(1)
        except (InvalidInput, Conflict, StaleKeys):
            refused.append(1)

    threads = [threading.Thread(target=try_once) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (1, 15)
    with house.work() as ctx:
        grants = ctx.db.scalars(select(MailGrant).where(MailGrant.grantee == house.sanne.root.account)).all()
        assert [grant.rights for grant in grants].count("administrator") == 1
