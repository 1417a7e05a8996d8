"""The moment an account begins: the browser is logged in, and the recovery code is shown, this once."""

from flask import url_for

from securemail.identity import sessions
from securemail.identity.accounts import NewAccount
from securemail.identity.context import Context
from securemail.web import security, session
from securemail.web.forms import Errors
from securemail.web.htmx import render


def greet(ctx: Context, new: NewAccount, *, action: str) -> str:
    """Log in and show the code."""
    secret = sessions.start(ctx, account=new.root.account, rk=new.root.rk, remember=False)
    session.keep_member(secret, remember=False)
    security.use_for_forms(secret)
    return code_page(new.code_groups, Errors(), action=action)


def code_page(groups: list[str], errors: Errors, *, action: str | None = None) -> str:
    """The recovery code with its buttons; the page is in nobody's history but this tab's, and is never stored."""
    return render(
        "signup/recovery_code.html",
        groups=groups,
        mailed=True,
        action=action or url_for("signup.saved"),
        errors=errors,
        address=None,
        retry=None,
    )
