"""A real Chromium for journeys: launched as it is known to work, watched for every blocked or failed script."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FONTS = Path(__file__).parent / "fonts.conf"
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules to which day or night matters."""
EXAMINE = """rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']}).then(
  result => result.violations.flatMap(finding => finding.nodes.map(
    node => `${finding.id}: ${node.target} ${node.html.slice(0, 120)}`)))"""
STANDS = """() => document.readyState === 'complete'
  && !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')
  && document.getAnimations().every((one) => one.playState !== 'running')"""
RUNS = "() => document.documentElement?.classList.contains('js') || document.readyState === 'complete'"
PATIENCE = 30_000
"""Milliseconds that a browser may take for one step on the slowest and busiest machine; no test waits for their end."""
SIZES: dict[str, dict[str, Any]] = {
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
    "tablet": {"viewport": {"width": 820, "height": 1180}, "device_scale_factor": 1, "has_touch": True},
    "desktop": {"viewport": {"width": 1440, "height": 900}, "device_scale_factor": 1},
}

expect.set_options(timeout=PATIENCE // 2)


def chromium_path() -> str:
    """Chromium as people have it, and for whoever has only the one without windows, that."""
    return os.environ.get("CHROMIUM") or _first_of("chromium", "chromium-headless-shell")


def shell_path() -> str:
    """Chromium without windows (decision 25), where that is installed."""
    return os.environ.get("CHROMIUM") or _first_of("chromium-headless-shell", "chromium")


def _first_of(*names: str) -> str:
    path = next(filter(None, map(shutil.which, names)), None)
    if not path:
        pytest.fail("Chromium is missing: run bin/setup-test-machine.")
    return path


def launch(playwright: Playwright, *, whole: bool = False, back_forward_cache: bool = False) -> Browser:
    """Without windows, unless the `whole` browser is asked for. Playwright turns the back/forward cache off; people
    have it on, so some journeys must too, and only the whole browser has one.
    """
    return playwright.chromium.launch(
        executable_path=chromium_path() if whole or back_forward_cache else shell_path(),
        args=list(ARGUMENTS),
        env={**os.environ, "FONTCONFIG_FILE": str(FONTS)},
        ignore_default_args=["--disable-back-forward-cache"] if back_forward_cache else None,
        timeout=2 * PATIENCE,
    )


@dataclass
class Watch:
    """What went wrong in the pages of one context, whoever was looking."""

    csp: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "content security policy" in message.text:
            self.csp.append(f"{message.location.get('url')}: {message.text}")

    def check(self) -> None:
        assert not self.csp, f"the content security policy was violated: {self.csp}"
        assert not self.errors, f"scripts failed: {self.errors}"


@contextlib.contextmanager
def open_context(
    browser: Browser, size: str, *, locale: str = "nl-NL", dark: bool = False, axe: bool = False, **options: Any
) -> Iterator[BrowserContext]:
    """One person's browser. Leaving it fails the test when a script failed or the policy was violated.

    With `axe` every page has it from the start: quicker where most of them are examined.
    """
    scheme = "dark" if dark else "light"
    context = browser.new_context(
        **{**SIZES[size], "locale": locale, "timezone_id": "Europe/Amsterdam", "color_scheme": scheme, **options}
    )
    watch = Watch()
    context.on("console", watch.console)
    context.on("weberror", lambda error: watch.errors.append(str(error.error)))
    context.set_default_timeout(PATIENCE)
    if axe:
        context.add_init_script(path=AXE)
    if options.get("java_script_enabled", True):
        context.on("page", _wait_for_scripts)
    try:
        yield context
        watch.check()
    finally:
        context.close()


def _wait_for_scripts(page: Page) -> None:
    """Before a hand reaches into a page or an eye looks, its scripts run: people are not as quick as a test is."""
    not_yet = page.locator("html:not(.js)")
    page.add_locator_handler(not_yet, lambda: page.wait_for_function(RUNS), no_wait_after=True)


def axe_findings(page: Page, rules: Sequence[str] = AXE_RULES) -> list[str]:
    """What axe holds against the page once it stands, one line each; `rules` are tags or names of rules.

    A page that is replaced meanwhile is none to judge: its successor is, but what goes on being replaced is an error.
    """
    try:
        return _examined(page, rules)
    except Error as error:
        if "context" not in error.message:
            raise
        return _examined(page, rules)


def axe_findings_day_and_night(page: Page) -> list[str]:
    """What axe holds against the page by night, and against its colours by day too."""
    # Without motion: half-way through a fade, colours are nobody's, and its end would have to be waited for.
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found = [f"by night, {finding}" for finding in axe_findings(page)]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    found += [f"by day, {finding}" for finding in axe_findings(page, AXE_COLOURS)]
    page.emulate_media(reduced_motion="null")
    return found


def examine(page: Page, name: str, *, heading: bool = False) -> None:
    """By day and by night nothing is held against the page, nothing is wider than the window, and where `heading` is
    asked for it has one of the first rank.
    """
    found = axe_findings_day_and_night(page)
    assert not found, f"{name}: {found}"
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), f"{name} sticks out"
    if heading:
        assert page.locator("h1:visible").count() == 1, f"{name} has one heading of the first rank"


def _examined(page: Page, rules: Sequence[str]) -> list[str]:
    page.wait_for_function(STANDS)
    found = page.evaluate(f"rules => 'axe' in window ? ({EXAMINE})(rules) : null", list(rules))
    if found is None:
        found = page.evaluate(f"rules => {{ {AXE.read_text('utf-8')}; return ({EXAMINE})(rules) }}", list(rules))
    return list(found)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def chromium_with_back_forward_cache(playwright: Playwright) -> Iterator[Browser]:
    browser = launch(playwright, back_forward_cache=True)
    yield browser
    browser.close()


@pytest.fixture(params=["phone", "desktop"])
def size(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def page(chromium: Browser, size: str) -> Iterator[Page]:
    """A page on a phone and on a desktop, in turn."""
    with open_context(chromium, size) as context:
        yield context.new_page()


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    with open_context(chromium, "phone") as context:
        yield context.new_page()


@pytest.fixture
def desktop(chromium: Browser) -> Iterator[Page]:
    with open_context(chromium, "desktop") as context:
        yield context.new_page()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for a browser carries its mark."""
    for item in items:
        if "playwright" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
