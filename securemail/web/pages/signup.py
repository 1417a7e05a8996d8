"""Becoming a member, page by page: proof of the address, name and password, recovery code, a second step, ready.

Each step can be left. What is not proved is asked for again; an account that is there goes on after its next log-in.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.crypto.codes import TypingError, read_recovery_code, write_recovery_code
from securemail.errors import InvalidInput, TooManyAttempts
from securemail.identity import limits, passwords, signup, vault
from securemail.identity.signup import Invited, SignUpClosed
from securemail.mailboxes.addresses import clean_own_name, normalise
from securemail.organisations import members, organisations, policy
from securemail.web import forms, guest_views, session, welcome
from securemail.web.auth import member, owner
from securemail.web.filters import clock_time
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.languages import language
from securemail.web.sections import page_of

pages = Blueprint("signup", __name__)
_HAS_ACCOUNT: Final = frozenset({"joined", "account"})
_INVITATION: Final = "invitation"


@pages.errorhandler(SignUpClosed)
def _closed(_error: SignUpClosed) -> ResponseReturnValue:
    session.settle(success=False)
    return render("signup/closed.html", errors=None, retry=None), 403


@pages.route("/signup", methods=["GET", "POST"])
def start() -> ResponseReturnValue:
    """Ask for the address. The answer is the same whether it has an account or not."""
    if request.method == "GET":
        return _address_form(Errors())
    typed = forms.text("address")
    try:
        address = normalise(typed)
        with session.read_apart() as look:
            signup.require_let_in(look, address)
        limits.check_sign_up(session.runtime(), address, session.network())
        url = session.runtime().settings.public_url
        signup.request(session.current(), address, language=language(), public_url=url)
    except InvalidInput as error:
        return _address_form(forms.errors_of(error)), 422
    except TooManyAttempts as error:
        headers = {"Retry-After": str(error.retry_after)}
        return _address_form(Errors(), error.retry_after), 429, headers
    return render("signup/sent.html", address=typed, errors=Errors(), retry=None)


@pages.route("/signup/activate", methods=["GET", "POST"])
def activate() -> ResponseReturnValue:
    """The token from the mail that proves an address, moved here from the address bar or typed."""
    return _token_form(Errors()) if request.method == "GET" else _look_at_token()


@pages.route("/invitation", methods=["GET", "POST"])
def invitation() -> ResponseReturnValue:
    """The same for who was invited."""
    by = _INVITATION
    return _token_form(Errors(), by=by) if request.method == "GET" else _look_at_token(by=by)


@pages.route("/signup/profile", methods=["GET", "POST"])
def profile() -> ResponseReturnValue:
    """Name and password, and what the organisation asks besides; then the account is there."""
    by = forms.text("by")
    if request.method == "GET":
        return redirect(url_for("signup.activate"), 303)
    try:
        invited = _invited()
    except InvalidInput as error:
        return _refused(error, by=by, form=True)
    try:
        return _activate(invited)
    except InvalidInput as error:
        session.settle(success=False)
        if error.field == "token":
            return _refused(error, by=by, form=True)
        return _profile_form(invited, forms.errors_of(error)), 422


@pages.post("/signup/strength")
def strength() -> ResponseReturnValue:
    """What the server thinks of a password that is being typed."""
    own = [forms.text(name) for name in ("name", "address", "organisation")]
    judged = passwords.strength(forms.text("password"), own)
    return render("signup/strength.html", verdict=judged.verdict, length=judged.length, needed=judged.needed)


@pages.post("/signup/saved")
def saved() -> ResponseReturnValue:
    """The recovery code was put away, or has to be shown once more: the form brings it along."""
    ctx, me, onward = session.current(), owner(), url_for("signup.secure", steps=1)
    if forms.checked("saved"):
        vault.change(ctx, me.root, lambda kept: replace(kept, code_saved=True))
        return redirect(onward, 303)
    try:
        groups = write_recovery_code(read_recovery_code(forms.text("code"))).split(" ")
    except TypingError:
        return redirect(onward, 303)
    errors, mailed = forms.errors_of(InvalidInput("saved", "empty")), vault.read(ctx, me.root).code_mailed
    return welcome.code_page(groups, errors, mailed=mailed, address=me.address), 422


@pages.get("/signup/secure")
def secure() -> ResponseReturnValue:
    """The step that makes an account safe; mails lead here, after logging in, those who have an account already."""
    me = owner()
    if vault.read(session.current(), me.root).has_second_step:
        return redirect(page_of("factors.overview") or url_for("signup.ready"), 303)
    required = organisations.policy_of(session.current(), me.organisation).require_second_step
    steps = request.args.get("steps") == "1"
    return render("signup/secure.html", steps=steps, required=required, errors=None, retry=None)


@pages.get("/signup/ready")
def ready() -> ResponseReturnValue:
    """The end: everything is there for the first message."""
    secured = vault.read(session.current(), member().root).has_second_step
    return render("signup/ready.html", secured=secured, errors=None, retry=None)


def _invited() -> Invited:
    limits.check_token(session.runtime(), session.network())
    with session.read_apart() as look:
        return signup.invited(look, forms.text("token"))


def _look_at_token(*, by: str = "") -> ResponseReturnValue:
    try:
        return _profile_form(_invited(), Errors())
    except InvalidInput as error:
        return _refused(error, by=by)


def _refused(error: InvalidInput, *, by: str, form: bool = False) -> ResponseReturnValue:
    """A token that leads no further: what became of it is told, and what was typed stays for another one."""
    if error.code in _HAS_ACCOUNT:
        return render("signup/has_account.html", errors=None, retry=None), 410
    if error.code == "withdrawn" and not form:
        return render("signup/withdrawn.html", errors=None, retry=None), 410
    told = InvalidInput(_INVITATION, error.code) if by == _INVITATION else error
    return _token_form(forms.errors_of(told, field="token"), by=by), 422


def _activate(invited: Invited) -> ResponseReturnValue:
    name, password, reference = forms.text("name"), forms.text("password"), forms.text("reference")
    clean_own_name(name)
    if invited.label:
        members.clean_reference(reference)
    passwords.require_strong(password, (name, invited.address, invited.organisation))
    own = session.runtime()
    stretched = passwords.stretch_new(password, own.keys, own.hasher)
    ctx = session.current()
    new = signup.activate(
        ctx, forms.text("token"), name=name, password=stretched, language=language(), reference=reference
    )
    return welcome.greet(ctx, new, address=invited.address)


def _address_form(errors: Errors, retry_after: int | None = None) -> str:
    with session.read_apart() as look:
        decided = signup.policy_here(look)
    if decided.sign_up == "invitation":
        raise SignUpClosed
    retry = clock_time(session.runtime().clock() + timedelta(seconds=retry_after)) if retry_after else None
    domains = [policy.shown_domain(domain) for domain in decided.domains] if decided.sign_up == "domains" else []
    letter, address = guest_views.letter_named(request.args.get("letter", ""))
    values = forms.values(["address"])
    values["address"] = values["address"] or address
    return render("signup/start.html", values=values, errors=errors, retry=retry, domains=domains, letter=letter)


def _token_form(errors: Errors, *, by: str = "") -> str:
    template = "signup/invitation.html" if by == _INVITATION else "signup/activate.html"
    return render(template, values=forms.values(["token", "name", "reference"]), errors=errors, retry=None)


def _profile_form(invited: Invited, errors: Errors) -> str:
    values = forms.values(["name", "token", "reference"])
    values["name"] = values["name"] or invited.name
    values["reference"] = values["reference"] or invited.reference
    values["by"] = _INVITATION if invited.by_invitation else ""
    return render("signup/profile.html", invited=invited, values=values, errors=errors, retry=None)
