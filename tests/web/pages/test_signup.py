"""Open sign-up, page by page."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from securemail.crypto.notes import open_payload, open_payload_key
from securemail.delivery import workers
from securemail.identity import login, vault
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.store.models import Outbox, OutboxLock
from tests.house import PASSWORD, PETER, SANNE, House
from tests.visitor import Visitor, alerts


@pytest.fixture
def worker(house: House) -> workers.OwnKey:
    """A living worker, so that mails can be read."""
    own = workers.OwnKey.new()
    with house.work() as ctx:
        workers.announce(ctx, own)
    return own


def decide(house: House, **changes: Any) -> None:
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(**changes))


def _token(house: House, worker: workers.OwnKey) -> str:
    with house.work() as ctx:
        row = ctx.db.scalars(select(Outbox).where(Outbox.kind == "activation")).one()
        held = ctx.db.get_one(OutboxLock, (row.id, worker.id))
        key = open_payload_key(worker.pair, held.sealed_key, row.id, worker.id, held.epoch)
        link = str(open_payload(key, row.id, row.sealed_payload or b"")["token_link"])
        return link.partition("#")[2]


def test_somebody_signs_up(visitor: Visitor, house: House, worker: workers.OwnKey) -> None:
    visitor.get("/signup")
    sent = visitor.post("/signup", {"address": "Peter@Hoekstra.example"})
    assert "Peter@Hoekstra.example" in sent.text
    token = _token(house, worker)
    visitor.get("/signup/activate")
    form = visitor.post("/signup/activate", {"token": token})
    assert f'value="{PETER[0]}"' in form.text
    refused = visitor.post("/signup/profile", {"token": token, "name": PETER[1], "password": "kort"})
    assert refused.status_code == 422
    assert f'value="{PETER[1]}"' in refused.text
    done = visitor.post("/signup/profile", {"token": token, "name": PETER[1], "password": PASSWORD})
    assert done.status_code == 200
    assert len(re.findall(r"<span>[0-9A-Z]{4}</span>", done.text)) == 9
    assert visitor.post("/signup/saved", {"saved": "1"}).location == "/signup/secure?steps=1"
    assert "Beveilig je account" in visitor.get("/signup/secure").text
    assert "Verzend je eerste bericht" in visitor.get("/signup/ready").text
    assert PETER[1] in visitor.get("/inbox").text
    again = visitor.post("/signup/profile", {"token": token, "name": PETER[1], "password": PASSWORD})
    assert again.status_code == 422


def test_a_known_address_gets_the_same_answer(app: Flask, worker: workers.OwnKey) -> None:
    pages = []
    for address in (SANNE[0], "sanna@vandalenbakker.example"):
        visitor = Visitor(app)
        visitor.get("/signup")
        answer = visitor.post("/signup", {"address": address})
        assert answer.status_code == 200
        text = answer.text.replace(address, "…")
        pages.append(re.sub(r'(csrf_token" value|csrf" content)="[^"]+"', "", text))
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    "address", ["", "peter", "peter@example.org\r\nBcc: x@example.org", "x" * 300 + "@example.org"]
)
def test_an_impossible_address_is_told(visitor: Visitor, address: str) -> None:
    visitor.get("/signup")
    answer = visitor.post("/signup", {"address": address})
    assert answer.status_code == 422
    assert len(alerts(answer)) == 1


def test_mails_to_one_address_wait(visitor: Visitor) -> None:
    visitor.get("/signup")
    for _ in range(3):
        visitor.post("/signup", {"address": PETER[0]})
        visitor.get("/signup")
    answer = visitor.post("/signup", {"address": PETER[0]})
    assert answer.status_code == 429
    assert "Retry-After" in answer.headers


def test_a_mangled_code_is_told_at_its_field(visitor: Visitor) -> None:
    visitor.get("/signup/activate")
    answer = visitor.post("/signup/activate", {"token": "onzin"})
    assert answer.status_code == 422
    assert len(alerts(answer)) == 1


def test_closed_means_closed(house: House, visitor: Visitor) -> None:
    decide(house, sign_up="invitation")
    assert 'href="/signup"' not in visitor.get("/login").text
    for answer in (visitor.get("/signup"), visitor.post("/signup", {"address": PETER[0]})):
        assert answer.status_code == 403
        assert "Vraag de beheerder" in answer.text
    assert visitor.get("/signup/activate").status_code == 200
    assert visitor.get("/invitation").status_code == 200


def test_a_link_from_before_the_door_was_closed_lets_nobody_in(
    house: House, visitor: Visitor, worker: workers.OwnKey
) -> None:
    visitor.get("/signup")
    visitor.post("/signup", {"address": PETER[0]})
    token = _token(house, worker)
    visitor.get("/signup/activate")
    for closed in ({"sign_up": "invitation"}, {"sign_up": "domains", "domains": ("kantoor.example",)}):
        decide(house, **closed)
        assert visitor.post("/signup/activate", {"token": token}).status_code == 403
        form = {"token": token, "name": PETER[1], "password": PASSWORD}
        assert visitor.post("/signup/profile", form).status_code == 403


def test_only_addresses_of_the_organisations_domains_may_sign_up(house: House, visitor: Visitor) -> None:
    decide(house, sign_up="domains", domains=("hoekstra.example", "xn--bcher-kva.example"))
    page = visitor.get("/signup").text
    assert "hoekstra.example" in page
    assert "bücher.example" in page
    assert visitor.post("/signup", {"address": PETER[0]}).status_code == 200
    visitor.get("/signup")
    assert visitor.post("/signup", {"address": "post@Bücher.example"}).status_code == 200
    for foreign in ("peter@elders.example", "peter@sub.hoekstra.example", SANNE[0]):
        visitor.get("/signup")
        refused = visitor.post("/signup", {"address": foreign})
        assert refused.status_code == 422
        assert alerts(refused) == [
            "Met dit adres kun je je hier niet aanmelden. Vraag de beheerder om een uitnodiging."
        ]


def test_the_recovery_code_counts_as_kept_once_that_is_said(
    house: House, visitor: Visitor, worker: workers.OwnKey
) -> None:
    visitor.get("/signup")
    visitor.post("/signup", {"address": PETER[0]})
    visitor.get("/signup/activate")
    form = {"token": _token(house, worker), "name": PETER[1], "password": PASSWORD}
    visitor.post("/signup/profile", form)

    def kept() -> bool:
        with house.work() as ctx:
            proved = login.prove(ctx.keys, ctx.hasher, login.find(ctx, PETER[0]), PASSWORD)
            return vault.read(ctx, proved.root).code_saved

    assert not kept()
    visitor.post("/signup/saved", {"saved": "1"})
    assert kept()


def test_nobody_confirms_a_code_without_being_logged_in(visitor: Visitor) -> None:
    visitor.get("/signup")
    assert visitor.post("/signup/saved", {"saved": "1"}).status_code == 401


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", ""),
        ("kort", "Nog 11 tekens."),
        ("veertien letter", "Dit wachtwoord is goed."),
        ("wachtwoord wachtwoord", "veelgebruikte"),
        ("Peter Hoekstra 1", "je naam"),
    ],
)
def test_the_meter_judges_while_somebody_types(visitor: Visitor, password: str, words: str) -> None:
    visitor.get("/signup")
    answer = visitor.post(
        "/signup/strength", {"password": password, "name": PETER[1]}, headers={"X-CSRF-Token": visitor.token}
    )
    assert answer.status_code == 200
    assert words in answer.text
    assert password not in answer.text or not password


def test_the_meter_names_the_list_for_a_repeated_common_word(visitor: Visitor) -> None:
    visitor.get("/signup")
    answer = visitor.post("/signup/strength", {"password": "welkom01welkom01"})
    assert "veelgebruikte" in answer.text
