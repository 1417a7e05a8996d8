"""Changing the address, page by page: asked for by who is logged in, confirmed by whoever reads the mail."""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from securemail.delivery.workers import OwnKey
from tests.house import MARIEKE, PASSWORD, SANNE, House
from tests.identity import mails
from tests.visitor import Visitor, alerts

WANTED = "sanne@dewit.example"


@pytest.fixture
def worker(house: House) -> OwnKey:
    """Somebody who can open what is mailed."""
    return mails.hire(house)


def ask(browser: Visitor, address: str = WANTED) -> TestResponse:
    browser.get("/settings/address")
    return browser.post("/settings/address", {"address": address})


def confirm(browser: Visitor, token: str) -> str:
    browser.get("/address/confirm")
    return browser.post("/address/confirmed", {"token": token}).text


def test_both_say_yes_and_the_new_address_logs_in(
    app: Flask, house: House, worker: OwnKey, sanne: Visitor, visitor: Visitor
) -> None:
    assert ask(sanne).location == "/settings/address"
    waiting = sanne.get("/settings/address").text
    assert waiting.count("Nog niet bevestigd") == 2
    assert WANTED in waiting
    page = confirm(visitor, mails.token(house, worker, "address_change_new"))
    assert "Bevestig nu ook in de e-mail aan je oude adres" in page
    assert sanne.get("/settings/address").text.count("Nog niet bevestigd") == 1
    assert "nieuwe adres wacht" in sanne.get("/settings/profile").text
    page = confirm(visitor, mails.token(house, worker, "address_change_old"))
    assert "Je e-mailadres is gewijzigd" in page
    assert sanne.get("/inbox").status_code == 200, "who is logged in stays so"
    assert WANTED in sanne.get("/settings/profile").text
    assert Visitor(app).log_in(SANNE[0], PASSWORD).status_code == 422
    assert Visitor(app).log_in(WANTED, PASSWORD).status_code == 303


def test_a_known_and_an_unknown_address_are_answered_alike(worker: OwnKey, sanne: Visitor) -> None:
    known, unknown = [(ask(sanne, one), sanne.get("/settings/address").text) for one in (MARIEKE[0], WANTED)]
    assert (known[0].status_code, known[0].location) == (unknown[0].status_code, unknown[0].location)
    assert known[1].count("Nog niet bevestigd") == unknown[1].count("Nog niet bevestigd") == 2


def test_it_is_stopped(house: House, worker: OwnKey, sanne: Visitor, visitor: Visitor) -> None:
    ask(sanne)
    token = mails.token(house, worker, "address_change_old")
    sanne.get("/settings/address")
    assert sanne.post("/settings/address/cancel").location == "/settings/profile?saved=address"
    assert "Nieuw e-mailadres" in sanne.get("/settings/address").text
    assert "Deze code klopt niet" in confirm(visitor, token)


@pytest.mark.parametrize(("typed", "said"), [("", "Vul een"), ("sanne", "niet compleet"), (SANNE[0], "al je e-mail")])
def test_an_address_that_cannot_be_comes_back(sanne: Visitor, typed: str, said: str) -> None:
    answer = ask(sanne, typed)
    assert answer.status_code == 422
    assert said in alerts(answer)[0]
    assert f'value="{typed}"' in answer.text


def test_it_asks_for_proof_and_keeps_what_was_typed(house: House, sanne: Visitor) -> None:
    sanne.get("/settings/address")
    house.clock.forward(minutes=11)
    assert sanne.get("/settings/address").status_code == 303
    answer = sanne.post("/settings/address", {"address": WANTED})
    assert answer.status_code == 403
    assert WANTED in answer.text


def test_asking_for_one_address_again_and_again_has_to_wait(sanne: Visitor, worker: OwnKey) -> None:
    statuses = [ask(sanne).status_code for _ in range(1)]
    for _ in range(4):
        sanne.get("/settings/address")
        sanne.post("/settings/address/cancel")
        statuses.append(ask(sanne).status_code)
    assert statuses[0] == 303
    assert statuses[-1] == 429


@pytest.mark.parametrize("token", ["", "x", "A" * 43])
def test_a_mangled_token_is_told(visitor: Visitor, token: str) -> None:
    assert "code" in confirm(visitor, token).lower()
