"""Contacts: whom a mailbox has written to, sealed, for suggestions while typing an address."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select

from securemail import ids
from securemail.errors import CannotOpen
from securemail.guests.checks import METHODS, Check, Method
from securemail.identity.context import Context, Member
from securemail.mailboxes import epochs
from securemail.messages.writing import Receiver
from securemail.store.models import Contact

log = logging.getLogger(__name__)
_MOST = 6


@dataclass(frozen=True)
class Known:
    """Somebody written to before, with the check that was last chosen for them; `method` is None when none ever was.

    `number` (E.164) is the last one that was used, at `numbered`. `devices` are the browsers of theirs that count as
    remembered (JSON, as `guests.devices` writes them).
    """

    id: bytes
    address: str
    name: str
    method: Method | None = None
    number: str = ""
    numbered: datetime | None = None
    devices: tuple[Mapping[str, Any], ...] = ()


def remember(
    ctx: Context, member: Member, receivers: Iterable[Receiver], checks: Mapping[str, Check] | None = None
) -> None:
    """Keep new receivers, the newest name of known ones, and the check that was chosen (by address).

    Raises:
        StaleKeys: the mailbox's keys were replaced meanwhile; a send that is repeated holds them nowhere else.
    """
    known = {contact.address: contact for contact in everybody(ctx, member)}
    changed = []
    for receiver in receivers:
        before = known.get(receiver.address) or Known(ids.new_id(), receiver.address, "")
        after = before
        if receiver.name != receiver.address or not before.name:
            after = replace(after, name=receiver.name)
        check = (checks or {}).get(receiver.address)
        if check is not None:
            after = _with_check(ctx, after, check)
        changed += [after] if after != before else []
    if changed:
        epochs.hold(ctx, member.mail)
    for contact in changed:
        write(ctx, member, contact)


def _with_check(ctx: Context, contact: Known, check: Check) -> Known:
    if check.number:
        return replace(contact, method=check.method, number=check.number, numbered=ctx.now)
    return replace(contact, method=check.method)


def find(ctx: Context, member: Member, address: str) -> Known | None:
    """The contact with a normalised address; None when there is none."""
    return next((contact for contact in everybody(ctx, member) if contact.address == address), None)


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
    method, numbered = content.get("method"), content.get("numbered")
    return Known(
        row.id, str(content["address"]), str(content["name"]), cast(Method, method) if method in METHODS else None,
        str(content.get("number", "")), datetime.fromisoformat(numbered) if numbered else None,
        tuple(content.get("devices", ())),
    )  # fmt: skip


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


def write(ctx: Context, member: Member, contact: Known) -> None:
    """Keep a contact as it is now, with the mailbox's key held (`epochs.hold`)."""
    content: dict[str, Any] = {"address": contact.address, "name": contact.name}
    if contact.method is not None:
        content["method"] = contact.method
    if contact.number:
        content["number"] = contact.number
    if contact.numbered is not None:
        content["numbered"] = contact.numbered.isoformat()
    if contact.devices:
        content["devices"] = [dict(device) for device in contact.devices]
    sealed = member.mail.seal_contact(contact.id, content)
    ctx.db.merge(Contact(id=contact.id, mailbox=member.mailbox, epoch=member.mail.epoch, sealed_contact=sealed))
