"""Guest links: made for an address in a conversation, found by what their code gives, opened by the code.

Whoever has the code opens the link; the notification carries it only when the maker's own session caused the mail.
"""

import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from securemail import ids
from securemail.crypto import links as locks
from securemail.crypto.codes import write_message_code
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MailKey, MessageCode
from securemail.delivery import outbox
from securemail.errors import CannotOpen, NotFound, SecuremailError
from securemail.identity.context import Context, Correspondent, Member
from securemail.mailboxes import epochs, keys
from securemail.messages.heads import Party
from securemail.store.models import GuestLink, Message

log = logging.getLogger(__name__)


class WrongCode(SecuremailError):
    """The code is well written but opens nothing here."""


@dataclass(frozen=True)
class NewLink:
    """A link that is not in the database yet."""

    row: GuestLink
    public_key: bytes


def make(ctx: Context, maker: Member, *, conversation: bytes, address: str, name: str) -> NewLink:
    """A link with a new code and key; the guest is written to in the maker's language until they choose another."""
    link, dk, code = ids.new_id(), MailKey.new(), MessageCode.new()
    facts = {"address": address, "name": name, "language": maker.language}
    row = GuestLink(
        id=link,
        conversation=conversation,
        maker=maker.mailbox,
        epoch=maker.mail.epoch,
        link_ref=locks.link_ref(code),
        method=locks.NONE,
        created=ctx.now,
        opened=None,
        sealed_dk=locks.seal_link_key(code, dk, link, locks.NONE),
        sealed_guest=locks.seal_guest(dk, link, facts),
        sealed_maker=maker.mail.seal_maker(link, {**facts, "code": bytes(code).hex()}),
    )
    row.mac = sign(ctx, row)
    return NewLink(row, MailKeys(link, locks.EPOCH, dk).pair().public)


def keep(ctx: Context, link: NewLink) -> None:
    """Add a new link and publish its key."""
    ctx.db.add(link.row)
    keys.publish(ctx, "link", link.row.id, locks.EPOCH, link.public_key)
    ctx.db.flush()


def find(ctx: Context, ref: bytes) -> GuestLink:
    """The link behind 16 bytes of an address; nothing secret follows from having it.

    Raises:
        NotFound: there is none, or its row is not as we wrote it.
    """
    row = ctx.db.scalar(select(GuestLink).where(GuestLink.link_ref == ref))
    if row is None:
        raise NotFound
    return _genuine(ctx, row)


def open_with(ctx: Context, code: MessageCode) -> tuple[GuestLink, MailKeys]:
    """The link that a code belongs to, wherever it was typed, and the link's keys.

    Raises:
        WrongCode: it opens nothing here.
    """
    try:
        row = find(ctx, locks.link_ref(code))
        dk = locks.open_link_key(code, row.sealed_dk, row.id, row.method)
    except (NotFound, CannotOpen) as error:
        raise WrongCode from error
    opened = MailKeys(row.id, locks.EPOCH, dk)
    keys.require_published(ctx, "link", row.id, locks.EPOCH, opened.pair())
    return row, opened


def notify(ctx: Context, author: Correspondent, message: Message, place: int, party: Party) -> bytes:
    """Queue the mail that tells a guest of a message: with the code when the author made the link, else without."""
    row = ctx.db.get_one(GuestLink, party.principal)
    _genuine(ctx, row)
    payload = {
        "to": party.address,
        "name": party.name,
        "language": author.language,
        "sender_name": author.name,
        "sender_address": author.address,
        "sent": message.sent_at.isoformat(),
        "ref": ids.to_text(row.link_ref),
    }
    kept = _kept_by_maker(ctx, author, row)
    if kept is not None:
        payload |= {"code": write_message_code(MessageCode(bytes.fromhex(kept["code"])))}
        payload |= {"language": kept["language"]}
    kind = "guest_answer" if kept is None else "guest_message"
    mailbox, epoch = _spare_key_holder(ctx, author, row)
    return outbox.add_sealed(ctx, kind, payload, mailbox=mailbox, epoch=epoch, message=message.id, place=place)


def _kept_by_maker(ctx: Context, author: Correspondent, row: GuestLink) -> dict[str, Any] | None:
    """What the author kept of a link of their own; None for another's, and for one from before a fresh start."""
    if author.kind != "mailbox" or row.maker != author.principal:
        return None
    if row.epoch < author.mail.epoch and row.epoch not in author.mail.epochs:
        log.warning("the note of guest link %s is locked for good: its mail goes without the code", row.id.hex())
        return None
    return epochs.at(ctx, author.mail, row.epoch).open_maker(row.id, row.sealed_maker)


def _spare_key_holder(ctx: Context, author: Correspondent, row: GuestLink) -> tuple[bytes | None, int | None]:
    """The mailbox that can hand a waiting mail to a new worker: the author's, or the maker's when a guest answers.

    Nobody's when the maker's account is closed.
    """
    if author.kind == "mailbox":
        return author.principal, author.mail.epoch
    epoch = epochs.hold(ctx, others=[row.maker]).get(row.maker)
    return (None, None) if epoch is None else (row.maker, epoch)


def sign(ctx: Context, row: GuestLink) -> bytes:
    """The MAC of a link's row."""
    return ctx.keys.sign_link(*_facts(row))


def genuine(ctx: Context, row: GuestLink) -> bool:
    """Whether a link's row is as we wrote it; an alarm in the log when not."""
    if ctx.keys.trusts_link(row.mac, *_facts(row)):
        return True
    log.error("alarm: guest link %s is not as it was written", row.id.hex())
    return False


def _genuine(ctx: Context, row: GuestLink) -> GuestLink:
    if not genuine(ctx, row):
        raise NotFound
    return row


def _facts(row: GuestLink) -> tuple[bytes | str | int, ...]:
    return (row.id, row.conversation, row.maker, row.link_ref, row.method)
