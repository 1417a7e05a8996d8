"""A real Chromium for journeys: launched as it is known to work, watched for every blocked or failed script."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright

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


def chromium_path() -> str:
    # Without a window around each page, where that is installed: a quarter of the work for every new browser.
    path = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if not path:
        pytest.fail("Chromium is missing: run bin/setup-test-machine.")
    return path


def launch(playwright: Playwright, *, back_forward_cache: bool = False) -> Browser:
    """Playwright turns the back/forward cache off; people have it on, so some journeys must too."""
    return playwright.chromium.launch(
        executable_path=chromium_path(),
        args=list(ARGUMENTS),
        env={**os.environ, "FONTCONFIG_FILE": str(FONTS)},
        ignore_default_args=["--disable-back-forward-cache"] if back_forward_cache else None,
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
    browser: Browser, size: str, *, locale: str = "nl-NL", dark: bool = False, **options: Any
) -> Iterator[BrowserContext]:
    """One person's browser. Leaving it fails the test when a script failed or the policy was violated."""
    scheme = "dark" if dark else "light"
    context = browser.new_context(
        **{**SIZES[size], "locale": locale, "timezone_id": "Europe/Amsterdam", "color_scheme": scheme, **options}
    )
    watch = Watch()
    context.on("console", watch.console)
    context.on("weberror", lambda error: watch.errors.append(str(error.error)))
    context.set_default_timeout(10_000)
    try:
        yield context
        watch.check()
    finally:
        context.close()


def axe_findings(page: Page, rules: Sequence[str] = AXE_RULES) -> list[str]:
    """What axe holds against the page as it stands, one line each; `rules` are tags or names of rules."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    result = page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", list(rules))
    return [
        f"{finding['id']}: {node['target']} {node['html'][:120]}"
        for finding in result["violations"]
        for node in finding["nodes"]
    ]


def axe_findings_day_and_night(page: Page) -> list[str]:
    """What axe holds against the page by night, and against its colours by day too."""
    page.emulate_media(color_scheme="dark")
    _stand_still(page)
    found = [f"by night, {finding}" for finding in axe_findings(page)]
    page.emulate_media(color_scheme="light")
    _stand_still(page)
    return found + [f"by day, {finding}" for finding in axe_findings(page, AXE_COLOURS)]


def _stand_still(page: Page) -> None:
    """Half-way through a fade, colours are nobody's."""
    page.wait_for_function("() => document.getAnimations().every((one) => one.playState !== 'running')")


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
