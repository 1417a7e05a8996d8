"""Whose pages these are: the organisation's name, or the product's while there is none."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

from flask import Flask, g
from sqlalchemy.exc import OperationalError
from werkzeug.local import LocalProxy

from securemail import ids
from securemail.identity.initials import initials
from securemail.messages import drafts, receipts
from securemail.organisations import organisations
from securemail.web import auth, session
from securemail.web.present import person

PRODUCT: Final = "Securemail"


@dataclass(frozen=True)
class Brand:
    """What stands on flap and seal."""

    name: str
    initials: str
    tagline: str = ""


@dataclass(frozen=True)
class Me:
    """Whoever is logged in, for the picture top right."""

    account: str
    name: str
    address: str
    initials: str
    tone: int
    language: str
    square: bool = False
    photo: str | None = None


def register(app: Flask) -> None:
    """Give every template `brand`, `me`, `unread` and `drafts_count`; the database is asked once, when it is drawn."""

    @app.context_processor
    def values() -> dict[str, Any]:
        return {
            "brand": LocalProxy(brand),
            "me": _me(),
            "unread": LocalProxy(cache(_unread)),
            "drafts_count": LocalProxy(cache(_drafts)),
            "product": PRODUCT,
            "toast": None,
            "request_id": g.get("request_id", ""),
        }


def brand() -> Brand:
    """The organisation's brand; an error page must not fail for want of it."""
    if "brand" not in g:
        try:
            with session.read_apart() as ctx:
                organisation = organisations.first(ctx)
        except OperationalError:
            organisation = None
        name = organisation.name if organisation is not None else PRODUCT
        g.brand = Brand(name, initials(name))
    return cast(Brand, g.brand)


def _me() -> Me | None:
    owner = auth.known_owner()
    if owner is None:
        return None
    seen = person(owner.name, owner.address, owner.photo)
    return Me(
        ids.to_text(owner.account), seen.name, seen.address, seen.initials, seen.tone, owner.language, photo=seen.photo
    )


def _unread() -> int:
    member = auth.known_member()
    return receipts.count_unread(session.current(), member.mailbox) if member else 0


def _drafts() -> int:
    member = auth.known_member()
    return drafts.count(session.current(), member) if member else 0
