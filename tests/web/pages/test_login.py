"""Logging in and out, as a browser sees it."""

import json
import threading
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select

from securemail.crypto.password import Parameters
from securemail.runtime import Runtime
from securemail.store.models import BrowserSession, Unlocker
from securemail.web import create_app
from tests.house import PASSWORD, SANNE, House
from tests.visitor import HTMX, Visitor, alerts


def test_somebody_logs_in_and_is_where_they_wanted_to_be(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.get(visitor.get("/sent").location)
    answer = visitor.post("/login", {"address": SANNE[0], "password": PASSWORD, "next": "/sent"})
    assert (answer.status_code, answer.location) == (303, "/sent")
    assert SANNE[1] in visitor.get("/sent").text


def test_remembered_lasts_thirty_days_on_this_device(app: Flask) -> None:
    answer = Visitor(app).log_in(SANNE[0], PASSWORD, remember="1")
    (cookie,) = [cookie for cookie in answer.headers.getlist("Set-Cookie") if "__Host-s" in cookie]
    assert "Max-Age=2592000" in cookie
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie


def test_not_remembered_ends_with_the_browser(app: Flask) -> None:
    answer = Visitor(app).log_in(SANNE[0], PASSWORD)
    (cookie,) = [cookie for cookie in answer.headers.getlist("Set-Cookie") if "__Host-s" in cookie]
    assert "Max-Age" not in cookie


@pytest.mark.parametrize("address", [SANNE[0], "nobody@example.org"])
def test_a_wrong_log_in_gets_the_same_words_whoever_it_is(visitor: Visitor, address: str) -> None:
    answer = visitor.log_in(address, "niet het wachtwoord")
    assert answer.status_code == 422
    assert "Het e-mailadres of het wachtwoord klopt niet." in answer.text
    assert f'value="{address}"' in answer.text
    assert "niet het wachtwoord" not in answer.text


def test_the_answers_for_known_and_unknown_are_the_same_page(app: Flask) -> None:
    import re

    pages = []
    for address in (SANNE[0], "sanna@vandalenbakker.example"):
        text = Visitor(app).log_in(address, "fout fout fout").text.replace(address, "…")
        pages.append(re.sub(r'(csrf_token" value|csrf" content)="[^"]+"', "", text))
    assert pages[0] == pages[1]


@pytest.mark.parametrize(("address", "password"), [("", "x"), ("geen adres", "x"), (SANNE[0], "")])
def test_a_field_that_is_not_filled_in_says_so(visitor: Visitor, address: str, password: str) -> None:
    answer = visitor.log_in(address, password)
    assert answer.status_code == 422
    assert len(alerts(answer)) == 1


def test_too_many_tries_wait_and_the_account_is_not_blocked(app: Flask, house: House) -> None:
    stranger = Visitor(app, "203.0.113.9")
    for _ in range(5):
        assert stranger.log_in(SANNE[0], "fout").status_code == 422
    answer = stranger.log_in(SANNE[0], PASSWORD)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= 30
    assert "Je account is niet geblokkeerd" in answer.text
    assert Visitor(app, "192.0.2.1").log_in(SANNE[0], PASSWORD).status_code == 303


def test_a_log_in_gives_a_new_cookie_and_ends_the_older_session(sanne: Visitor, house: House) -> None:
    before = sanne.cookie("__Host-s")
    sanne.log_in(SANNE[0], PASSWORD)
    assert sanne.cookie("__Host-s") != before
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(BrowserSession)) == 1


def test_who_is_logged_in_already_goes_on(sanne: Visitor) -> None:
    assert sanne.get("/login?next=/sent").location == "/sent"


def test_logging_out_ends_the_session_and_leaves_a_guests_cookie(sanne: Visitor, app: Flask) -> None:
    stolen = sanne.cookie("__Host-s")
    sanne.client.set_cookie("__Host-g", "x" * 43)
    answer = sanne.post("/logout")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert sanne.cookie("__Host-s") is None
    assert sanne.cookie("__Host-g") is not None
    assert "Je bent uitgelogd" in sanne.get(answer.location).text
    mallory = Visitor(app)
    mallory.client.set_cookie("__Host-s", stolen or "")
    assert mallory.get("/inbox").status_code == 303


def test_logging_out_by_a_link_is_not_possible(sanne: Visitor) -> None:
    assert sanne.get("/logout").status_code == 405


def test_over_the_page_the_log_in_gives_the_page_its_new_token(house: House, sanne: Visitor) -> None:
    house.clock.forward(hours=2)
    token = sanne.token
    assert sanne.get("/inbox", headers=HTMX).status_code == 401
    dialog = sanne.get("/login/again", headers=HTMX)
    assert "<html" not in dialog.text
    assert "data-login-place" in dialog.text
    headers = {**HTMX, "X-CSRF-Token": token}
    wrong = sanne.post("/login/again", {"address": SANNE[0], "password": "fout"}, headers=headers)
    assert wrong.status_code == 422
    assert wrong.headers["HX-Retarget"] == "[data-login-place]"
    right = sanne.post("/login/again", {"address": SANNE[0], "password": PASSWORD}, headers=headers)
    assert right.status_code == 204
    renewal = json.loads(right.headers["HX-Trigger"])["session-renewed"]
    assert f'<meta name="account" content="{renewal["account"]}">' in sanne.get("/inbox").text
    renewed = renewal["csrf"]
    answer = sanne.client.post("/signup/strength", data={}, headers={"X-CSRF-Token": renewed})
    assert answer.status_code == 200


def test_before_set_up_everything_leads_there(fresh: Runtime) -> None:
    visitor = Visitor(create_app(fresh))
    assert visitor.get("/", follow_redirects=True).request.path == "/setup"
    assert visitor.get("/login").location == "/setup"


def test_sign_up_is_offered_where_it_is_open(visitor: Visitor) -> None:
    assert 'href="/signup"' in visitor.get("/login").text


def test_a_password_that_hangs_on_an_older_cost_is_renewed_in_passing(
    app: Flask, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parameters() -> bytes:
        with house.work() as ctx:
            mine = Unlocker.account == house.sanne.account, Unlocker.kind == "password"
            return ctx.db.scalars(select(Unlocker.parameters).where(*mine)).one() or b""

    before = parameters()
    assert Visitor(app).log_in(SANNE[0], PASSWORD).status_code == 303
    assert parameters() == before
    dearer = replace(house.runtime.hasher, cost=replace(house.runtime.hasher.cost, passes=2))
    app.extensions["securemail"] = replace(house.runtime, hasher=dearer)
    assert Visitor(app).log_in(SANNE[0], PASSWORD).status_code == 303
    assert Parameters.decode(parameters()).cost == dearer.cost
    assert Visitor(app).log_in(SANNE[0], PASSWORD).status_code == 303


def test_a_try_that_nobody_had_time_to_look_at_counts_for_nothing(app: Flask, house: House) -> None:
    full = replace(house.runtime.hasher, room=threading.Semaphore(0))
    app.extensions["securemail"] = replace(house.runtime, hasher=full)
    for _ in range(7):
        answer = Visitor(app).log_in(SANNE[0], PASSWORD)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
    app.extensions["securemail"] = house.runtime
    assert Visitor(app).log_in(SANNE[0], PASSWORD).status_code == 303
