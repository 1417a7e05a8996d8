"""Closing an account: first what it means, then the own address, and then nothing opens any more."""

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from securemail import ids
from securemail.crypto.codes import write_message_code
from securemail.crypto.secrets import MessageCode
from securemail.store.models import GuestLink
from tests.house import FATIMA, MARIEKE, PASSWORD, SANNE, House
from tests.visitor import Visitor, alerts


@pytest.fixture
def marieke(app: Flask) -> Visitor:
    browser = Visitor(app)
    browser.log_in(MARIEKE[0], PASSWORD)
    return browser


def close(browser: Visitor, typed: str) -> TestResponse:
    browser.get("/settings/close")
    return browser.post("/settings/close", {"address": typed})


def test_the_page_says_what_goes_and_what_stays(sanne: Visitor) -> None:
    page = sanne.get("/settings/close").text
    for words in ("alle sleutels", "houden zij", "hoogstens 30 dagen", "komt vrij", SANNE[0]):
        assert words in page, words


def test_the_own_address_closes_it(app: Flask, sanne: Visitor) -> None:
    answer = close(sanne, SANNE[0])
    assert answer.location == "/closed"
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert "Je account is gesloten" in sanne.get("/closed").text
    assert sanne.cookie("__Host-s") is None
    assert sanne.get("/inbox").status_code == 303
    assert Visitor(app).log_in(SANNE[0], PASSWORD).status_code == 422


@pytest.mark.parametrize("typed", ["", "ja", MARIEKE[0]])
def test_any_other_word_closes_nothing(sanne: Visitor, typed: str) -> None:
    answer = close(sanne, typed)
    assert answer.status_code == 422
    assert alerts(answer)
    assert f'value="{typed}"' in answer.text
    assert sanne.get("/inbox").status_code == 200


def test_the_only_administrator_is_told_why_not(marieke: Visitor) -> None:
    page = marieke.get("/settings/close").text
    assert "de enige beheerder" in page
    assert "Account voorgoed sluiten" not in page
    assert marieke.post("/settings/close", {"address": MARIEKE[0]}).status_code == 409
    assert marieke.get("/inbox").status_code == 200


def test_it_asks_for_proof(house: House, sanne: Visitor) -> None:
    sanne.get("/settings/close")
    house.clock.forward(minutes=11)
    assert sanne.get("/settings/close").status_code == 303
    assert sanne.post("/settings/close", {"address": SANNE[0]}).status_code == 403
    assert sanne.get("/inbox").status_code == 200


def test_a_sender_reads_at_the_place_that_nothing_arrives(house: House, sanne: Visitor, marieke: Visitor) -> None:
    sent = house.send((SANNE[0], SANNE[1]), (MARIEKE[0], MARIEKE[1]), ("peter@hoekstra.example", "Peter Hoekstra"))
    close(sanne, SANNE[0])
    path = f"/conversations/{ids.to_text(sent.conversation)}"
    page = marieke.get(path).text
    key = page.split('name="key" value="')[1].split('"')[0]
    marieke.post(f"{path}/reply", {"key": key, "body": "Is er iemand?"})
    page = marieke.get(path).text
    assert "Kan niet bezorgd worden bij Sanne Kuipers: dit account is gesloten." in page


def test_where_nobody_is_left_the_page_says_so_in_place_of_a_form(
    house: House, sanne: Visitor, marieke: Visitor
) -> None:
    sent = house.send((SANNE[0], SANNE[1]))
    close(sanne, SANNE[0])
    page = marieke.get(f"/conversations/{ids.to_text(sent.conversation)}").text
    assert "Hier kun je niet meer antwoorden" in page
    assert 'id="reply"' not in page


def test_a_guest_of_a_closed_account_still_reads_and_is_told(app: Flask, house: House, sanne: Visitor) -> None:
    sent = house.send(FATIMA, author=house.sanne, text="Dit mag u houden.")
    with house.work() as ctx:
        row = ctx.db.scalars(select(GuestLink).where(GuestLink.conversation == sent.conversation)).one()
        kept = house.sanne.mail.open_maker(row.id, row.sealed_maker)
        code = write_message_code(MessageCode(bytes.fromhex(kept["code"])))
        path = f"/b/{ids.to_text(row.link_ref)}"
    close(sanne, SANNE[0])
    fatima = Visitor(app)
    fatima.get(path)
    opened = fatima.post(path, {"code": code})
    page = fatima.get(opened.location).text
    assert "Dit mag u houden." in page
    assert "U kunt hier niet meer antwoorden" in page
    assert 'name="reply"' not in page
