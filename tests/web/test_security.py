"""Headers on every answer, form tokens on every POST, and sizes that are refused before they are read."""

import json
import re
from io import BytesIO

import pytest
from flask import Flask

from securemail.crypto.cookies import form_token, write_cookie
from securemail.crypto.secrets import SessionSecret
from securemail.web import security
from tests.visitor import Visitor

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def _static(visitor: Visitor) -> str:
    found = re.search(r'href="(/static/app-[^"]+\.css)"', visitor.get("/login").text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/login", 200),
        ("/inbox", 303),
        ("/nope", 404),
        ("/setup", 410),
        ("/healthz", 200),
        ("/static/nope.css", 404),
        ("/sw.js", 200),
        ("/b/AAAAAAAAAAAAAAAAAAAAAA", 404),
    ],
)
def test_every_answer_is_dressed(visitor: Visitor, path: str, status: int) -> None:
    answer = visitor.get(path)
    assert answer.status_code == status
    assert answer.headers["Content-Security-Policy"] == POLICY
    for name, value in security.HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["Cache-Control"] in ("no-store", "no-cache")
    assert "Strict-Transport-Security" not in answer.headers, "this one runs without https"


@pytest.mark.parametrize("name", ["publickey-credentials-create", "publickey-credentials-get", "otp-credentials"])
def test_passkeys_and_codes_of_an_sms_belong_to_this_site_alone(visitor: Visitor, name: str) -> None:
    assert f"{name}=(self)" in visitor.get("/login").headers["Permissions-Policy"].split(", ")


def test_static_files_are_dressed_too_and_kept(visitor: Visitor) -> None:
    answer = visitor.get(_static(visitor))
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "immutable" in answer.headers["Cache-Control"]


def test_a_refused_method_and_a_failure_are_dressed_too(app: Flask, visitor: Visitor) -> None:
    app.testing = False
    visitor.get("/login")
    assert visitor.post("/healthz").headers["X-Frame-Options"] == "DENY"
    assert visitor.post("/login", {"csrf_token": "x"}).headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "token",
    ["", "x", "A" * 86, "é" * 40, "=" * 86, "A" * 100_00, "\u0000", form_token(SessionSecret.new())],
    ids=["none", "short", "zeros", "not-ascii", "padding", "long", "nul", "foreign"],
)
def test_a_malformed_or_foreign_form_token_is_a_bad_request(visitor: Visitor, token: str) -> None:
    visitor.get("/login")
    answer = visitor.post("/login", {"csrf_token": token, "address": "a@example.org", "password": "x"})
    assert answer.status_code == 400


def test_the_token_may_come_in_the_header(sanne: Visitor) -> None:
    answer = sanne.post("/signup/strength", {"csrf_token": ""}, headers={"X-CSRF-Token": sanne.token})
    assert answer.status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_a_request_from_another_site_is_refused_even_with_its_token(sanne: Visitor, site: str) -> None:
    assert sanne.post("/logout", headers={"Sec-Fetch-Site": site}).status_code == 403
    assert sanne.get("/inbox").status_code == 200


def test_what_another_site_sent_does_not_come_back_as_a_form_to_send_again(visitor: Visitor) -> None:
    # A cross-site POST brings no Lax cookie: to us its sender looks like somebody whose session ended.
    form = {"to": "mallory@example.org", "subject": "x", "body": "phish"}
    answer = visitor.post("/compose", form, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert answer.status_code == 403
    assert "mallory" not in answer.text


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_pages_may_post(sanne: Visitor, site: str) -> None:
    assert sanne.post("/logout", headers={"Sec-Fetch-Site": site}).status_code == 303


def test_a_token_is_another_one_on_every_page_and_all_of_them_work(sanne: Visitor) -> None:
    first = sanne.token
    sanne.get("/inbox")
    assert first != sanne.token
    assert sanne.post("/signup/strength", {"csrf_token": first}).status_code == 200


def test_a_token_of_one_browser_is_worth_nothing_in_another(app: Flask, sanne: Visitor) -> None:
    mallory = Visitor(app)
    mallory.get("/login")
    mallory.token = sanne.token
    assert mallory.post("/login", {"address": "a@example.org", "password": "x"}).status_code == 400


def test_a_page_that_an_other_tab_outdated_learns_its_new_token(sanne: Visitor) -> None:
    headers = {"HX-Request": "true", "X-CSRF-Token": "outdated"}
    answer = sanne.client.post("/signup/strength", headers=headers)
    assert answer.status_code == 400
    token = json.loads(answer.headers["HX-Trigger"])["session-renewed"]["csrf"]
    again = sanne.client.post("/signup/strength", headers={**headers, "X-CSRF-Token": token})
    assert again.status_code == 200


def test_a_form_that_is_too_large_is_refused(visitor: Visitor) -> None:
    visitor.get("/login")
    assert visitor.post("/login", {"address": "x" * 70_000}).status_code == 413


def test_a_letter_may_be_large_before_it_is_refused_in_words(sanne: Visitor) -> None:
    answer = sanne.post("/compose", {"body": "x" * 5_000_000, "key": "A" * 22, "subject": "s"})
    assert answer.status_code == 422
    assert sanne.post("/compose", {"body": "x" * 9_000_000}).status_code == 413


def test_a_file_in_a_form_never_reaches_the_disk(app: Flask) -> None:
    start = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
    body = start + b"x" * 600_000 + b"\r\n--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    with app.test_request_context("/compose", method="POST", data=body, content_type=kind) as context:
        assert type(context.request.files["f"].stream) is BytesIO


def test_cookies_are_ours_alone(visitor: Visitor) -> None:
    answer = visitor.get("/login")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-c=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize("value", ["", "x", "A" * 43, "A" * 4000, "é", "\u0000"])
def test_a_mangled_cookie_is_nobody(app: Flask, value: str) -> None:
    visitor = Visitor(app)
    visitor.client.set_cookie("__Host-s", value)
    assert visitor.get("/inbox").status_code == 303
    assert visitor.get("/login").status_code == 200


def test_a_browser_that_keeps_no_cookies_is_told_so(app: Flask) -> None:
    answer = Visitor(app).post("/login", {"address": "a@example.org", "password": "x"})
    assert answer.status_code == 400
    assert "cookie" in answer.text
    assert "<form" in answer.text


def test_the_host_header_makes_no_links(visitor: Visitor) -> None:
    answer = visitor.get("/inbox", headers={"Host": "mallory.example"})
    assert "mallory" not in answer.headers["Location"]
    assert "mallory" not in visitor.get("/login", headers={"Host": "mallory.example"}).text


@pytest.mark.parametrize("host", ["mallory.example", "x" * 300, "a..b", "", '"><script>'])
def test_a_host_that_is_none_breaks_nothing_and_no_redirect_leads_there(visitor: Visitor, host: str) -> None:
    assert visitor.get("/login", headers={"Host": host}).status_code == 200
    answer = visitor.get("/b//x", headers={"Host": host})
    assert answer.status_code == 308
    assert answer.headers["Location"] == "http://localhost:8000/b/x"


def test_a_cookie_written_by_hand_is_read_back() -> None:
    secret = SessionSecret.new()
    assert len(write_cookie(secret)) == 43
