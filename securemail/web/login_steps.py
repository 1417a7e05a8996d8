"""The second step of a log-in as a page, or as a fragment for the dialog: its ways, and how the SMS fares."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext, ngettext

from securemail.crypto.secrets import SessionSecret
from securemail.delivery import sms as delivery
from securemail.delivery.brand import PRODUCT
from securemail.identity import limits, phone_numbers, second_step, vault
from securemail.identity.arrivals import Arriving
from securemail.identity.context import Context
from securemail.identity.factors import sms
from securemail.identity.factors.ceremonies import RelyingParty
from securemail.identity.factors.sms import Sent
from securemail.identity.second_step import Method, Refused
from securemail.identity.vault import Vault
from securemail.web import entering, forms, session
from securemail.web.auth import ArrivalEnded
from securemail.web.entering import clock_after
from securemail.web.forms import Errors
from securemail.web.htmx import render
from securemail.web.languages import language

_LONGEST_CODE: Final = 20
_BACKUP_TYPING: Final = lazy_gettext("Een back-upcode heeft 8 letters en cijfers, zoals 4F7K-92QX.")
_CODE_TEXTS: Final = {
    "typing": lazy_gettext("Een code heeft 6 cijfers."),
    "used": lazy_gettext("Deze code is al gebruikt. Wacht op de volgende code in je app."),
    "clock": lazy_gettext(
        "Deze code hoort bij een ander tijdstip. Zet de klok van je telefoon op automatisch en probeer het opnieuw."
    ),
    "expired": lazy_gettext("Deze code is verlopen. Vraag een nieuwe code."),
}
_PASSKEY_FAILED: Final = lazy_gettext("Dat is niet gelukt. Er is niets veranderd. Probeer het opnieuw.")
_PASSKEY_TEXTS: Final = {
    "unknown": lazy_gettext(
        "Deze passkey hoort niet bij een account hier. Kies een andere, of log in met je wachtwoord."
    ),
    "rewound": lazy_gettext(
        "Deze passkey is geweigerd, want hij is misschien gekopieerd. Log in op een andere manier."
    ),
    "second-only": lazy_gettext(
        "Deze passkey kan niet alleen inloggen. Vul eerst je e-mailadres en wachtwoord in; daarna werkt hij wel."
    ),
    "expired": lazy_gettext("Dat duurde te lang. Probeer het opnieuw."),
}
_METHODS: Final[tuple[Method, ...]] = ("passkey", "totp", "sms", "backup")


@dataclass(frozen=True)
class Way:
    """One way to pass the step: `masked` tells several phones apart, `phone` is its place among them."""

    method: Method
    phone: int = 0
    masked: str = ""


@dataclass(frozen=True)
class SmsView:
    """How the code by SMS fares: `state` is 'none' (not sent yet), 'sent', 'failed' or 'off' (not offered any more)."""

    state: str
    phone: int = 0
    masked: str = ""
    wait: int = 0


def page(
    ctx: Context,
    arriving: Arriving,
    method: Method | None = None,
    *,
    errors: Errors | None = None,
    retry_after: int | None = None,
) -> str:
    """The step with one of its ways; the best, unless another that is set up was chosen."""
    kept = vault.read(ctx, arriving.root)
    offered = second_step.methods(kept)
    if not offered:  # the last one was removed from another session: this one has nothing to wait for
        raise ArrivalEnded
    chosen = method if method in offered else _best(offered)
    seen = _sms(ctx, arriving, kept) if chosen == "sms" else None
    place = "dialog" if entering.is_in_place() else ""
    return render(
        "login/step_dialog.html" if place else "login/step.html",
        method=chosen,
        others=[way for way in _ways(kept, offered) if (way.method, way.phone) != (chosen, seen.phone if seen else 0)],
        sms=seen,
        errors=errors or Errors(),
        typed=forms.text("code")[:_LONGEST_CODE] if errors else "",
        retry=clock_after(retry_after),
        next=entering.next_path(),
        place=place,
    )


def _best(offered: tuple[Method, ...]) -> Method:
    """The first that works here: SMS may have been switched off since it was set up."""
    offers_sms = session.runtime().settings.sms_offered
    return next((method for method in offered if method != "sms" or offers_sms), offered[0])


def chosen() -> Method | None:
    """The way that was asked for."""
    wanted = request.values.get("method", "")
    return next((method for method in _METHODS if method == wanted), None)


def chosen_phone() -> int:
    """Which of the account's phones was asked for."""
    wanted = request.values.get("phone", "0")
    return int(wanted) if wanted in ("0", "1", "2") else 0


def count_sms(kept: Vault, account: bytes, phone: int = 0) -> None:
    """Count a code by SMS, before any transaction that writes. Raises `TooManyAttempts` and `Refused`."""
    number = sms.number_of(kept, phone)
    limits.check_sms(session.runtime(), account=account, number=number, network=session.network())


def send(ctx: Context, arriving: Arriving, phone: int = 0) -> Sent:
    """Send a code, in the page's transaction. Raises `TooManyAttempts` and `Refused`."""
    host = session.public_host()
    return sms.send(ctx, arriving.held, arriving.root, phone=phone, language=language(), host=host)


def refused_text(method: Method, refused: Refused, left: int) -> str:
    """What is told at the field: why it was not right, and how many tries are left where it was a guess."""
    told = _BACKUP_TYPING if (method, refused.reason) == ("backup", "typing") else _CODE_TEXTS.get(refused.reason)
    if told is not None:
        return str(told)
    return str(
        ngettext(
            "Deze code klopt niet. Je kunt het nog %(num)s keer proberen.",
            "Deze code klopt niet. Je kunt het nog %(num)s keer proberen.",
            left,
        )
    )


def passkey_text(refused: Refused) -> str:
    """The sentence that a script shows when a passkey was not taken."""
    return str(_PASSKEY_TEXTS.get(refused.reason, _PASSKEY_FAILED))


def relying_party() -> RelyingParty:
    """Whose passkeys these are, from the settings and never from the request."""
    return RelyingParty.of(session.runtime().settings.public_url, PRODUCT)


def script_arrived(body: Mapping[str, Any], secret: SessionSecret, account: bytes) -> ResponseReturnValue:
    """What the passkey's script does next: go on, or tell the page under the dialog."""
    fields = body.get("fields")
    values = fields if isinstance(fields, dict) else {}
    if values.get("place") == "dialog":
        return {"renewed": entering.renewal(secret, account)}
    path = str(values.get("next") or "")
    return {"next": path if session.is_own_path(path) else url_for("mailbox.inbox")}


def script_waits(seconds: int) -> ResponseReturnValue:
    """Too often, in a sentence."""
    told = gettext(
        "Dit is te vaak geprobeerd. Er is niets verloren. Probeer het na %(time)s opnieuw.", time=clock_after(seconds)
    )
    return {"error": told}, 429, {"Retry-After": str(seconds)}


def _ways(kept: Vault, offered: tuple[Method, ...]) -> Iterator[Way]:
    for method in offered:
        if method != "sms":
            yield Way(method)
        elif session.runtime().settings.sms_offered:
            for place, phone in enumerate(kept.phones):
                yield Way("sms", place, phone_numbers.masked(phone.number))


def _sms(ctx: Context, arriving: Arriving, kept: Vault) -> SmsView:
    phones = [phone_numbers.masked(phone.number) for phone in kept.phones]
    if not session.runtime().settings.sms_offered:
        return SmsView("off")
    sent = sms.sent(ctx, arriving.held)
    if sent is None or sent.masked not in phones:
        return SmsView("none", chosen_phone(), phones[min(chosen_phone(), len(phones) - 1)])
    fares = delivery.state_of(ctx, sent.outbox)
    failed = fares in ("failed", "lost") or delivery.delayed(ctx, sent.outbox)
    return SmsView("failed" if failed else "sent", phones.index(sent.masked), sent.masked, sent.wait(ctx.now))
