"""Settings of mail that comes back: the address that it comes back to, and where it is received."""

import re
from dataclasses import dataclass
from typing import Final

from securemail.config_reader import Reader, require_port

LONGEST_LOCAL: Final = 21
"""64 characters for a local part (RFC 5321), less a plus sign and the 42 that name a mail and prove it ours."""
_LOCAL: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}|localhost")
_LONGEST_DOMAIN: Final = 190
"""An address has at most 254 characters."""


@dataclass(frozen=True)
class Listen:
    """Where bounces are received by SMTP."""

    host: str
    port: int


@dataclass(frozen=True)
class Bounces:
    """`address` in small letters; each mail gets a sub-address of it. Without `listen`, a pipe brings them."""

    address: str
    listen: Listen | None


def read_bounces(read: Reader) -> Bounces | None:
    """None when MAIL_BOUNCES is empty: then nothing is known of mail that comes back later."""
    address = read.parsed("MAIL_BOUNCES", "", _address)
    listen = read.parsed("BOUNCE_LISTEN", None, _listen)
    if listen is not None and not read.text("MAIL_BOUNCES"):
        read.problems.append("BOUNCE_LISTEN receives for MAIL_BOUNCES: set that address too.")
    return Bounces(address, listen) if address else None


def _address(text: str) -> str:
    local, _, domain = text.lower().rpartition("@")
    if "+" in local:
        raise ValueError("must be without a plus sign: each mail gets its own behind one")
    if len(local) > LONGEST_LOCAL:
        raise ValueError(f"must have at most {LONGEST_LOCAL} characters before the @: 43 more are put there")
    if not _LOCAL.fullmatch(local) or ".." in local or not _DOMAIN.fullmatch(domain) or len(domain) > _LONGEST_DOMAIN:
        raise ValueError("must be a bare address in plain letters such as bounces@example.org")
    return f"{local}@{domain}"


def _listen(text: str) -> Listen:
    host, _, port = text.rpartition(":")
    require_port(text)
    if not host or not (port.isascii() and port.isdigit()) or int(port) == 0:
        raise ValueError("must be a host and a port such as 127.0.0.1:2526")
    return Listen(host.removeprefix("[").removesuffix("]"), int(port))
