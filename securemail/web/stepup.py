"""Sensitive settings ask again who is there, and then for ten minutes not any more. What was typed is not lost.

A page that needs it calls `require()` first thing, when its form is shown and when it is sent.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from securemail.errors import SecuremailError
from securemail.identity import sessions, vault
from securemail.identity.context import Owner
from securemail.web import auth, htmx, session
from securemail.web.forms import Errors

_OWN: Final = ("stepup_password", "stepup_address", "stepup_next", "stepup_action", "csrf_token")
_SECRET_WORDS: Final = ("password", "code", "secret", "token")


class ProveAgain(SecuremailError):
    """Password or passkey were not given lately: give one again first."""


def require() -> Owner:
    """The owner, when password or passkey were given in this session within ten minutes.

    Raises:
        LogInFirst
        ProveAgain: the table of errors asks, and leads back here.
    """
    owner = auth.owner()
    if not sessions.is_proved(session.current(), owner):
        raise ProveAgain
    return owner


def ask() -> ResponseReturnValue:
    """The answer to `ProveAgain`: a page that was asked for comes afterwards, a form is kept on the page that asks."""
    session.settle(success=False)
    g.failed = True
    if htmx.is_partial():
        return "", 204, {"HX-Redirect": url_for("stepup.confirm", next=_page_of_script())}
    if request.is_json:  # a passkey's script: it knows its page
        return {"prove": url_for("stepup.confirm")}
    if request.method in session.SAFE:
        return redirect(url_for("stepup.confirm", next=request.full_path.rstrip("?")), 303)
    try:
        kept = kept_fields()
    except HTTPException:  # too large, or no form at all: nothing can be kept
        kept = []
    return form(kept, action=request.full_path.rstrip("?")), 403


def kept_fields() -> list[tuple[str, str]]:
    """What was typed, to be sent again: no passwords and no codes, which nobody wants to find in a page."""
    return [(name, value) for name, value in request.form.items(multi=True) if not _is_secret(name)]


def form(
    kept: Iterable[tuple[str, str]] = (),
    *,
    action: str = "",
    target: str = "",
    errors: Errors | None = None,
    retry: str | None = None,
) -> str:
    """The page that asks. `action` is the form that waits behind it with what is `kept`, `target` the page."""
    owner = auth.owner()
    return render_template(
        "stepup/confirm.html",
        address=owner.address,
        passkeys=bool(vault.read(session.current(), owner.root).passkeys),
        kept=list(kept),
        action=action,
        target=target,
        errors=errors or Errors(),
        retry=retry,
    )


def _is_secret(name: str) -> bool:
    return name in _OWN or any(word in name.lower() for word in _SECRET_WORDS)


def _page_of_script() -> str:
    """The page on which a script asked, from a header of our own script; somebody else's is no path of ours."""
    shown = urlsplit(request.headers.get("HX-Current-URL", ""))
    path = f"{shown.path}?{shown.query}" if shown.query else shown.path
    return path if session.is_own_path(path) else url_for("mailbox.inbox")
