"""Two web processes at the same time: one send, one opening, one log-in, and a withdrawal that nobody slips past."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import func, select

from securemail import ids
from securemail.crypto import cookies
from securemail.store.models import BrowserSession, Message, Outbox, Recipient
from tests.house import FATIMA, PASSWORD
from tests.journeys.people import Office, code_in, link_in, open_office
from tests.journeys.plain_browser import Answer, PlainBrowser
from tests.journeys.test_guest import fresh
from tests.journeys.test_log_in_steps import secured
from tests.servers import Postgres, Sqlite

T = TypeVar("T")
WORDS = "Het bedrag komt uit op € 384."
CROWD = 64


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def two_webs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One office behind two web processes."""
    name = {"sqlite": "sqlite", "postgresql": "postgres"}[request.param]
    databases: Sqlite | Postgres = request.getfixturevalue(name)
    folder: Path = tmp_path_factory.mktemp("racing")
    with open_office(folder, databases.new_database(), web=2) as office:
        yield office


def at_once(*deeds: Callable[[], T]) -> list[T]:
    """Everybody starts at the same moment."""
    start = threading.Barrier(len(deeds))

    def run(deed: Callable[[], T]) -> T:
        start.wait(60)
        return deed()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(run, deeds))


def count(office: Office, table: type, *where: object) -> int:
    with office.runtime.work(write=False) as ctx:
        return ctx.db.scalar(select(func.count()).select_from(table).where(*where)) or 0  # type: ignore[arg-type]


def logged_in(office: Office, address: str) -> list[tuple[str, PlainBrowser]]:
    """One browser whose cookies are known to both processes, as a pair of (address of the process, browser)."""
    pairs = []
    for url in office.product.urls:
        browser = PlainBrowser()
        assert browser.log_in(url, address, PASSWORD).url.endswith("/inbox")
        browser.get(f"{url}/compose")
        pairs.append((url, browser))
    return pairs


def test_the_same_send_from_two_processes_is_sent_once(two_webs: Office) -> None:
    office, marieke, fatima = two_webs, two_webs.member(), fresh(FATIMA)
    pairs = logged_in(office, marieke.address)
    for turn in range(10):
        form = {"key": ids.to_text(ids.new_id()), "to": fatima[0], "subject": f"Beurt {turn}", "body": WORDS}
        answers = at_once(*(partial(browser.post, f"{url}/compose", form) for url, browser in pairs * 2))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.url.rpartition("/")[2] for answer in answers}) == 1, "all are led to the same conversation"
    assert count(office, Message, Message.sender == marieke.principal) == 10
    assert len(office.sink.wait_for(fatima[0], 10)) == 10


def test_the_same_code_opened_in_two_processes_opens_twice_and_is_read_once(two_webs: Office) -> None:
    office, fatima = two_webs, fresh(FATIMA)
    sent = office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    page, code = _path(link_in(mail)), code_in(mail)
    answers = at_once(*(_opener(url, page, code) for url in office.product.urls))
    assert all(WORDS in answer.text for answer in answers)
    with office.runtime.work(write=False) as ctx:
        [row] = ctx.db.scalars(select(Recipient).where(Recipient.message == sent.message))
        assert (row.state, row.opened_at is not None) == ("opened", True)


def test_whoever_opens_while_it_is_taken_back_reads_it_before_or_never(two_webs: Office) -> None:
    office, marieke = two_webs, two_webs.member()
    first, second = office.product.urls
    browser = PlainBrowser()
    browser.log_in(first, marieke.address, PASSWORD)
    letters = [(guest, office.send(marieke, guest)) for guest in (fresh(FATIMA) for _ in range(20))]
    for turn, (fatima, sent) in enumerate(letters):
        [mail] = office.sink.wait_for(fatima[0])
        browser.get(f"{first}/conversations/{ids.to_text(sent.conversation)}")
        guest = PlainBrowser()
        page = f"{second}{_path(link_in(mail))}"
        guest.get(page)
        revoked, opened = at_once(
            partial(browser.post, f"{first}/messages/{ids.to_text(sent.message)}/revoke", {}),
            partial(guest.post, page, {"code": code_in(mail)}),
        )
        assert "Je hebt dit bericht ingetrokken" in revoked.text, turn
        assert opened.status in (200, 410), turn
        assert WORDS in opened.text or "Dit bericht is ingetrokken" in opened.text, turn
        after = guest.get(f"{page}/letter")
        assert after.status == 410, turn
        assert WORDS not in after.text, turn
    assert not _waiting(office, [sent.message for _, sent in letters]), "what was not mailed yet is cancelled"


def test_two_answers_to_one_form_become_one_letter(two_webs: Office) -> None:
    office, fatima, marieke = two_webs, fresh(FATIMA), two_webs.member()
    sent = office.send(marieke, fatima)
    [mail] = office.sink.wait_for(fatima[0])
    guest = PlainBrowser()
    page = _path(link_in(mail))
    guest.get(office.url + page)
    guest.post(office.url + page, {"code": code_in(mail)})
    form = {"key": ids.to_text(ids.new_id()), "reply": "Ik ga akkoord."}
    answers = at_once(*(partial(guest.post, f"{url}{page}/reply", form) for url in office.product.urls * 2))
    assert all("Uw antwoord is verstuurd" in answer.text for answer in answers)
    assert count(office, Message, Message.conversation == sent.conversation) == 2


def copy_of(browser: PlainBrowser) -> PlainBrowser:
    """Another one with the same cookies."""
    other = PlainBrowser()
    for cookie in browser.cookies:
        other.cookies.set_cookie(cookie)
    other.token = browser.token
    return other


@pytest.mark.parametrize("method", ["totp", "backup"])
def test_of_sixty_four_that_pass_the_same_second_step_one_gets_in(two_webs: Office, method: str) -> None:
    office, sanne = two_webs, secured(two_webs)
    browser = PlainBrowser()
    assert "/login/step" in browser.log_in(office.url, sanne.member.address, PASSWORD).url
    typed = sanne.app.now() if method == "totp" else sanne.codes[0]
    crowd = [copy_of(browser) for _ in range(CROWD)]
    urls = office.product.urls * (CROWD // 2)
    form = {"method": method, "code": typed}
    answers: list[Answer] = at_once(
        *(partial(one.post, f"{url}/login/step", form) for one, url in zip(crowd, urls, strict=True))
    )
    assert {answer.status for answer in answers} <= {200, 422, 429, 503}
    held = {cookie.value for one in crowd for cookie in one.cookies if cookie.name == "__Host-s"}
    assert len(held) == 1
    mine = BrowserSession.account == sanne.member.account, BrowserSession.state == cookies.FULL
    assert count(office, BrowserSession, *mine) == 1


def _opener(url: str, page: str, code: str) -> Callable[[], Answer]:
    browser = PlainBrowser()
    browser.get(url + page)
    return lambda: browser.post(url + page, {"code": code})


def _path(link: str) -> str:
    return "/" + link.partition("#")[0].split("/", 3)[3]


def _waiting(office: Office, messages: Sequence[bytes]) -> Sequence[Outbox]:
    """The mails about these messages that are still to go."""
    with office.runtime.work(write=False) as ctx:
        return ctx.db.scalars(select(Outbox).where(Outbox.state == "waiting", Outbox.message.in_(messages))).all()
