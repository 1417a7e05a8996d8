"""The small scripts of codes and passkeys, tried on a real page against answers that the test gives itself."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import open_context
from tests.journeys.people import Office

FIRST = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
SIX = '<form id="it" action="/sent-it"><input name="code" data-island="six-digits" {more}></form>'
RESEND = """
<form id="it" data-island="resend" data-seconds="75"><p data-resend-wait><b data-resend-clock>1:15</b></p>
<p data-resend-ready><button type="button">Stuur een nieuwe code</button></p></form>"""
PASSKEY = """
<form id="it"><input name="name" value="Werkplek" data-passkey-field><input name="password" value="geheim"></form>
<div id="passkey-status"></div>"""
WORDS = ("cancelled", "known", "unsupported", "offline", "failed", "refused")


@pytest.fixture
def page(chromium: Browser, office: Office) -> Iterator[Page]:
    with open_context(chromium, "phone") as context:
        page = context.new_page()
        page.goto(f"{office.url}/signup")
        yield page


def put(page: Page, markup: str) -> None:
    """Place something on the page, as if the server had drawn it there."""
    page.evaluate("markup => document.querySelector('main').insertAdjacentHTML('afterbegin', markup)", markup)


# --- codes of six digits ---


@pytest.mark.parametrize("typed", ["123 456", "123-456", "Uw code is 123456.", "1234567"])
def test_a_pasted_code_keeps_its_six_digits(page: Page, typed: str) -> None:
    put(page, SIX.format(more=""))
    page.locator("#it input").fill(typed)
    expect(page.locator("#it input")).to_have_value("123456")


def test_the_caret_stays_where_a_digit_was_mended(page: Page) -> None:
    put(page, SIX.format(more=""))
    field = page.locator("#it input")
    field.fill("12456")
    field.evaluate("field => field.setSelectionRange(2, 2)")
    field.press("3")
    field.press("x")
    expect(field).to_have_value("123456")
    assert field.evaluate("field => field.selectionStart") == 3


def test_a_whole_code_sends_itself_only_where_asked(page: Page) -> None:
    put(page, SIX.format(more=""))
    page.locator("#it input").press_sequentially("123456")
    page.locator("#it").evaluate("form => form.remove()")
    put(page, SIX.format(more="data-auto"))
    with page.expect_request("**/sent-it?code=654321"):
        page.locator("#it input").press_sequentially("654321")


# --- another code ---


def test_another_code_can_be_asked_for_when_the_clock_has_run_out(chromium: Browser, office: Office) -> None:
    with open_context(chromium, "phone") as context:
        page = context.new_page()
        page.clock.install(time="2026-11-19T09:00:00")
        page.goto(f"{office.url}/signup")
        page.clock.pause_at("2026-11-19T10:00:00")  # from here on only the test turns it
        put(page, RESEND)
        page.evaluate("() => document.dispatchEvent(new Event('htmx:after:swap'))")
        expect(page.locator("[data-resend-clock]")).to_have_text("1:15")
        expect(page.locator("#it button")).to_be_hidden()
        page.clock.run_for(33_000)
        expect(page.locator("[data-resend-clock]")).to_have_text("0:42")
        page.clock.run_for(43_000)
        expect(page.locator("#it button")).to_be_visible()
        expect(page.locator("[data-resend-wait]")).to_be_hidden()


# --- passkeys ---


@contextmanager
def authenticator(page: Page, *, prf: bool = True, verifies: bool = True) -> Iterator[None]:
    """A device that holds passkeys, and presses its own button."""
    network = page.context.new_cdp_session(page)
    network.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": verifies, "hasPrf": prf, "automaticPresenceSimulation": True,
    }  # fmt: skip
    network.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield
    network.send("WebAuthn.disable")


class Server:
    """Stands for the product: hands out options, keeps what comes back."""

    def __init__(self, page: Page, answer: dict[str, str] | None = None, status: int = 200) -> None:
        self.asked: list[Any] = []
        self.finished: list[Any] = []
        self.headers: dict[str, str] = {}
        self._answer, self._status = answer or {"next": "/signup?done=1"}, status
        page.route("**/options/*", self._options)
        page.route("**/finish", self._finish)

    def _options(self, route: Route) -> None:
        self.asked.append(json.loads(route.request.post_data or "{}"))
        shared = {"challenge": FIRST, "extensions": {"prf": {"eval": {"first": FIRST}}}}
        if route.request.url.endswith("create"):
            made = {
                "rp": {"id": "localhost", "name": "Securemail"},
                "user": {"id": FIRST, "name": "marieke", "displayName": "Marieke"},
                "pubKeyCredParams": [{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -257}],
                "authenticatorSelection": {"residentKey": "required", "userVerification": "required"},
                **shared,
            }
        else:
            made = {"rpId": "localhost", "userVerification": "required", "allowCredentials": [], **shared}
        route.fulfill(json=made)

    def _finish(self, route: Route) -> None:
        self.finished.append(json.loads(route.request.post_data or "{}"))
        self.headers = route.request.headers
        route.fulfill(json=self._answer, status=self._status)


def passkey(page: Page, kind: str, more: str = "") -> None:
    words = "".join(
        f'<template id="passkey-words-{name}"><p><span data-sentence>{name}</span></p></template>' for name in WORDS
    )
    put(page, PASSKEY + words)
    button = (
        f'<button type="button" id="press" data-passkey="{kind}" data-passkey-options="/options/{kind}" '
        f'data-passkey-finish="/finish" {more}>x</button>'
    )
    page.evaluate("markup => document.getElementById('it').insertAdjacentHTML('beforeend', markup)", button)


def press(page: Page) -> None:
    page.locator("#press").click()


def made(page: Page, server: Server, kind: str = "create", more: str = "") -> Any:
    page.goto(page.url.split("?")[0])
    passkey(page, kind, more)
    press(page)
    page.wait_for_url("**/signup?done=1")
    return server.finished[-1]


def test_the_secret_of_a_passkey_never_stands_in_the_credential(page: Page) -> None:
    server = Server(page)
    with authenticator(page):
        created = made(page, server)
        used = made(page, server, "get")
    for body in (created, used):
        assert len(body["prf"]) == 43
        assert body["prf"] not in json.dumps(body["credential"])
        assert "results" not in json.dumps(body["credential"])
    assert created["prf"] == used["prf"]
    assert server.headers["x-csrf-token"]


def test_only_marked_fields_ride_along(page: Page) -> None:
    server = Server(page)
    with authenticator(page):
        body = made(page, server)
    assert body["fields"] == {"name": "Werkplek"}
    assert "geheim" not in json.dumps([server.asked, server.finished])


def test_a_passkey_without_prf_sends_no_secret(page: Page) -> None:
    server = Server(page)
    with authenticator(page, prf=False):
        body = made(page, server)
    assert "prf" not in body
    assert body["credential"]["clientExtensionResults"]["prf"] == {"enabled": False}


def test_a_secret_held_back_at_first_is_asked_for_at_once(page: Page) -> None:
    """Many devices give no result while they make a passkey: the new one is used straight away."""
    page.add_init_script(
        "const real = CredentialsContainer.prototype.create;"
        "CredentialsContainer.prototype.create = async function (options) {"
        "  const made = await real.call(this, options);"
        "  made.getClientExtensionResults = () => ({prf: {enabled: true}});"
        "  return made; };"
    )
    page.reload()
    server = Server(page)
    with authenticator(page):
        body = made(page, server, more='data-passkey-assert="/options/get"')
    assert server.asked[-1] == {"id": body["credential"]["id"]}
    assert len(body["prf"]) == 43
    assert body["assertion"]["id"] == body["credential"]["id"]
    assert "results" not in json.dumps(body["assertion"])


def test_an_old_browser_that_converts_nothing_itself_sends_the_same(page: Page) -> None:
    page.add_init_script(
        "delete PublicKeyCredential.parseCreationOptionsFromJSON;"
        "delete PublicKeyCredential.parseRequestOptionsFromJSON;"
        "delete PublicKeyCredential.prototype.toJSON;"
    )
    page.reload()
    server = Server(page)
    with authenticator(page):
        created = made(page, server)
        used = made(page, server, "get")
    assert created["prf"] == used["prf"]
    assert created["credential"]["rawId"] == used["credential"]["rawId"] == used["credential"]["id"]
    assert {"clientDataJSON", "attestationObject", "transports"} <= set(created["credential"]["response"])
    assert {"clientDataJSON", "authenticatorData", "signature", "userHandle"} <= set(used["credential"]["response"])


def test_a_refusal_is_told_in_the_words_of_the_server(page: Page) -> None:
    Server(page, {"error": "Deze sleutel past niet bij dit account."}, status=422)
    with authenticator(page):
        passkey(page, "create")
        press(page)
        expect(page.locator("#passkey-status")).to_have_text("Deze sleutel past niet bij dit account.")
    expect(page.locator("#it input[name=password]")).to_have_value("geheim")


def test_an_answer_that_is_no_answer_is_told_too(page: Page) -> None:
    Server(page, {}, status=500)
    with authenticator(page):
        passkey(page, "create")
        press(page)
        expect(page.locator("#passkey-status")).to_have_text("failed")


def test_somebody_who_does_not_prove_who_they_are_can_try_again(page: Page) -> None:
    server = Server(page)
    passkey(page, "create")
    with authenticator(page, verifies=False):
        press(page)
        expect(page.locator("#passkey-status")).to_have_text("cancelled")
    with authenticator(page):
        press(page)
        page.wait_for_url("**/signup?done=1")
    assert len(server.finished) == 1


def test_a_passkey_that_is_there_already_is_told(page: Page) -> None:
    page.add_init_script(
        "CredentialsContainer.prototype.create = async () => { throw new DOMException('', 'InvalidStateError'); };"
    )
    page.reload()
    Server(page)
    passkey(page, "create")
    press(page)
    expect(page.locator("#passkey-status")).to_have_text("known")


def test_a_browser_without_passkeys_says_so(page: Page) -> None:
    page.add_init_script("delete window.PublicKeyCredential;")
    page.reload()
    server = Server(page)
    passkey(page, "get")
    press(page)
    expect(page.locator("#passkey-status")).to_have_text("unsupported")
    assert server.asked == []


def test_without_a_connection_nothing_is_lost(page: Page) -> None:
    page.route("**/options/*", lambda route: route.abort())
    passkey(page, "get")
    press(page)
    expect(page.locator("#passkey-status")).to_have_text("offline")
    expect(page.locator("#it input[name=name]")).to_have_value("Werkplek")
