"""Exchanging values between rows, and for every sealed column the verb that reads it."""

import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Column, Row, Table, UniqueConstraint, select, update
from sqlalchemy.exc import IntegrityError

from securemail.crypto import notes, unlock
from securemail.crypto.secrets import Secret
from securemail.delivery import claim, payload_locks
from securemail.delivery.claim import Job
from securemail.delivery.workers import LivingWorker
from securemail.errors import CannotOpen, InvalidInput, NotFound
from securemail.guests import devices as guest_devices
from securemail.guests import gate, notify
from securemail.guests.gate import Refused
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.guests.links import WrongCode
from securemail.identity import challenges, devices, invitations, login, photos, sessions, signup
from securemail.identity.challenges import Held, SessionEnded
from securemail.identity.context import Context, Correspondent, Member
from securemail.identity.login import WrongLogin
from securemail.mailboxes import directory, epochs
from securemail.mailboxes.keys import UntrustedKey
from securemail.messages import contacts, drafts, listing, reading, sending
from securemail.messages.authenticity import Forged
from securemail.organisations import administrators, members
from securemail.store.base import Base
from securemail.store.models import (
    GuestLink,
    Item,
    Mailbox,
    MailGrant,
    Message,
    Outbox,
    OutboxLock,
    Recipient,
    Unlocker,
)
from tests.house import PASSWORD
from tests.security.town import AGREED, Town, at_gate, open_grant, resume_guest

REFUSALS = (
    CannotOpen, Forged, UntrustedKey, NotFound, WrongCode, WrongLogin, SessionEnded, GuestSessionEnded, InvalidInput,
    Refused,
)  # fmt: skip
How = Literal["one column", "all sealed columns", "all but the key"]
HOWS: tuple[How, ...] = ("one column", "all sealed columns", "all but the key")
Reader = Callable[[Town, Context, Row[Any]], object]
"""Reads one row as the product does; None or False when it shows nothing."""
_MOST_PAIRS = 24


def sealed_columns() -> list[Column[Any]]:
    tables = Base.metadata.sorted_tables
    return [column for table in tables for column in table.columns if column.name.startswith("sealed_")]


def pairs(rows: list[Row[Any]], column: Column[Any]) -> list[tuple[Row[Any], Row[Any]]]:
    """Two rows at a time, some of all when there are many; at least one of the two holds a value."""
    every = [pair for pair in itertools.combinations(rows, 2) if any(getattr(row, column.name) for row in pair)]
    return every if len(every) <= _MOST_PAIRS else random.Random(7).sample(every, _MOST_PAIRS)


def columns_to_move(column: Column[Any], how: How) -> list[Column[Any]]:
    table = column.table
    assert isinstance(table, Table)
    if how == "one column":
        return [column]
    if how == "all sealed columns":
        return [other for other in table.columns if other.name.startswith("sealed_")]
    return [other for other in table.columns if not other.primary_key]


def exchange(ctx: Context, left: Row[Any], right: Row[Any], columns: list[Column[Any]]) -> bool:
    """False when the database itself refuses it."""
    try:
        _exchange(ctx, left, right, columns)
    except IntegrityError:
        return False
    return True


def _exchange(ctx: Context, left: Row[Any], right: Row[Any], columns: list[Column[Any]]) -> None:
    table = columns[0].table
    assert isinstance(table, Table)
    for name in unique_names(table) & {column.name for column in columns}:
        ctx.db.execute(update(table).where(_is(table, left)).values({name: random.randbytes(16)}))
    for target, source in ((right, left), (left, right)):
        values = {column.name: getattr(source, column.name) for column in columns}
        ctx.db.execute(update(table).where(_is(table, target)).values(values))


def unique_names(table: Table) -> set[str]:
    """Columns that two rows cannot share even for a moment; all of them are random bytes."""
    constraints = [rule for rule in table.constraints if isinstance(rule, UniqueConstraint)]
    named = {column for rule in constraints for column in rule.columns if not column.primary_key}
    single = {column for column in table.columns if column.unique}
    random_ones = {"link_ref", "token_hash", "idempotency_key", "principal", "photo"}
    return {column.name for column in named | single} & random_ones


def _is(table: Table, row: Row[Any]) -> Any:
    key = [column == getattr(row, column.name) for column in table.primary_key.columns]
    return key[0] if len(key) == 1 else key[0] & key[1]


# --- the readers ---


def entry(town: Town, ctx: Context, row: Row[Any]) -> object:
    return directory.of_mailbox(ctx, town.member(row.id).mailbox)


def photo(town: Town, ctx: Context, row: Row[Any]) -> object:
    return photos.of(ctx, row.photo)


def device(town: Town, ctx: Context, row: Row[Any]) -> object:
    """What stands beside a browser in its owner's list."""
    if row.account not in town.sessions:
        return None
    owner = sessions.resume(ctx, town.sessions[row.account]).owner
    return next((one.browser for one in devices.logged_in(ctx, owner) if one.session == row.id), None)


def vault(town: Town, ctx: Context, row: Row[Any]) -> object:
    member = town.member(row.id)
    wanted = select(Unlocker).where(Unlocker.account == row.id, Unlocker.kind == unlock.PASSWORD)
    unlocker = ctx.db.scalars(wanted).one()
    candidate = login.find(ctx, member.address)
    proved = login.prove(ctx.keys, ctx.hasher, candidate, PASSWORD)
    assert unlocker.id == proved.unlocker
    return login.finish(ctx, proved, remember=False).secret


def root_key(town: Town, ctx: Context, row: Row[Any]) -> object:
    if row.kind == unlock.PASSWORD:
        candidate = login.find(ctx, town.member(row.account).address)
        return login.prove(ctx.keys, ctx.hasher, candidate, PASSWORD)
    # No verb recovers an account yet.
    now = ctx.db.get_one(Unlocker, row.id)
    pair = unlock.recovery_pair(town.recovery[row.account], row.account, row.id)
    return unlock.open_root_key(pair, now.sealed_rk, row.account, 1, row.id, now.kind)


def address(town: Town, ctx: Context, row: Row[Any]) -> object:
    """By the address that the tag was made of."""
    [typed] = [member.address for member in town.members if ctx.keys.address_tag(member.address) == row.address_tag]
    return directory.find(ctx, typed)


def pending(town: Town, ctx: Context, row: Row[Any]) -> object:
    return signup.invited(ctx, town.tokens[row.id])


def invitation(town: Town, ctx: Context, row: Row[Any]) -> object:
    """As administrators see it."""
    return invitations.find(ctx, administrators.enter(ctx, town.house.marieke), row.id)


def reference(town: Town, ctx: Context, row: Row[Any]) -> object:
    page = members.page(ctx, administrators.enter(ctx, town.house.marieke))
    return [one.reference for one in page.members if one.account == row.account and one.reference]


def session(town: Town, ctx: Context, row: Row[Any]) -> object:
    if row.account is None:
        return None
    return sessions.resume(ctx, town.sessions[row.account])


def challenge(town: Town, ctx: Context, row: Row[Any]) -> object:
    """What a browser was asked for."""
    if row.account not in town.sessions:
        return None
    return challenges.asked(ctx, Held(town.sessions[row.account], row.id, row.account))


def session_link(town: Town, ctx: Context, row: Row[Any]) -> object:
    """An open link, or one that waits for a code by SMS."""
    if row.link in town.asked:
        return at_gate(ctx, row.link, town.asked[row.link]).opened
    return resume_guest(ctx, row.link, town.guests[row.link])


def held_code(town: Town, ctx: Context, row: Row[Any]) -> object:
    """The message code that a browser keeps until the agreed password is given."""
    return at_gate(ctx, row.link, town.asked[row.link]).code if row.link in town.asked else None


def sent_by_sms(town: Town, ctx: Context, row: Row[Any]) -> object:
    """The code from the phone that a browser waits for."""
    if row.link not in town.asked:
        return None
    return gate.sms_sent(ctx, at_gate(ctx, row.link, town.asked[row.link]))


def hint(town: Town, ctx: Context, row: Row[Any]) -> object:
    return gate.hint(at_gate(ctx, row.id, town.asked[row.id])) if row.id in town.asked else None


def remembered(town: Town, ctx: Context, row: Row[Any]) -> object:
    """A guest's remembered browser that comes back."""
    link = ctx.db.get_one(GuestLink, row.link)
    back = guest_devices.returning(ctx, town.remembered[row.link], link)
    return None if back is None else back.opened.mk


def holders(town: Town, ctx: Context, row: Row[Any]) -> object:
    """No verb changes holders yet: what rotation will read."""
    sealed = ctx.db.get_one(Mailbox, row.id).sealed_holders
    if row.kind == "organisation":
        return unlock.open_organisation_holders(town.organisation.mk, row.id, town.organisation.epoch, sealed)
    return town.in_mailbox(row.id).root.open_holders(row.id, sealed)


def grant(town: Town, ctx: Context, row: Row[Any]) -> object:
    if row.rights == "owner":
        return sessions.resume(ctx, town.sessions[row.grantee])
    return open_grant(town.member(row.grantee), ctx.db.get_one(MailGrant, row.id))


def chain(town: Town, ctx: Context, row: Row[Any]) -> object:
    """The key of the epoch before, as a session reaches it."""
    if row.mailbox == town.organisation.principal:
        return administrators.enter(ctx, town.house.marieke).keys.at(row.epoch - 1)
    member = sessions.resume(ctx, town.sessions[town.in_mailbox(row.mailbox).root.account]).member
    return None if member is None else member.mail.at(row.epoch - 1)


def contact(town: Town, ctx: Context, row: Row[Any]) -> object:
    return [known for known in contacts.everybody(ctx, town.in_mailbox(row.mailbox)) if known.id == row.id]


def draft(town: Town, ctx: Context, row: Row[Any]) -> object:
    return drafts.load(ctx, town.in_mailbox(row.mailbox), row.id)


def _letter(ctx: Context, reader: Correspondent, message: bytes, conversation: bytes) -> object:
    letters = reading.conversation(ctx, reader, conversation)
    return next((letter.head for letter in letters if letter.message == message), None)


def letter_of_everybody(town: Town, ctx: Context, row: Row[Any]) -> object:
    """What each member sees of a message, in the conversation and in the lists."""
    shown = [_seen(ctx, member, row) for member in town.members if _has(ctx, member, row.id)]
    return [one for one in shown if one is not None] or None


def _has(ctx: Context, member: Member, message: bytes) -> bool:
    wanted = Recipient.message == message, Recipient.principal == member.mailbox
    mine = ctx.db.scalar(select(Message.id).where(Message.id == message, Message.sender == member.mailbox))
    return mine is not None or ctx.db.scalar(select(Recipient.place).where(*wanted)) is not None


def _seen(ctx: Context, member: Member, row: Row[Any]) -> object:
    try:
        return _letter(ctx, member, row.id, row.conversation)
    except REFUSALS:
        return None


def listed(town: Town, ctx: Context, row: Row[Any]) -> object:
    """The lists show a head without its text."""
    pages = [listing.inbox(ctx, member) for member in town.members]
    pages += [listing.sent(ctx, member) for member in town.members]
    heads = [line.head for page in pages for line in page.rows if line.message == row.id]
    return [head for head in heads if head is not None] or None


def envelope(town: Town, ctx: Context, row: Row[Any]) -> object:
    if row.principal in town.asked:
        return None  # before the check there is no letter
    conversation = _conversation_of(ctx, row.message)
    if row.principal in town.guests:
        return _letter(ctx, resume_guest(ctx, row.principal, town.guests[row.principal]), row.message, conversation)
    member = town.in_mailbox(row.principal)
    reading.take_in(ctx, member)
    return ctx.db.get(Item, (member.mailbox, row.message))


def unread_envelope(town: Town, ctx: Context, row: Row[Any]) -> object:
    """As while the database cannot be written: shown from the envelope itself."""
    if row.principal in town.guests or row.principal in town.asked:
        return None
    return _letter(ctx, town.in_mailbox(row.principal), row.message, _conversation_of(ctx, row.message))


def item(town: Town, ctx: Context, row: Row[Any]) -> object:
    return _letter(ctx, town.in_mailbox(row.mailbox), row.message, _conversation_of(ctx, row.message))


def listed_item(town: Town, ctx: Context, row: Row[Any]) -> object:
    member = town.in_mailbox(row.mailbox)
    rows = [*listing.inbox(ctx, member).rows, *listing.sent(ctx, member).rows]
    heads = [line.head for line in rows if line.message == row.message]
    return [head for head in heads if head is not None] or None


def _conversation_of(ctx: Context, message: bytes) -> bytes:
    return ctx.db.scalars(select(Message.conversation).where(Message.id == message)).one()


def link_key(town: Town, ctx: Context, row: Row[Any]) -> object:
    """By the code, and by the agreed password where there is one."""
    code = town.asked[row.id].code if row.id in town.asked else town.codes[row.id]
    at = gate.enter_code(ctx, code, None)
    if at.step != "password":
        return at.opened
    return gate.enter_password(ctx, at, gate.stretch(ctx, at, AGREED), left=1)


def guest_facts(town: Town, ctx: Context, row: Row[Any]) -> object:
    """Before a check, only the number that a code by SMS goes to."""
    if row.id in town.asked:
        return gate.masked_number(at_gate(ctx, row.id, town.asked[row.id]))
    return resume_guest(ctx, row.id, town.guests[row.id])


def maker_note(town: Town, ctx: Context, row: Row[Any]) -> object:
    """By the next message that its maker causes to be mailed to the guest."""
    maker = town.in_mailbox(row.maker)
    message = ctx.db.scalars(select(Message).where(Message.conversation == row.conversation)).first()
    assert message is not None
    party = sending.Party("link", row.id, "x@example.org", "x")
    return notify.tell(ctx, maker, message, 0, party)


def payload(town: Town, ctx: Context, row: Row[Any]) -> object:
    return _taken(town, ctx, row.id)


def payload_key(town: Town, ctx: Context, row: Row[Any]) -> object:
    if row.holder == town.worker.id:
        return _taken(town, ctx, row.outbox)
    if row.holder not in [member.mailbox for member in town.members]:
        return None  # the other worker's: its private half is nowhere
    waiting, held = ctx.db.get_one(Outbox, row.outbox), ctx.db.get_one(OutboxLock, (row.outbox, row.holder))
    pair = town.in_mailbox(row.holder).mail.at(row.epoch).pair()
    fresh = LivingWorker(random.randbytes(16), town.worker.pair.public)
    if not payload_locks.relock(ctx, waiting, held, pair, [fresh]):
        return None
    passed = ctx.db.get_one(OutboxLock, (row.outbox, fresh.id))
    key = notes.open_payload_key(town.worker.pair, passed.sealed_key, row.outbox, fresh.id, passed.epoch)
    return notes.open_payload(key, row.outbox, waiting.sealed_payload or b"")


def _taken(town: Town, ctx: Context, wanted: bytes) -> object:
    """What the worker would mail for one row; the others wait until tomorrow."""
    later = ctx.now + timedelta(days=1)
    ctx.db.execute(update(Outbox).where(Outbox.id != wanted).values(due=later))
    ctx.db.expire_all()
    taken = claim.take(ctx, town.worker)
    return taken.payload if isinstance(taken, Job) else None


def audit(town: Town, ctx: Context, row: Row[Any]) -> object:
    """No page shows the audit log yet: what an administrator's session will do."""
    table = Base.metadata.tables["audit"]
    sealed = ctx.db.execute(select(table.c.sealed_detail).where(table.c.id == row.id)).scalar_one()
    return epochs.open_with_any(town.organisation, lambda pair: notes.open_audit(pair, row.id, sealed))


READERS: Mapping[str, tuple[Reader, ...]] = {
    "account.sealed_entry": (entry,),
    "account.sealed_vault": (vault,),
    "account.sealed_photo": (photo,),
    "unlocker.sealed_rk": (root_key,),
    "address.sealed_address": (address,),
    "pending.sealed_address": (pending,),
    "pending.sealed_for_organisation": (invitation,),
    "member.sealed_reference": (reference,),
    "session.sealed_rk": (session,),
    "session.sealed_device": (device,),
    "session.sealed_challenge": (challenge,),
    "session_link.sealed_dk": (session_link,),
    "session_link.sealed_code": (held_code,),
    "session_link.sealed_challenge": (sent_by_sms,),
    "mailbox.sealed_holders": (holders,),
    "mail_chain.sealed_prev": (chain,),
    "mail_grant.sealed_mk": (grant,),
    "contact.sealed_contact": (contact,),
    "draft.sealed_draft": (draft,),
    "message.sealed_head": (letter_of_everybody, listed),
    "message.sealed_body": (letter_of_everybody,),
    "envelope.sealed_cek": (envelope, unread_envelope),
    "item.sealed_cek": (item, listed_item),
    "guest_device.sealed_device": (remembered,),
    "link_device.sealed_dk": (remembered,),
    "guest_link.sealed_dk": (link_key,),
    "guest_link.sealed_hint": (hint,),
    "guest_link.sealed_guest": (guest_facts, link_key),
    "guest_link.sealed_maker": (maker_note,),
    "outbox.sealed_payload": (payload,),
    "outbox_lock.sealed_key": (payload_key,),
    "audit.sealed_detail": (audit,),
}


def read(reader: Reader, town: Town, ctx: Context, row: Row[Any]) -> object | None:
    """What a reader shows, None when it refuses."""
    try:
        return reader(town, ctx, row) or None
    except REFUSALS:
        return None


def hidden(value: object) -> str:
    return "a secret" if isinstance(value, Secret) else type(value).__name__


def rows_of(ctx: Context, column: Column[Any]) -> list[Row[Any]]:
    table = column.table
    assert isinstance(table, Table)
    return list(ctx.db.execute(select(table).order_by(*table.primary_key.columns)))


def cases(ctx: Context) -> Iterator[tuple[Column[Any], list[Row[Any]]]]:
    for column in sealed_columns():
        yield column, rows_of(ctx, column)
