"""A new code, or another check, for a guest: the link ends, and another takes its place in the same conversation.

What is still shared with the guest is locked anew by the maker's own session, and nothing else: not what was taken back
or is over, nor what the maker cannot open. By the check "account" the messages go to the guest's own mailbox.
Heads stay as they were written; the old link's authenticated row says where it leads (`messages.aliases`).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update

from securemail.crypto.secrets import ContentKey
from securemail.delivery import outbox
from securemail.errors import CannotOpen, Conflict, InvalidInput, NotFound
from securemail.guests import devices, links, notify
from securemail.guests import help as helping
from securemail.guests.checks import Check
from securemail.guests.links import Kept
from securemail.identity.context import Context, Member
from securemail.mailboxes import directory, epochs
from securemail.mailboxes.directory import Entry
from securemail.messages import aliases, contacts, envelopes, expiry, moving, notices, reading
from securemail.messages.aliases import Aliases
from securemail.messages.authenticity import Forged
from securemail.messages.heads import Party
from securemail.messages.threads import BEYOND, UNOPENED
from securemail.messages.writing import Receiver
from securemail.organisations import audit, organisations
from securemail.store.models import GuestLink, Message, Outbox, Recipient
from securemail.store.statements import NO_SYNC

log = logging.getLogger(__name__)


class NothingShared(Conflict):
    """Everything was taken back from this guest, or its time is over."""


class TakesPart(Conflict):
    """The account of this address is in the conversation already, or is the maker's own."""


@dataclass(frozen=True, repr=False)
class _Shared:
    """What the guest keeps: the keys of messages by their ids; `left` stay behind with the old link, unopened."""

    keys: Mapping[bytes, ContentKey]
    left: frozenset[bytes]
    newest: Message


def renew(ctx: Context, maker: Member, link: bytes, check: Check) -> Party:
    """Give the guest behind one of the maker's links another check, and a new code; who they are there from now on.

    The old code, and every browser that it let in, opens nothing from the commit on. By "account" the mailbox of the
    guest's address receives what the link had.

    Raises:
        NotFound: no such link of this maker's, or its note was lost with older keys.
        InvalidInput: ('check', 'missing' | 'minimum' | 'no_account').
        NothingShared, TakesPart
        Conflict: the link is closed, was renewed, or was taken along.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    if check.missing is not None:
        raise InvalidInput("check", "missing")
    return _renew(ctx, maker, link, check)


def new_code(ctx: Context, maker: Member, link: bytes) -> Party:
    """Give a guest a new code with the check that stands.

    Raises:
        InvalidInput: ('check', 'missing'), also for an agreed password: nobody keeps it, so it has to be said again.
        As `renew`.
    """
    return _renew(ctx, maker, link, None)


def can_have(ctx: Context, maker: Member, row: GuestLink) -> Entry | None:
    """The account that could have a guest's messages; None where the address has none, or where it takes part.

    Raises:
        NotFound: another's link, or its note was lost with older keys.
    """
    entry = directory.find(ctx, links.kept_of(ctx, maker, row).address)
    return None if entry is None or moving.takes_part(ctx, row.conversation, entry.mailbox) else entry


def _renew(ctx: Context, maker: Member, link: bytes, chosen: Check | None) -> Party:
    entry = _account(ctx, maker, link) if chosen is not None and chosen.method == "account" else None
    current = epochs.hold(ctx, maker.mail, others=() if entry is None else (entry.mailbox,))
    row = _held(ctx, maker, link)
    kept = links.kept_of(ctx, maker, row)
    check = chosen or _standing(row, kept)
    _require_enough(ctx, maker, check)
    if entry is not None and (entry.mailbox not in current or moving.takes_part(ctx, row.conversation, entry.mailbox)):
        raise TakesPart
    messages = moving.hold(ctx, row.conversation)
    shared, told = _shared(ctx, maker, row, messages), not links.lacks_something(ctx, maker, row)
    party = _lead_on(ctx, maker, row, kept, check, entry)
    moved = _move(ctx, row, party, shared)
    for message in messages:
        if message.id in shared.keys:
            envelopes.give(ctx, message, shared.keys[message.id], party, current)
    if entry is not None:
        moving.give_thread(ctx, row.conversation, entry.mailbox)
    _remember(ctx, maker, kept, check, party)
    _tell(ctx, maker, messages, moved, shared, party, renewed=told)
    helping.answer_link(ctx, row.id)
    moving.tell_everybody(ctx, row.conversation)
    detail = {"conversation": row.conversation.hex(), "link": row.id.hex(), "check": check.method}
    audit.record(ctx, maker.organisation, "access-renewed", maker.principal, detail)
    return party


def _account(ctx: Context, maker: Member, link: bytes) -> Entry:
    row = _own(ctx, maker, links.several(ctx, {link}).get(link))
    entry = directory.find(ctx, links.kept_of(ctx, maker, row).address)
    if entry is None:
        raise InvalidInput("check", "no_account")
    return entry


def _held(ctx: Context, maker: Member, link: bytes) -> GuestLink:
    """A genuine, living link of the maker's, held until the commit."""
    _own(ctx, maker, links.several(ctx, {link}).get(link))
    row = links.hold_alone(ctx, link)
    if not links.genuine(ctx, row):
        raise NotFound
    if not links.living(row) or row.successor is not None:
        raise Conflict("the link has ended")
    return row


def _own(ctx: Context, maker: Member, row: GuestLink | None) -> GuestLink:
    if row is None or row.maker != maker.mailbox:
        raise NotFound
    return row


def _standing(row: GuestLink, kept: Kept) -> Check:
    if row.method == "sms" and kept.number:
        return Check("sms", kept.number)
    if row.method != "none":
        raise InvalidInput("check", "missing")
    return Check("none")


def _require_enough(ctx: Context, maker: Member, check: Check) -> None:
    if not check.meets(organisations.policy_of(ctx, maker.organisation).check_minimum):
        raise InvalidInput("check", "minimum")


def _shared(ctx: Context, maker: Member, row: GuestLink, messages: Sequence[Message]) -> _Shared:
    known = aliases.of_conversation(ctx, row.conversation)
    called = known.of(row.id)
    theirs, mine = _receiving(ctx, messages, row.id), _receiving(ctx, messages, maker.principal)
    keys: dict[bytes, ContentKey] = {}
    left: set[bytes] = set()
    for message in messages:
        recipient = theirs.get(message.id)
        own = message.sender in called
        if not own and (recipient is None or recipient.state in BEYOND):
            continue
        if not own and expiry.is_over(ctx, message, recipient, own=False):
            continue  # its row moves along; the worker ends it
        cek = _key(ctx, maker, message, mine.get(message.id), None if own else recipient, known)
        if cek is not None:
            keys[message.id] = cek
        elif not own:
            left.add(message.id)
    by_maker = [one for one in messages if one.sender == maker.mailbox and one.id in keys]
    if not by_maker:
        raise NothingShared
    return _Shared(keys, frozenset(left), by_maker[-1])


def _receiving(ctx: Context, messages: Sequence[Message], principal: bytes) -> dict[bytes, Recipient]:
    rows = ctx.db.scalars(
        select(Recipient).where(Recipient.principal == principal, Recipient.message.in_([one.id for one in messages]))
        .execution_options(populate_existing=True)
    )  # fmt: skip
    return {row.message: row for row in rows}


def _key(
    ctx: Context, maker: Member, message: Message, mine: Recipient | None, theirs: Recipient | None, known: Aliases
) -> ContentKey | None:
    """A message's key, as far as the maker may read it and, by its authenticated head, the guest receives it."""
    if mine is not None and (mine.state == "revoked" or expiry.is_over(ctx, message, mine, own=False)):
        return None
    try:
        cek = reading.own_key(ctx, maker, message)
        head = known.head(reading.written_head(cek, message))
    except (NotFound, CannotOpen, Forged):
        return None
    if theirs is not None and not head.names(theirs):
        log.error("alarm: message %s is not for receiver %d", message.id.hex(), theirs.place)
        return None
    return cek


def _lead_on(ctx: Context, maker: Member, row: GuestLink, kept: Kept, check: Check, entry: Entry | None) -> Party:
    if entry is not None:
        links.lead_on(ctx, row, to_mailbox=entry.mailbox)
        return Party.of_entry(entry)
    made = links.make(
        ctx, maker, conversation=row.conversation, address=kept.address, name=kept.name, check=check,
        language=kept.language,
    )  # fmt: skip
    links.keep(ctx, made)
    links.lead_on(ctx, row, to_link=made.row.id)
    return Party("link", made.row.id, kept.address, kept.name)


def _move(ctx: Context, row: GuestLink, party: Party, shared: _Shared) -> dict[bytes, Recipient]:
    """The receivers' rows are the new principal's; no mail with the old code goes out any more."""
    moved = moving.move(ctx, row.conversation, row.id, kind=party.kind, new=party.principal, leave=shared.left)
    behind = ctx.db.scalars(select(Recipient).where(Recipient.principal == row.id)).all()
    places = {(one.message, one.place) for one in (*moved, *behind)}
    waiting = ctx.db.execute(
        select(Outbox.message, Outbox.place).where(
            Outbox.state == "waiting", Outbox.message.in_({message for message, _ in places})
        )
    ).all()
    for message, place in sorted(places & {(message, place) for message, place in waiting}):
        outbox.cancel(ctx, message, place)
    unread = (Recipient.principal == row.id, Recipient.state.in_((*UNOPENED, "unready")))
    ended = update(Recipient).where(*unread).values(state="revoked", state_at=ctx.now)
    ctx.db.execute(ended, execution_options=NO_SYNC)
    return {one.message: one for one in moved}


def _remember(ctx: Context, maker: Member, kept: Kept, check: Check, party: Party) -> None:
    contacts.remember(ctx, maker, [Receiver(kept.address, kept.name or kept.address)], {kept.address: check})
    if party.kind == "link":
        devices.welcome(ctx, maker, ctx.db.get_one(GuestLink, party.principal))


def _tell(
    ctx: Context, maker: Member, messages: Sequence[Message], moved: Mapping[bytes, Recipient], shared: _Shared,
    party: Party, *, renewed: bool,
) -> None:  # fmt: skip
    """Mail what nobody told of yet, else the maker's newest message; `renewed` when an earlier code was given."""
    ready = [one for one in messages if one.id in shared.keys and one.id in moved]
    untold = [one for one in ready if moved[one.id].state in ("unready", "waiting")]
    for message in untold or [shared.newest]:
        recipient = moved[message.id]
        if recipient.state == "unready" and recipient.remind is not None:
            recipient.remind += ctx.now - message.sent_at
        if recipient.state != "opened":
            recipient.state, recipient.state_at = "waiting", ctx.now
        ctx.db.flush()
        if party.kind == "link":
            notify.tell(ctx, maker, message, recipient.place, party, renewed=renewed)
        else:
            notices.queue(ctx, maker, message, recipient.place, party)
