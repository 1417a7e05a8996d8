"""The name on every page is ours, or it is not shown; what happened is for administrators' eyes."""

import pytest
from sqlalchemy import delete, select, update

from securemail.crypto.keypair import key_pair
from securemail.crypto.notes import open_audit
from securemail.crypto.secrets import Seed
from securemail.errors import CannotOpen
from securemail.mailboxes.keys import UntrustedKey
from securemail.organisations import audit, organisations
from securemail.store.models import Audit, Mailbox, Organisation, PrincipalKey
from tests.house import House


def test_a_name_that_somebody_wrote_into_the_database_is_not_shown(house: House) -> None:
    with house.work() as ctx:
        ctx.db.execute(update(Organisation).values(name="Mallory & Zonen"))
    with house.work() as ctx:
        assert organisations.first(ctx) is None
        assert organisations.any_exists(ctx)


def test_the_name_is_told_when_it_is_ours(house: House) -> None:
    with house.work() as ctx:
        found = organisations.first(ctx)
        assert found is not None
        assert found.name == "Van Dalen & Bakker"


def test_an_event_does_not_open_for_a_member(house: House) -> None:
    with house.work() as ctx:
        audit.record(ctx, house.sanne.organisation, "try", house.sanne.root.account, {"what": "iets geheims"})
    with house.work() as ctx:
        event = ctx.db.scalars(select(Audit).where(Audit.kind == "try")).one()
        assert b"geheims" not in event.sealed_detail
        for pair in (house.sanne.mail.pair(), house.sanne.root.identity(), house.marieke.mail.pair()):
            with pytest.raises(CannotOpen):
                open_audit(pair, event.id, event.sealed_detail)


def test_an_exchanged_key_of_the_organisation_receives_nothing(house: House) -> None:
    """T8: events are not sealed to Mallory."""
    with house.work() as ctx:
        mailbox = ctx.db.scalars(select(Mailbox).where(Mailbox.kind == "organisation")).one()
        planted = key_pair(Seed(b"m" * 32)).public
        ctx.db.execute(update(PrincipalKey).where(PrincipalKey.principal == mailbox.id).values(public_key=planted))
    with pytest.raises(UntrustedKey), house.work() as ctx:
        audit.record(ctx, house.sanne.organisation, "try", house.sanne.root.account, {})


def test_an_organisation_without_its_key_stops_what_must_be_recorded(house: House) -> None:
    with house.work() as ctx:
        mailbox = ctx.db.scalars(select(Mailbox).where(Mailbox.kind == "organisation")).one()
        ctx.db.execute(delete(PrincipalKey).where(PrincipalKey.principal == mailbox.id))
    with pytest.raises(UntrustedKey), house.work() as ctx:
        audit.record(ctx, house.sanne.organisation, "try", house.sanne.root.account, {})
