"""What recovery and fresh start have in common: asking for a mail, its token, and choosing a new password."""

from flask import request, url_for
from flask.typing import ResponseReturnValue

from securemail.errors import InvalidInput, TooManyAttempts
from securemail.identity import limits, login, passwords, recovery
from securemail.identity.accounts import NewAccount
from securemail.identity.context import Context
from securemail.identity.passwords import NewPassword
from securemail.identity.recovery import Asked
from securemail.mailboxes.addresses import normalise
from securemail.web import devices, entering, forms, security, session
from securemail.web.entering import clock_after
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.languages import language

OwnWords = tuple[str, str, str]
"""Name, address and organisation."""


def ask_for_mail(kind: Asked, template: str) -> ResponseReturnValue:
    """A form with one address; what follows is the same for a known and an unknown one."""
    if request.method == "GET":
        return _address_form(template, Errors())
    typed = forms.text("address")
    try:
        address = normalise(typed)
        limits.check_recovery(session.runtime(), address, session.network())
        recovery.request(session.current(), address, language=language(), kind=kind)
    except InvalidInput as error:
        return _address_form(template, forms.errors_of(error)), 422
    except TooManyAttempts as error:
        headers = {"Retry-After": str(error.retry_after)}
        return _address_form(template, Errors(), error.retry_after), 429, headers
    return render("recovery/sent.html", address=typed, kind=kind, errors=Errors(), retry=None)


def _address_form(template: str, errors: Errors, retry_after: int | None = None) -> str:
    return render(template, values=forms.values(["address"]), errors=errors, retry=clock_after(retry_after))


def token_page(action: str, again: str, errors: Errors) -> str:
    """The token from a mail, filled in by the browser or typed; `again` is where another mail is asked for."""
    return render(
        "recovery/token.html", action=action, again=again, values=forms.values(["token"]), errors=errors, retry=None
    )


def password_page(own: OwnWords, errors: Errors, *, action: str, fresh: bool = False) -> str:
    """A new password; `fresh` when the account begins anew with it."""
    return render(
        "recovery/password.html", own=own, action=action, fresh=fresh, values=forms.values(["token"]),
        errors=errors, retry=None,
    )  # fmt: skip


def let_in(ctx: Context, new: NewAccount, address: str, *, locked: int | None = None) -> str:
    """Log the browser in, and show the new recovery code, this once; after a fresh start also how many messages
    stay locked."""
    secret = login.start_session(ctx, new.root, remember=False, browser=devices.this_browser())
    entering.let_in(ctx, secret, new.root.account, remember=False, by="step")
    security.use_for_forms(secret)
    return code_page(new.code_groups, Errors(), mailed=new.code_mailed, address=address, locked=locked)


def code_page(groups: list[str], errors: Errors, *, mailed: bool, address: str, locked: int | None = None) -> str:
    """The new recovery code with its buttons."""
    return render(
        "recovery/new_code.html", groups=groups, mailed=mailed, address=address, action=url_for("recovery.saved"),
        locked=locked, errors=errors,
    )  # fmt: skip


def new_password(own: OwnWords) -> NewPassword:
    """The password that was chosen, stretched. Raises `InvalidInput` ('password', …)."""
    chosen, runtime = forms.text("password"), session.runtime()
    passwords.require_strong(chosen, own)
    return passwords.stretch_new(chosen, runtime.keys, runtime.hasher)
