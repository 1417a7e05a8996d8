"""Reads variables of the environment, and collects every problem on the way."""

import ipaddress
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


class Reader:
    """Reads variables and collects every problem, so that one start tells them all."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        value = self.environ.get(name, "").strip()
        if any(ord(character) < 32 for character in value):
            self.problems.append(f"{name} contains a control character.")
            return default
        return value or default

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        value = self.text(name, str(default))
        if value.isascii() and value.isdigit() and least <= int(value) <= most:
            return int(value)
        self.problems.append(f"{name} must be a whole number from {least} to {most}.")
        return default

    def choice(self, name: str, default: T, choices: Mapping[str, T]) -> T:
        value = self.text(name).lower()
        if not value:
            return default
        if value in choices:
            return choices[value]
        self.problems.append(f"{name} must be one of: {', '.join(choices)}.")
        return default

    def parsed(self, name: str, default: T, parse: Callable[[str], T]) -> T:
        """`parse` raises a ValueError whose words finish the sentence '<name> …'."""
        value = self.text(name)
        if not value:
            return default
        try:
            return parse(value)
        except ValueError as error:
            self.problems.append(f"{name} {error}.")
            return default

    def require(self, name: str, why: str) -> None:
        if not self.environ.get(name, "").strip():
            self.problems.append(f"{name} is missing: {why}.")


def require_port(rest: str) -> None:
    try:
        _ = urlsplit(f"//{rest}").port
    except ValueError:
        raise ValueError("has a port that is no number from 0 to 65535") from None


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
