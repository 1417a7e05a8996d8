"""Somebody who is logged in is asked again who they are, and finds back what they were doing."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, request

from securemail.identity.permissions import PERMISSIONS
from securemail.web import create_app, stepup
from tests.house import MARIEKE, PASSWORD, House
from tests.visitor import HTMX, Visitor, alerts

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture
def app(house: House) -> Flask:
    """One of their own, since these tests add pages to it."""
    return create_app(house.runtime)


@pytest.fixture
def sensitive(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, list[str]]]:
    """A sensitive page, and what it was sent."""
    sent: list[dict[str, list[str]]] = []

    def view() -> str:
        stepup.require()
        if request.method == "POST":
            sent.append(request.form.to_dict(flat=False))
        return "<p>gevoelig</p>"

    app._got_first_request = False
    app.add_url_rule("/sensitive", "sensitive", view, methods=["GET", "POST"])
    monkeypatch.setitem(PERMISSIONS, "sensitive", "owner")
    return sent


@pytest.fixture
def later(house: House, sanne: Visitor) -> Visitor:
    """Sanne, eleven minutes after she logged in."""
    house.clock.forward(minutes=11)
    return sanne


def typed(page: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in HIDDEN.findall(page):
        found.setdefault(name, []).append(value)
    return {name: values for name, values in found.items() if name != "csrf_token"}


def test_straight_after_the_log_in_nothing_is_asked(sanne: Visitor, sensitive: list) -> None:
    assert sanne.get("/sensitive").status_code == 200


def test_later_a_page_asks_and_leads_back(later: Visitor, sensitive: list) -> None:
    answer = later.get("/sensitive?tab=2")
    assert (answer.status_code, urlsplit(answer.location).path) == (303, "/security/confirm")
    assert parse_qs(urlsplit(answer.location).query)["next"] == ["/sensitive?tab=2"]
    page = later.get(answer.location)
    assert "Bevestig dat jij het bent" in page.text
    answer = later.post("/security/confirm", {**typed(page.text), "stepup_password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/sensitive?tab=2")
    assert later.get("/sensitive").status_code == 200


def test_ten_minutes_later_it_asks_again(house: House, later: Visitor, sensitive: list) -> None:
    later.get("/security/confirm")
    later.post("/security/confirm", {"stepup_password": PASSWORD})
    house.clock.forward(minutes=9)
    assert later.get("/sensitive").status_code == 200
    house.clock.forward(minutes=2)
    assert later.get("/sensitive").status_code == 303


def test_what_was_typed_is_sent_after_all_but_no_password(later: Visitor, sensitive: list) -> None:
    later.get("/inbox")
    form = {
        "name": ["Sanne <Kuipers>"],
        "choice": ["a", "b"],
        "password": "geheim",
        "new_password": "geheim",
        "code": "1",
    }
    asked = later.post("/sensitive", form)
    assert asked.status_code == 403
    assert sensitive == []
    assert "geheim" not in asked.text
    mistaken = later.post("/security/confirm", {**unescaped(typed(asked.text)), "stepup_password": "fout"})
    assert mistaken.status_code == 422
    assert alerts(mistaken) == ["Dit wachtwoord klopt niet."]
    again = unescaped(typed(mistaken.text))
    answer = later.post("/security/confirm", {**again, "stepup_password": PASSWORD})
    assert (answer.status_code, answer.location) == (307, "/sensitive")
    later.post("/sensitive", again)  # as browsers do on a 307
    assert sensitive[0]["name"] == ["Sanne <Kuipers>"]
    assert sensitive[0]["choice"] == ["a", "b"]
    assert not {"password", "new_password", "code"} & set(sensitive[0])


def unescaped(form: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: [html.unescape(value) for value in values] for name, values in form.items()}


def test_nothing_else_than_a_page_of_ours_is_led_to(later: Visitor) -> None:
    later.get("/security/confirm")
    for bad in ("//mallory.example", "https://mallory.example", "/\\mallory.example"):
        assert later.get("/security/confirm", query_string={"next": bad}).text.count("mallory") == 0
        form = {"stepup_password": PASSWORD, "stepup_action": bad, "stepup_next": bad}
        answer = later.post("/security/confirm", form)
        assert (answer.status_code, answer.location) == (303, "/inbox")


def test_a_script_is_led_to_the_question_and_back_to_its_page(later: Visitor, sensitive: list) -> None:
    headers = {**HTMX, "HX-Current-URL": "http://localhost:8000/sent?x=1", "X-CSRF-Token": later.token}
    answer = later.post("/sensitive", headers=headers)
    assert answer.headers["HX-Redirect"] == "/security/confirm?next=/sent?x%3D1"
    asked = later.client.post("/sensitive", json={}, headers={"X-CSRF-Token": later.token})
    assert asked.json == {"prove": "/security/confirm"}


def test_somebody_elses_password_proves_nothing(later: Visitor, house: House, sensitive: list) -> None:
    later.get("/security/confirm")
    answer = later.post("/security/confirm", {"stepup_password": PASSWORD + "x", "stepup_address": MARIEKE[0]})
    assert answer.status_code == 422
    assert later.get("/sensitive").status_code == 303


def test_whoever_has_the_session_cannot_guess_the_password_at_leisure(later: Visitor, sensitive: list) -> None:
    later.get("/security/confirm")
    statuses = [later.post("/security/confirm", {"stepup_password": "fout"}).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]


def test_an_empty_password_says_so(later: Visitor) -> None:
    later.get("/security/confirm")
    assert alerts(later.post("/security/confirm", {})) == ["Vul een wachtwoord in."]
