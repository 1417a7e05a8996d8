"""Sending: a new message or an answer, to whom and under which keys, once however often it is asked.

Whoever calls commits. A send is there whole (`messages.posting`) or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from securemail import ids
from securemail.errors import Conflict, InvalidInput, StaleKeys
from securemail.guests import links
from securemail.guests.checks import NONE, Check
from securemail.identity.context import Context, Correspondent, Member
from securemail.mailboxes import directory
from securemail.mailboxes.addresses import normalise
from securemail.messages import answering, contacts, posting, reading
from securemail.messages.heads import Party
from securemail.messages.posting import Letter, Wishes
from securemail.messages.writing import Receiver, check_receivers, check_subject, check_text
from securemail.organisations import organisations
from securemail.store.models import Message


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


To = tuple[str, str] | tuple[str, str, Check]
"""An address, a name (empty when unknown), and how the receiver proves to be the one (not at all when not said)."""


def send(
    ctx: Context, author: Member, *, key: bytes, to: Sequence[To], subject: str, text: str, apart: bool = False,
    expires: timedelta | None = None, remind: timedelta | None = None,
) -> Sent:  # fmt: skip
    """Send a new conversation, or with `apart` one to each receiver; `key` (16 bytes) sends once.

    Whose number or password is still missing gets nothing until `completing.complete`; the others do not wait for it.

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
    addresses = {receiver.address for receiver in receivers}
    before = _sent_before(ctx, author, key, subject, text, addresses)
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
    letter = Letter(key, conversation, tuple(parties), subject, text, made, unready, wishes)
    return _post(ctx, author, letter, addresses)


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
    to = answering.receivers(ctx, author, answered, head)
    if not to:
        raise NobodyLeft
    wishes = _decided(ctx, author)
    letter = Letter(key, conversation, to, head.subject, text, unready=answering.unready(ctx, to), wishes=wishes)
    return _post(ctx, author, letter, None)


def _decided(ctx: Context, author: Correspondent) -> Wishes:
    """How long an answer may be read, and when it is reminded of: as the member's organisation decided."""
    if not isinstance(author, Member):
        return Wishes()
    policy = organisations.policy_of(ctx, author.organisation)
    days = (policy.expiry_days, policy.remind_days)
    return Wishes(*(timedelta(days=one) if one else None for one in days))


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


def _post(ctx: Context, author: Correspondent, letter: Letter, to: set[str] | None) -> Sent:
    """Send it; where another process has sent this key meanwhile, what that sent."""
    message = posting.post(ctx, author, letter)
    if message is not None:
        return Sent(message, letter.conversation)
    before = _sent_before(ctx, author, letter.key, letter.subject, letter.text, to)
    if before is None:
        raise StaleKeys
    return before
