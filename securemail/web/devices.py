"""The browser that asks: what its owner will recognise it by, and the cookie that tells whether it was here before."""

from typing import Final

from flask import Request, request

from securemail.crypto.secrets import SessionSecret
from securemail.identity.browsers import Browser
from securemail.web import session

# In this order: most browsers name those that they descend from.
_BROWSERS: Final = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("OPT/", "Opera"), ("SamsungBrowser", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"), ("FxiOS", "Firefox"), ("Firefox", "Firefox"), ("CriOS", "Chrome"),
    ("Chromium", "Chromium"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"),
    ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def this_browser() -> Browser:
    """The browser that is being let in. It gets a cookie to be recognised by, or keeps it for another year."""
    secret = session.device_secret() or SessionSecret.new()
    session.keep_device(secret)
    return Browser(secret, describe(request))


def describe(asking: Request) -> dict[str, str]:
    """ "browser": 'Chrome · Android' (in no language, empty when it says nothing known), "network": its address."""
    return {"browser": browser_name(asking.user_agent.string), "network": asking.remote_addr or ""}


def browser_name(user_agent: str) -> str:
    """What a browser says of itself, in two words that an owner recognises; it may lie."""
    found = (_first(user_agent, names) for names in (_BROWSERS, _SYSTEMS))
    return " · ".join(name for name in found if name)


def _first(user_agent: str, names: tuple[tuple[str, str], ...]) -> str:
    return next((name for sign, name in names if sign in user_agent), "")
