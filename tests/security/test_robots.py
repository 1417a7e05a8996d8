"""Link checkers and previews: fifty visits that are no person's leave every table as it was, byte for byte."""

import itertools

import pytest
from flask import Flask
from sqlalchemy import select

from securemail import ids
from securemail.crypto.codes import write_message_code
from securemail.crypto.cookies import write_cookie
from securemail.crypto.secrets import SessionSecret
from securemail.guests import gate
from securemail.guests.checks import NONE, Check
from securemail.store.models import GuestLink, Recipient
from securemail.web import session
from tests.guests.test_devices import enter, remember, send
from tests.guests.test_gate import NUMBER, ask_for_sms
from tests.house import FATIMA, SANNE, House
from tests.kept import app_around
from tests.security.processes import dump
from tests.security.test_guest_interleaved import Visit, agreed

VISITS = 50
NAMES = (
    "Microsoft-SafeLinks", "Microsoft Office Protocol Discovery", "ms-office", "Mimecast-URL-Scan",
    "Barracuda Sentinel (EE)", "Proofpoint URL Defense", "Cisco-Talos", "TrendMicro", "Sophos", "Zscaler",
    "Symantec", "FireEye", "Fortinet", "McAfee", "ESET", "Kaspersky", "Avast", "BitDefender", "urlscan",
    "VirusTotal", "Google-Safety", "GoogleImageProxy", "Googlebot", "Google-PageRenderer", "FeedFetcher-Google",
    "bingbot", "BingPreview", "YandexBot", "Baiduspider", "DuckDuckBot", "Applebot", "AppleNewsBot",
    "facebookexternalhit", "facebookcatalog", "WhatsApp", "TelegramBot", "Slackbot-LinkExpanding",
    "Slack-ImgProxy", "Discordbot", "Twitterbot", "LinkedInBot", "Pinterestbot", "SkypeUriPreview", "Signal",
    "Viber", "redditbot", "curl", "Wget", "python-requests", "HeadlessChrome",
)  # fmt: skip
AGENTS = (
    *(f"Mozilla/5.0 (compatible; {name}/1.0)" for name in NAMES),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "",
)
AHEAD = (
    {"Sec-Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    {"Purpose": "prefetch"},
    {"X-Moz": "prefetch"},
)
HEADERS = (
    {},
    *AHEAD,
    {"Sec-Purpose": "prefetch;anonymous-client-ip"},
    {"Range": "bytes=0-1023"},
    {"If-None-Match": "*"},
    {"HX-Request": "true"},
    {"Cookie": "__Host-g=" + "A" * 43 + "; g=" + "A" * 43 + "; s=" + "A" * 43},
)
PAGES = (
    "letter", "letter?opened=1", "letter?sent=1", "check", "check/sms", "open", "reply", "close", "return", "remember",
    "devices", "devices?added=1", "devices/forget", "help", "help?asked=1", "account", "claim",
)  # fmt: skip
METHODS = ("GET", "HEAD", "GET", "OPTIONS", "GET")


@pytest.fixture
def app(house: House) -> Flask:
    return app_around(house.runtime)


def addresses(house: House) -> list[str]:
    """The link as mailed, spoilt in the ways of mail programs, and the pages behind it."""
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink)).one()
    ref = ids.to_text(link.link_ref)
    code = write_message_code(house.code_of(link.conversation, FATIMA[0])).replace(" ", "")
    behind = ("", "?utm_source=mail", "?again=1", f"?code={code}", f"%23{code}", f".{code}", "/help?kind=again")
    pages = (f"/b/{ref}{end}" for end in (*behind, *(f"/{page}" for page in PAGES)))
    return [
        *pages,
        "/b",
        f"/b?code={code}",
        f"/m/{ids.to_text(link.conversation)}",
        f"/m/{ref}",
        "/language?language=en",
    ]


def test_robots_change_nothing(house: House, app: Flask) -> None:
    sent = house.send(FATIMA, SANNE)
    visits = itertools.product(addresses(house), METHODS, HEADERS, AGENTS)
    chosen = list(itertools.islice(visits, 0, None, 211))
    assert len({agent for *_, agent in chosen}) >= VISITS
    assert {address for address, *_ in chosen} == set(addresses(house))
    before = dump(house)
    for address, method, headers, agent in chosen:
        answer = app.test_client().open(address, method=method, headers={**headers, "User-Agent": agent})
        assert answer.status_code < 500
    assert dump(house) == before
    with house.work() as ctx:
        assert set(ctx.db.scalars(select(Recipient.state).where(Recipient.message == sent.message))) == {"waiting"}


@pytest.mark.parametrize("came", ["gave the code", "was sent a code by SMS", "is asked a password", "is remembered"])
def test_a_browser_that_looks_ahead_changes_nothing_for_its_person(house: House, app: Flask, came: str) -> None:
    """With the person's own cookies, at every page and at every step."""
    checks = {"was sent a code by SMS": Check("sms", NUMBER), "is asked a password": agreed(house)}
    link = send(house, checks.get(came, NONE))
    cookies = cookies_of(house, link, came)
    # Long enough for a visit to count as one: that of a person would keep the session alive.
    house.clock.forward(minutes=2)
    before = dump(house)
    for address in addresses(house):
        for method, headers in itertools.product(("GET", "HEAD"), AHEAD):
            client = app.test_client()
            for name, secret in cookies.items():
                client.set_cookie(name, write_cookie(secret))
            assert client.open(address, method=method, headers=headers).status_code < 500
    assert dump(house) == before


def cookies_of(house: House, link: bytes, came: str) -> dict[str, SessionSecret]:
    if came == "is remembered":
        return {session.REMEMBERED_GUEST: remember(house, enter(house, link))}
    with house.work() as ctx:
        at = gate.enter_code(ctx, Visit(house, link).code(ctx), None)
    if came == "was sent a code by SMS":
        ask_for_sms(house, at)
    return {session.GUEST: at.secret}


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
