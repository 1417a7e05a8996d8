"""The page that shows how far re-locking has come."""

import re

import pytest
from sqlalchemy import select

from securemail.mailboxes import relocking
from securemail.store.models import MailChain
from securemail.web.pages import rotation
from tests.house import House
from tests.rotations import fill, rotate_mail
from tests.visitor import HTMX, Visitor


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row in each batch, so that there is something to see."""
    monkeypatch.setattr(relocking, "_SECONDS", -1.0)
    monkeypatch.setattr(relocking, "_AT_ONCE", 1)
    monkeypatch.setattr(rotation, "_BATCHES", 1)


def shown(text: str) -> tuple[int, int]:
    found = re.search(r"(\d+) van (\d+)", text)
    assert found is not None
    return int(found[1]), int(found[2])


@pytest.mark.usefixtures("slow")
def test_it_goes_on_by_itself_and_with_a_plain_reload(house: House, marieke: Visitor) -> None:
    fill(house)
    rotate_mail(house, house.marieke)
    page = marieke.get("/rotation?next=/sent")
    assert page.status_code == 200
    first, total = shown(page.text)
    assert 'href="/sent"' in page.text
    assert 'data-hx-get="/rotation/batch?next=/sent"' in page.text
    later, same = shown(marieke.get("/rotation/batch?next=/sent", headers=HTMX).text)
    assert later > first
    assert same == total
    assert shown(marieke.get("/rotation").text)[0] > later


def test_it_ends_and_asks_no_more(house: House, marieke: Visitor) -> None:
    fill(house)
    rotate_mail(house, house.marieke)
    for _ in range(3):
        page = marieke.get("/rotation/batch", headers=HTMX).text
    assert "Alles heeft een nieuw slot." in page
    assert "data-hx-get" not in page
    with house.work() as ctx:
        assert ctx.db.scalars(select(MailChain)).all() == []


def test_who_has_nothing_left_to_wait_for_goes_on(marieke: Visitor) -> None:
    answer = marieke.get("/rotation?next=/settings")
    assert (answer.status_code, answer.location) == (302, "/settings")
    assert "Alles heeft een nieuw slot." in marieke.get("/rotation").text


@pytest.mark.parametrize("next_", ["https://example.org/", "//example.org", "/\\example.org"])
def test_it_leads_nowhere_else(marieke: Visitor, next_: str) -> None:
    assert marieke.get("/rotation", query_string={"next": next_}).location == "/inbox"


def test_without_script_the_bar_is_a_page(marieke: Visitor) -> None:
    assert marieke.get("/rotation/batch?next=/sent").location == "/rotation?next=/sent"


def test_it_is_for_members(visitor: Visitor) -> None:
    assert visitor.get("/rotation").status_code == 303
