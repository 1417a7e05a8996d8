"""Link checkers and previews: fifty visits that are no person's leave every table as it was, byte for byte."""

import itertools

import pytest
from flask import Flask
from sqlalchemy import select

from securemail import ids
from securemail.crypto.codes import write_message_code
from securemail.store.models import GuestLink, Recipient
from securemail.web import create_app
from tests.house import FATIMA, SANNE, House
from tests.security.processes import dump

VISITS = 50
AGENTS = (
    "Mozilla/5.0 (compatible; Microsoft-SafeLinks/1.0)",
    "facebookexternalhit/1.1",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "WhatsApp/2.23 A",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "curl/8.5.0",
    "",
)
HEADERS = (
    {},
    {"Sec-Purpose": "prefetch;prerender"},
    {"Purpose": "prefetch"},
    {"X-Moz": "prefetch"},
    {"Range": "bytes=0-1023"},
    {"If-None-Match": "*"},
    {"HX-Request": "true"},
    {"Cookie": "__Host-g=" + "A" * 43 + "; g=" + "A" * 43 + "; s=" + "A" * 43},
)
METHODS = ("GET", "HEAD", "GET", "OPTIONS", "GET")


@pytest.fixture
def app(house: House) -> Flask:
    return create_app(house.runtime)


def addresses(house: House) -> list[str]:
    """The link as mailed, spoilt in the ways of mail programs, and the pages behind it."""
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink)).one()
    ref = ids.to_text(link.link_ref)
    code = write_message_code(house.code_of(link.conversation, FATIMA[0])).replace(" ", "")
    ends = (
        "",
        "?utm_source=mail",
        "/letter",
        f"?code={code}",
        f"%23{code}",
        "/check",
        "/check/sms",
        "/help?kind=again",
    )
    return [f"/b/{ref}{end}" for end in ends]


def test_robots_change_nothing(house: House, app: Flask) -> None:
    sent = house.send(FATIMA, SANNE)
    visits = itertools.product(addresses(house), METHODS, HEADERS, AGENTS)
    chosen = list(itertools.islice(visits, 0, None, 23))
    assert len(chosen) >= VISITS
    before = dump(house)
    for address, method, headers, agent in chosen:
        answer = app.test_client().open(address, method=method, headers={**headers, "User-Agent": agent})
        assert answer.status_code < 500
    assert dump(house) == before
    with house.work() as ctx:
        assert set(ctx.db.scalars(select(Recipient.state).where(Recipient.message == sent.message))) == {"waiting"}


def test_posts_that_a_person_did_not_make_open_nothing(house: House, app: Flask) -> None:
    """With the code, but without the page's own token: a robot that sends forms blindly, or another site."""
    house.send(FATIMA)
    address, code = addresses(house)[0], addresses(house)[3].partition("code=")[2]
    for path in (address, f"{address}/open", f"{address}/reply", "/b"):
        for headers in ({}, {"Sec-Fetch-Site": "cross-site", "Origin": "https://kwaad.example"}):
            answer = app.test_client().post(path, data={"code": code, "text": "x"}, headers=headers)
            assert 400 <= answer.status_code < 500
    with house.work() as ctx:
        assert ctx.db.scalars(select(Recipient.state)).all() == ["waiting"]


def test_pages_of_members_change_nothing_for_strangers(house: House, app: Flask) -> None:
    sent = house.send(FATIMA)
    before = dump(house)
    message, conversation = ids.to_text(sent.message), ids.to_text(sent.conversation)
    for path in ("/", "/inbox", "/sent", "/news", f"/conversations/{conversation}", f"/messages/{message}/revoke"):
        assert app.test_client().get(path).status_code < 500
    assert dump(house) == before
