"""What stands above the list until it is done: a second step to set up, a recovery that somebody asked for."""

from dataclasses import dataclass

from flask import Flask, g
from flask_babel import gettext as _

from securemail.identity import vault
from securemail.web import auth, session
from securemail.web.sections import page_of


@dataclass(frozen=True)
class Banner:
    """A sentence and its button: a link (`href`), or a form that changes something (`action`)."""

    kind: str
    text: str
    label: str
    href: str | None = None
    action: str | None = None


def register(app: Flask) -> None:
    """Give templates `banners()`."""
    app.jinja_env.globals["banners"] = banners


def banners() -> list[Banner]:
    """What the member who is logged in should know above the list; the most urgent stands alone."""
    if "banners" not in g:
        g.banners = [one for one in (_second_step(),) if one][:1]
    return list(g.banners)


def _second_step() -> Banner | None:
    owner, page = auth.known_owner(), page_of("factors.start")
    if owner is None or page is None or vault.read(session.current(), owner.root).has_second_step:
        return None
    return Banner("info", _("Beveilig je account met een extra inlogmethode."), _("2FA instellen"), href=page)
