"""The second step, as a browser sees it."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from sqlalchemy import func, select, update

from securemail.identity import vault
from securemail.identity.factors import backup_codes
from securemail.identity.vault import Totp
from securemail.store.models import BrowserSession, Outbox
from tests.house import PASSWORD, SANNE, House
from tests.visitor import HTMX, Visitor, alerts

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STRANGE = "203.0.113.9"


def phone_of(house: House) -> pyotp.TOTP:
    """Sanne's authenticator app: another program's, with the house's clock."""
    app = pyotp.TOTP(SEED)
    app.now = lambda: app.at(house.clock.now)  # type: ignore[method-assign]
    return app


@pytest.fixture
def app_of_sanne(house: House) -> pyotp.TOTP:
    """Sanne has set up an app, and ten backup codes."""
    with house.work() as ctx:
        totp = Totp(SEED, 0, ctx.now.isoformat())
        vault.change(ctx, house.sanne.root, lambda kept: replace(kept, totp=totp))
    return phone_of(house)


@pytest.fixture
def codes(house: House, app_of_sanne: pyotp.TOTP) -> list[str]:
    with house.work() as ctx:
        return backup_codes.renew(ctx, house.sanne.root)


def waiting(app: Flask, network: str = "192.0.2.7", **form: str) -> Visitor:
    """Sanne's browser after the right password."""
    visitor = Visitor(app, network)
    answer = visitor.log_in(SANNE[0], PASSWORD, **form)
    assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/login/step")
    visitor.get(answer.location)
    return visitor


def wrong(phone: pyotp.TOTP) -> str:
    """A code of no time near."""
    return f"{(int(phone.now()) + 1) % 10**6:06d}"


def test_password_then_code_then_where_somebody_was_going(app: Flask, app_of_sanne: pyotp.TOTP) -> None:
    visitor = Visitor(app)
    visitor.get("/login?next=/sent")
    answer = visitor.post("/login", {"address": SANNE[0], "password": PASSWORD, "next": "/sent"})
    assert answer.location == "/login/step?next=/sent"
    assert visitor.cookie("__Host-s") is None
    page = visitor.get(answer.location)
    assert "Vul de code uit je app in" in page.text
    assert "Verifieer" in page.text
    answer = visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now(), "next": "/sent"})
    assert (answer.status_code, answer.location) == (303, "/sent")
    assert SANNE[1] in visitor.get("/sent").text
    assert visitor.cookie("__Host-a") is None


def test_before_the_step_nothing_else_opens(app: Flask, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    for path in ("/inbox", "/sent", "/compose", "/drafts"):
        assert visitor.get(path).location.startswith("/login?")
    visitor.client.set_cookie("__Host-s", visitor.cookie("__Host-a") or "")
    assert visitor.get("/inbox").location.startswith("/login?")


def test_a_session_edited_from_waiting_to_full_opens_nothing(
    app: Flask, house: House, app_of_sanne: pyotp.TOTP, caplog: pytest.LogCaptureFixture
) -> None:
    """T8"""
    visitor = waiting(app)
    with house.work() as ctx:
        ctx.db.execute(update(BrowserSession).values(state=1, proved=ctx.now))
    visitor.client.set_cookie("__Host-s", visitor.cookie("__Host-a") or "")
    assert visitor.get("/inbox").status_code == 303
    assert "alarm" in caplog.text


def test_a_waiting_session_edited_to_another_account_opens_nothing(
    app: Flask, house: House, app_of_sanne: pyotp.TOTP, caplog: pytest.LogCaptureFixture
) -> None:
    """T8"""
    visitor = waiting(app)
    with house.work() as ctx:
        ctx.db.execute(update(BrowserSession).values(account=house.marieke.account))
    answer = visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now()})
    assert answer.location.startswith("/login?late=1")
    assert "alarm" in caplog.text


def test_remembered_from_the_password_on(app: Flask, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app, remember="1")
    answer = visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now()})
    (cookie,) = [cookie for cookie in answer.headers.getlist("Set-Cookie") if "__Host-s" in cookie]
    assert "Max-Age=2592000" in cookie


def test_the_waiting_session_is_gone_once_it_is_passed(app: Flask, house: House, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    held = visitor.cookie("__Host-a") or ""
    visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now()})
    with house.work() as ctx:
        assert ctx.db.scalars(select(BrowserSession.state)).all() == [1]
    visitor.client.delete_cookie("__Host-s")
    visitor.client.set_cookie("__Host-a", held)
    house.clock.forward(seconds=60)
    answer = visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now()})
    assert answer.location.startswith("/login?late=1")


def test_a_code_works_once(app: Flask, app_of_sanne: pyotp.TOTP) -> None:
    code = app_of_sanne.now()
    waiting(app).post("/login/step", {"method": "totp", "code": code})
    answer = waiting(app).post("/login/step", {"method": "totp", "code": code})
    assert answer.status_code == 422
    assert "Deze code is al gebruikt." in alerts(answer)[0]


def test_a_wrong_code_says_how_often_one_may_try(app: Flask, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    for left in (4, 3, 2, 1):
        answer = visitor.post("/login/step", {"method": "totp", "code": wrong(app_of_sanne)})
        assert answer.status_code == 422
        assert alerts(answer) == [f"Deze code klopt niet. Je kunt het nog {left} keer proberen."]


def test_after_five_wrong_ones_it_is_over_and_the_owner_hears_of_it(
    app: Flask, house: House, app_of_sanne: pyotp.TOTP
) -> None:
    visitor = waiting(app)
    for _ in range(5):
        answer = visitor.post("/login/step", {"method": "totp", "code": wrong(app_of_sanne)})
    assert answer.location == "/login?failed=1"
    assert "De code was vijf keer verkeerd." in visitor.get(answer.location).text
    assert visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now()}).status_code == 303
    assert visitor.get("/inbox").location.startswith("/login")
    with house.work() as ctx:
        kinds = ctx.db.scalars(select(Outbox.kind)).all()
        assert kinds.count("second_step_failed") == 1
        assert ctx.db.scalar(select(func.count()).select_from(BrowserSession)) == 0


def test_four_wrong_ones_over_and_over_are_told_too(app: Flask, house: House, app_of_sanne: pyotp.TOTP) -> None:
    for number in range(2):
        mallory = waiting(app, STRANGE)
        for _ in range(4):
            mallory.post("/login/step", {"method": "totp", "code": wrong(app_of_sanne)})
            house.clock.forward(minutes=1)
        house.clock.forward(minutes=16 * (number + 1))
    with house.work() as ctx:
        assert list(ctx.db.scalars(select(Outbox.kind))).count("second_step_failed") == 1


def test_who_has_the_password_cannot_go_on_guessing(app: Flask, house: House, app_of_sanne: pyotp.TOTP) -> None:
    statuses = []
    for _ in range(4):
        mallory = Visitor(app, STRANGE)
        if mallory.log_in(SANNE[0], PASSWORD).status_code != 303:
            break
        mallory.get("/login/step")
        for _ in range(4):
            statuses.append(mallory.post("/login/step", {"method": "totp", "code": wrong(app_of_sanne)}).status_code)
    assert statuses.count(422) == 5
    assert statuses[5:] == [429] * (len(statuses) - 5)
    owner = waiting(app, "192.0.2.1")
    assert owner.post("/login/step", {"method": "totp", "code": app_of_sanne.now()}).location == "/inbox"


def test_from_everywhere_ten_codes_an_hour_are_tried(app: Flask, house: House, app_of_sanne: pyotp.TOTP) -> None:
    home = waiting(app, "192.0.2.1")
    assert home.post("/login/step", {"method": "totp", "code": app_of_sanne.now()}).status_code == 303
    statuses = []
    for number in range(4):
        mallory = waiting(app, f"203.0.113.{number}")
        for _ in range(4):
            statuses.append(mallory.post("/login/step", {"method": "totp", "code": wrong(app_of_sanne)}).status_code)
    assert statuses == [422] * 10 + [429] * 6
    house.clock.forward(seconds=30)
    home = waiting(app, "192.0.2.1")
    assert home.post("/login/step", {"method": "totp", "code": app_of_sanne.now()}).location == "/inbox"


def test_a_slip_of_the_finger_is_no_try(app: Flask, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    for typed in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "9" * 5000):
        answer = visitor.post("/login/step", {"method": "totp", "code": typed})
        assert alerts(answer) == ["Een code heeft 6 cijfers."]
    answer = visitor.post("/login/step", {"method": "totp", "code": wrong(app_of_sanne)})
    assert "nog 4 keer" in alerts(answer)[0]


def test_a_code_with_a_space_in_it_fits(app: Flask, app_of_sanne: pyotp.TOTP) -> None:
    code = app_of_sanne.now()
    answer = waiting(app).post("/login/step", {"method": "totp", "code": f" {code[:3]} {code[3:]} "})
    assert answer.status_code == 303


def test_a_phone_whose_clock_is_wrong_is_told_so(app: Flask, house: House, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    answer = visitor.post(
        "/login/step", {"method": "totp", "code": app_of_sanne.at(house.clock.now + timedelta(minutes=3))}
    )
    assert "Zet de klok van je telefoon op automatisch" in alerts(answer)[0]


def test_a_backup_code_instead_and_each_once(app: Flask, house: House, codes: list[str]) -> None:
    visitor = waiting(app)
    page = visitor.get("/login/step?method=backup")
    assert "Vul een back-upcode in" in page.text
    assert visitor.post("/login/step", {"method": "backup", "code": codes[0].lower()}).location == "/inbox"
    answer = waiting(app).post("/login/step", {"method": "backup", "code": codes[0]})
    assert "Deze code klopt niet" in alerts(answer)[0]
    with house.work() as ctx:
        assert len(vault.read(ctx, house.sanne.root).backup_codes) == 9


def test_a_way_that_is_not_set_up_is_not_offered_and_not_taken(app: Flask, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    page = visitor.get("/login/step?method=sms")
    assert "Vul de code uit je app in" in page.text
    assert "Andere manier" not in page.text
    for method in ("sms", "backup", "passkey", "mallory"):
        answer = visitor.post(
            "/login/step", {"method": method, "code": "4F7K-92QX" if method == "backup" else "123456"}
        )
        assert answer.status_code == 422
    assert visitor.post("/login/sms").status_code == 422


def test_too_late_is_told_and_leads_to_the_beginning(app: Flask, house: House, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    house.clock.forward(minutes=5, seconds=1)
    answer = visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now(), "next": "/sent"})
    assert answer.location == "/login?late=1&next=/sent"
    assert "duurde te lang" in visitor.get(answer.location).text


def test_without_a_waiting_session_there_is_no_step(visitor: Visitor) -> None:
    visitor.get("/login")
    assert visitor.get("/login/step").location == "/login?late=1"
    assert visitor.post("/login/step", {"method": "totp", "code": "123456"}).location == "/login?late=1"


def test_cancelled_is_over(app: Flask, house: House, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    assert visitor.post("/login/cancel").location == "/login"
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(BrowserSession)) == 0


def test_a_second_click_goes_where_the_first_went(app: Flask, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    held = visitor.cookie("__Host-a") or ""
    visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now()})
    visitor.client.set_cookie("__Host-a", held)
    answer = visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now(), "next": "/sent"})
    assert answer.location == "/sent"


def test_the_owner_hears_of_a_new_browser_and_not_of_a_known_one(
    app: Flask, house: House, app_of_sanne: pyotp.TOTP
) -> None:
    def log_in(visitor: Visitor) -> None:
        visitor.get(visitor.log_in(SANNE[0], PASSWORD).location)
        house.clock.forward(minutes=1)
        assert visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now()}).location == "/inbox"
        visitor.get("/inbox")

    def mails() -> int:
        with house.work() as ctx:
            return list(ctx.db.scalars(select(Outbox.kind))).count("new_device")

    at_home = Visitor(app)
    log_in(at_home)
    assert mails() == 0, "the very first log-in"
    at_home.post("/logout")
    log_in(at_home)
    assert mails() == 0, "the same browser"
    log_in(Visitor(app))
    assert mails() == 1


def test_the_whole_way_over_a_page(app: Flask, house: House, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now()})
    visitor.get("/inbox")
    house.clock.forward(hours=2)
    assert visitor.get("/inbox", headers=HTMX).status_code == 401
    visitor.get("/login/again", headers=HTMX)
    form = {"address": SANNE[0], "password": PASSWORD}
    step = visitor.post("/login/again", form, headers=HTMX)
    assert step.status_code == 200
    assert step.headers["HX-Retarget"] == "[data-login-place]"
    assert "data-login-place" in step.text
    assert "Vul de code uit je app in" in step.text
    assert "<html" not in step.text
    mistaken = visitor.post(
        "/login/step", {"method": "totp", "code": wrong(app_of_sanne), "place": "dialog"}, headers=HTMX
    )
    assert (mistaken.status_code, mistaken.headers["HX-Reswap"]) == (422, "outerHTML")
    assert "nog 4 keer" in mistaken.text
    right = visitor.post("/login/step", {"method": "totp", "code": app_of_sanne.now(), "place": "dialog"}, headers=HTMX)
    assert right.status_code == 204
    renewal = json.loads(right.headers["HX-Trigger"])["session-renewed"]
    assert f'<meta name="account" content="{renewal["account"]}">' in visitor.get("/inbox").text
    answer = visitor.client.post("/signup/strength", data={}, headers={"X-CSRF-Token": renewal["csrf"]})
    assert answer.status_code == 200


def test_too_late_over_a_page_asks_for_the_password_there(app: Flask, house: House, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    house.clock.forward(minutes=6)
    answer = visitor.post("/login/step", {"method": "totp", "code": "123456", "place": "dialog"}, headers=HTMX)
    assert "HX-Redirect" not in answer.headers
    assert "duurde te lang" in answer.text
    assert 'name="password"' in answer.text


def test_too_late_with_a_passkey_over_a_page_stays_there(app: Flask, house: House, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    house.clock.forward(minutes=6)
    for place, answer in (("dialog", "error"), ("", "next")):
        said = visitor.client.post(
            "/login/step/passkey/options", json={"fields": {"place": place}}, headers={"X-CSRF-Token": visitor.token}
        )
        assert [*(said.json or {})] == [answer]


def test_the_page_sends_nothing_secret_into_an_address(app: Flask, app_of_sanne: pyotp.TOTP) -> None:
    visitor = waiting(app)
    page = visitor.get("/login/step")
    assert not re.search(r'method="get"', page.text, re.IGNORECASE)
    assert SEED not in page.text
