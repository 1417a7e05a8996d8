"""Two web processes at the same time: of sixty-four that pass the same step, one gets in."""

from functools import partial

from securemail.crypto import cookies
from securemail.store.models import BrowserSession
from tests.house import PASSWORD
from tests.journeys.people import Office
from tests.journeys.plain_browser import Answer, PlainBrowser
from tests.journeys.test_log_in_steps import secured
from tests.journeys.test_racing import at_once, count, two_webs  # noqa: F401 a fixture

CROWD = 64


def waiting(office: Office, address: str) -> PlainBrowser:
    browser = PlainBrowser()
    assert "/login/step" in browser.log_in(office.url, address, PASSWORD).url
    return browser


def copy_of(browser: PlainBrowser) -> PlainBrowser:
    """Another one with the same cookies."""
    other = PlainBrowser()
    for cookie in browser.cookies:
        other.cookies.set_cookie(cookie)
    other.token = browser.token
    return other


def test_one_step_sixty_four_times_at_once(two_webs: Office) -> None:  # noqa: F811
    office = two_webs
    for method in ("totp", "backup"):
        sanne = secured(office)
        browser = waiting(office, sanne.member.address)
        typed = sanne.app.now() if method == "totp" else sanne.codes[0]
        crowd = [copy_of(browser) for _ in range(CROWD)]
        urls = office.product.urls * (CROWD // 2)
        form = {"method": method, "code": typed}
        deeds = [partial(one.post, f"{url}/login/step", form) for one, url in zip(crowd, urls, strict=True)]
        answers: list[Answer] = at_once(*deeds)
        assert {answer.status for answer in answers} <= {200, 422, 429, 503}
        held = {cookie.value for one in crowd for cookie in one.cookies if cookie.name == "__Host-s"}
        assert len(held) == 1
        mine = BrowserSession.account == sanne.member.account, BrowserSession.state == cookies.FULL
        assert count(office, BrowserSession, *mine) == 1
