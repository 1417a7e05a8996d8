"""Another password, another recovery code. Both ask again who is there, and end every other session."""

from dataclasses import replace

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from securemail.crypto.codes import TypingError, read_recovery_code, write_recovery_code
from securemail.errors import InvalidInput
from securemail.identity import credentials, passwords, vault
from securemail.identity.context import Owner
from securemail.identity.credentials import NewCode
from securemail.identity.passwords import NewPassword
from securemail.web import auth, devices, forms, renewed, session, stepup
from securemail.web.auth import owner
from securemail.web.brand import brand
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.sections import page_of
from securemail.web.session import current


def password() -> ResponseReturnValue:
    """Choose another password."""
    me = stepup.require()
    if request.method == "GET":
        return _password_form(me, Errors())
    typed = forms.text("password")
    try:
        passwords.require_strong(typed, _own_words(me), _needed(me))
        with auth.stepped_out():
            stretched = _stretched(typed)
        _change(stepup.require(), typed, stretched)
    except InvalidInput as error:
        return _password_form(owner(), forms.errors_of(error)), 422
    done = url_for("profile.overview", saved="password")
    return redirect(url_for("rotation.progress", next=done), 303)


def strength() -> ResponseReturnValue:
    """What the server thinks of a password that is being typed."""
    me = owner()
    judged = passwords.strength(forms.text("password"), _own_words(me), _needed(me))
    return render("signup/strength.html", verdict=judged.verdict, length=judged.length, needed=judged.needed)


def recovery_code() -> ResponseReturnValue:
    """Another recovery code, shown this once."""
    me = stepup.require()
    if request.method == "GET":
        kept = vault.read(current(), me.root)
        return render("settings/recovery_code.html", kept=kept)
    return new_code_page(me)


def recovery_code_saved() -> ResponseReturnValue:
    """The recovery code was put away, or has to be shown once more: the form brings it along."""
    me = owner()
    if forms.checked("saved"):
        vault.change(current(), me.root, lambda kept: replace(kept, code_saved=True))
        return redirect(page_of("factors.overview", saved="recovery_code") or url_for("profile.overview"), 303)
    try:
        groups = write_recovery_code(read_recovery_code(forms.text("code"))).split(" ")
    except TypingError:
        return redirect(url_for("profile.recovery_code"), 303)
    mailed = vault.read(current(), me.root).code_mailed
    return _code_page(me, groups, mailed, forms.errors_of(InvalidInput("saved", "empty"))), 422


def new_code_page(me: Owner, *, everything: bool = False) -> str:
    """Replace the keys and show the new code; `everything` as after a recovery."""
    ctx = current()
    remember = renewed.is_remembered(ctx, me)
    new: NewCode = credentials.new_recovery_code(ctx, me, about=devices.describe(request), everything=everything)
    renewed.go_on(ctx, new.rotated, remember=remember)
    return _code_page(me, new.groups, new.mailed, Errors())


def _change(me: Owner, typed: str, stretched: NewPassword) -> None:
    ctx = current()
    remember = renewed.is_remembered(ctx, me)
    short = passwords.strength(typed, ()).length < passwords.NEEDED
    rotated = credentials.change_password(ctx, me, stretched, short=short, about=devices.describe(request))
    renewed.go_on(ctx, rotated, remember=remember)


def _stretched(typed: str) -> NewPassword:
    own = session.runtime()
    return passwords.stretch_new(typed, own.keys, own.hasher)


def _needed(me: Owner) -> int:
    return passwords.needed(second_step=vault.read(current(), me.root).has_second_step)


def _own_words(me: Owner) -> tuple[str, str, str]:
    return me.name, me.address, brand().name


def _password_form(me: Owner, errors: Errors) -> str:
    needed = _needed(me)
    hint = _("Minstens %(count)s tekens. Een paar woorden achter elkaar mag ook.", count=needed)
    return render("settings/password.html", hint=hint, errors=errors, alone=needed == passwords.NEEDED)


def _code_page(me: Owner, groups: list[str], mailed: bool, errors: Errors) -> str:
    action = url_for("profile.recovery_code_saved")
    return render(
        "settings/new_recovery_code.html",
        groups=groups,
        mailed=mailed,
        action=action,
        address=me.address,
        errors=errors,
    )
