"""Beleid: who may join, what accounts need, what becomes of recovery codes, and how receivers are checked."""

from dataclasses import replace
from typing import Any, Final, cast

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from securemail.errors import Conflict, InvalidInput
from securemail.identity import vault
from securemail.organisations import audit, members, organisations, policy
from securemail.organisations.administrators import Administrator
from securemail.organisations.policy import Policy, SignUp
from securemail.web import checks, forms, session, stepup
from securemail.web.auth import administrator
from securemail.web.forms import Errors
from securemail.web.htmx import render

pages = Blueprint("policy", __name__)
_SIGN_UPS: Final = ("invitation", "domains", "open")


@pages.route("/admin/policy", methods=["GET", "POST"])
def overview() -> ResponseReturnValue:
    """The rules, with what each of them means. Whoever changes them proves first that it is them."""
    mine = administrator()
    if request.method == "POST":
        stepup.require()
    now = organisations.policy_of(session.current(), mine.organisation)
    if request.method == "GET":
        return _form(mine, _values(now), Errors(), now)
    try:
        decided = _decided(mine, now)
        _decide(mine, decided)
    except InvalidInput as error:
        return _form(mine, _typed(), forms.errors_of(error), now), 422
    except Conflict:
        return _form(mine, _typed(), Errors(), now, changed=True), 409
    return redirect(url_for("policy.overview", saved=1), 303)


def _decided(mine: Administrator, now: Policy) -> Policy:
    sign_up = forms.text("sign_up")
    decided = replace(
        now,
        sign_up=cast(SignUp, sign_up) if sign_up in _SIGN_UPS else now.sign_up,
        domains=policy.clean_domains(forms.text("domains")),
        require_second_step=forms.checked("require"),
        reference_label=policy.clean_label(forms.text("label")),
        mail_recovery_code=forms.checked("mail_recovery"),
        **_checks(now),
    )
    if decided.sign_up == "domains" and not decided.domains:
        raise InvalidInput("domains", "empty")
    if decided.require_second_step and not _is_secured(mine):
        raise InvalidInput("require", "own")
    return decided


def _checks(now: Policy) -> dict[str, Any]:
    """What new messages begin with; a form of before that, without these fields, changes none of it."""
    default, minimum = forms.text("check_default"), forms.text("check_minimum")
    if not default:
        return {}
    return {
        "check_default": default if default in policy.CHECK_DEFAULTS and _can_be(default) else now.check_default,
        "check_minimum": minimum if minimum in policy.CHECK_MINIMUMS and _can_be(minimum) else now.check_minimum,
        "remember_devices": forms.checked("remember_devices"),
        "expiry_days": policy.clean_days("expiry_days", forms.text("expiry_days")),
        "remind_days": policy.clean_days("remind_days", forms.text("remind_days")),
        "mail_words": policy.clean_words(forms.text("mail_words")),
    }


def _can_be(method: str) -> bool:
    return method != "sms" or checks.is_offered("sms")


def _decide(mine: Administrator, decided: Policy) -> None:
    ctx = session.current()
    before = policy.from_text(forms.text("before"))
    if before == decided:
        return
    organisations.decide(ctx, mine.organisation, decided, instead_of=before)
    detail = {"before": policy.to_text(before), "after": policy.to_text(decided)}
    audit.record(ctx, mine.organisation, "policy-changed", mine.member.root.account, detail)


def _is_secured(mine: Administrator) -> bool:
    return vault.read(session.current(), mine.member.root).has_second_step


def _form(mine: Administrator, values: dict[str, object], errors: Errors, now: Policy, *, changed: bool = False) -> str:
    return render(
        "policy/overview.html",
        values=values,
        errors=errors,
        before=policy.to_text(now),
        now=now,
        sms_offered=checks.is_offered("sms"),
        figures=members.figures(session.current(), mine),
        own_step=_is_secured(mine),
        changed=changed,
        saved=request.args.get("saved") == "1",
    )


def _values(now: Policy) -> dict[str, object]:
    return {
        "sign_up": now.sign_up,
        "domains": ", ".join(policy.shown_domain(domain) for domain in now.domains),
        "require": now.require_second_step,
        "label": now.reference_label,
        "mail_recovery": now.mail_recovery_code,
        "check_default": now.check_default,
        "check_minimum": now.check_minimum,
        "remember_devices": now.remember_devices,
        "expiry_days": now.expiry_days or "",
        "remind_days": now.remind_days or "",
        "mail_words": now.mail_words,
    }


def _typed() -> dict[str, object]:
    texts = forms.values(
        ["sign_up", "domains", "label", "check_default", "check_minimum", "expiry_days", "remind_days", "mail_words"]
    )
    return {**texts, **{name: forms.checked(name) for name in ("require", "mail_recovery", "remember_devices")}}
