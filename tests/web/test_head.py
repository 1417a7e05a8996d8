"""A HEAD is what a robot sends before it follows a link: on every page it is a GET without the page, never a form."""

import pytest
from flask import Flask

from tests.house import House
from tests.visitor import Visitor

_MADE_OF = {"identifier": "A" * 22, "path": "x", "string": "x", "int": "1"}


def _both_ways(app: Flask) -> list[str]:
    """Every page whose address takes a form as well, with made-up ids in it."""
    pages = []
    for rule in app.url_map.iter_rules():
        if {"GET", "POST"} <= (rule.methods or set()):
            parts = {name: _MADE_OF.get(type(made).__name__.removesuffix("Converter").lower(), "x")
                     for name, made in rule._converters.items()}  # fmt: skip
            path = rule.rule
            for name, made in parts.items():
                path = path.replace(path[path.index("<") : path.index(">") + 1], made, 1) if name in path else path
            pages.append(path)
    return pages


@pytest.mark.parametrize("who", ["visitor", "sanne", "marieke"])
def test_a_head_does_what_a_get_does_and_sends_no_page(
    app: Flask, house: House, who: str, request: pytest.FixtureRequest
) -> None:
    browser: Visitor = request.getfixturevalue(who)
    pages = _both_ways(app)
    assert len(pages) > 20
    for path in pages:
        asked, headed = browser.client.get(path), browser.client.head(path)
        assert (headed.status_code, headed.location) == (asked.status_code, asked.location), path
        assert headed.data == b"", path


def test_a_head_never_runs_a_form(app: Flask, visitor: Visitor) -> None:
    """Without a token either: what is told apart by "is this a GET?" would take it for one."""
    answer = visitor.client.head("/login")
    assert answer.status_code == visitor.client.get("/login").status_code == 200
