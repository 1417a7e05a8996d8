"""What a member shows of themselves: name, language and time zone, in the directory of accounts."""

from functools import cache
from typing import Any, Final

from babel.core import get_global
from sqlalchemy import select

from securemail.errors import Conflict, InvalidInput
from securemail.identity.context import Context, Owner
from securemail.mailboxes.addresses import clean_own_name
from securemail.store.models import Account, Address

REGIONS: Final = (
    "Europe", "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Indian", "Pacific",
)  # fmt: skip
"""The first part of a zone's name in the IANA database; what has another is an alias or no place."""


def rename(ctx: Context, owner: Owner, name: str) -> None:
    """Write under another name from now on; the heads of older messages keep the one they were written under.

    Raises:
        InvalidInput: ('name', …).
    """
    cleaned = clean_own_name(name)
    _change_entry(ctx, owner, {"name": cleaned})
    address = ctx.db.scalar(select(Address).where(Address.mailbox == owner.mailbox))
    if address is None:
        raise Conflict
    known = ctx.keys.open_address(owner.mailbox, address.sealed_address)
    address.sealed_address = ctx.keys.seal_address(owner.mailbox, {**known, "name": cleaned})


def set_language(ctx: Context, owner: Owner, language: str) -> None:
    """Speak another language to an account, on pages and in mails."""
    _change_entry(ctx, owner, {"language": language})


def set_zone(ctx: Context, owner: Owner, zone: str) -> None:
    """Tell the time of another place.

    Raises:
        InvalidInput: ('zone', 'unknown').
    """
    known = canonical_zone(zone)
    if known is None:
        raise InvalidInput("zone", "unknown")
    _change_entry(ctx, owner, {"zone": known})


@cache
def zones() -> tuple[str, ...]:
    """The time zones that can be chosen, Europe's first; their names are those of the Unicode CLDR."""
    known = [zone for zone in get_global("zone_territories") if zone.partition("/")[0] in REGIONS]
    return tuple(sorted(known, key=lambda zone: (REGIONS.index(zone.partition("/")[0]), zone)))


def canonical_zone(zone: str) -> str | None:
    """A zone under its one name: browsers also know older ones (Asia/Calcutta). None for what is no zone."""
    known = str(get_global("zone_aliases").get(zone, zone))
    return known if known in zones() else None


def _change_entry(ctx: Context, owner: Owner, change: dict[str, Any]) -> None:
    # Locked, so that of two changes at once neither is lost: the entry is sealed as a whole.
    account = ctx.db.scalar(
        select(Account).where(Account.id == owner.account, Account.state == "active")
        .with_for_update().execution_options(populate_existing=True)
    )  # fmt: skip
    if account is None:
        raise Conflict
    entry = ctx.keys.open_entry(account.id, account.sealed_entry)
    account.sealed_entry = ctx.keys.seal_entry(account.id, {**entry, **change})
    ctx.db.flush()
