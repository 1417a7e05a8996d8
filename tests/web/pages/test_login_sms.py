"""The second step by SMS, as a browser sees it."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from securemail import ids
from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.identity import challenges, vault
from securemail.identity.challenges import Held
from securemail.identity.vault import Phone
from securemail.store.models import Outbox
from tests.house import PASSWORD, SANNE, House
from tests.visitor import Visitor, alerts

HARD_SPACE = "\u00a0"
MOBILE, ABROAD = "+31612345678", "+447400123456"


@pytest.fixture
def phones(house: House) -> None:
    """Sanne gets codes on her phone, and on another one."""
    with house.work() as ctx:
        added = ctx.now.isoformat()
        numbers = (Phone(MOBILE, added), Phone(ABROAD, added))
        vault.change(ctx, house.sanne.root, lambda kept: replace(kept, phones=numbers))


@pytest.fixture
def waiting(app: Flask, phones: None) -> Visitor:
    """After the right password."""
    visitor = Visitor(app)
    visitor.get(visitor.log_in(SANNE[0], PASSWORD).location)
    return visitor


def sms_of(house: House) -> int:
    with house.work() as ctx:
        return ctx.db.scalar(select(func.count()).where(Outbox.kind == "sms_code")) or 0


def asked(house: House, visitor: Visitor) -> dict[str, str]:
    """What the server remembers of the code that it sent to this browser."""
    secret = SessionSecret(ids.token_from_text(visitor.cookie("__Host-a") or ""))
    held = Held(secret, cookies.session_id(secret), house.sanne.account)
    with house.work() as ctx:
        return challenges.asked(ctx, held).get("sms") or {}


def test_the_code_goes_out_with_the_right_password_and_never_by_looking(house: House, waiting: Visitor) -> None:
    assert sms_of(house) == 1
    for _ in range(3):
        page = waiting.get("/login/step")
        waiting.get("/login/step?method=sms&phone=1")
    assert sms_of(house) == 1
    assert "06 •• •• •• 78" in page.text.replace(HARD_SPACE, " ")
    assert MOBILE not in page.text
    assert "612345" not in page.text
    assert 'autocomplete="one-time-code"' in page.text
    assert 'data-seconds="45"' in page.text


def test_no_code_goes_out_with_a_wrong_password(app: Flask, house: House, phones: None) -> None:
    Visitor(app).log_in(SANNE[0], "fout fout fout")
    assert sms_of(house) == 0


def test_the_code_lets_in_once(house: House, waiting: Visitor) -> None:
    code = asked(house, waiting)["code"]
    assert waiting.post("/login/step", {"method": "sms", "code": code}).location == "/inbox"


def test_a_wrong_code_leaves_the_right_one_working(house: House, waiting: Visitor) -> None:
    code = asked(house, waiting)["code"]
    answer = waiting.post("/login/step", {"method": "sms", "code": f"{(int(code) + 1) % 10**6:06d}"})
    assert alerts(answer) == ["Deze code klopt niet. Je kunt het nog 4 keer proberen."]
    assert waiting.post("/login/step", {"method": "sms", "code": code}).status_code == 303


def test_a_new_code_waits_and_then_takes_the_place_of_the_old(house: House, waiting: Visitor) -> None:
    first = asked(house, waiting)["code"]
    refused = waiting.post("/login/sms")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 45
    assert sms_of(house) == 1
    house.clock.forward(seconds=46)
    assert waiting.post("/login/sms").location == "/login/step?method=sms"
    assert sms_of(house) == 2
    second = asked(house, waiting)["code"]
    if first != second:
        assert waiting.post("/login/step", {"method": "sms", "code": first}).status_code == 422
    assert waiting.post("/login/step", {"method": "sms", "code": second}).status_code == 303


def test_the_code_goes_to_the_phone_that_was_chosen(house: House, waiting: Visitor) -> None:
    page = waiting.get("/login/step")
    assert "+44" in page.text
    house.clock.forward(minutes=1)
    waiting.post("/login/sms", {"phone": "1"})
    assert asked(house, waiting)["number"] == ABROAD
    assert "06 •• •• •• 78" in waiting.get("/login/step?method=sms").text.replace(HARD_SPACE, " ")
    assert waiting.post("/login/sms", {"phone": "2"}).status_code == 422
    assert waiting.post("/login/sms", {"phone": "mallory"}).status_code in (303, 429)


def test_a_code_older_than_five_minutes_is_told_to_be_late(house: House, waiting: Visitor) -> None:
    code = asked(house, waiting)["code"]
    house.clock.forward(minutes=5, seconds=1)
    assert waiting.post("/login/step", {"method": "sms", "code": code}).location.startswith("/login?late=1")


def test_a_provider_that_takes_nothing_is_told(house: House, waiting: Visitor) -> None:
    with house.work() as ctx:
        ctx.db.execute(update(Outbox).where(Outbox.kind == "sms_code").values(state="failed", sealed_payload=None))
    assert "Het versturen van de sms lukt nog niet." in waiting.get("/login/step").text


def test_where_sms_is_switched_off_another_way_is_shown(app: Flask, house: House, phones: None) -> None:
    settings = replace(house.runtime.settings, sms=None)
    app.extensions["securemail"] = replace(house.runtime, settings=settings)
    with house.work() as ctx:
        vault.change(ctx, house.sanne.root, lambda kept: replace(kept, backup_codes=("00" * 32,)))
    visitor = Visitor(app)
    page = visitor.get(visitor.log_in(SANNE[0], PASSWORD).location)
    assert sms_of(house) == 0
    assert "Vul een back-upcode in" in page.text
    answer = visitor.post("/login/sms")
    assert answer.status_code == 422
    assert "Codes per sms kunnen hier nu niet worden verstuurd." in answer.text
    assert sms_of(house) == 0


def test_whoever_has_the_password_cannot_ring_a_phone_all_day(app: Flask, house: House, phones: None) -> None:
    for _ in range(30):
        visitor = Visitor(app, "203.0.113.9")
        visitor.get("/login")
        visitor.log_in(SANNE[0], PASSWORD)
        house.clock.forward(seconds=30)
    assert sms_of(house) <= 12
