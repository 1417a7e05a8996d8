"""What the pages of the way in have in common: where it leads, how it ends, and what is said when it has to begin anew.

It can go on over a page on which somebody is writing; then every answer is a fragment for the dialog, and the end
tells the page its new form token.
"""

import json
from datetime import timedelta
from typing import Final, Literal

from flask import Response, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user

from securemail import ids
from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.identity import browsers, limits, sessions, signup
from securemail.identity.context import Context
from securemail.web import forms, htmx, session
from securemail.web.filters import clock_time
from securemail.web.forms import Errors
from securemail.web.htmx import render

Proof = Literal["password", "step", "passkey"]
"""What let somebody in: the password alone, the password and a second step, or a passkey alone."""
_IN_PLACE: Final = {"HX-Retarget": "[data-login-place]", "HX-Reswap": "outerHTML"}


def is_in_place() -> bool:
    """Whether this is the dialog over a page."""
    return request.endpoint == "login.fragment" or request.values.get("place") == "dialog"


def next_path() -> str:
    """Where somebody was going, empty when that is not one of our pages."""
    path = request.values.get("next", "")
    return path if session.is_own_path(path) else ""


def target() -> str:
    """Where the way in leads."""
    return next_path() or url_for("mailbox.inbox")


def let_in(ctx: Context, secret: SessionSecret, account: bytes, *, remember: bool, by: Proof) -> None:
    """Give the browser its session in place of what it held, and forgive the tries, now that all of it succeeded."""
    older = session.member_secret()
    if older is not None:
        sessions.end(ctx, older)
    _forgive(ctx, account, by)
    session.keep_member(secret, remember=remember)
    if session.arriving_secret() is not None:
        session.forget_arriving()


def _forgive(ctx: Context, account: bytes, by: Proof) -> None:
    entry, network = browsers.entry_of(ctx, account), session.network()
    if entry is None:
        return
    if by == "passkey":  # nothing was counted that could be given back
        limits.recognise(ctx, entry.address, network)
        return
    if by == "step":
        limits.forgive_second_step(ctx, entry.address, network)
    limits.forgive_login(ctx, entry.address, network)


def arrived(secret: SessionSecret, account: bytes) -> ResponseReturnValue:
    """The answer to whoever got in: on to where they were going, or back to the page under the dialog."""
    if not is_in_place():
        return redirect(target(), 303)
    return "", 204, {"HX-Trigger": json.dumps({"session-renewed": renewal(secret, account)})}


def renewal(secret: SessionSecret, account: bytes) -> dict[str, str]:
    """What the page under the dialog has to know. Whose it is: what somebody else wrote is not sent for them."""
    return {"csrf": cookies.form_token(secret), "account": ids.to_text(account)}


def in_place(answer: ResponseReturnValue) -> Response:
    """The same answer, for the dialog."""
    response = make_response(answer)
    response.headers.update(_IN_PLACE)
    return response


def begin_again() -> ResponseReturnValue:
    """The step took too long, or is over: to the log-in, unless another tab or a double click has finished it."""
    if current_user.is_authenticated and not is_in_place():
        return redirect(target(), 303)
    if is_in_place() and htmx.is_partial():
        return in_place((password_form("login/dialog.html", late=True), 422))
    path = url_for("login.login", late=1, next=next_path() or None)
    if request.is_json:
        return _begin_again_in_script(path)
    return ("", 204, {"HX-Redirect": path}) if htmx.is_partial() else redirect(path, 303)


def _begin_again_in_script(path: str) -> ResponseReturnValue:
    """A passkey's script goes to the log-in; from the dialog it must not, what stands under it would be lost."""
    fields = forms.json_body().get("fields")
    if isinstance(fields, dict) and fields.get("place") == "dialog":
        return {"error": gettext("Dat duurde te lang. Annuleer en begin opnieuw.")}
    return {"next": path}


def password_form(
    template: str,
    *,
    address: str = "",
    remember: bool = False,
    errors: Errors | None = None,
    retry_after: int | None = None,
    cookie_missing: bool = False,
    late: bool = False,
    failed: bool = False,
) -> str:
    """The form for address and password, on its page or in the dialog."""
    return render(
        template,
        values={"address": address, "remember": remember, "next": next_path()},
        errors=errors or Errors(),
        retry=clock_after(retry_after),
        cookie_missing=cookie_missing,
        sign_up_open=signup.is_offered(session.current()),
        ended=request.args.get("ended") == "1",
        goodbye=request.args.get("bye") == "1",
        late=late or request.args.get("late") == "1",
        failed=failed or request.args.get("failed") == "1",
        in_place=template == "login/dialog.html",
    )


def clock_after(seconds: int | None) -> str | None:
    """The time on the clock when something may be tried again."""
    return clock_time(session.runtime().clock() + timedelta(seconds=seconds)) if seconds else None
