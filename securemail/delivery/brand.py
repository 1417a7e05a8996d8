"""Whose name stands on a mail: the organisation's, or the product's while there is none or its row was changed."""

import logging
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from securemail.identity.context import Context
from securemail.store.models import Organisation

log = logging.getLogger(__name__)

PRODUCT: Final = "Securemail"


@dataclass(frozen=True)
class Brand:
    """What the mail templates show of the organisation."""

    name: str
    tagline: str = ""


def current(ctx: Context) -> Brand:
    """The organisation's name, believed only with our signature: it is what a receiver goes by."""
    row = ctx.db.scalar(select(Organisation).order_by(Organisation.created).limit(1))
    if row is None:
        return Brand(PRODUCT)
    if not ctx.keys.trusts_organisation(row.mac, row.id, row.name.encode("utf-8")):
        log.error("alarm: organisation %s is not as it was written", row.id.hex())
        return Brand(PRODUCT)
    return Brand(row.name)
