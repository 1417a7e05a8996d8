"""Mail scanners, link previews and prefetchers may ask for every page as often as they like: no table changes."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from securemail.delivery import workers
from securemail.guests import checks
from securemail.guests.checks import Check
from securemail.store.base import Base
from securemail.store.models import Outbox
from tests.house import FATIMA, PETER
from tests.journeys.people import Office, code_in, link_in, open_office
from tests.journeys.plain_browser import PlainBrowser
from tests.journeys.test_guest import fresh
from tests.servers import PATIENCE, Postgres, Sqlite
from tests.waiting import until

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
METHODS = ("GET", "HEAD")


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def quiet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office of these robots alone."""
    name = {"sqlite": "sqlite", "postgresql": "postgres"}[request.param]
    databases: Sqlite | Postgres = request.getfixturevalue(name)
    with open_office(tmp_path_factory.mktemp("robots"), databases.new_database()) as office:
        yield office


@pytest.fixture
def quiet_office(quiet: Office) -> Office:
    """One whose worker is there until it is sent home."""
    if not at_work(quiet):
        quiet.product.start_worker()
    until(lambda: at_work(quiet))
    return quiet


def at_work(office: Office) -> bool:
    with office.runtime.work(write=False) as ctx:
        return bool(workers.living(ctx))


def send_home(office: Office) -> None:
    """The worker goes once everything is sent: what changes from here on, a page has changed."""
    until(lambda: all(row.state != "waiting" for row in _outbox(office)))
    for worker in office.product.workers:
        worker.terminate()
        worker.wait(PATIENCE)


def dump(office: Office) -> dict[str, list[Any]]:
    """Every row of every table."""
    with office.runtime.work(write=False) as ctx:
        return {
            name: sorted((tuple(row) for row in ctx.db.execute(select(table))), key=repr)
            for name, table in Base.metadata.tables.items()
        }


def test_fifty_robots_leave_every_table_as_it_was(quiet_office: Office) -> None:
    """Before a letter is opened, and after it was: each robot follows both links, and tries other addresses in turn."""
    office, fatima, peter = quiet_office, fresh(FATIMA), fresh(PETER)
    office.send(office.member(), fatima, peter)
    [unopened], [opened] = office.sink.wait_for(fatima[0]), office.sink.wait_for(peter[0])
    person, (page, _, code) = PlainBrowser(), link_in(opened).partition("#")
    person.get(page)
    assert person.post(page, {"code": code}).status == 200
    send_home(office)
    before = dump(office)
    assert before["guest_link"], "there is something to compare"
    for mail in (unopened, opened):
        page, _, code = link_in(mail).partition("#")
        others = (f"{office.url}/b", *(f"{page}{rest}" for rest in (*PAGES, f"?{code}", f"/{code}")))
        for headers in HEADERS:
            trying = itertools.cycle(itertools.product(others, METHODS))
            for agent in AGENTS:
                for url, method in (*itertools.product([page], METHODS), *itertools.islice(trying, 3)):
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


def test_a_robot_in_the_middle_of_a_check_sends_and_counts_nothing(quiet_office: Office) -> None:
    office, fatima, peter = quiet_office, fresh(FATIMA), fresh(PETER)
    with office.work() as ctx:
        agreed = Check("password", password=checks.agree(ctx, "vier groene lampen"))
    office.send(office.member(), (*fatima, Check("sms", "+31612345678")), (*peter, agreed))
    visits = []
    for address in (fatima[0], peter[0]):
        [mail] = office.sink.wait_for(address)
        person, page = PlainBrowser(), link_in(mail).partition("#")[0]
        person.get(page)
        assert person.post(page, {"code": code_in(mail)}).status == 200
        visits.append((person, page))
    send_home(office)
    before = dump(office)
    for person, page in visits:
        for rest, headers, method in itertools.product(("", *PAGES), HEADERS, METHODS):
            assert person.get(f"{page}{rest}", method=method, headers=headers).status < 500
    assert dump(office) == before


def _outbox(office: Office) -> list[Any]:
    with office.runtime.work(write=False) as ctx:
        return list(ctx.db.scalars(select(Outbox)))
