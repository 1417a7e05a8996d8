"""Leden, and that nobody but an administrator reaches anything of administration."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from securemail import ids
from securemail.crypto.mailkeys import seal_grant
from securemail.crypto.secrets import MailKey
from securemail.identity import accounts, vault
from securemail.identity.passwords import stretch_new
from securemail.identity.permissions import PERMISSIONS
from securemail.identity.vault import Totp
from securemail.organisations import members
from securemail.store.models import MailGrant, Member
from securemail.web import create_app
from tests.house import MARIEKE, PASSWORD, SANNE, House
from tests.visitor import Visitor

ADMINISTRATION = sorted(endpoint for endpoint, who in PERMISSIONS.items() if who == "administrator")


def test_members_stand_by_name_with_role_and_second_step(marieke: Visitor, house: House) -> None:
    with house.work() as ctx:
        totp = Totp(seed="A" * 32, last_step=0, added="2026-11-03T09:00:00+00:00")
        vault.change(ctx, house.sanne.root, lambda kept: replace(kept, totp=totp))
        members.tell(ctx, house.sanne.root)
    page = marieke.get("/admin/members").text.replace("<wbr>", "")
    assert page.index(MARIEKE[0]) < page.index(SANNE[0])
    assert "Beheerder" in page
    assert page.count("Nog geen 2FA") == 1
    assert "2FA sinds 3 november 2026" in page
    assert '<progress class="bar" max="2" value="1"' in page


def test_fifty_a_page(marieke: Visitor, house: House) -> None:
    password = stretch_new(PASSWORD, house.runtime.keys, house.runtime.hasher)
    with house.work() as ctx:
        for number in range(60):
            accounts.create_account(
                ctx, address=f"lid{number}@kantoor.example", name=f"Lid {number:02d}", language="nl",
                password=password, organisation=house.marieke.organisation, role="member",
            )  # fmt: skip
    first, second = marieke.get("/admin/members").text, marieke.get("/admin/members?page=2").text
    assert (first.count("<tr>") - 1, second.count("<tr>") - 1) == (50, 12)
    assert "Bladzijde 2 van 2" in second
    for odd in ("0", "-1", "99999999", "x", "²"):
        assert marieke.get(f"/admin/members?page={odd}").status_code == 200


def paths(app: Flask, endpoint: str) -> list[tuple[str, str]]:
    """(method, path) of everything that an endpoint answers."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint]
    with app.test_request_context():
        return [
            (method, rule.build({name: ids.to_text(bytes(16)) for name in rule.arguments})[1])
            for rule in rules
            for method in (rule.methods or set()) & {"GET", "POST"}
        ]


@pytest.mark.parametrize("endpoint", ADMINISTRATION)
def test_nobody_but_an_administrator_gets_in(app: Flask, sanne: Visitor, visitor: Visitor, endpoint: str) -> None:
    found = paths(app, endpoint)
    assert found
    visitor.get("/login")
    for method, path in found:
        assert sanne.client.open(path, method=method, data={"csrf_token": sanne.token}).status_code == 403
        stranger = visitor.client.open(path, method=method, data={"csrf_token": visitor.token})
        assert stranger.status_code == (303 if method == "GET" else 401)
        assert method == "POST" or stranger.location.startswith("/login?next=")


def test_a_planted_role_opens_nothing(house: House, sanne: Visitor) -> None:
    """T8: the menu believes the row, the pages do not."""
    with house.work() as ctx:
        ctx.db.execute(update(Member).where(Member.account == house.sanne.root.account).values(role="administrator"))
    for path in ("/admin/members", "/admin/invitations", "/admin/policy"):
        assert sanne.get(path).status_code == 403


def test_a_planted_grant_opens_nothing(house: House, sanne: Visitor) -> None:
    """T8: anybody can lock a key of their own to a published identity; it is not the organisation's."""
    grant, organisation, account = ids.new_id(), house.sanne.organisation, house.sanne.root.account
    planted = seal_grant(
        house.sanne.root.identity().public, MailKey.new(), mailbox=organisation, epoch=1, grantee=account,
        grant=grant, rights="administrator",
    )  # fmt: skip
    with house.work() as ctx:
        values = {
            "id": grant, "mailbox": organisation, "epoch": 1, "grantee": account, "rights": "administrator",
            "created": ctx.now, "sealed_mk": planted,
        }  # fmt: skip
        ctx.db.execute(insert(MailGrant).values(**values))
    assert sanne.get("/admin/members").status_code == 403
    assert sanne.get("/admin/invitations").status_code == 403


def test_a_copied_grant_opens_nothing(house: House, sanne: Visitor) -> None:
    """T8: Marieke's grant, written to Sanne's name."""
    with house.work() as ctx:
        mine = ctx.db.scalars(select(MailGrant).where(MailGrant.rights == "administrator")).one()
        values = {
            "id": ids.new_id(), "mailbox": mine.mailbox, "epoch": mine.epoch, "grantee": house.sanne.root.account,
            "rights": mine.rights, "created": mine.created, "sealed_mk": mine.sealed_mk,
        }  # fmt: skip
        ctx.db.execute(insert(MailGrant).values(**values))
    assert sanne.get("/admin/members").status_code == 403


def test_a_reference_that_somebody_else_sealed_breaks_nothing(house: House, marieke: Visitor) -> None:
    with house.work() as ctx:
        ctx.db.execute(
            update(Member).where(Member.account == house.sanne.root.account).values(sealed_reference=b"\x01\x02onzin")
        )
    assert marieke.get("/admin/members").status_code == 200


def test_the_menu_offers_administration_to_administrators(marieke: Visitor, sanne: Visitor) -> None:
    assert 'href="/admin/members"' in marieke.get("/settings").text
    assert "/admin/" not in sanne.get("/settings").text


def test_the_application_has_every_page_of_administration(house: House) -> None:
    known = {rule.endpoint for rule in create_app(house.runtime).url_map.iter_rules()}
    assert set(ADMINISTRATION) <= known
