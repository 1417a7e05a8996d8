"""Receivers made ready after sending: once the number or password is said, what waited for it is on its way."""

import logging

from sqlalchemy import select, update

from securemail.errors import Conflict, InvalidInput, NotFound
from securemail.guests import devices, links
from securemail.guests.checks import Check
from securemail.identity.context import Context, Member
from securemail.mailboxes import epochs
from securemail.messages import contacts, envelopes, expiry, notices, reading, threads
from securemail.messages.receipts import own_message
from securemail.messages.writing import Receiver
from securemail.store.models import Envelope, GuestLink, Message, Recipient
from securemail.store.statements import changed

log = logging.getLogger(__name__)


def complete(ctx: Context, author: Member, message: bytes, place: int, check: Check) -> None:
    """Say the number or password that a receiver still lacked.

    Raises:
        NotFound: no such message of this author's, or no such receiver.
        InvalidInput: ('check', 'missing'), it is missing still.
        Conflict: there is nothing to wait for, or another check was asked of them.
    """
    epochs.hold(ctx, author.mail)
    row = own_message(ctx, author, message)
    head, _ = reading.open_own(ctx, author, row)
    waiting = ctx.db.get(Recipient, (message, place))
    if waiting is None or waiting.kind != "link" or not head.names(waiting):
        raise NotFound
    link = ctx.db.get_one(GuestLink, waiting.principal)
    over = expiry.is_over(ctx, row, waiting, own=False)
    if waiting.state != "unready" or link.method != check.method or over:
        raise Conflict("nothing is missing there")
    if check.missing is not None:
        raise InvalidInput("check", "missing")
    _say(ctx, author, link, check)
    _deliver_what_waited(ctx, author, link.id)


def _say(ctx: Context, author: Member, link: GuestLink, check: Check) -> None:
    if check.password is not None:
        links.agree(ctx, author, link, check.password, hint=check.hint)
    else:
        links.correct_number(ctx, author, link, check.number)
    kept = links.kept_of(ctx, author, link)
    contacts.remember(ctx, author, [Receiver(kept.address, kept.name or kept.address)], {kept.address: check})
    devices.welcome(ctx, author, link)


def _deliver_what_waited(ctx: Context, author: Member, link: bytes) -> None:
    """Everything in the conversation that waited for this receiver, the oldest first."""
    waited = select(Recipient).where(Recipient.principal == link, Recipient.state == "unready")
    for recipient in ctx.db.scalars(waited.order_by(Recipient.state_at)).all():
        _deliver(ctx, author, recipient)


def _deliver(ctx: Context, author: Member, recipient: Recipient) -> None:
    row = ctx.db.get_one(Message, recipient.message)
    try:
        cek = reading.own_key(ctx, author, row)
    except NotFound:
        return  # its time is over
    head = reading.head_of(ctx, cek, row)
    if not head.names(recipient):
        log.error("alarm: message %s is not for receiver %d", row.id.hex(), recipient.place)
        return
    threads.hold(ctx, row.id)
    if expiry.is_over(ctx, row, recipient, own=False) or not _made_ready(ctx, row, recipient):
        return
    party = head.to[recipient.place]
    # What others answered meanwhile has its envelope already.
    if ctx.db.get(Envelope, (row.id, party.principal)) is None:
        envelopes.give(ctx, row, cek, party, {})
    notices.queue(ctx, author, row, recipient.place, party)


def _made_ready(ctx: Context, message: Message, recipient: Recipient) -> bool:
    """Of two sessions at once, one makes the receiver ready; who had to wait is reminded that much later."""
    later = None if recipient.remind is None else recipient.remind + (ctx.now - message.sent_at)
    ready = update(Recipient).where(
        Recipient.message == message.id, Recipient.place == recipient.place, Recipient.state == "unready"
    )
    return changed(ctx.db, ready.values(state="waiting", state_at=ctx.now, remind=later)) == 1
