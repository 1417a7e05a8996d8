"""Somebody with a browser, for tests through the framework's client: reads form tokens from pages as a person would."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from securemail.crypto import cookies
from securemail.identity import login
from securemail.identity.context import Member
from securemail.web import session
from tests.house import House

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_HEADER = re.compile(r'<meta name="csrf" content="([^"]+)"')
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


class Visitor:
    """One browser: its cookies, and the form token of the page it saw last."""

    def __init__(self, app: Flask, network: str = "192.0.2.7") -> None:
        self.client: FlaskClient = app.test_client()
        self.client.environ_base["REMOTE_ADDR"] = network
        self.token = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        return self._seen(self.client.get(path, **options))

    def post(self, path: str, form: Mapping[str, Any] | None = None, **options: Any) -> TestResponse:
        return self._seen(self.client.post(path, data={"csrf_token": self.token, **(form or {})}, **options))

    def log_in(self, address: str, password: str, **form: str) -> TestResponse:
        self.get("/login")
        return self.post("/login", {"address": address, "password": password, **form})

    def let_in(self, house: House, who: Member) -> None:
        """The session that the log-in page would give, as when it was a while ago; then their inbox.

        Tests about log-in, sessions and browsers that are recognised need the page: `log_in`.
        """
        with house.work() as ctx:
            secret = login.start_session(ctx, who.root, remember=False)
        self.client.set_cookie(session.MEMBER, cookies.write_cookie(secret), secure=True)
        self.get("/inbox")

    def cookie(self, name: str) -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None

    def _seen(self, answer: TestResponse) -> TestResponse:
        if answer.mimetype == "text/html":
            found = _TOKEN.search(answer.text) or _HEADER.search(answer.text)
            self.token = found[1] if found else self.token
        return answer


def alerts(answer: TestResponse) -> list[str]:
    """What a page says is wrong."""
    return re.findall(r'class="error"[^>]*>.*?<span>(.*?)</span>', answer.text, re.DOTALL)
