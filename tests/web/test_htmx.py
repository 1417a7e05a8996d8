"""One template serves the whole page and its part."""

import re

from flask import Flask

from securemail import ids
from securemail.web import htmx
from tests.house import FATIMA, House
from tests.visitor import HTMX, Visitor


def test_a_block_comes_alone_with_the_imports_of_its_template(app: Flask) -> None:
    values = {
        "values": {"address": "", "remember": False, "next": ""},
        "errors": {},
        "retry": None,
        "cookie_missing": True,
        "in_place": False,
    }
    with app.test_request_context("/login", headers=HTMX):
        part = htmx.render("login/login.html", "form", **values)
    assert part.lstrip().startswith("<form")
    assert "<html" not in part


def test_going_back_asks_for_the_whole_page(app: Flask) -> None:
    with app.test_request_context("/", headers={**HTMX, "HX-History-Restore-Request": "true"}):
        assert not htmx.is_partial()
    with app.test_request_context("/", headers={"HX-Request": "true", "HX-Request-Type": "full"}):
        assert htmx.is_htmx()
        assert not htmx.is_partial()


def test_answers_vary_with_who_asks(sanne: Visitor) -> None:
    assert "HX-Request" in sanne.get("/inbox").headers["Vary"]


def test_a_question_is_headed_by_where_it_stands(house: House, marieke: Visitor) -> None:
    path = f"/messages/{ids.to_text(house.send(FATIMA).message)}/revoke"
    page, part = marieke.get(path), marieke.get(path, headers=HTMX)
    heads = [re.findall(r'<(h\d) class="title-s" id="dialog-title"', answer.text) for answer in (page, part)]
    assert heads == [["h1"], ["h2"]]
