"""Mail scanners, link previews and prefetchers may ask for every page as often as they like: no table changes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from securemail.guests import checks
from securemail.guests.checks import Check
from securemail.store.base import Base
from securemail.store.models import Outbox
from tests.house import FATIMA
from tests.journeys.people import Office, code_in, link_in, open_office
from tests.journeys.plain_browser import PlainBrowser
from tests.journeys.test_guest import fresh

AGENTS = (
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (Windows NT 10.0) SafeLinks/1.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "WhatsApp/2.24", "Slackbot-LinkExpanding 1.0", "TelegramBot (like TwitterBot)", "facebookexternalhit/1.1",
    "Barracuda Sentinel (EE)", "Mimecast-URL-Scan/1.0", "curl/8.5.0",
)  # fmt: skip
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch"},
    {"X-Moz": "prefetch"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    {"Range": "bytes=0-1023", "X-Forwarded-For": "203.0.113.9"},
)


PAGES = ("/letter", "/check", "/check/sms", "/help", "/help?kind=number", "/help?asked=1", "?again=1")


@pytest.fixture
def quiet_office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """One whose worker tidies up for nobody else."""
    with open_office(tmp_path / "var", database_url) as office:
        yield office


def send_home(office: Office) -> None:
    """The worker goes once everything is sent: what changes from here on, a page has changed."""
    deadline = time.monotonic() + 20
    while any(row.state == "waiting" for row in _outbox(office)):
        assert time.monotonic() < deadline, "mails are still waiting"
        time.sleep(0.05)
    for worker in office.product.workers:
        worker.terminate()
        worker.wait(10)


def dump(office: Office) -> dict[str, list[Any]]:
    """Every row of every table."""
    with office.runtime.work(write=False) as ctx:
        return {
            name: sorted((tuple(row) for row in ctx.db.execute(select(table))), key=repr)
            for name, table in Base.metadata.tables.items()
        }


@pytest.mark.parametrize("opened", [False, True], ids=["before it is opened", "after it was opened"])
def test_fifty_robots_leave_every_table_as_it_was(quiet_office: Office, opened: bool) -> None:
    office, fatima = quiet_office, fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    page, _, code = link_in(mail).partition("#")
    if opened:
        person = PlainBrowser()
        person.get(page)
        assert person.post(page, {"code": code}).status == 200
    send_home(office)
    before = dump(office)
    assert before["guest_link"], "there is something to compare"
    for agent in AGENTS:
        for headers in HEADERS:
            for url in (page, f"{office.url}/b", *(f"{page}{rest}" for rest in (*PAGES, f"?{code}", f"/{code}"))):
                for method in ("GET", "HEAD"):
                    seen = PlainBrowser().get(url, method=method, headers={"User-Agent": agent, **headers})
                    assert seen.status < 500
    assert dump(office) == before


def test_a_robot_with_the_persons_cookies_changes_nothing_either(quiet_office: Office) -> None:
    office, fatima, marieke = quiet_office, fresh(FATIMA), quiet_office.member()
    office.send(marieke, fatima)
    [mail] = office.sink.wait_for(fatima[0])
    page = link_in(mail).partition("#")[0]
    person = PlainBrowser()
    person.get(page)
    person.post(page, {"code": code_in(mail)})
    office.send(marieke, fatima, subject="Nog een bericht")
    send_home(office)
    before = dump(office)
    for headers in HEADERS:
        assert "U opende dit bericht" in person.get(f"{page}/letter", headers=headers).text
    assert dump(office) == before


@pytest.mark.parametrize("method", ["sms", "password"])
def test_a_robot_in_the_middle_of_a_check_sends_and_counts_nothing(quiet_office: Office, method: str) -> None:
    office, fatima = quiet_office, fresh(FATIMA)
    check = Check("sms", "+31612345678")
    if method == "password":
        with office.work() as ctx:
            check = Check("password", password=checks.agree(ctx, "vier groene lampen"))
    office.send(office.member(), (*fatima, check))
    [mail] = office.sink.wait_for(fatima[0])
    page = link_in(mail).partition("#")[0]
    person = PlainBrowser()
    person.get(page)
    assert person.post(page, {"code": code_in(mail)}).status == 200
    send_home(office)
    before = dump(office)
    for rest in ("", *PAGES):
        for headers in HEADERS:
            for asked in ("GET", "HEAD"):
                assert person.get(f"{page}{rest}", method=asked, headers=headers).status < 500
    assert dump(office) == before


def _outbox(office: Office) -> list[Any]:
    with office.runtime.work(write=False) as ctx:
        return list(ctx.db.scalars(select(Outbox)))
