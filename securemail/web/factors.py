"""What the pages of second steps share: the browser that is asked, the way on, and sentences for what was refused."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from securemail.identity import phone_numbers, second_step, vault
from securemail.identity.challenges import Held
from securemail.identity.context import Owner
from securemail.identity.factors import passkeys, sms
from securemail.identity.factors.ceremonies import RelyingParty
from securemail.identity.second_step import Reason, Refused
from securemail.identity.vault import Vault
from securemail.web import session
from securemail.web.auth import LogInFirst
from securemail.web.brand import brand
from securemail.web.filters import clock_time

_SAID: Final[dict[Reason, LazyString]] = {
    "typing": lazy_gettext("Een code heeft 6 cijfers."),
    "wrong": lazy_gettext("Deze code klopt niet. Kijk hem na en typ hem opnieuw."),
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


@dataclass(frozen=True)
class Row:
    """Something that is set up, as the list shows it: `key` names it in forms and addresses."""

    name: str
    key: bytes | str
    since: datetime | None
    opens: bool = False


def passkey_rows(kept: Vault) -> list[Row]:
    """The account's passkeys."""
    entries = kept.passkeys
    return [Row(one.name, bytes.fromhex(one.id), _moment(one.added), one.opens) for one in entries]


def phone_rows(kept: Vault) -> list[Row]:
    """The account's phones, by as much of their numbers as their owner recognises."""
    return [Row(phone_numbers.masked(one.number), one.added, _moment(one.added)) for one in kept.phones]


def app_row(kept: Vault) -> Row | None:
    """The account's authenticator app."""
    return None if kept.totp is None else Row("", "", _moment(kept.totp.added))


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


def ways(kept: Vault, *, beside: bool = False) -> list[dict[str, str]]:
    """The methods to choose from, the best first, each with what it is worth; `off` says why one cannot be chosen.

    `beside` leaves out those that are set up: what is recommended as a second method is another one.
    """
    shown = [_passkey_way(kept), _app_way(kept), _sms_way(kept)]
    there = set(second_step.methods(kept)) if beside else set()
    return [way for way in shown if way["value"] not in there]


def first_way(choices: list[dict[str, str]]) -> str:
    """The one to begin with: the first that can be chosen."""
    return next((way["value"] for way in choices if not way.get("off")), "")


def _passkey_way(kept: Vault) -> dict[str, str]:
    way = {
        "value": "passkey",
        "icon": "key",
        "title": _("Passkey of beveiligingssleutel"),
        "text": _("Inloggen met je vingerafdruk, gezicht of pincode. Een nagemaakte website kan er niets mee."),
        "tag": _("Aanbevolen"),
    }
    return {**way, "off": str(_PASSKEY_SAID["many"])} if len(kept.passkeys) >= passkeys.MOST else way


def _app_way(kept: Vault) -> dict[str, str]:
    text = _("Elke halve minuut een nieuwe code, ook zonder bereik. Wie alleen je wachtwoord heeft, komt er niet in.")
    if kept.totp is not None:
        text = _("Je hebt al een app. Stel je een andere in, dan werkt de oude niet meer.")
    return {"value": "totp", "icon": "smartphone", "title": _("Authenticator-app"), "text": text}


def _sms_way(kept: Vault) -> dict[str, str]:
    way = {
        "value": "sms",
        "icon": "sms",
        "title": _("Sms-code"),
        "text": _("Een code op je telefoon. Beter dan alleen een wachtwoord, maar iemand kan je nummer overnemen."),
    }
    if not session.runtime().settings.sms_offered:
        return {**way, "off": _("Dit kan hier niet: er is geen dienst ingesteld die sms’en verstuurt.")}
    if len(kept.phones) >= sms.MOST_PHONES:
        return {**way, "off": _("Je hebt al drie nummers. Verwijder er eerst een.")}
    return way


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


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
