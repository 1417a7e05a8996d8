"""Ontvangerscontrole while writing: one sheet for each recipient, one for all, and what still waits when it is sent."""

import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from securemail import ids
from securemail.messages import drafts
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.store.models import GuestLink, Message, Recipient
from tests.house import FATIMA, PETER, SANNE, House
from tests.visitor import HTMX, Visitor, alerts

FATIMA_TYPED = f'"{FATIMA[1]}" <{FATIMA[0]}>'
WORDS = {"subject": "Stukken zitting 4 december", "body": "Hierbij alle stukken."}


def key_of(browser: Visitor) -> str:
    found = re.search(r'name="key" value="([^"]+)"', browser.get("/compose").text)
    assert found is not None
    return found[1]


def decide(house: House, **changes: object) -> None:
    with house.work() as ctx:
        now = organisations.policy_of(ctx, house.marieke.organisation)
        organisations.decide(ctx, house.marieke.organisation, replace(now, **changes))


def links(house: House) -> list[GuestLink]:
    with house.work() as ctx:
        return list(ctx.db.scalars(select(GuestLink).order_by(GuestLink.created)))


def states(house: House) -> list[str]:
    with house.work() as ctx:
        return list(ctx.db.scalars(select(Recipient.state).join(Message, Message.id == Recipient.message).order_by(
            Message.sent_at, Recipient.place)))  # fmt: skip


def choose(browser: Visitor, key: str, who: str = FATIMA_TYPED, **form: str) -> object:
    return browser.post("/compose/check/set", {"key": key, "who": who, **form}, headers=HTMX)


def test_the_sheet_asks_how_we_know_and_greys_an_account_that_is_not_there(marieke: Visitor) -> None:
    page = marieke.post("/compose/check", {"key": key_of(marieke), "who": FATIMA_TYPED}).text
    assert "Hoe weten we zeker dat het Fatima is?" in page
    assert "Kan niet: Fatima heeft geen account." in page
    assert [word for word in ("Geen", "Sms-code", "Wachtwoord", "Account") if word in page]
    assert re.search(r'value="account" disabled', page)


def test_each_check_says_what_it_keeps_out(marieke: Visitor) -> None:
    page = marieke.post("/compose/check", {"key": key_of(marieke), "who": FATIMA_TYPED}).text.replace("\u2011", "-")
    assert "Wie de e-mail aan Fatima kan lezen, kan het bericht openen." in page
    assert "De e-mail alleen opent niets." in page
    assert "E-mail en telefoon samen openen niets." in page


def test_a_number_is_kept_in_the_draft_and_sent_with(marieke: Visitor, house: House) -> None:
    key = key_of(marieke)
    marieke.post("/drafts", {"key": key, "recipient": FATIMA_TYPED, **WORDS}, headers=HTMX)
    answer = choose(marieke, key, method="sms", number="06 12345678")
    assert answer.status_code == 200
    assert "Sms" in answer.text
    assert "Fatima opent met een sms-code" in answer.text
    marieke.post("/compose", {"key": key, "revision": "2", "recipient": FATIMA_TYPED, **WORDS})
    [link] = links(house)
    assert link.method == "sms"
    again = marieke.post("/compose/check", {"key": ids.to_text(ids.new_id()), "who": FATIMA_TYPED}).text
    assert "06 12345678" in again
    assert "Laatst gebruikt op" in again


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"method": "sms", "number": "12"}, "Dit nummer kan geen sms krijgen"),
        ({"method": "sms", "number": "020 6234567"}, "vast nummer"),
        ({"method": "password", "agreed": "kort"}, "Gebruik minstens 8 tekens"),
        ({"method": "password", "agreed": "lang genoeg", "hint": "h" * 121}, "hint is te lang"),
        ({"method": "password", "agreed": "lang genoeg", "hint": "Het is ‘Lang genoeg’!"}, "staat het wachtwoord zelf"),
        ({"method": "account"}, "heeft geen account"),
        ({}, "Kies een van de manieren"),
    ],
)
def test_a_mistake_is_told_at_the_sheet_and_nothing_is_lost(marieke: Visitor, form: dict[str, str], words: str) -> None:
    answer = choose(marieke, key_of(marieke), **form)
    assert answer.status_code == 422
    assert words in alerts(answer)[0]
    assert form.get("number", "") in answer.text


def test_an_agreed_password_stands_in_the_draft_only_as_what_it_was_stretched_to(
    marieke: Visitor, house: House
) -> None:
    key = key_of(marieke)
    assert choose(marieke, key, method="password", agreed="blauwe fiets 1987", hint="Onze fiets").status_code == 200
    with house.work() as ctx:
        check = drafts.load(ctx, house.marieke, ids.from_text(key)).content.checks[FATIMA[0]]
    assert check.password is not None
    assert check.hint == "Onze fiets"
    assert "blauwe fiets" not in marieke.get(f"/drafts/{key}").text
    marieke.post("/compose", {"key": key, "recipient": FATIMA_TYPED, **WORDS})
    [link] = links(house)
    assert (link.method, link.sealed_dk is not None) == ("password", True)


def test_what_is_missing_is_said_once_and_then_it_is_sent_all_the_same(marieke: Visitor, house: House) -> None:
    key = key_of(marieke)
    form = {"key": key, "recipient": [FATIMA_TYPED, PETER[0]], **WORDS}
    marieke.post("/drafts", form, headers=HTMX)
    choose(marieke, key, method="sms", number="")
    told = marieke.post("/compose", {**form, "revision": "2"})
    assert told.status_code == 422
    assert "Nummer van Fatima mist." in told.text
    assert "De anderen krijgen het meteen." in told.text
    assert states(house) == []
    mark = re.search(r'name="told" value="([^"]+)"', told.text)
    assert mark is not None
    assert marieke.post("/compose", {**form, "revision": "2", "told": mark[1]}).status_code == 303
    assert states(house) == ["unready", "waiting"]


def test_each_apart_gets_a_conversation(marieke: Visitor, house: House) -> None:
    form = {"key": key_of(marieke), "recipient": [FATIMA_TYPED, PETER[0]], "apart": "1", **WORDS}
    answer = marieke.post("/compose", form)
    assert (answer.status_code, answer.location) == (303, "/sent?apart=2")
    assert marieke.post("/compose", form).location == answer.location
    assert "Verzonden in 2 aparte conversaties." in marieke.get(answer.location).text
    for odd in ("", "1", "0", "-2", "²", "9999", "<b>"):
        assert "aparte conversaties" not in marieke.get("/sent", query_string={"apart": odd}).text
    assert "aparte conversaties" not in marieke.get("/inbox?apart=2").text
    with house.work() as ctx:
        assert len(set(ctx.db.scalars(select(Message.conversation)))) == 2


def test_three_outside_addresses_see_each_other_and_the_composer_says_so(marieke: Visitor) -> None:
    form = {"key": key_of(marieke), "recipient": [FATIMA_TYPED, PETER[0], "jan@deboer.example"], **WORDS}
    answer = marieke.post("/drafts", form, headers=HTMX).text
    assert "Verstuur het dan aan ieder apart." in answer
    assert "De ontvangers zien elkaars naam en adres." in answer


def test_the_organisations_minimum_stands_at_the_sheet_and_at_sending(marieke: Visitor, house: House) -> None:
    decide(house, check_minimum="any")
    key = key_of(marieke)
    answer = choose(marieke, key, method="none")
    assert answer.status_code == 422
    assert "Je organisatie vraagt een controle." in alerts(answer)[0]
    page = marieke.post("/drafts", {"key": key, "recipient": FATIMA_TYPED, **WORDS}, headers=HTMX).text
    assert "Nummer van Fatima mist" in page


def test_a_draft_from_before_a_stricter_minimum_is_not_sent(marieke: Visitor, house: House) -> None:
    key = key_of(marieke)
    marieke.post("/drafts", {"key": key, "recipient": FATIMA_TYPED, **WORDS}, headers=HTMX)
    decide(house, check_minimum="sms")
    answer = marieke.post("/compose", {"key": key, "revision": "1", "recipient": FATIMA_TYPED, **WORDS})
    assert answer.status_code == 422
    assert "Je organisatie vraagt een controle." in alerts(answer)[0]
    assert states(house) == []


def test_a_switch_checks_everybody_without_script_too(marieke: Visitor, house: House) -> None:
    key = key_of(marieke)
    to = f"{FATIMA_TYPED}, {SANNE[0]}"
    answer = marieke.post("/compose/checks", {"key": key, "revision": "0", "to": to, **WORDS})
    assert answer.location == f"/drafts/{key}/checks"
    page = marieke.get(answer.location).text
    assert "Controleer de ontvangers" in page
    assert marieke.post("/compose/checks/set", {"key": key, "everybody": "1"}).location == answer.location
    with house.work() as ctx:
        kept = drafts.load(ctx, house.marieke, ids.from_text(key)).content.checks
    assert {address: check.method for address, check in kept.items()} == {FATIMA[0]: "sms", SANNE[0]: "account"}
    assert "Nummer mist" in marieke.get(answer.location).text
    marieke.post("/compose/checks/set", {"key": key})
    with house.work() as ctx:
        kept = drafts.load(ctx, house.marieke, ids.from_text(key)).content.checks
    assert kept[FATIMA[0]].method == "none"


def test_nobodys_check_and_anothers_draft_are_not_found(marieke: Visitor, sanne: Visitor) -> None:
    key = key_of(marieke)
    assert marieke.post("/compose/check", {"key": key, "who": "geen adres"}).status_code == 404
    marieke.post("/drafts", {"key": key, "recipient": FATIMA_TYPED, **WORDS}, headers=HTMX)
    assert sanne.get(f"/drafts/{key}/checks").status_code == 404


def test_the_policy_begins_as_before() -> None:
    assert Policy().check_minimum == Policy().check_default == "none"


def without_sms(app: Flask, house: House) -> None:
    settings = replace(house.runtime.settings, sms=None)
    app.extensions["securemail"] = replace(house.runtime, settings=settings)


def test_where_no_sms_is_sent_the_check_says_so_and_is_not_taken(app: Flask, marieke: Visitor, house: House) -> None:
    without_sms(app, house)
    key = key_of(marieke)
    page = marieke.post("/compose/check", {"key": key, "who": FATIMA_TYPED}).text
    assert "Kan niet: er worden hier geen sms-berichten verstuurd." in page
    assert re.search(r'value="sms" disabled', page)
    assert "Veiligste keuze" not in page
    refused = choose(marieke, key, method="sms", number="06 12345678")
    assert refused.status_code == 422
    assert "Er worden hier geen sms-berichten verstuurd. Kies een andere controle." in refused.text


def test_a_draft_from_when_sms_was_sent_goes_out_with_another_check_only(
    app: Flask, marieke: Visitor, house: House
) -> None:
    key = key_of(marieke)
    choose(marieke, key, method="sms", number="06 12345678")
    without_sms(app, house)
    refused = marieke.post("/compose", {"key": key, "revision": "1", "recipient": FATIMA_TYPED, **WORDS})
    assert refused.status_code == 422
    assert "Kies een andere controle" in refused.text
    assert links(house) == []


def test_where_no_sms_is_sent_nobody_begins_with_it(app: Flask, marieke: Visitor, house: House) -> None:
    decide(house, check_default="sms", check_minimum="any")
    without_sms(app, house)
    page = marieke.post("/compose/check", {"key": key_of(marieke), "who": FATIMA_TYPED}).text
    assert re.search(r'value="password" checked', page)


def test_where_no_sms_is_sent_it_cannot_be_asked_of_all(app: Flask, marieke: Visitor, house: House) -> None:
    without_sms(app, house)
    page = marieke.get("/admin/policy").text
    assert 'value="sms"' not in page
    assert "Er worden hier geen sms-berichten verstuurd." in page
