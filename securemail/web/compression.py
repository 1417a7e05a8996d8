"""Pages are compressed with a random length added, so that sizes do not tell what strangers' words repeat (BREACH)."""

import gzip
import secrets
import string
from io import BytesIO
from typing import Final

from flask import Flask, Response, request

_WORTH_IT: Final = 1024
_KINDS: Final = frozenset({"text/html", "text/plain", "application/json", "application/manifest+json"})
_MOST_PADDING: Final = 100


def register(app: Flask) -> None:
    """Compress what is large enough. Static files come compressed already."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if response.mimetype not in _KINDS or response.direct_passthrough or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    if len(body) < _WORTH_IT or request.accept_encodings.quality("gzip") <= 0:
        return response
    response.set_data(_gzip(body))
    response.headers["Content-Encoding"] = "gzip"
    return response


def _gzip(body: bytes) -> bytes:
    out = BytesIO()
    # The padding is the file name in gzip's own header: not compressed, and no reader shows it.
    with gzip.GzipFile(filename=_padding(), mode="wb", compresslevel=6, fileobj=out, mtime=0) as packed:
        packed.write(body)
    return out.getvalue()


def _padding() -> str:
    return "".join(secrets.choice(string.ascii_letters) for _ in range(1 + secrets.randbelow(_MOST_PADDING)))
