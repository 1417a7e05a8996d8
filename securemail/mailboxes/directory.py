"""The directory of accounts: which mailbox an address belongs to, and under which name a mailbox writes.

Opened with the configured secret, because the service must reach its own users while they are away.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from securemail.errors import CannotOpen
from securemail.identity.context import DEFAULT_ZONE, Context
from securemail.store.models import Account, Address, Mailbox

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A mailbox as others see it, and its owner's language; `since` when it has had this address."""

    mailbox: bytes
    epoch: int
    account: bytes
    address: str
    name: str
    language: str
    zone: str = DEFAULT_ZONE
    photo: bytes | None = None
    started_anew: datetime | None = None
    since: datetime | None = None


def find(ctx: Context, address: str) -> Entry | None:
    """The mailbox that receives mail for a normalised address.

    The address inside the sealed row is compared, so exchanging two tags in the database delivers to no stranger.
    """
    rows = ctx.db.execute(
        select(Address, Mailbox, Account)
        .join(Mailbox, Mailbox.id == Address.mailbox)
        .join(Account, Account.id == Mailbox.owner)
        .where(Address.address_tag.in_(ctx.keys.address_tags(address)))
    ).all()
    for row in rows:
        entry = _entry(ctx, *row)
        if entry is not None and entry.address == address:
            return entry
        log.error("alarm: an address leads to mailbox %s, which is not its own", row.Mailbox.id.hex())
    return None


def of_mailbox(ctx: Context, mailbox: bytes) -> Entry | None:
    """The entry of a mailbox, None when it has no address or does not open."""
    return of_mailboxes(ctx, {mailbox}).get(mailbox)


def of_mailboxes(ctx: Context, mailboxes: Collection[bytes]) -> dict[bytes, Entry]:
    """The entries of several mailboxes with one query, without those that have no address or do not open."""
    if not mailboxes:
        return {}
    rows = ctx.db.execute(
        select(Address, Mailbox, Account)
        .join(Mailbox, Mailbox.id == Address.mailbox)
        .join(Account, Account.id == Mailbox.owner)
        .where(Address.mailbox.in_(mailboxes))
    )
    found = (_entry(ctx, *row) for row in rows)
    return {entry.mailbox: entry for entry in found if entry is not None}


def _entry(ctx: Context, address: Address, mailbox: Mailbox, account: Account) -> Entry | None:
    try:
        known: dict[str, Any] = ctx.keys.open_address(mailbox.id, address.sealed_address)
        person = ctx.keys.open_entry(account.id, account.sealed_entry)
    except CannotOpen:
        log.error("alarm: the directory entry of mailbox %s does not open", mailbox.id.hex())  # noqa: TRY400 no trace
        return None
    return Entry(
        mailbox.id, mailbox.mk_epoch, account.id, known["address"], known["name"], person["language"],
        str(person.get("zone", DEFAULT_ZONE)), account.photo, mailbox.started_anew, address.since,
    )  # fmt: skip
