"""Mails that name an account by its id alone: address, name and language come from the directory when they are made."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from securemail.delivery import notifications
from securemail.delivery.brand import Brand
from securemail.delivery.claim import Job
from securemail.delivery.render import Renderer
from securemail.identity import profile, waits
from tests.delivery.test_notifications import BY_IDS
from tests.house import SANNE, House, furnish

URL = "https://post.vandalenbakker.example"
READY = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
ABOUT_A_MESSAGE = {"member_message", "member_reminder"}


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    furnished = furnish(tmp_path, database_url)
    yield furnished
    furnished.runtime.engine.dispose()


@pytest.mark.parametrize("language", ["nl", "en"])
def test_each_goes_to_the_owner_in_their_language(house: House, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "of", lambda *_: SimpleNamespace(ready=READY))
    with house.work() as ctx:
        profile.set_language(ctx, house.sanne.owner, language)
    for kind in sorted(BY_IDS - ABOUT_A_MESSAGE):
        job = Job(bytes(16), kind, 1, None, None, house.sanne.mailbox, None)
        with house.work() as ctx:
            made = notifications.prepare(ctx, job, brand=Brand("Van Dalen & Bakker"), public_url=URL)
        mail = Renderer("bericht@post.vandalenbakker.example").mail(made, now=house.clock.now)
        assert mail["To"] == f"{SANNE[1]} <{SANNE[0]}>"
        assert mail["Content-Language"] == language
        plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
        assert plain is not None
        assert html is not None
        assert URL in plain.get_content()
        assert "Van Dalen &amp; Bakker" in html.get_content()
