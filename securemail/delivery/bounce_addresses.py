"""The address that a mail comes back to: one of its own, which names its row of the outbox and proves that we sent it.

`local+<token>@domain` (sub-address, RFC 5233). The token is base 32 (RFC 4648) in small letters, because servers on the
way may change the case: row[16] ‖ MAC[10], 42 characters. It holds nothing about who the mail was for.
"""

import base64
import re
from typing import Final

from securemail.crypto.configured import BOUNCE_MAC_BYTES, ConfiguredKeys

_ROW_BYTES: Final = 16
_TOKEN: Final = f"[a-z2-7]{{{-(-(_ROW_BYTES + BOUNCE_MAC_BYTES) * 8 // 5)}}}"
_PADDING: Final = "======"


def address_of(keys: ConfiguredKeys, address: str, outbox: bytes) -> str:
    """Where the mail of this row comes back to, below the configured `address`."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{_written(outbox + keys.sign_bounce(outbox))}@{domain}"


def row_of(keys: ConfiguredKeys, address: str, given: str) -> bytes | None:
    """The row whose mail comes back to `given`: a bare address, or a header with one in it. None: not one of ours."""
    found = _pattern(address).search(given)
    if found is None:
        return None
    token = found[1].lower()
    raw = base64.b32decode(f"{token.upper()}{_PADDING}")
    row, mac = raw[:_ROW_BYTES], raw[_ROW_BYTES:]
    # One spelling only: the last character has two bits that say nothing.
    return row if _written(raw) == token and keys.trusts_bounce(mac, row) else None


def _written(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()


def _pattern(address: str) -> re.Pattern[str]:
    local, _, domain = (re.escape(part) for part in address.rpartition("@"))
    before, after = r"(?<![\w.+-])", r"(?![\w.-])"
    return re.compile(rf"{before}{local}\+({_TOKEN})@{domain}{after}", re.IGNORECASE | re.ASCII)
