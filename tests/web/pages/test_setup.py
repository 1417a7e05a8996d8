"""The first visit, through its form."""

import re
import threading

import pytest

from securemail.crypto.codes import read_recovery_code
from securemail.organisations import setup
from securemail.runtime import Runtime
from securemail.web import create_app
from tests.house import MARIEKE, PASSWORD
from tests.visitor import Visitor, alerts

FORM = {"organisation": "Van Dalen & Bakker", "name": MARIEKE[1], "address": MARIEKE[0], "password": PASSWORD}


def _token(runtime: Runtime) -> str:
    link = setup.ensure_link(runtime)
    assert link is not None
    return link.partition("#")[2]


def test_one_form_and_the_office_is_there(fresh: Runtime) -> None:
    visitor = Visitor(create_app(fresh))
    visitor.get("/setup")
    answer = visitor.post("/setup", {**FORM, "token": _token(fresh)})
    assert answer.status_code == 200
    groups = re.findall(r"<span>([0-9A-Z]{4})</span>", answer.text)
    assert len(groups) == 9
    read_recovery_code("".join(groups))
    assert answer.headers["Cache-Control"] == "no-store"
    refused = visitor.post("/signup/saved", {"code": " ".join(groups)})
    assert refused.status_code == 422
    assert groups[0] in refused.text, "the code is still on the page"
    done = visitor.post("/signup/saved", {"code": " ".join(groups), "saved": "1"})
    assert done.location == "/signup/secure?steps=1"
    page = visitor.get("/inbox").text
    assert MARIEKE[1] in page
    assert "Van Dalen &amp; Bakker" in page
    assert visitor.get("/setup").status_code == 410


@pytest.mark.parametrize(
    "change",
    [
        {"organisation": ""},
        {"name": "Marieke\nBcc: x"},
        {"address": "geen adres"},
        {"password": "kort"},
        {"password": "Van Dalen & Bakker"},
        {"token": "onzin"},
        {"token": ""},
    ],
)
def test_a_wrong_value_is_told_at_its_field_and_the_rest_stays(fresh: Runtime, change: dict[str, str]) -> None:
    visitor = Visitor(create_app(fresh))
    visitor.get("/setup")
    token = _token(fresh)
    answer = visitor.post("/setup", {**FORM, "token": token, **change})
    assert answer.status_code == 422
    assert len(alerts(answer)) == 1
    if "address" not in change:
        assert f'value="{MARIEKE[0]}"' in answer.text
    assert PASSWORD not in answer.text
    assert visitor.post("/setup", {**FORM, "token": token}).status_code == 200


def test_of_many_at_the_same_moment_one_wins(fresh: Runtime) -> None:
    app, token, statuses = create_app(fresh), _token(fresh), []
    visitors = [Visitor(app) for _ in range(8)]
    for visitor in visitors:
        visitor.get("/setup")

    def try_once(visitor: Visitor) -> None:
        statuses.append(visitor.post("/setup", {**FORM, "token": token}).status_code)

    threads = [threading.Thread(target=try_once, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 410, 422}


def test_without_an_organisation_the_pages_bear_the_products_name(fresh: Runtime) -> None:
    assert "Securemail" in Visitor(create_app(fresh)).get("/setup").text
