"""Sending: a new message or an answer, its keys, its receivers' envelopes and its notifications, in one transaction.

Whoever calls commits. A send is there whole or not at all; the idempotency key sends once, however often asked.
"""

import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, literal, select, update

from securemail import ids
from securemail.crypto import content
from securemail.crypto import links as link_locks
from securemail.crypto.mailkeys import seal_envelope
from securemail.crypto.secrets import ContentKey
from securemail.delivery import outbox
from securemail.errors import Conflict, InvalidInput, NotFound, StaleKeys
from securemail.guests import devices, links, notify
from securemail.guests.checks import NONE, Check
from securemail.identity.context import Context, Correspondent, Member
from securemail.mailboxes import directory, epochs
from securemail.mailboxes.addresses import normalise
from securemail.mailboxes.keys import published
from securemail.messages import authenticity, contacts, expiry, reading, threads
from securemail.messages.heads import Head, Party
from securemail.messages.receipts import own_message
from securemail.messages.writing import Receiver, check_receivers, check_subject, check_text
from securemail.organisations import organisations
from securemail.store.models import Conversation, Envelope, GuestLink, Item, Mailbox, Message, Recipient
from securemail.store.statements import changed, insert_if_absent

log = logging.getLogger(__name__)


class AlreadySent(Conflict):
    """The same draft was sent before, with other words: what was typed since is not in it."""

    def __init__(self, conversation: bytes) -> None:
        super().__init__("already sent")
        self.conversation = conversation


class NobodyLeft(Conflict):
    """Everybody who could be answered has been withdrawn, or is there no more."""


@dataclass(frozen=True)
class Sent:
    """A message that is on its way; `others` are those of the same send to each receiver apart."""

    message: bytes
    conversation: bytes
    others: tuple["Sent", ...] = ()


@dataclass(frozen=True)
class Wishes:
    """What the sender asked of a message: how long its receivers may read it, and when who did not is reminded."""

    expires: timedelta | None = None
    remind: timedelta | None = None


To = tuple[str, str] | tuple[str, str, Check]
"""An address, a name (empty when unknown), and how the receiver proves to be the one (not at all when not said)."""


def send(
    ctx: Context, author: Member, *, key: bytes, to: Sequence[To], subject: str, text: str, apart: bool = False,
    expires: timedelta | None = None, remind: timedelta | None = None,
) -> Sent:  # fmt: skip
    """Send a new conversation, or with `apart` one to each receiver; `key` (16 bytes) sends once.

    Whose number or password is still missing gets nothing until `complete`; the others do not wait for it.

    Raises:
        InvalidInput: naming the field; ('check', 'minimum' | 'no_account') for a check.
        AlreadySent: this key has sent other words.
    """
    subject, text = check_subject(subject), check_text(text)
    receivers = check_receivers([(one[0], one[1]) for one in to])
    checks = _checks(to)
    wishes = Wishes(expires, remind)
    if not apart:
        sent = _send_one(ctx, author, key, receivers, checks, subject, text, wishes)
    else:
        each = [
            _send_one(ctx, author, _key_apart(key, place), [receiver], checks, subject, text, wishes)
            for place, receiver in enumerate(receivers)
        ]
        sent = Sent(each[0].message, each[0].conversation, tuple(each[1:]))
    contacts.remember(ctx, author, receivers, checks)
    return sent


def _checks(to: Sequence[To]) -> dict[str, Check]:
    checks: dict[str, Check] = {}
    for one in to:
        if len(one) > 2:
            checks.setdefault(normalise(one[0]), one[2])
    return checks


def _key_apart(key: bytes, place: int) -> bytes:
    """A key for each conversation of one send; the first is the draft's own, by which a sent draft is known."""
    return (int.from_bytes(key, "big") ^ place).to_bytes(len(key), "big")


def _send_one(
    ctx: Context, author: Member, key: bytes, receivers: Sequence[Receiver], checks: Mapping[str, Check],
    subject: str, text: str, wishes: Wishes,
) -> Sent:  # fmt: skip
    before = _sent_before(ctx, author, key, subject, text, {receiver.address for receiver in receivers})
    if before is not None:
        return before
    minimum = organisations.policy_of(ctx, author.organisation).check_minimum
    conversation = ids.new_id()
    parties: list[Party] = []
    made: list[links.NewLink] = []
    unready: set[bytes] = set()
    for receiver in receivers:
        check = checks.get(receiver.address, NONE)
        party, link = _party(ctx, author, conversation, receiver, check)
        if link is not None and not check.meets(minimum):
            raise InvalidInput("check", "minimum")
        parties.append(party)
        made += [link] if link else []
        unready |= {party.principal} if link and check.missing else set()
    return _write(ctx, author, key=key, to=tuple(parties), subject=subject, text=text, conversation=conversation,
                  new_links=made, unready=unready, wishes=wishes)  # fmt: skip


def reply(ctx: Context, author: Correspondent, *, conversation: bytes, key: bytes, text: str) -> Sent:
    """Answer the newest message that the author can read: to its sender and receivers, less those withdrawn.

    Raises:
        InvalidInput: naming the field.
        NotFound: nothing in that conversation is the author's to read.
        NobodyLeft, AlreadySent
    """
    text = check_text(text)
    answered, head = reading.newest_readable(ctx, author, conversation)
    before = _sent_before(ctx, author, key, head.subject, text)
    if before is not None:
        return before
    to = _answerable(ctx, author, answered, head)
    if not to:
        raise NobodyLeft
    return _write(
        ctx, author, key=key, to=to, subject=head.subject, text=text, conversation=conversation,
        unready=_unready(ctx, to), wishes=_decided(ctx, author),
    )  # fmt: skip


def _decided(ctx: Context, author: Correspondent) -> Wishes:
    """How long an answer may be read, and when it is reminded of: as the member's organisation decided."""
    if not isinstance(author, Member):
        return Wishes()
    policy = organisations.policy_of(ctx, author.organisation)
    days = (policy.expiry_days, policy.remind_days)
    return Wishes(*(timedelta(days=one) if one else None for one in days))


def would_answer(ctx: Context, author: Correspondent, conversation: bytes) -> tuple[Party, ...]:
    """Whom an answer would go to; empty when nobody is left or nothing can be read."""
    try:
        answered, head = reading.newest_readable(ctx, author, conversation)
    except NotFound:
        return ()
    return _answerable(ctx, author, answered, head)


def is_deserted(ctx: Context, author: Correspondent, conversation: bytes) -> bool:
    """Whether an answer would reach nobody because the others have closed their accounts."""
    try:
        answered, head = reading.newest_readable(ctx, author, conversation)
    except NotFound:
        return False
    others = {party.principal for party in (head.sender, *head.to)} - {author.principal}
    withdrawn, closed = _beyond_reach(ctx, author, answered, others)
    return bool(closed) and not others - withdrawn - closed


def notify_again(ctx: Context, author: Correspondent, message: bytes, place: int) -> None:
    """Send a receiver's notification once more, after a refusal or to who has not opened it yet.

    Raises:
        NotFound: no such message of this author's, or no such receiver.
        Conflict: it waits already, was opened, has expired or has been taken back.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    epochs.hold(ctx, author.mail)
    row = own_message(ctx, author, message)
    again = update(Recipient).where(
        Recipient.message == message, Recipient.place == place, Recipient.state.in_(("bounced", "notified"))
    )
    recipient = ctx.db.get(Recipient, (message, place))
    if recipient is None:
        raise NotFound
    if expiry.is_over(ctx, row, recipient, own=False):
        raise Conflict("its time is over")
    if not changed(ctx.db, again.values(state="waiting", state_at=ctx.now)):
        raise Conflict("nothing to send again")
    head, _ = reading.open_own(ctx, author, row)
    notify_one(ctx, author, row, place, head.to[place])


def complete(ctx: Context, author: Member, message: bytes, place: int, check: Check) -> None:
    """Say the number or password that a receiver still lacked: what waited for them is on its way.

    Raises:
        NotFound: no such message of this author's, or no such receiver.
        InvalidInput: ('check', 'missing'), it is missing still.
        Conflict: there is nothing to wait for, or another check was asked of them.
    """
    epochs.hold(ctx, author.mail)
    head, _ = reading.open_own(ctx, author, own_message(ctx, author, message))
    waiting = ctx.db.get(Recipient, (message, place))
    if waiting is None or waiting.kind != "link" or not is_named(head, waiting):
        raise NotFound
    row = ctx.db.get_one(GuestLink, waiting.principal)
    over = expiry.is_over(ctx, ctx.db.get_one(Message, message), waiting, own=False)
    if waiting.state != "unready" or row.method != check.method or over:
        raise Conflict("nothing is missing there")
    if check.missing is not None:
        raise InvalidInput("check", "missing")
    if check.password is not None:
        links.agree(ctx, author, row, check.password, hint=check.hint)
    else:
        links.correct_number(ctx, author, row, check.number)
    kept = links.kept_of(ctx, author, row)
    contacts.remember(ctx, author, [Receiver(kept.address, kept.name or kept.address)], {kept.address: check})
    devices.welcome(ctx, author, row)
    _deliver_what_waited(ctx, author, row.id)


def _deliver_what_waited(ctx: Context, author: Member, link: bytes) -> None:
    """Everything in the conversation that waited for this receiver; answers by others have their envelope already."""
    waited = select(Recipient).where(Recipient.principal == link, Recipient.state == "unready")
    for recipient in ctx.db.scalars(waited.order_by(Recipient.state_at)).all():
        row = ctx.db.get_one(Message, recipient.message)
        try:
            head, cek = _opened(ctx, author, row)
        except NotFound:
            continue  # its time is over
        if not is_named(head, recipient):
            log.error("alarm: message %s is not for receiver %d", row.id.hex(), recipient.place)
            continue
        ready = update(Recipient).where(
            Recipient.message == row.id, Recipient.place == recipient.place, Recipient.state == "unready"
        )
        later = None if recipient.remind is None else recipient.remind + (ctx.now - row.sent_at)
        threads.hold(ctx, row.id)
        if expiry.is_over(ctx, row, recipient, own=False):
            continue
        if changed(ctx.db, ready.values(state="waiting", state_at=ctx.now, remind=later)) != 1:
            continue
        party = head.to[recipient.place]
        if ctx.db.get(Envelope, (row.id, link)) is None:
            _envelope(ctx, row, cek, party, link_locks.EPOCH)
        notify_one(ctx, author, row, recipient.place, party)


def _opened(ctx: Context, reader: Member, message: Message) -> tuple[Head, ContentKey]:
    cek = reading.own_key(ctx, reader, message)
    return reading.head_of(ctx, cek, message), cek


def is_named(head: Head, recipient: Recipient) -> bool:
    """Whether the authenticated head names this receiver: a row alone adds nobody."""
    return recipient.place < len(head.to) and head.to[recipient.place].principal == recipient.principal


def _unready(ctx: Context, to: Sequence[Party]) -> set[bytes]:
    """Which receivers of an answer wait for a number or a password: nobody writes to them until then."""
    links_of = [party.principal for party in to if party.kind == "link"]
    unready = select(Recipient.principal).where(Recipient.principal.in_(links_of), Recipient.state == "unready")
    return set(ctx.db.scalars(unready)) if links_of else set()


def _answerable(ctx: Context, author: Correspondent, answered: Message, head: Head) -> tuple[Party, ...]:
    everybody = {party.principal: party for party in (head.sender, *head.to)}
    withdrawn, closed = _beyond_reach(ctx, author, answered, set(everybody))
    alone = set(everybody) == {author.principal}
    if not alone and not set(everybody) - withdrawn - closed - {author.principal}:
        return ()
    # Who is closed stays on the list: the sender sees at that place that it reached nobody.
    return tuple(
        party
        for principal, party in everybody.items()
        if principal not in withdrawn and (principal != author.principal or alone)
    )


def _beyond_reach(
    ctx: Context, author: Correspondent, answered: Message, everybody: set[bytes]
) -> tuple[set[bytes], set[bytes]]:
    """Whose access was taken back: to what is answered, to all that this author sent here, or with their link; and
    whose account is closed."""
    withdrawn = select(Recipient.principal, literal(False).label("closed")).where(
        Recipient.message == answered.id, Recipient.state == "revoked"
    )
    closed = select(Mailbox.id, literal(True)).where(Mailbox.id.in_(everybody), Mailbox.closed.is_not(None))
    ended = select(func.coalesce(GuestLink.claimed_by, GuestLink.id), literal(False)).where(
        GuestLink.conversation == answered.conversation, GuestLink.closed.is_not(None), GuestLink.successor.is_(None)
    )
    of_mine = (
        select(Recipient.principal, literal(False))
        .join(Message, Message.id == Recipient.message)
        .where(Message.conversation == answered.conversation, Message.sender == author.principal)
        .group_by(Recipient.principal)
        .having(func.min(Recipient.state) == "revoked", func.max(Recipient.state) == "revoked")
    )
    rows = ctx.db.execute(withdrawn.union_all(closed, ended, of_mine)).all()
    return {row[0] for row in rows if not row[1]}, {row[0] for row in rows if row[1]}


def _party(
    ctx: Context, author: Member, conversation: bytes, receiver: Receiver, check: Check
) -> tuple[Party, links.NewLink | None]:
    """Which key receives: by SMS or an agreed password a link always, since whoever reads the receiver's mail could
    have opened the account yesterday; else the mailbox of the address where it has one, or a link."""
    entry = directory.find(ctx, receiver.address)
    if entry is not None and (check.method in ("none", "account") or entry.mailbox == author.mailbox):
        return Party.of_entry(entry), None
    if check.method == "account":
        raise InvalidInput("check", "no_account")
    link = links.make(ctx, author, conversation=conversation, address=receiver.address, name=receiver.name, check=check)
    return Party("link", link.row.id, receiver.address, receiver.name), link


def _sent_before(
    ctx: Context, author: Correspondent, key: bytes, subject: str, text: str, to: set[str] | None = None
) -> Sent | None:
    """What this key has sent, None when nothing; an answer's receivers (`to` None) follow from what it answers."""
    message = ctx.db.scalar(select(Message).where(Message.sender == author.principal, Message.idempotency_key == key))
    if message is None:
        return None
    head, said = reading.open_own(ctx, author, message)
    same_receivers = to is None or to == {party.address for party in head.to}
    if (head.subject, said) != (subject, text) or not same_receivers:
        raise AlreadySent(message.conversation)
    return Sent(message.id, message.conversation)


def _write(
    ctx: Context,
    author: Correspondent,
    *,
    key: bytes,
    to: tuple[Party, ...],
    subject: str,
    text: str,
    conversation: bytes,
    new_links: Sequence[links.NewLink] = (),
    unready: Set[bytes] = frozenset(),
    wishes: Wishes = Wishes(),
) -> Sent:
    current = _hold_mailboxes(ctx, author, to)
    message, cek = ids.new_id(), ContentKey.new()
    row = Message(
        id=message,
        conversation=conversation,
        sender=author.principal,
        sender_kind=author.kind,
        account=author.account,
        sent_at=ctx.now,
        idempotency_key=key,
        state="sent",
        sealed_head=content.seal_head(cek, message, Head.write(Party.of(author), to, subject, text).to_json()),
        sealed_body=content.seal_body(cek, message, {"type": "text/plain", "text": text}),
    )
    row.mac = authenticity.sign(ctx, row)
    with ctx.db.begin_nested() as savepoint:
        insert_if_absent(ctx.db, Conversation, {"id": conversation, "created": ctx.now})
        columns = {column.key: getattr(row, column.key) for column in Message.__table__.columns}
        won = insert_if_absent(ctx.db, Message, columns)
        if not won:  # another process sent this key while we were sealing: nothing of ours may stay
            savepoint.rollback()
    if not won:
        before = _sent_before(ctx, author, key, subject, text, {party.address for party in to} if new_links else None)
        if before is None:
            raise StaleKeys
        return before
    for link in new_links:
        links.keep(ctx, link)
        if isinstance(author, Member):
            devices.welcome(ctx, author, link.row)
    _keep_own_copy(ctx, author, row, cek)
    for place, party in enumerate(to):
        _address(ctx, author, row, place, party, current, waits=party.principal in unready, wishes=wishes)
        # A link made just now waits for its envelope too; one that others answer to cannot: they have the words now.
        if party.principal not in unready or not new_links:
            _deliver(ctx, author, row, cek, party, current)
    ctx.db.flush()
    there = [party for party in (Party.of(author), *to) if not _is_closed(author, party, current)]
    threads.arrived(ctx, row, [party.principal for party in there if party.kind == "mailbox"])
    for place, party in enumerate(to):
        if party.principal != author.principal and party in there and party.principal not in unready:
            notify_one(ctx, author, row, place, party)
    return Sent(message, conversation)


def _hold_mailboxes(ctx: Context, author: Correspondent, to: tuple[Party, ...]) -> dict[bytes, int]:
    """The current epochs, their rows held shared until the commit: nothing arrives under a key just rotated away, nor
    at a link that leads on."""
    principals = {party.principal for party in to if party.kind == "mailbox"}
    current = epochs.hold(ctx, author.mail, others=principals)
    links.hold(ctx, {party.principal for party in (Party.of(author), *to) if party.kind == "link"})
    return current


def _is_closed(author: Correspondent, party: Party, current: dict[bytes, int]) -> bool:
    """Whether a receiver's account was closed: nothing is delivered there."""
    return party.kind == "mailbox" and party.principal != author.principal and party.principal not in current


def _keep_own_copy(ctx: Context, author: Correspondent, message: Message, cek: ContentKey) -> None:
    if author.kind == "link":
        _envelope(ctx, message, cek, Party.of(author), author.mail.epoch)
        return
    ctx.db.add(
        Item(
            mailbox=author.principal,
            message=message.id,
            epoch=author.mail.epoch,
            folder="sent",
            sent_at=message.sent_at,
            sealed_cek=author.mail.seal_item(cek, message.id),
        )
    )


def _address(
    ctx: Context, author: Correspondent, message: Message, place: int, party: Party, current: dict[bytes, int],
    *, waits: bool, wishes: Wishes,
) -> None:  # fmt: skip
    to_self, closed = party.principal == author.principal, _is_closed(author, party, current)
    reached = not (to_self or closed)
    ctx.db.add(
        Recipient(
            message=message.id, place=place, principal=party.principal, kind=party.kind,
            state="opened" if to_self else "gone" if closed else "unready" if waits else "waiting", state_at=ctx.now,
            opened_at=ctx.now if to_self else None,
            expires=ctx.now + wishes.expires if wishes.expires and not to_self else None,
            remind=ctx.now + wishes.remind if wishes.remind and reached else None,
        )
    )  # fmt: skip


def _deliver(
    ctx: Context, author: Correspondent, message: Message, cek: ContentKey, party: Party, current: dict[bytes, int]
) -> None:
    if party.principal == author.principal or _is_closed(author, party, current):
        return
    give_envelope(ctx, message, cek, party, current)


def give_envelope(ctx: Context, message: Message, cek: ContentKey, party: Party, current: dict[bytes, int]) -> None:
    """Lock a message's key to one receiver; `current` are the epochs that are held (`epochs.hold`)."""
    _envelope(ctx, message, cek, party, current[party.principal] if party.kind == "mailbox" else link_locks.EPOCH)


def _envelope(ctx: Context, message: Message, cek: ContentKey, party: Party, epoch: int) -> None:
    public_key = published(ctx, party.kind, party.principal, epoch)
    ctx.db.add(
        Envelope(
            message=message.id,
            principal=party.principal,
            epoch=epoch,
            delivered=ctx.now,
            sealed_cek=seal_envelope(public_key, cek, message.id, party.principal, epoch),
        )
    )


def notify_one(ctx: Context, author: Correspondent, message: Message, place: int, party: Party) -> None:
    """Queue the mail that tells one receiver of a message."""
    if party.kind == "mailbox":
        outbox.add_plain(ctx, "member_message", mailbox=party.principal, message=message.id, place=place)
    else:
        notify.tell(ctx, author, message, place, party)
