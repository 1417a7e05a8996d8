"""Static files: joined at start, named by their content, compressed once, and kept by browsers for ever."""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Flask, Response, abort, request

from securemail.errors import SecuremailError

STYLES: Final = ("tokens", "base", "layout", "components", "letter", "app", "settings")
HTMX: Final = "vendor/htmx.min.js"
# Folders of islands in each bundle, in order. Guests get no htmx: their pages are forms.
SCRIPTS: Final = {
    "app.js": ("js/shared", "js/shell"),
    "compose.js": ("js/compose",),
    "guest.js": ("js/shared", "js/guest"),
}
# Served through the bundles or, like the service worker, from an address of its own.
NOT_ALONE: Final = ("css", "js", "vendor", "sw.js")
COMPRESSIBLE: Final = (".css", ".js", ".svg", ".json", ".webmanifest", ".txt")
IMMUTABLE: Final = "public, max-age=31536000, immutable"
# Lines that are nothing but a comment: a tenth of what a phone would fetch. The vendored file keeps its licence.
_STYLE_COMMENT: Final = re.compile(rb"^[ \t]*/\*.*?\*/[ \t]*\n", re.MULTILINE | re.DOTALL)
_SCRIPT_COMMENT: Final = re.compile(rb"^[ \t]*//[^\n]*\n", re.MULTILINE)


class AssetMissing(SecuremailError):
    """A listed file is not there: the product would start without its looks."""


@dataclass(frozen=True)
class Asset:
    name: str
    kind: str
    body: bytes
    digest: str
    compressed: bytes | None

    @classmethod
    def of(cls, name: str, body: bytes) -> "Asset":
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        # mtime=0: the same file gives the same bytes in every process.
        compressed = gzip.compress(body, 9, mtime=0) if name.endswith(COMPRESSIBLE) else None
        return cls(name, kind, body, hashlib.sha256(body).hexdigest()[:16], compressed)

    @property
    def hashed_name(self) -> str:
        stem, _, suffix = self.name.rpartition(".")
        return f"{stem}-{self.digest}.{suffix}"


class Assets:
    """All static files in memory, by their plain name and by the name with the hash."""

    def __init__(self, root: Path) -> None:
        found = [Asset.of("app.css", _join_styles(root)), *_scripts(root), *_single_files(root)]
        self._by_name = {asset.name: asset for asset in found}
        self._by_hashed_name = {asset.hashed_name: asset for asset in found}

    def url(self, name: str) -> str:
        asset = self._by_name.get(name)
        if asset is None:
            raise AssetMissing(f"There is no static file {name}.")
        return f"/static/{asset.hashed_name}"

    def find(self, hashed_name: str) -> Asset | None:
        return self._by_hashed_name.get(hashed_name)

    def names(self) -> list[str]:
        return sorted(self._by_name)


def register(app: Flask, root: Path) -> Assets:
    """Serve the files below /static/ and give templates `asset(name)`. The app has no static folder of its own."""
    assets = Assets(root)
    app.jinja_env.globals["asset"] = assets.url

    @app.get("/static/<path:name>", endpoint="assets.file")
    def file(name: str) -> Response:
        asset = assets.find(name)
        return abort(404) if asset is None else _respond(asset)

    return assets


def _respond(asset: Asset) -> Response:
    smaller = asset.compressed if request.accept_encodings.quality("gzip") > 0 else None
    response = Response(smaller or asset.body, mimetype=asset.kind)
    if smaller:
        response.headers["Content-Encoding"] = "gzip"
    if asset.compressed:
        response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = IMMUTABLE
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(f"{asset.digest}-gzip" if smaller else asset.digest)
    response.make_conditional(request)
    return response


def _join_styles(root: Path) -> bytes:
    return b"\n".join(_STYLE_COMMENT.sub(b"", _read(root / "css" / f"{name}.css")) for name in STYLES)


def _scripts(root: Path) -> list[Asset]:
    return [Asset.of(name, _join_scripts(root, name, folders)) for name, folders in SCRIPTS.items()]


def _join_scripts(root: Path, name: str, folders: tuple[str, ...]) -> bytes:
    parts = [_read(root / HTMX)] if name == "app.js" else []
    for folder in folders:
        parts += [_island(path) for path in sorted((root / folder).glob("*.js"))]
    return b"\n;\n".join(parts)


def _island(path: Path) -> bytes:
    # Each file keeps its names to itself, so that two islands may both have a `form`.
    return b"(() => {\n'use strict';\n" + _SCRIPT_COMMENT.sub(b"", _read(path)) + b"\n})();"


def _single_files(root: Path) -> list[Asset]:
    paths = (path for path in sorted(root.rglob("*")) if path.is_file())
    names = ((path, path.relative_to(root)) for path in paths)
    return [Asset.of(name.as_posix(), path.read_bytes()) for path, name in names if name.parts[0] not in NOT_ALONE]


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise AssetMissing(f"The static file {path} is missing.")
    return path.read_bytes()
