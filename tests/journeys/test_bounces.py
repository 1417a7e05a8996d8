"""The mail server says later that an address does not exist: Marieke sees it, sends again, and it arrives."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from securemail.store.models import Recipient
from tests.browser import examine
from tests.delivery.reports import BACK
from tests.journeys.people import Office, await_news, compose, found_office, let_in, open_letter, send
from tests.relay import Relay, relay
from tests.servers import PATIENCE, free_port, running_product

pytestmark = pytest.mark.browser
PETER = "peter@hoekstra.example"


@pytest.fixture
def office(tmp_path: Path, database_url: str) -> Iterator[Office]:
    """Van Dalen & Bakker behind a relay, with a process that receives what comes back."""
    environ = {"MAIL_BOUNCES": BACK, "BOUNCE_LISTEN": f"127.0.0.1:{free_port()}"}
    with (
        relay() as between,
        running_product(tmp_path / "var", database_url, smtp_port=between.port, environ=environ) as product,
        found_office(product, between) as office,
    ):
        yield office


def test_a_mail_that_comes_back_later_is_shown_and_sent_again(
    office: Office, somebody: Callable[..., Page], database_url: str
) -> None:
    page = somebody("phone" if database_url.startswith("sqlite") else "desktop")
    between, port = _relay(office), int(office.product.environ["BOUNCE_LISTEN"].rpartition(":")[2])
    let_in(page, office, office.member())
    compose(page, office.url, f"Peter Hoekstra <{PETER}>")
    send(page)
    between.wait_for(PETER)
    _wait_for(office, page, "notified")
    expect(page.get_by_text("Niet bezorgd bij")).to_have_count(0)

    between.give_back(PETER, port=port)
    await_news(page, page.get_by_text(f"Niet bezorgd bij Peter Hoekstra: het adres {PETER}"))
    examine(page, "a letter that came back")
    there = page.url
    page.goto(f"{office.url}/sent")
    expect(page.locator(".row-waits")).to_have_text("Niet bezorgd")

    page.goto(there)
    page.get_by_role("button", name="Opnieuw versturen").click()
    expect(page.get_by_text("De notificatie wordt opnieuw verstuurd")).to_be_visible()
    _, mail = between.wait_for(PETER, 2)
    assert between.envelope_of(PETER, 0).mail_from != between.envelope_of(PETER, 1).mail_from
    _wait_for(office, page, "notified")
    between.give_back(PETER, port=port, number=0)
    open_letter(somebody("phone"), mail)
    between.give_back(PETER, port=port, number=1)
    await_news(page, page.get_by_text("Gelezen door Peter Hoekstra"))
    expect(page.get_by_text("Niet bezorgd bij")).to_have_count(0)
    assert _state(office) == "opened"
    assert PETER not in office.product.log()


def _relay(office: Office) -> Relay:
    assert isinstance(office.sink, Relay)
    return office.sink


def _state(office: Office) -> str:
    with office.work() as ctx:
        return ctx.db.scalars(select(Recipient.state)).one()


def _wait_for(office: Office, page: Page, state: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while _state(office) != state:
        assert time.monotonic() < deadline, f"the receiver never became {state}"
        page.wait_for_timeout(50)
