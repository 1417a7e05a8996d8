"""The moment an account begins: the browser is logged in, and the recovery code is shown, this once."""

from flask import url_for

from securemail.identity import login, sessions
from securemail.identity.accounts import NewAccount
from securemail.identity.context import Context
from securemail.web import devices, security, session
from securemail.web.forms import Errors
from securemail.web.htmx import render


def greet(ctx: Context, new: NewAccount, *, address: str) -> str:
    """Log in and show the code. The first browser is no news to its owner."""
    older = session.member_secret()
    if older is not None:
        sessions.end(ctx, older)
    secret = login.start_session(ctx, new.root, remember=False, browser=devices.this_browser())
    session.keep_member(secret, remember=False)
    security.use_for_forms(secret)
    return code_page(new.code_groups, Errors(), mailed=new.code_mailed, address=address)


def code_page(groups: list[str], errors: Errors, *, mailed: bool, address: str) -> str:
    """The recovery code with its buttons; the page is in nobody's history but this tab's, and is never stored."""
    return render(
        "signup/recovery_code.html",
        groups=groups,
        mailed=mailed,
        action=url_for("signup.saved"),
        errors=errors,
        address=address,
        retry=None,
    )
