"""A browser without a screen, for robots and for races: cookies, form tokens, and nothing else."""

import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """What came back after all redirects."""

    status: int
    url: str
    text: str


class PlainBrowser:
    """One person's cookies; `token` is the last form token that a page showed."""

    def __init__(self) -> None:
        # Browsers send Secure cookies to localhost over plain http too.
        self.cookies = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies)
        )
        self.token = ""

    def get(self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        return self._ask(urllib.request.Request(url, method=method, headers=dict(headers or {})))

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        body = urllib.parse.urlencode({"csrf_token": self.token, **form}).encode()
        return self._ask(urllib.request.Request(url, data=body, method="POST"))

    def log_in(self, url: str, address: str, password: str) -> Answer:
        self.get(f"{url}/login")
        return self.post(f"{url}/login", {"address": address, "password": password})

    def _ask(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request, timeout=30) as response:
                answer = Answer(response.status, response.url, response.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            answer = Answer(error.code, error.url, error.read().decode("utf-8", "replace"))
        found = _TOKEN.search(answer.text)
        self.token = found[1] if found else self.token
        return answer
