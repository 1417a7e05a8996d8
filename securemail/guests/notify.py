"""The mail that tells a guest of a message: with the code when the link's maker causes it, and what will be asked."""

from typing import Any

from sqlalchemy import select

from securemail import ids
from securemail.crypto import links as locks
from securemail.crypto.codes import write_message_code
from securemail.crypto.secrets import MessageCode
from securemail.delivery import outbox
from securemail.errors import NotFound
from securemail.guests import links
from securemail.identity import phone_numbers
from securemail.identity.context import Context, Correspondent
from securemail.mailboxes import epochs
from securemail.messages.heads import Party
from securemail.store.models import GuestDevice, GuestLink, LinkDevice, Message, Recipient


def tell(
    ctx: Context, author: Correspondent, message: Message, place: int, party: Party, *, reminder: bool = False,
    renewed: bool = False, helped: bool = False,
) -> bytes:  # fmt: skip
    """Queue the mail that tells a guest of a message: with the code when the author made the link, else without.

    A reminder is the same mail in other words. It says nothing that the first one would not have said. `renewed` adds
    that an earlier code works no more, `helped` that what stood in the guest's way is gone.
    """
    row = ctx.db.get_one(GuestLink, party.principal)
    if not links.genuine(ctx, row):
        raise NotFound
    payload: dict[str, Any] = {
        "to": party.address,
        "name": party.name,
        "language": author.language,
        "sender_name": author.name,
        "sender_address": author.address,
        "sent": message.sent_at.isoformat(),
        "ref": ids.to_text(row.link_ref),
    }
    kept = links.note_of(ctx, author, row)
    if kept is not None:
        payload |= {"code": write_message_code(MessageCode(bytes.fromhex(kept["code"])))}
        payload |= {"language": kept["language"]}
        payload |= {name: True for name, said in (("renewed", renewed), ("helped", helped)) if said}
    payload |= _what_awaits(ctx, row, kept) | _until(ctx, message, place)
    kind = "guest_answer" if kept is None else "guest_reminder" if reminder else "guest_message"
    mailbox, epoch = _spare_key_holder(ctx, author, row)
    return outbox.add_sealed(ctx, kind, payload, mailbox=mailbox, epoch=epoch, message=message.id, place=place)


def _what_awaits(ctx: Context, row: GuestLink, kept: dict[str, Any] | None) -> dict[str, Any]:
    """What the mail says about the check: the method, and from the maker's own note the end of the number."""
    said: dict[str, Any] = {"check": row.method if row.claimed_by is None else "account"}
    if kept is not None and row.method == locks.SMS and kept.get("phone"):
        said["number"] = phone_numbers.masked(str(kept["phone"]))
    if kept is not None and _is_remembered(ctx, row):
        said["remembered"] = True
    return said


def _is_remembered(ctx: Context, row: GuestLink) -> bool:
    """Whether a browser that the guest had remembered opens this link by itself."""
    remembered = (
        select(LinkDevice.device)
        .join(GuestDevice, GuestDevice.id == LinkDevice.device)
        .where(LinkDevice.link == row.id, GuestDevice.expires > ctx.now)
    )
    return ctx.db.execute(remembered.limit(1)).first() is not None


def _until(ctx: Context, message: Message, place: int) -> dict[str, str]:
    recipient = ctx.db.get(Recipient, (message.id, place))
    ends = [end for end in (message.expires, recipient.expires if recipient else None) if end is not None]
    return {"until": min(ends).isoformat()} if ends else {}


def _spare_key_holder(ctx: Context, author: Correspondent, row: GuestLink) -> tuple[bytes | None, int | None]:
    """The mailbox that can hand a waiting mail to a new worker: the author's, or the maker's when a guest answers.

    Nobody's when the maker's account is closed.
    """
    if author.kind == "mailbox":
        return author.principal, author.mail.epoch
    epoch = epochs.hold(ctx, others=[row.maker]).get(row.maker)
    return (None, None) if epoch is None else (row.maker, epoch)
