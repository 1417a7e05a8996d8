"""What a phone has to fetch, as Chromium received it, compressed: the first inbox, and each swap after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from securemail.identity.context import Member
from tests.browser import open_context
from tests.house import FATIMA
from tests.journeys.people import Office, ask_for_news, link_in, log_in
from tests.journeys.test_guest import fresh

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

    def reset(self) -> None:
        self.received = self.requests = 0


@contextmanager
def metered(chromium: Browser) -> Iterator[tuple[Page, Meter]]:
    with open_context(chromium, "phone") as context:
        page = context.new_page()
        meter = Meter()
        network = context.new_cdp_session(page)

        def finished(event: dict[str, float]) -> None:
            meter.received += int(event["encodedDataLength"])
            meter.requests += 1

        network.on("Network.loadingFinished", finished)
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
        # The visit before this one opened an empty cache: log in elsewhere and bring only the cookie.
        page.context.add_cookies(_cookies(chromium, office, marieke))
        page.goto(f"{office.url}/inbox", wait_until="networkidle")
        expect(page.locator("li.row")).to_have_count(50)
        assert meter.received < FIRST_BYTES
        assert meter.requests <= FIRST_REQUESTS

        meter.reset()
        page.locator(".next-page a").scroll_into_view_if_needed()
        expect(page.locator("li.row")).to_have_count(100)
        page.wait_for_load_state("networkidle")
        assert meter.received < SWAP_BYTES, "the next page"

        meter.reset()
        ask_for_news(page)
        page.wait_for_load_state("networkidle")
        assert meter.received < 1_000, "no news"

        meter.reset()
        page.locator(".row-link").first.click()
        expect(page.locator(".letter-body")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert meter.received < SWAP_BYTES, "a conversation"


def test_what_a_guest_has_to_fetch_is_lighter_still(office: Office, chromium: Browser) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    with metered(chromium) as (page, meter):
        page.goto(link_in(mail), wait_until="networkidle")
        expect(page.locator(".code-filled")).to_be_visible()
        assert meter.received < LANDING_BYTES
        assert meter.requests <= FIRST_REQUESTS

        meter.reset()
        page.get_by_role("button", name="Bericht openen").click()
        expect(page.locator("#letters")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert meter.received < LETTER_BYTES, "the letter"


def _cookies(chromium: Browser, office: Office, who: Member) -> list:
    with open_context(chromium, "phone") as context:
        page = context.new_page()
        log_in(page, office.url, who)
        return context.cookies()
