"""Leden, and that nobody but an administrator reaches anything of administration."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from securemail import ids
from securemail.crypto.mailkeys import seal_grant
from securemail.crypto.secrets import MailKey
from securemail.errors import Forbidden
from securemail.identity import accounts, context, vault
from securemail.identity.passwords import stretch_new
from securemail.identity.permissions import PERMISSIONS
from securemail.identity.vault import Totp
from securemail.organisations import administrators, members
from securemail.store.models import MailGrant, Member
from securemail.web import create_app
from tests.house import MARIEKE, PASSWORD, SANNE, House
from tests.visitor import Visitor

ADMINISTRATION = sorted(endpoint for endpoint, who in PERMISSIONS.items() if who == "administrator")


def test_members_stand_by_name_with_role_and_second_step(marieke: Visitor, house: House) -> None:
    secure(house, house.sanne)
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


def secure(house: House, member: context.Member) -> None:
    totp = Totp(seed="A" * 32, last_step=0, added="2026-11-03T09:00:00+00:00")
    with house.work() as ctx:
        vault.change(ctx, member.root, lambda kept: replace(kept, totp=totp))
        members.tell(ctx, member.root)


def test_one_alone_is_warned_and_makes_another(marieke: Visitor, sanne: Visitor, house: House) -> None:
    assert "Je bent de enige beheerder." in marieke.get("/admin/members").text
    place = f"/admin/members/{ids.to_text(house.sanne.root.account)}"
    assert "Sanne Kuipers beheerder maken?" in marieke.get(f"{place}/appoint").text
    refused = marieke.post(f"{place}/appoint")
    assert refused.status_code == 422
    assert "nog geen 2FA" in refused.text
    secure(house, house.sanne)
    assert marieke.post(f"{place}/appoint").location == "/admin/members"
    assert "Je bent de enige beheerder." not in marieke.get("/admin/members").text
    assert sanne.get("/admin/members").status_code == 200
    assert marieke.post(f"{place}/dismiss").location == "/admin/members"
    assert sanne.get("/admin/members").status_code == 403


def test_who_administers_proves_again_that_it_is_them(marieke: Visitor, house: House) -> None:
    secure(house, house.sanne)
    place = f"/admin/members/{ids.to_text(house.sanne.root.account)}/appoint"
    marieke.get(place)
    house.clock.forward(minutes=11)
    assert marieke.post(place).status_code == 403
    with house.work() as ctx, pytest.raises(Forbidden):
        administrators.enter(ctx, house.sanne)


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


def test_a_planted_role_opens_nothing(house: House, sanne: Visitor, marieke: Visitor) -> None:
    """T8: the menu believes the row, the pages do not."""
    with house.work() as ctx:
        ctx.db.execute(update(Member).where(Member.account == house.sanne.root.account).values(role="administrator"))
    for path in ("/admin/members", "/admin/invitations", "/admin/policy"):
        assert sanne.get(path).status_code == 403
    assert marieke.get("/admin/members").text.count(">Beheerder</td>") == 1


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
