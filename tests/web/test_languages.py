"""Which language a page speaks."""

import pytest

from securemail.identity import profile
from tests.house import House
from tests.visitor import Visitor


@pytest.mark.parametrize(("header", "language"), [("en-GB,en;q=0.9", "en"), ("fr", "nl"), ("nl,en", "nl"), ("", "nl")])
def test_a_stranger_gets_the_browsers(visitor: Visitor, header: str, language: str) -> None:
    assert f'<html lang="{language}">' in visitor.get("/login", headers={"Accept-Language": header}).text


def test_what_was_chosen_goes_before_the_browsers(visitor: Visitor) -> None:
    visitor.client.set_cookie("lang", "en")
    assert '<html lang="en">' in visitor.get("/login", headers={"Accept-Language": "nl"}).text


@pytest.mark.parametrize("value", ["de", "../../etc", "é"])
def test_a_made_up_language_is_ignored(visitor: Visitor, value: str) -> None:
    visitor.client.set_cookie("lang", value)
    assert '<html lang="nl">' in visitor.get("/login").text


def test_a_member_has_their_own(house: House, sanne: Visitor) -> None:
    with house.work() as ctx:
        profile.set_language(ctx, house.sanne.owner, "en")
    assert '<html lang="en">' in sanne.get("/inbox", headers={"Accept-Language": "nl"}).text


def test_a_guests_link_may_ask_for_english_and_the_pages_after_it_stay_so(visitor: Visitor) -> None:
    dutch = {"Accept-Language": "nl"}
    assert '<html lang="en"' in visitor.get("/b?language=en", headers=dutch).text
    assert '<html lang="en"' in visitor.get("/b", headers=dutch).text
    assert '<html lang="en"' in visitor.get("/b?language=xx", headers=dutch).text
    assert '<html lang="nl"' in visitor.get("/b?language=nl").text
