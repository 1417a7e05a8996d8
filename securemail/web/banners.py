"""What stands above the list until it is done: a second step to set up, a recovery that somebody asked for."""

from dataclasses import dataclass
from itertools import islice

from flask import Flask, g, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from securemail.identity import vault, waits
from securemail.web import auth, claiming, session
from securemail.web.filters import short_names
from securemail.web.sections import page_of


@dataclass(frozen=True)
class Banner:
    """A sentence and its button: a link (`href`), or a form that changes something (`action`)."""

    kind: str
    text: str
    label: str
    href: str | None = None
    action: str | None = None
    later: str | None = None
    """Where a second button puts it away, for what waits for nobody."""


def register(app: Flask) -> None:
    """Give templates `banners()`, and the offer to take letters along by itself."""
    app.jinja_env.globals["banners"] = banners
    app.jinja_env.globals["claim_banner"] = claim_banner


def banners() -> list[Banner]:
    """What the member who is logged in should know above the list; the most urgent stands alone."""
    if "banners" not in g:
        # The offer lasts as long as its letters are open in this browser; what follows waits for as long as it takes.
        each = (_wait, claim_banner, _code_not_kept, _second_step, _code_not_confirmed)
        g.banners = list(islice(filter(None, (banner() for banner in each)), 1))
    return list(g.banners)


def _wait() -> Banner | None:
    """Somebody asked for this account: the one thing that is more urgent than a second step."""
    owner = auth.known_owner()
    found = waits.of_account(session.current(), owner.account) if owner is not None else []
    if not found:
        return None
    told = {
        waits.RECOVERY: _("Iemand wil een nieuw wachtwoord voor je account. Was jij dat niet? Stop het."),
        waits.FRESH_START: _("Iemand wil opnieuw beginnen met je account. Was jij dat niet? Stop het."),
    }
    return Banner("warn", told[found[0].kind], _("Bekijken"), href=url_for("waits.own"))


def claim_banner() -> Banner | None:
    """What the member opened as a guest in this browser, and can keep."""
    offer = claiming.offer()
    if offer is None:
        return None
    text = ngettext(
        "Je opende hier een conversatie met %(names)s. Bewaar die in je postvak, dan heb je geen code meer nodig.",
        "Je opende hier %(num)s conversaties met %(names)s. Bewaar ze in je postvak, dan heb je geen code meer nodig.",
        offer.count,
        names=short_names(offer.names),
    )
    label, later = _("Bewaren in mijn postvak"), url_for("claims.later")
    return Banner("info", text, label, action=url_for("claims.claim_all"), later=later)


def _second_step() -> Banner | None:
    """The steps of 2FA, until the last of them is done."""
    owner = auth.known_owner()
    if owner is None:
        return None
    kept = vault.read(session.current(), owner.root)
    if not kept.has_second_step:
        text = _("Beveilig je account met een extra inlogmethode.")
        return Banner("info", text, _("2FA instellen"), href=url_for("factors.start"))
    if not kept.backup_codes:
        text = _("Je hebt nog geen back-upcodes. Zonder telefoon of sleutel kom je dan niet binnen.")
        return Banner("info", text, _("Back-upcodes maken"), href=url_for("factors.backup_codes"))
    return None


def _code_not_kept() -> Banner | None:
    """The recovery code was shown once, not confirmed, and not mailed: likely it is nowhere."""
    return _new_code(mailed=False)


def _code_not_confirmed() -> Banner | None:
    """The same where it was mailed too."""
    return _new_code(mailed=True)


def _new_code(*, mailed: bool) -> Banner | None:
    owner, page = auth.known_owner(), page_of("profile.recovery_code")
    if owner is None or page is None:
        return None
    kept = vault.read(session.current(), owner.root)
    if kept.code_saved or kept.code_mailed != mailed:
        return None
    text = _("Je hebt nog niet bevestigd dat je je herstelcode hebt bewaard. Ben je hem kwijt? Maak een nieuwe.")
    return Banner("info", text, _("Nieuwe herstelcode"), href=page)
