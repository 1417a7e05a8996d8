"""What the pages of second steps share: the browser that is asked, the way on, and sentences for what was refused."""

from datetime import timedelta
from typing import Final

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from securemail.identity import second_step, vault
from securemail.identity.challenges import Held
from securemail.identity.context import Owner
from securemail.identity.factors.passkeys import RelyingParty
from securemail.identity.second_step import Reason, Refused
from securemail.identity.vault import Vault
from securemail.web import session
from securemail.web.auth import LogInFirst
from securemail.web.brand import brand
from securemail.web.filters import clock_time

_SAID: Final[dict[Reason, LazyString]] = {
    "typing": lazy_gettext("Een code heeft 6 cijfers."),
    "wrong": lazy_gettext("Deze code klopt niet. Kijk of hij er nog staat en typ hem opnieuw."),
    "used": lazy_gettext("Deze code is al gebruikt. Wacht op de volgende code in je app."),
    "clock": lazy_gettext(
        "Deze code is van een ander tijdstip: de klok van je telefoon loopt niet gelijk. "
        "Zet de tijd op automatisch en typ dan een nieuwe code."
    ),
    "expired": lazy_gettext("Deze code is verlopen. Vraag een nieuwe code."),
    "many": lazy_gettext("Meer kunnen er niet bij. Verwijder er eerst een."),
}
_PASSKEY_SAID: Final[dict[Reason, LazyString]] = {
    "expired": lazy_gettext("Dat duurde te lang. Probeer het opnieuw."),
    "taken": lazy_gettext("Deze passkey hoort al bij een account. Kies een andere."),
    "many": lazy_gettext("Meer dan 10 passkeys kan niet. Verwijder er eerst een."),
}


def held(me: Owner) -> Held:
    """This browser, as something that can be asked."""
    secret = session.member_secret()
    if secret is None:
        raise LogInFirst
    return Held(secret, me.session, me.account)


def vault_of(me: Owner) -> Vault:
    """The account's vault of this moment."""
    return vault.read(session.current(), me.root)


def relying_party() -> RelyingParty:
    """Whose passkeys these are, from the settings and never from the request."""
    return RelyingParty.of(session.runtime().settings.public_url, brand().name)


def way_on(kept: Vault) -> str:
    """Where somebody goes who has just set something up: a second method, backup codes, or back to the list."""
    if kept.backup_codes:
        return url_for("factors.overview", saved="added")
    if len(second_step.methods(kept)) == 1:
        return url_for("factors.second")
    return url_for("factors.backup_codes")


def go(path: str) -> ResponseReturnValue:
    """Lead on after a form."""
    return redirect(path, 303)


def refused_text(refused: Refused) -> str:
    """The sentence at the field of a code."""
    return str(_SAID.get(refused.reason, _SAID["wrong"]))


def passkey_text(refused: Refused) -> str:
    """The sentence that a script shows when a passkey was not taken."""
    said = _PASSKEY_SAID.get(refused.reason)
    return str(said) if said else _("Dat is niet gelukt. Er is niets veranderd. Probeer het opnieuw.")


def clock_after(seconds: int) -> str:
    """The time on the clock when something may be tried again."""
    return clock_time(session.runtime().clock() + timedelta(seconds=seconds))
