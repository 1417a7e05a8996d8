"""Another password, another recovery code: proved first, and every other browser is out."""

import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from securemail import ids
from securemail.crypto import unlock
from securemail.crypto.codes import read_recovery_code
from securemail.errors import CannotOpen
from securemail.identity import login, photos, vault
from securemail.identity.context import Owner
from securemail.identity.vault import Totp
from securemail.organisations import organisations
from securemail.store.models import Account, Unlocker
from tests.house import PASSWORD, SANNE, House
from tests.identity import mails
from tests.visitor import Visitor, alerts

NEW = "veertien zilveren lepels op tafel"


def change(browser: Visitor, password: str = NEW) -> TestResponse:
    browser.get("/settings/password")
    return browser.post("/settings/password", {"password": password})


def new_code(browser: Visitor) -> TestResponse:
    browser.get("/settings/recovery-code")
    return browser.post("/settings/recovery-code")


def groups_in(page: str) -> str:
    found = re.search(r'data-code="([^"]+)"', page)
    assert found
    return found[1]


def opens(house: House, code: str) -> bool:
    """Whether a recovery code gives the root key."""
    with house.work() as ctx:
        row = ctx.db.scalars(
            select(Unlocker).where(Unlocker.account == house.sanne.account, Unlocker.kind == unlock.RECOVERY)
        ).one()
        epoch = ctx.db.get_one(Account, row.account).rk_epoch
    pair = unlock.recovery_pair(read_recovery_code(code), row.account, row.id)
    try:
        unlock.open_root_key(pair, row.sealed_rk or b"", row.account, epoch, row.id, row.kind)
    except CannotOpen:
        return False
    return True


def second_step(house: House, owner: Owner) -> None:
    with house.work() as ctx:
        seed = Totp("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", 0, "2026-11-19T08:58:00+00:00")
        vault.change(ctx, owner.root, lambda kept: replace(kept, totp=seed))


@pytest.fixture
def elsewhere(app: Flask) -> Visitor:
    """Another browser of Sanne's."""
    browser = Visitor(app, "198.51.100.9")
    browser.log_in(SANNE[0], PASSWORD)
    assert browser.get("/inbox").status_code == 200
    return browser


def test_the_new_password_logs_in_and_the_old_one_does_not(app: Flask, sanne: Visitor) -> None:
    assert change(sanne).location.startswith("/rotation")
    assert sanne.get("/inbox").status_code == 200
    assert Visitor(app).log_in(SANNE[0], PASSWORD).status_code == 422
    assert Visitor(app).log_in(SANNE[0], NEW).status_code == 303


def test_other_browsers_are_out_and_this_one_goes_on_in_a_new_session(sanne: Visitor, elsewhere: Visitor) -> None:
    before = sanne.cookie("__Host-s")
    change(sanne)
    assert sanne.cookie("__Host-s") not in (None, before)
    assert elsewhere.get("/inbox").status_code == 303
    assert sanne.get("/settings/devices").text.count('name="session"') == 0


def test_everything_is_still_there(house: House, sanne: Visitor) -> None:
    sent = house.send((SANNE[0], SANNE[1]), subject="Van voor de wijziging")
    change(sanne)
    assert "Van voor de wijziging" in sanne.get("/inbox").text
    assert sent.conversation


def test_the_owner_is_told_by_mail(house: House, sanne: Visitor) -> None:
    worker = mails.hire(house)
    change(sanne)
    [told] = mails.sent(house, worker, "password_changed")
    assert (told["to"], told["network"]) == (SANNE[0], "192.0.2.7")


def test_after_ten_minutes_the_password_is_asked_again_and_the_form_comes_back(house: House, sanne: Visitor) -> None:
    house.clock.forward(minutes=11)
    asked = sanne.get("/settings/password")
    assert (asked.status_code, asked.location.partition("?")[0]) == (303, "/security/confirm")
    answer = sanne.post("/settings/password", {"password": NEW})
    assert answer.status_code == 403
    assert NEW not in answer.text
    assert Visitor(sanne.client.application).log_in(SANNE[0], PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "Vul een wachtwoord in."),
        ("te kort", "minstens 15 tekens"),
        ("sannekuipers sannekuipers", "bestaat uit je naam"),
        ("x" * 1025, "langer dan 1024"),
    ],
)
def test_a_password_that_is_not_good_enough_changes_nothing(
    app: Flask, sanne: Visitor, password: str, said: str
) -> None:
    answer = change(sanne, password)
    assert answer.status_code == 422
    assert said in alerts(answer)[0]
    assert Visitor(app).log_in(SANNE[0], PASSWORD).status_code == 303


def test_beside_a_second_step_twelve_characters_are_enough(house: House, sanne: Visitor) -> None:
    assert change(sanne, "blauwe gans 9").status_code == 422
    second_step(house, house.sanne.owner)
    assert "Minstens 12 tekens" in sanne.get("/settings/password").text
    assert "Nog 2 tekens" in sanne.post("/settings/password/strength", {"password": "blauwe gan"}).text
    assert "minstens 12" in alerts(change(sanne, "blauwe gan"))[0]
    assert change(sanne, "blauwe gans 9").status_code == 303
    with house.work() as ctx:
        candidate = login.find(ctx, SANNE[0])
    proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, "blauwe gans 9")
    with house.work() as ctx:
        assert vault.read(ctx, proved.root).extra["short_password"] is True


def test_a_new_recovery_code_is_shown_once_and_the_old_one_is_dead(house: House, sanne: Visitor) -> None:
    worker = mails.hire(house)
    first = groups_in(new_code(sanne).text)
    assert opens(house, first)
    shown = new_code(sanne)
    second = groups_in(shown.text)
    assert second != first
    assert (opens(house, first), opens(house, second)) == (False, True)
    assert second not in sanne.get("/settings/recovery-code").text
    assert " ".join(mails.sent(house, worker, "recovery_code")[-1]["code_groups"]) == second


def test_the_code_is_shown_until_it_is_said_to_be_kept(house: House, sanne: Visitor) -> None:
    code = groups_in(new_code(sanne).text)
    again = sanne.post("/settings/recovery-code/saved", {"code": code})
    assert again.status_code == 422
    assert groups_in(again.text) == code
    assert sanne.post("/settings/recovery-code/saved", {"code": code, "saved": "1"}).status_code == 303
    assert sanne.post("/settings/recovery-code/saved", {"code": "garbled"}).location == "/settings/recovery-code"


def test_where_the_organisation_does_not_mail_codes_none_is_mailed(house: House, sanne: Visitor) -> None:
    with house.work() as ctx:
        decided = organisations.policy_of(ctx, house.sanne.organisation)
        organisations.decide(ctx, house.sanne.organisation, replace(decided, mail_recovery_code=False))
    worker = mails.hire(house)
    page = new_code(sanne).text
    assert "We mailen de code ook" not in page
    assert [mail for mail in mails.sent(house, worker, "recovery_code") if mail.get("to") == SANNE[0]] == []
    assert len(mails.sent(house, worker, "recovery_code_changed")) == 1


def test_a_new_code_asks_for_proof(house: House, sanne: Visitor) -> None:
    house.clock.forward(minutes=11)
    assert sanne.get("/settings/recovery-code").status_code == 303
    assert sanne.post("/settings/recovery-code").status_code == 403


def test_a_fright_ends_everything_and_renews_the_code(house: House, sanne: Visitor, elsewhere: Visitor) -> None:
    sanne.get("/settings/devices/end-all")
    shown = sanne.post("/settings/devices/end-all")
    assert opens(house, groups_in(shown.text))
    assert elsewhere.get("/inbox").status_code == 303
    assert sanne.get("/inbox").status_code == 200
    house.clock.forward(minutes=11)
    assert sanne.post("/settings/devices/end-all").status_code == 403


@pytest.fixture
def unsecured(house: House, sanne: Visitor) -> Visitor:
    """Sanne, whose organisation wants a second step that she has not set up."""
    with house.work() as ctx:
        decided = organisations.policy_of(ctx, house.sanne.organisation)
        organisations.decide(ctx, house.sanne.organisation, replace(decided, require_second_step=True))
    assert "/security" in sanne.get("/inbox").location
    return sanne


def test_an_account_that_must_be_secured_first_still_changes_its_password(app: Flask, unsecured: Visitor) -> None:
    assert change(unsecured).status_code == 303
    assert Visitor(app).log_in(SANNE[0], NEW).status_code == 303
    assert "/security" in unsecured.get("/inbox").location


@pytest.mark.parametrize(
    "path",
    ["/settings/profile", "/settings/devices", "/settings/address", "/settings/close", "/settings/recovery-code"],
)
def test_it_reaches_its_settings(unsecured: Visitor, path: str) -> None:
    assert unsecured.get(path).status_code == 200


def test_it_sees_no_faces_of_others(house: House, unsecured: Visitor) -> None:
    with house.work() as ctx:
        photo = photos.keep(ctx, house.marieke.owner, b"a face")
    assert unsecured.get(f"/photos/{ids.to_text(photo)}").status_code == 404
