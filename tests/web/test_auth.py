"""Nobody gets anywhere unless the table says so."""

import pytest
from flask import Flask

from securemail.identity.permissions import PASSIVE, PERMISSIONS
from securemail.web import create_app
from tests.house import House
from tests.visitor import HTMX, Visitor


@pytest.fixture
def app(house: House) -> Flask:
    """One of their own, since these tests add pages to it."""
    return create_app(house.runtime)


def test_every_page_is_in_the_table_and_every_entry_is_a_page(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(PERMISSIONS)
    assert set(PERMISSIONS) >= PASSIVE


def test_a_page_that_is_not_in_the_table_is_reached_by_nobody(app: Flask, sanne: Visitor) -> None:
    app._got_first_request = False
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert sanne.get("/forgotten").status_code == 403


def _members_pages(app: Flask) -> list[tuple[str, str]]:
    with app.test_request_context():
        return [
            (
                sorted((rule.methods or set()) & {"GET", "POST"})[0],
                app.url_for(rule.endpoint, **_values(rule.arguments)),
            )
            for rule in app.url_map.iter_rules()
            if PERMISSIONS[rule.endpoint] == "member"
        ]


def _values(names: set[str]) -> dict[str, object]:
    return {name: 0 if name == "place" else b"A" * 16 for name in names}


def test_strangers_see_no_members_page(app: Flask, visitor: Visitor) -> None:
    visitor.get("/login")
    pages = _members_pages(app)
    assert len(pages) > 20
    for method, path in pages:
        answer = visitor.get(path) if method == "GET" else visitor.post(path)
        assert answer.status_code == (303 if method == "GET" else 401), path
        htmx = visitor.client.open(path, method=method, headers={**HTMX, "X-CSRF-Token": visitor.token})
        assert htmx.status_code == 401, path


def test_a_page_leads_to_the_log_in_and_back(visitor: Visitor) -> None:
    answer = visitor.get("/drafts?cursor=x")
    assert answer.location == "/login?next=/drafts?cursor%3Dx"
    assert 'value="/drafts?cursor=x"' in visitor.get(answer.location).text


def test_a_session_that_ended_is_called_that(house: House, sanne: Visitor) -> None:
    house.clock.forward(hours=2)
    answer = sanne.get("/inbox")
    assert "ended=1" in answer.location
    assert "Je sessie is afgelopen" in sanne.get(answer.location).text


def test_what_was_being_sent_without_script_comes_back_in_the_page(house: House, sanne: Visitor) -> None:
    house.clock.forward(hours=2)
    letter = {
        "body": "Een lange <brief>",
        "subject": "Zaak",
        "recipient": ["a@example.org", "b@example.org"],
        "key": "k",
    }
    answer = sanne.post("/compose", letter)
    assert answer.status_code == 401
    for kept in ("Een lange &lt;brief&gt;", 'value="Zaak"', 'value="a@example.org"', 'value="b@example.org"'):
        assert kept in answer.text
    assert 'action="/compose"' in answer.text


def test_a_cookie_that_is_gone_asks_to_log_in_and_keeps_the_text(sanne: Visitor) -> None:
    sanne.client.delete_cookie("__Host-s")
    answer = sanne.post("/compose", {"body": "Een lange brief"})
    assert answer.status_code == 401
    assert "Een lange brief" in answer.text


def test_the_poll_keeps_no_session_alive(house: House, sanne: Visitor) -> None:
    for _ in range(7):
        house.clock.forward(minutes=10)
        last = sanne.get("/news?since=1", headers=HTMX).status_code
    assert last == 401


def test_reading_keeps_it_alive(house: House, sanne: Visitor) -> None:
    for _ in range(7):
        house.clock.forward(minutes=10)
        assert sanne.get("/inbox").status_code == 200


@pytest.mark.parametrize("path", ["//mallory.example", "/\\mallory.example", "https://mallory.example", "/a\nb", "x"])
def test_the_log_in_leads_nowhere_else(visitor: Visitor, path: str) -> None:
    visitor.get("/login", query_string={"next": path})
    from tests.house import PASSWORD, SANNE

    answer = visitor.post("/login", {"address": SANNE[0], "password": PASSWORD, "next": path})
    assert answer.location == "/inbox"
