"""What a phone has to fetch, as Chromium received it, compressed: the first inbox, and each swap after it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from securemail.identity.context import Member
from tests.browser import open_context
from tests.house import FATIMA
from tests.journeys.people import Office, arrive, ask_for_news, link_in
from tests.journeys.test_guest import fresh
from tests.servers import PATIENCE

FIRST_BYTES, FIRST_REQUESTS = 60_000, 10
LANDING_BYTES, LETTER_BYTES = 36_000, 6_000
SWAP_BYTES = 8_000
WORDS = (
    "Beste Marieke, met de loonstroken van oktober heb ik de berekening nog eens bekeken en kom op een ander bedrag.",
    "Dag Marieke, vrijdag om 14.00 uur kan ik. Neem je de beschikking en het ouderschapsplan van 2024 mee?",
    "Hoi, de rechtbank vraagt om een nadere toelichting op de draagkracht. Zou je daar maandag naar willen kijken?",
)


@dataclass
class Meter:
    """Bytes and requests since it was set to zero."""

    received: int = 0
    requests: int = 0
    underway: set[str] = field(default_factory=set)

    def begun(self, event: dict[str, Any]) -> None:
        self.underway.add(event["requestId"])

    def finished(self, event: dict[str, Any]) -> None:
        self.received += int(event["encodedDataLength"])
        self.requests += 1
        self.underway.discard(event["requestId"])

    def failed(self, event: dict[str, Any]) -> None:
        self.underway.discard(event["requestId"])

    def reset(self) -> None:
        self.received = self.requests = 0

    def wait(self, page: Page) -> None:
        """Until everything that was asked for has come in."""
        deadline = time.monotonic() + PATIENCE
        while not self.requests or self.underway:
            assert time.monotonic() < deadline, f"{len(self.underway)} requests were never answered"
            page.wait_for_timeout(20)


@contextmanager
def metered(chromium: Browser) -> Iterator[tuple[Page, Meter]]:
    with open_context(chromium, "phone") as context:
        page = context.new_page()
        meter = Meter()
        network = context.new_cdp_session(page)
        network.on("Network.requestWillBeSent", meter.begun)
        network.on("Network.loadingFinished", meter.finished)
        network.on("Network.loadingFailed", meter.failed)
        network.send("Network.enable")
        yield page, meter


@pytest.fixture
def marieke(office: Office) -> Member:
    """Somebody with more than a page of mail from a few people."""
    marieke = office.member("Marieke van Dalen")
    authors = [office.member(name) for name in ("Sanne Kuipers", "Joris van der Meer", "Annelies Bakker")]
    for number in range(110):
        office.send(
            authors[number % 3], (marieke.address, marieke.name), FATIMA,
            subject=f"Dossier {2025000 + number} {('kinderalimentatie', 'omgangsregeling')[number % 2]}",
            text=WORDS[number % 3],
        )  # fmt: skip
    return marieke


def test_the_first_inbox_and_every_swap_stay_within_their_budget(
    office: Office, chromium: Browser, marieke: Member
) -> None:
    with metered(chromium) as (page, meter):
        arrive(page, office, marieke)
        expect(page.locator("li.row")).to_have_count(50)
        meter.wait(page)
        assert meter.received < FIRST_BYTES
        assert meter.requests <= FIRST_REQUESTS

        meter.reset()
        page.locator(".next-page a").scroll_into_view_if_needed()
        expect(page.locator("li.row")).to_have_count(100)
        meter.wait(page)
        assert meter.received < SWAP_BYTES, "the next page"

        meter.reset()
        ask_for_news(page)
        meter.wait(page)
        assert meter.received < 1_000, "no news"

        meter.reset()
        page.locator(".row-link").first.click()
        expect(page.locator(".letter-body")).to_be_visible()
        meter.wait(page)
        assert meter.received < SWAP_BYTES, "a conversation"


def test_what_a_guest_has_to_fetch_is_lighter_still(office: Office, chromium: Browser) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    with metered(chromium) as (page, meter):
        page.goto(link_in(mail))
        expect(page.locator(".code-filled")).to_be_visible()
        meter.wait(page)
        assert meter.received < LANDING_BYTES
        assert meter.requests <= FIRST_REQUESTS

        meter.reset()
        page.get_by_role("button", name="Bericht openen").click()
        expect(page.locator("#letters")).to_be_visible()
        meter.wait(page)
        assert meter.received < LETTER_BYTES, "the letter"
