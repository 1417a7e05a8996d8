"""One mail that came back, from a mail server's pipe: `python -m securemail.cli bounce -- ADDRESS < mail`.

Exit codes are those of sysexits.h. 0: taken, whatever it says; nobody would read an answer to a bounce. 75: offer it
again later. No other code, because a mail server would send the bounce back for it, and it would be lost.
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from securemail.bounce_intake import take
from securemail.config import Settings
from securemail.crypto.selftest import SelfTestFailed
from securemail.delivery.bounces import LARGEST
from securemail.errors import SecuremailError
from securemail.runtime import Runtime

TAKEN: Final = 0
LATER: Final = 75
_HEADERS: Final = ("envelope-to", "delivered-to", "x-original-to", "to")
_CHUNK: Final = 64 * 1024


def run(environ: Mapping[str, str], source: BinaryIO, recipient: str) -> int:
    """Read the mail on `source` that came to `recipient`, or to the address in its headers where that is empty."""
    try:
        raw = _read(source)
        settings = Settings.from_environ(environ)
        logging.basicConfig(level=settings.log_level, format="%(levelname)s %(name)s: %(message)s")
        take(Runtime.from_settings(settings), raw, _given(raw, recipient))
    except (SecuremailError, SelfTestFailed, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return LATER
    return TAKEN


def _read(source: BinaryIO) -> bytes:
    """All of it, of which no more is kept than is looked at: who writes into the pipe is not left with the rest."""
    raw = source.read(LARGEST + 1)
    while source.read(_CHUNK):
        pass
    return raw


def _given(raw: bytes, recipient: str) -> Iterator[str]:
    if recipient:
        yield recipient
        return
    head = re.split(r"\r?\n\r?\n", raw[:LARGEST].decode("ascii", "replace"), maxsplit=1)[0]
    fields = [line.partition(":") for line in re.split(r"\r?\n(?![ \t])", head)]
    for name in _HEADERS:
        yield from (value for field, _, value in fields if field.lower() == name)
