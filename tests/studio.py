"""What every picture of `make screenshots` is taken with: the running product, its mail, and one page of a browser."""

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from playwright.sync_api import Page

from securemail import clock
from securemail.config import ROOT, Settings
from securemail.organisations import setup
from securemail.runtime import Runtime
from tests import lived_in
from tests.house import FATIMA, PASSWORD
from tests.lived_in import NOW, Office
from tests.serve import CHEAP, SHIFT
from tests.servers import Product, SmsSink, SmtpSink, Sqlite, running_product, sms_sink, smtp_sink, text_part

PICTURES = ROOT / "var" / "screenshots"


@dataclass
class Stage:
    """The running product and the office in it: the same for every picture."""

    product: Product
    sink: SmtpSink
    sms: SmsSink
    office: Office


@dataclass
class Studio(Stage):
    """Everything that a picture is taken with; `page` and what it looks like change from pass to pass."""

    page: Page
    size: str
    look: str

    @classmethod
    def on(cls, stage: Stage, page: Page, size: str, look: str) -> Self:
        """Somebody's page in front of the camera."""
        return cls(stage.product, stage.sink, stage.sms, stage.office, page, size, look)

    def go(self, path: str) -> None:
        self.page.goto(self.product.url + path)

    def shoot(self, name: str, **options: Any) -> None:
        """Take the picture once nothing moves any more."""
        self.page.evaluate("() => Promise.all(document.getAnimations().map(one => one.finished.catch(() => {})))")
        # Hiding the caret would leave style attributes behind, which htmx then copies against the policy.
        picture = PICTURES / f"{self.size}-{name}-{self.look}.png"
        self.page.screenshot(path=picture, caret="initial", **options)

    def see(self, path: str, name: str) -> None:
        """Go somewhere and take its picture."""
        self.go(path)
        self.shoot(name)

    def press(self, selector: str) -> None:
        self.page.locator(selector).first.click()

    def fill(self, name: str, text: str) -> None:
        """Type into the field of that name."""
        self.page.locator(f"main [name={name}]").last.fill(text)

    def submit(self) -> None:
        """Press the button that matters, and wait for what comes."""
        self.page.locator("main form button.button-primary, main form button.button-danger").first.click()
        self.page.wait_for_load_state()

    def log_in(self, address: str, *, then: str = "**/inbox") -> None:
        self.go("/login")
        self.fill("address", address)
        self.fill("password", PASSWORD)
        self.press("form[action*='/login'] button.button-primary")
        self.page.wait_for_url(then)

    def mailed(self, address: str, subject: str = "", *, tries: int = 600) -> str:
        """The newest link with a token behind its # that was mailed to an address, under a subject with these words."""
        for _ in range(tries):
            for mail in reversed(self.sink.to(address)):
                found = re.search(r"https?://\S+#\S+", text_part(mail))
                if found and subject in str(mail["Subject"]):
                    return found[0]
            time.sleep(0.1)
        raise AssertionError(f"no mail '{subject}' with a link for {address}")

    def clock(self) -> int:
        """Seconds since 1970, as the product sees them."""
        return int(time.time() + float(self.product.environ.get(SHIFT, "0")))


@contextmanager
def open_stage() -> Iterator[tuple[Stage, str]]:
    """The product at ten to twelve, a week of post in it. Its set-up link still shows what it looks like too late."""
    folder = Path(tempfile.mkdtemp(prefix="screenshots-"))
    shift = {SHIFT: str((NOW - clock.now()).total_seconds())}
    try:
        url = Sqlite(folder).new_database()
        with (
            smtp_sink() as sink,
            sms_sink() as sms,
            running_product(folder / "var", url, smtp_port=sink.port, sms=sms, environ=shift) as product,
        ):
            sink.refuse["bounce@oud-adres.example"] = "550 5.1.1 No such user"
            link = setup_link(product)
            office = lived_in.furnish(folder / "var", url)
            sink.wait_for(FATIMA[0], 2)
            yield Stage(product, sink, sms, office), link
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def setup_link(product: Product) -> str:
    """The one-time link of a product, as its console prints it."""
    runtime = Runtime.assemble(Settings.from_environ(product.environ), argon2=CHEAP, clock=lambda: NOW)
    link = setup.ensure_link(runtime)
    runtime.engine.dispose()
    assert link is not None
    return link
