"""What lasts as long as a request: its transaction, its cookies, and where it came from.

A request that may change something (POST) gets a transaction that writes, any other one that reads. It opens with the
first `current()`, is committed when the page has succeeded and before anything is sent, and is rolled back otherwise.
What must stand even if the page fails is written apart: before `current()` on SQLite, whose one writer would wait for
itself.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast
from urllib.parse import urlsplit

from flask import Response, after_this_request, current_app, g, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.i18n import LOCALES, Locale
from securemail.identity import limits
from securemail.identity.context import Context
from securemail.identity.sessions import REMEMBERED
from securemail.runtime import Runtime

log = logging.getLogger(__name__)

MEMBER: Final = "__Host-s"
GUEST: Final = "__Host-g"
ARRIVING: Final = "__Host-a"
"""A browser on its way in: password or recovery code were right, something is still missing."""
DEVICE: Final = "__Host-d"
"""Opens nothing: tells an account's owner whether this browser has logged in before."""
REMEMBERED_GUEST: Final = "__Host-k"
"""What the letters open with that a guest had remembered in this browser (`guests.devices`)."""
PUT_AWAY: Final = "__Host-p"
"""Opens nothing: which offer to take letters along was put away in this browser."""
STRANGER: Final = "__Host-c"
"""Holds nothing but the secret behind the form tokens of whoever has not logged in."""
LANGUAGE: Final = "lang"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_YEAR: Final = 365 * 24 * 3600


@dataclass(frozen=True)
class _Work:
    stack: ExitStack
    db: Session
    ctx: Context
    write: bool


def runtime() -> Runtime:
    """What this application was made with."""
    return cast(Runtime, current_app.extensions["securemail"])


def current() -> Context:
    """This request's unit of work."""
    if "work" not in g:
        g.work = _open(write=request.method not in SAFE and not g.get("failed", False))
    return cast(_Work, g.work).ctx


@contextmanager
def write_apart() -> Iterator[Context]:
    """A small transaction of its own that stands whatever becomes of the page."""
    work: _Work | None = g.get("work")
    if work is not None and work.write:
        raise RuntimeError("write apart before current(): a request holds the database's one place to write")
    with runtime().work(write=True) as ctx:
        yield ctx


@contextmanager
def read_apart() -> Iterator[Context]:
    """A look into the database that is over before slow work begins; the open transaction when there is one."""
    if "work" in g:
        yield current()
        return
    with runtime().work(write=False) as ctx:
        yield ctx


def afterwards(work: Callable[[Context], None]) -> None:
    """Write something small once the page is settled; when the database cannot be written then, the page stays."""
    g.setdefault("afterwards", []).append(work)


def settle(*, success: bool) -> None:
    """End the request's transaction: everything it did is kept, or nothing."""
    work: _Work | None = g.pop("work", None)
    if work is None:
        return
    with work.stack:
        if success:
            work.db.commit()


def do_afterwards() -> None:
    """Run what the page left for later."""
    for task in g.pop("afterwards", []):
        try:
            with runtime().work(write=True) as ctx:
                task(ctx)
        except OperationalError:
            log.warning("something small was not written: the database was busy")


def _open(*, write: bool) -> _Work:
    # The stack's end closes the session, which rolls back what was not committed.
    own, stack = runtime(), ExitStack()
    db = stack.enter_context(Session(own.engine.execution_options(write=write), expire_on_commit=False))
    return _Work(stack, db, Context(db, own.keys, own.clock(), own.hasher), write)


# --- cookies ---


def member_secret() -> SessionSecret | None:
    """The secret in the member's cookie, None when it cannot be one."""
    return _secret(MEMBER)


def guest_secret() -> SessionSecret | None:
    """The secret in the guest's cookie, None when it cannot be one."""
    return _secret(GUEST)


def arriving_secret() -> SessionSecret | None:
    """The secret of a browser on its way in."""
    return _secret(ARRIVING)


def device_secret() -> SessionSecret | None:
    """What this browser is recognised by."""
    return _secret(DEVICE)


def remembered_secret() -> SessionSecret | None:
    """What this browser opens a guest's letters with, where it was remembered."""
    return _secret(REMEMBERED_GUEST)


def stranger_secret() -> SessionSecret | None:
    """The secret behind the form tokens of somebody who is not logged in."""
    return _secret(STRANGER)


def keep_member(secret: SessionSecret, *, remember: bool) -> None:
    """Give the browser its session, for thirty days or until it is closed."""
    _keep(MEMBER, cookies.write_cookie(secret), max_age=int(REMEMBERED.total_seconds()) if remember else None)


def keep_guest(secret: SessionSecret) -> None:
    """Give the browser its guest session, until it is closed."""
    _keep(GUEST, cookies.write_cookie(secret))


def keep_remembered(secret: SessionSecret, *, lives: timedelta) -> None:
    """Let the browser open a guest's letters by itself for so long."""
    _keep(REMEMBERED_GUEST, cookies.write_cookie(secret), max_age=int(lives.total_seconds()))


def keep_arriving(secret: SessionSecret) -> None:
    """Give the browser what its next step is found by, until it is closed."""
    _keep(ARRIVING, cookies.write_cookie(secret))


def keep_device(secret: SessionSecret) -> None:
    """Let the browser be recognised for a year."""
    _keep(DEVICE, cookies.write_cookie(secret), max_age=_YEAR)


def forget_arriving() -> None:
    """Take the cookie of the way in back, and no other."""
    _keep(ARRIVING, "", max_age=0)


def keep_stranger(secret: SessionSecret) -> None:
    """Give the browser what its form tokens are checked with."""
    _keep(STRANGER, cookies.write_cookie(secret))


def put_away(mark: str) -> None:
    """Remember which offer was put away, until the browser is closed."""
    _keep(PUT_AWAY, mark)


def forget_member() -> None:
    """Take the member's cookie back, and no other."""
    _keep(MEMBER, "", max_age=0)


def forget_guest() -> None:
    """Take the guest's cookie back, and no other."""
    _keep(GUEST, "", max_age=0)


def choose_language(language: str) -> None:
    """Remember the language of somebody without an account."""
    _keep(LANGUAGE, language, max_age=_YEAR)


def chosen_language() -> Locale | None:
    """The language that a visitor chose before."""
    chosen = request.cookies.get(LANGUAGE)
    return next((locale for locale in LOCALES if locale == chosen), None)


def _secret(name: str) -> SessionSecret | None:
    text = request.cookies.get(name)
    return cookies.read_cookie(text) if text else None


def _keep(name: str, value: str, *, max_age: int | None = None) -> None:
    @after_this_request
    def add(response: Response) -> Response:
        response.set_cookie(name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="Lax")
        return response


# --- where a request comes from and goes to ---


def network() -> bytes:
    """Whom limits count this visitor as."""
    return limits.network(request.remote_addr)


def require_room_for_codes() -> None:
    """Raises `TooManyAttempts` when this network typed too many wrong codes lately."""
    limits.require_room_for_codes(current(), network())


def count_wrong_code() -> None:
    """Count a wrong message code, once the page's own transaction is over."""
    visitor = network()
    afterwards(lambda ctx: limits.count_code(ctx, visitor))


def public_host() -> str:
    """The name that people see in the address bar, from the settings and never from the request."""
    return urlsplit(runtime().settings.public_url).netloc


def is_own_path(path: str) -> bool:
    """Whether a redirect to this path stays with us: a path and nothing that a browser reads as a host."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or len(path) > 2000:
        return False
    return path.isprintable() and "\\" not in path
