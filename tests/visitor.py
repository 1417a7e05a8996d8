"""Somebody with a browser, for tests through the framework's client: reads form tokens from pages as a person would."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

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
