"""Installed on a phone: the manifest, the service worker's cache, and what is shown without a network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser import ARGUMENTS, SIZES, chromium_path
from tests.house import FATIMA
from tests.journeys.people import Office, arrive, code_in, compose, let_in, open_letter, open_office, send
from tests.journeys.test_guest import fresh
from tests.servers import Sqlite

KEPT = """async () => {
  const kept = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const answer = await cache.match(request);
      kept.push([new URL(request.url).pathname, await answer.text()]);
    }
  }
  return kept;
}"""
ELSEWHERE = """async () => ({
  local: {...localStorage}, session: {...sessionStorage}, databases: (await indexedDB.databases()).map(one => one.name),
})"""


@pytest.fixture
def installed(playwright: Playwright, tmp_path: Path) -> Iterator[Page]:
    """A browser with a profile of its own: in a private one nothing can be installed."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path / "profile", executable_path=chromium_path(), args=list(ARGUMENTS), locale="nl-NL", **SIZES["phone"]
    )
    yield context.new_page()
    context.close()


def wait_for_worker(page: Page) -> None:
    page.evaluate("async () => void await navigator.serviceWorker.ready")


def test_it_can_be_installed(office: Office, installed: Page) -> None:
    arrive(installed, office, office.member())
    wait_for_worker(installed)
    browser = installed.context.new_cdp_session(installed)
    manifest: Any = browser.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert '"start_url": "/inbox"' in manifest["data"]
    assert browser.send("Page.getInstallabilityErrors")["installabilityErrors"] == []


def test_the_cache_holds_the_shell_and_nothing_of_a_person(office: Office, phone: Page) -> None:
    marieke, fatima = office.member(), fresh(FATIMA)
    arrive(phone, office, marieke)
    wait_for_worker(phone)
    compose(phone, office.url, fatima[0], subject="Geheim onderwerp", body="Geheime woorden")
    send(phone)
    for path in ("/inbox", "/sent", "/drafts", "/more"):
        phone.goto(office.url + path)
    kept = phone.evaluate(KEPT)
    assert {path for path, _text in kept if not path.startswith("/static/")} == {"/offline"}
    everything = "".join(text for _path, text in kept)
    for secret in ("Geheim", fatima[0], marieke.address, marieke.name, "Van Dalen"):
        assert secret not in everything
    assert phone.evaluate(ELSEWHERE) == {"local": {}, "session": {}, "databases": []}


def test_a_guest_leaves_nothing_in_the_browsers_stores(office: Office, phone: Page) -> None:
    fatima = fresh(FATIMA)
    office.send(office.member(), fatima)
    [mail] = office.sink.wait_for(fatima[0])
    open_letter(phone, mail)
    assert code_in(mail) not in "".join(str(entry) for entry in phone.evaluate(KEPT))
    assert phone.evaluate(ELSEWHERE) == {"local": {}, "session": {}, "databases": []}


def test_without_a_network_the_offline_page_is_shown_and_then_goes_on(office: Office, phone: Page) -> None:
    arrive(phone, office, office.member())
    wait_for_worker(phone)
    phone.context.set_offline(True)
    phone.goto(f"{office.url}/sent")
    expect(phone.get_by_role("heading", name="Geen verbinding")).to_be_visible()
    assert phone.evaluate("() => getComputedStyle(document.querySelector('.button-primary')).minHeight") != "auto"
    phone.context.set_offline(False)
    phone.get_by_role("link", name="Opnieuw proberen").click()
    expect(phone.get_by_role("heading", name="Verzonden", exact=True)).to_be_visible()


def test_when_the_server_is_away_the_offline_page_is_shown_too(sqlite: Sqlite, tmp_path: Path, phone: Page) -> None:
    with open_office(tmp_path / "var", sqlite.new_database(), worker=False) as office:
        arrive(phone, office, office.member())
        wait_for_worker(phone)
        office.product.stop()
        phone.goto(f"{office.url}/inbox")
        expect(phone.get_by_role("heading", name="Geen verbinding")).to_be_visible()


def test_what_is_being_written_stays_when_the_network_goes(office: Office, phone: Page) -> None:
    fatima = fresh(FATIMA)
    let_in(phone, office, office.member())
    compose(phone, office.url, fatima[0], body="Dit mag niet weg.")
    phone.context.set_offline(True)
    phone.get_by_role("button", name="Verzenden").click()
    expect(phone.locator("#problem")).to_contain_text("offline")
    expect(phone.get_by_label("Bericht", exact=True)).to_have_value("Dit mag niet weg.")
    phone.context.set_offline(False)
    send(phone)
    assert office.sink.wait_for(fatima[0])


def test_logging_out_leaves_nothing(office: Office, phone: Page) -> None:
    arrive(phone, office, office.member())
    wait_for_worker(phone)
    phone.goto(f"{office.url}/more")
    with phone.expect_response("**/logout") as answer:
        phone.locator("#list").get_by_role("button", name="Uitloggen").click()
    assert answer.value.all_headers()["clear-site-data"] == '"cache"'
    phone.wait_for_url("**/login**")
    assert "__Host-s" not in {cookie["name"] for cookie in phone.context.cookies()}
    assert phone.evaluate(ELSEWHERE) == {"local": {}, "session": {}, "databases": []}
    phone.goto(f"{office.url}/inbox")
    expect(phone.locator("input[name=password]")).to_be_visible()
