"""The list of browsers that are logged in, and what its buttons do."""

import re

import pytest
from flask import Flask

from tests.house import PASSWORD, SANNE, House
from tests.visitor import HTMX, Visitor

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


@pytest.fixture
def sanne(app: Flask) -> Visitor:
    """Sanne, logged in through the page, which knows her browser from then on."""
    browser = Visitor(app)
    browser.log_in(SANNE[0], PASSWORD)
    browser.get("/inbox")
    return browser


@pytest.fixture
def elsewhere(app: Flask) -> Visitor:
    """Sanne's browser at her desk, remembered."""
    browser = Visitor(app, "2001:db8::7")
    browser.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    browser.log_in(SANNE[0], PASSWORD, remember="1")
    return browser


def session_in(page: str) -> str:
    found = re.search(r'name="session" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


def test_every_browser_is_named_with_its_network(sanne: Visitor, elsewhere: Visitor) -> None:
    page = sanne.get("/settings/devices").text
    assert "Dit apparaat" in page
    assert "Firefox · Linux" in page
    assert "Netwerk 2001:db8::7" in page
    assert "onthouden, 30 dagen" in page
    assert page.index("Netwerk 192.0.2.7") < page.index("Netwerk 2001:db8::7")


def test_one_is_ended(sanne: Visitor, elsewhere: Visitor) -> None:
    session = session_in(sanne.get("/settings/devices").text)
    assert sanne.post("/settings/devices/end", {"session": session}).status_code == 303
    assert elsewhere.get("/inbox").status_code == 303
    assert "Firefox" not in sanne.get("/settings/devices").text.partition("Bekende apparaten")[0]


def test_a_page_of_an_ended_session_asks_to_log_in_in_place(sanne: Visitor, elsewhere: Visitor) -> None:
    elsewhere.get("/inbox")
    sanne.get("/settings/devices")
    sanne.post("/settings/devices/end-others")
    news = elsewhere.get("/news", headers=HTMX)
    assert news.status_code == 401


def test_what_is_no_session_ends_nothing(sanne: Visitor, elsewhere: Visitor) -> None:
    sanne.get("/settings/devices")
    for wrong in ("", "zz", "00" * 32, "ab" * 500):
        assert sanne.post("/settings/devices/end", {"session": wrong}).status_code == 404
    assert elsewhere.get("/inbox").status_code == 200


def test_all_others_are_ended(sanne: Visitor, elsewhere: Visitor) -> None:
    sanne.get("/settings/devices")
    assert sanne.post("/settings/devices/end-others").location == "/settings/devices?done=others"
    assert elsewhere.get("/inbox").status_code == 303
    assert "Alle andere beëindigen" not in sanne.get("/settings/devices").text


def test_a_known_browser_is_forgotten(sanne: Visitor, elsewhere: Visitor) -> None:
    page = sanne.get("/settings/devices").text
    known = re.findall(r'name="device" value="([0-9a-f]+)"', page)
    assert len(known) == 2
    sanne.post("/settings/devices/forget", {"device": known[0]})
    assert len(re.findall(r'name="device"', sanne.get("/settings/devices").text)) == 1


def test_nobody_sees_the_browsers_of_others(house: House, app: Flask, sanne: Visitor, elsewhere: Visitor) -> None:
    marieke = Visitor(app)
    marieke.log_in(house.marieke.address, PASSWORD)
    page = marieke.get("/settings/devices").text
    assert "Firefox" not in page
    session = session_in(sanne.get("/settings/devices").text)
    assert marieke.post("/settings/devices/end", {"session": session}).status_code == 404
    assert elsewhere.get("/inbox").status_code == 200
