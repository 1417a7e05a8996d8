"""The list of settings, the ways to it, and what stands above the inbox until it is done."""

from dataclasses import replace

from flask import Flask

from securemail.identity import vault
from securemail.identity.vault import Totp
from securemail.web import banners
from securemail.web.sections import page_of
from tests.house import MARIEKE, PASSWORD, House
from tests.visitor import Visitor

ASKED = "Beveilig je account met een extra inlogmethode."


def marieke_of(app: Flask) -> Visitor:
    browser = Visitor(app)
    assert browser.log_in(MARIEKE[0], PASSWORD).status_code == 303
    return browser


def test_settings_are_one_step_from_every_page(sanne: Visitor) -> None:
    for path in ("/inbox", "/more", "/drafts"):
        assert 'href="/settings"' in sanne.get(path).text, path
    assert "Instellingen" in sanne.get("/settings").text


def test_a_stranger_sees_no_settings(visitor: Visitor) -> None:
    assert visitor.get("/settings").status_code == 303


def test_only_an_administrator_is_offered_administration(app: Flask, sanne: Visitor) -> None:
    assert "Beheer" not in sanne.get("/settings").text
    assert "Beheer" in marieke_of(app).get("/settings").text


def test_a_page_that_the_product_does_not_have_is_not_offered(app: Flask, sanne: Visitor) -> None:
    with app.test_request_context():
        assert page_of("nothing.here") is None
        assert page_of("settings.overview") == "/settings"


def test_the_inbox_asks_for_a_second_step_until_there_is_one(app: Flask, house: House, sanne: Visitor) -> None:
    assert ASKED in sanne.get("/inbox").text
    assert ASKED not in sanne.get("/sent").text
    with house.work() as ctx:
        known = vault.read(ctx, house.sanne.root)
        seed = Totp("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", 0, "2026-11-19T08:58:00+00:00")
        vault.write(ctx, house.sanne.root, replace(known, totp=seed))
    assert ASKED not in sanne.get("/inbox").text


def test_one_banner_at_a_time(app: Flask) -> None:
    with app.test_request_context():
        assert banners.banners() == []
