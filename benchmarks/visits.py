"""Requests as a WSGI server makes them, in this process: a member's list, from its beginning or any place in it."""

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import select
from werkzeug.test import EnvironBuilder

from benchmarks.databases import Place
from benchmarks.filling import BOXES, NEWEST, STEP, Box
from securemail.store.models import Thread
from securemail.web.lists import write_cursor
from securemail.web.session import MEMBER

Environ = dict[str, Any]


def environ(path: str, box: Box | None = None, *, compressed: bool = False) -> Environ:
    """What a server hands over for a GET by a browser."""
    headers = {"Cookie": f"{MEMBER}={box.cookie}"} if box else {}
    if compressed:
        headers["Accept-Encoding"] = "gzip"
    return EnvironBuilder(path, base_url="http://localhost:8000", headers=headers).get_environ()


def visit(app: Flask, environ: Environ) -> bytes:
    """One request from beginning to end; its answer must be a page."""
    status: list[str] = []

    def start_response(line: str, _headers: Any, _error: Any = None) -> Callable[[bytes], object]:
        status.append(line)
        return status.append  # type: ignore[return-value]

    answer = app({**environ}, start_response)
    try:
        body = b"".join(answer)
    finally:
        answer.close()  # type: ignore[attr-defined]
    if not status[0].startswith("200"):
        raise AssertionError(f"{environ['PATH_INFO']} answered {status[0]}")
    return body


def first_page(place: Place, chance: random.Random, **options: Any) -> Environ:
    """The list as it opens, of any member."""
    return environ("/inbox", chance.choice(place.boxes), **options)


def any_page(place: Place, chance: random.Random) -> Environ:
    """Fifty rows after any place of a list, save its last ones."""
    return _page_after(place, chance.choice(place.boxes), chance.randrange(place.messages // BOXES - 60))


def deepest_page(place: Place, chance: random.Random) -> Environ:
    """The last fifty rows and a little more, of any member."""
    return _page_after(place, chance.choice(place.boxes), place.messages // BOXES - 52 - chance.randrange(40))


def short_page(place: Place, rows: int) -> Environ:
    """The very end of a list: so many rows."""
    return _page_after(place, place.boxes[0], place.messages // BOXES - rows - 1)


def _page_after(place: Place, box: Box, rank: int) -> Environ:
    """The page after the `rank`-th row (from 0): the mailboxes' messages follow each other at equal distances."""
    number = rank * BOXES + place.boxes.index(box)
    with place.runtime.work(write=False) as ctx:
        at, conversation = ctx.db.execute(
            select(Thread.newest_at, Thread.conversation).where(
                Thread.mailbox == box.mailbox, Thread.newest_at == NEWEST - STEP * number
            )
        ).one()
    return environ(f"/inbox?{urlencode({'cursor': write_cursor((at, conversation))})}", box)
