"""Whatever an address or a form says, the headers of an answer are ours: printable ASCII, and leading nowhere else.

The framework's client takes headers that no server could send, so what they hold is looked at here.
"""

from urllib.parse import quote, urlencode

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from securemail import ids
from tests.delivery.test_header_injection import nasty
from tests.house import PASSWORD, SANNE, House
from tests.visitor import HTMX, Visitor

pytestmark = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)

OWN = (
    "/sent",
    "/inbox?folder=x",
    "/é",
    "/漢字?q=ß#x",
    "/%0d%0aSet-Cookie:x=1",
    "/x%",
    "/..//kwaad.example",
    "/b/%2e%2e//x",
)
paths = st.sampled_from(OWN) | nasty | nasty.map("/{}".format) | nasty.map("/sent?x={}".format)
several = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def well_formed(answer: TestResponse) -> None:
    assert answer.status_code < 500
    for name, value in answer.headers.items():
        assert name.isascii(), name
        assert value.isascii(), (name, value)
        assert value.isprintable(), (name, value)
        if name in ("Location", "HX-Redirect", "Content-Location"):
            assert value.startswith("/"), (name, value)
            assert not value.startswith(("//", "/\\")), (name, value)


def post(visitor: Visitor, path: str, form: dict[str, str], headers: dict[str, str] | None = None) -> TestResponse:
    """A form as a browser writes it, and half characters as only Mallory does."""
    body = urlencode({"csrf_token": visitor.token, **form}, errors="surrogatepass")
    return visitor.client.post(path, data=body, content_type="application/x-www-form-urlencoded", headers=headers)


def asked(text: str) -> str:
    return quote(text, errors="surrogatepass")


@several
@given(where=paths)
def test_to_a_stranger(app: Flask, house: House, where: str) -> None:
    mallory = Visitor(app)
    mallory.get("/b")
    for headers in ({}, HTMX):
        for path in (
            f"/login?next={asked(where)}", f"/b/{asked(where.lstrip('/') or 'x')}", f"/sent?x={asked(where)}",
            f"/conversations/{ids.to_text(bytes(16))}?back={asked(where)}", f"/login/step?next={asked(where)}",
            f"/{asked(where.lstrip('/'))}", f"/signup?letter={asked(where)}", f"/b?language={asked(where)}",
        ):  # fmt: skip
            well_formed(mallory.client.get(path, headers=headers))
        for path in ("/language", "/login/step", "/login/cancel"):
            well_formed(post(mallory, path, {"language": "en", "next": where, "code": where}, headers))


@several
@given(where=paths)
def test_to_somebody_who_logs_in(app: Flask, house: House, where: str) -> None:
    house.clock.forward(hours=2)
    sanne = Visitor(app)
    sanne.get("/login")
    well_formed(post(sanne, "/login", {"address": SANNE[0], "password": PASSWORD, "next": where}))
    sanne.get("/inbox")
    for headers in ({}, HTMX):
        for path in (f"/login?next={asked(where)}", f"/rotation?next={asked(where)}",
                     f"/rotation/batch?next={asked(where)}", f"/security/confirm?next={asked(where)}"):  # fmt: skip
            well_formed(sanne.client.get(path, headers=headers))
        for form in ({"stepup_action": where}, {"stepup_next": where}):
            well_formed(post(sanne, "/security/confirm", form, headers))
    well_formed(post(sanne, "/logout", {"next": where}))
