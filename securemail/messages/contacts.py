"""Contacts: whom a mailbox has written to, sealed, for suggestions while typing an address."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from securemail import ids
from securemail.errors import CannotOpen
from securemail.identity.context import Context, Member
from securemail.mailboxes import epochs
from securemail.messages.writing import Receiver
from securemail.store.models import Contact

log = logging.getLogger(__name__)
_MOST = 6


@dataclass(frozen=True)
class Known:
    """Somebody written to before."""

    id: bytes
    address: str
    name: str


def remember(ctx: Context, member: Member, receivers: Iterable[Receiver]) -> None:
    """Keep new receivers, and the newest name of known ones."""
    known = {contact.address: contact for contact in everybody(ctx, member)}
    for receiver in receivers:
        contact = known.get(receiver.address)
        named = receiver.name != receiver.address
        if contact is None:
            _write(ctx, member, ids.new_id(), receiver)
        elif named and contact.name != receiver.name:
            _write(ctx, member, contact.id, receiver)


def everybody(ctx: Context, member: Member) -> list[Known]:
    """All contacts of the mailbox, opened: 10 µs each."""
    mine = select(Contact).where(Contact.mailbox == member.mailbox, Contact.epoch != epochs.NEVER)
    rows = ctx.db.scalars(mine.order_by(Contact.id))
    known = [contact for row in rows if (contact := _open(ctx, member, row)) is not None]
    # Two sends at once to somebody new keep them twice; one of the two is shown.
    return list({contact.address: contact for contact in known}.values())


def _open(ctx: Context, member: Member, row: Contact) -> Known | None:
    try:
        content = epochs.at(ctx, member.mail, row.epoch).open_contact(row.id, row.sealed_contact)
    except CannotOpen:
        log.error("alarm: contact %s does not open", row.id.hex())  # noqa: TRY400 no trace needed
        return None  # one damaged row must not keep somebody from sending
    return Known(row.id, str(content["address"]), str(content["name"]))


def suggest(ctx: Context, member: Member, typed: str) -> list[Known]:
    """At most six contacts whose name or address has a word that starts with what was typed."""
    start = typed.strip().casefold()
    if not start:
        return []
    found = [contact for contact in everybody(ctx, member) if _matches(contact, start)]
    return sorted(found, key=lambda contact: contact.name.casefold())[:_MOST]


def _matches(contact: Known, start: str) -> bool:
    words = [*contact.name.casefold().split(), contact.address, contact.address.partition("@")[2]]
    return contact.name.casefold().startswith(start) or any(word.startswith(start) for word in words)


def _write(ctx: Context, member: Member, contact: bytes, receiver: Receiver) -> None:
    content = {"address": receiver.address, "name": receiver.name}
    sealed = member.mail.seal_contact(contact, content)
    ctx.db.merge(Contact(id=contact, mailbox=member.mailbox, epoch=member.mail.epoch, sealed_contact=sealed))
