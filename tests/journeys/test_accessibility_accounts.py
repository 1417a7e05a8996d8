"""axe finds nothing on any step and state of who somebody is: by day and by night, in Dutch and in English.

The walks are those of the pictures: what is pictured is examined.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from tests.browser import examine, open_context
from tests.screenshots_accounts import ACCOUNTS, Pages
from tests.studio import Stage, Studio, open_stage

LOCALES = {"nl": "nl-NL", "en": "en-GB"}


@dataclass
class Examiner(Studio):
    """Looks at each page with axe where the studio would take a picture."""

    def shoot(self, name: str, *, full_page: bool = False) -> None:
        """Nothing is wrong with it by day and by night, and nothing sticks out; axe sees the whole page anyway."""
        if full_page:
            return
        examine(self.page, name)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with open_stage() as (stage, _link):
        yield stage


@pytest.mark.parametrize(("size", "language"), [("phone", "nl"), ("desktop", "en")])
@pytest.mark.parametrize("pages", ACCOUNTS, ids=lambda pages: pages.__name__.removesuffix("_pages"))
def test_every_step_can_be_used_by_everybody(
    stage: Stage, chromium: Browser, pages: Pages, size: str, language: str
) -> None:
    stage.office.speak(language)
    stage.office.forgive()
    with open_context(chromium, size, locale=LOCALES[language], axe=True, reduced_motion="reduce") as context:
        pages(Examiner.on(stage, context.new_page(), size, f"examined-{language}"))
