"""After a rotation: what hangs on an older mail key is locked anew, a batch at a time, by its holder's own requests.

Rows that somebody else holds just now are passed over, so that two batches at once never wait for each other. What the
chain does not reach is left alone; what does not open is marked so, and not tried again.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, func, select, update

from securemail.crypto.mailkeys import MailKeys, seal_envelope
from securemail.crypto.notes import open_payload_key, seal_payload_key
from securemail.errors import CannotOpen
from securemail.identity.context import Context, Member
from securemail.mailboxes import epochs, keys
from securemail.messages import reading
from securemail.store.base import Base
from securemail.store.models import Contact, Draft, Envelope, GuestLink, Item, MailChain, Outbox, OutboxLock

log = logging.getLogger(__name__)

BATCH: Final = 500
_SECONDS: Final = 0.05
"""How long one batch may hold SQLite's one place to write."""


_AT_ONCE: Final = 50
"""Rows written by one statement, before the time is looked at again."""


@dataclass(frozen=True)
class Progress:
    """How many rows a batch locked anew, and how many still hang on an older key."""

    done: int
    left: int


@dataclass(frozen=True, repr=False)
class _Kind:
    """One table of rows that a mail key opens: its sealed column, which are a mailbox's, and the new lock."""

    table: type[Base]
    sealed: str
    mine: Callable[[bytes], ColumnElement[bool]]
    anew: Callable[[MailKeys, MailKeys, Row[Any]], bytes]

    @property
    def epoch(self) -> ColumnElement[int]:
        """The column that names a row's key."""
        return cast("ColumnElement[int]", self.table.__table__.c.epoch)


def relock(ctx: Context, member: Member, most: int = BATCH) -> Progress:
    """Lock at most `most` rows anew, for no longer than a moment. When none is left, the chain ends.

    Raises:
        StaleKeys: the mailbox was rotated since its keys were opened.
    """
    mail = member.mail
    if not mail.older:
        return Progress(0, 0)
    epochs.hold(ctx, mail)
    done = _relock(ctx, member, most)
    remaining = left(ctx, mail)
    if not remaining:
        _end_chain(ctx, mail)
    return Progress(done, remaining)


def left(ctx: Context, mail: MailKeys) -> int:
    """How many rows hang on an older key that still opens them."""
    counts = (select(func.count()).select_from(kind.table).where(*_older(kind, mail)) for kind in _KINDS)
    return sum(ctx.db.scalar(count) or 0 for count in counts)


def everything(ctx: Context, mail: MailKeys) -> int:
    """How many rows a mail key opens, the newest or an older one."""
    counts = (
        select(func.count()).select_from(kind.table).where(kind.mine(mail.principal), kind.epoch.in_(mail.epochs))
        for kind in _KINDS
    )
    return sum(ctx.db.scalar(count) or 0 for count in counts)


def relock_codes(ctx: Context, mail: MailKeys) -> None:
    """Within the rotation, for it must not wait: a recovery code on its way by mail opens the account."""
    codes = select(Outbox.id).where(
        Outbox.kind == "recovery_code", Outbox.mailbox == mail.principal, Outbox.state == "waiting"
    )
    mine = _PAYLOADS.mine(mail.principal), OutboxLock.outbox.in_(codes), OutboxLock.epoch != mail.epoch
    _lock_anew(ctx, _PAYLOADS, mail, ctx.db.execute(select(OutboxLock.__table__).where(*mine)).all())


def _relock(ctx: Context, member: Member, most: int) -> int:
    deadline, done = time.monotonic() + _SECONDS, reading.take_in(ctx, member)
    for kind in _KINDS:
        rows = _batch(ctx, kind, member.mail, most - done)
        for start in range(0, len(rows), _AT_ONCE):
            done += _lock_anew(ctx, kind, member.mail, rows[start : start + _AT_ONCE])
            if time.monotonic() > deadline:
                return done
    return done


def _older(kind: _Kind, mail: MailKeys) -> tuple[ColumnElement[bool], ...]:
    return kind.mine(mail.principal), kind.epoch.in_([older.epoch for older in mail.older])


def _batch(ctx: Context, kind: _Kind, mail: MailKeys, most: int) -> list[Row[Any]]:
    if most <= 0:
        return []
    # In no order: with one, all that is left would be sorted for every batch.
    rows = select(kind.table.__table__).where(*_older(kind, mail)).limit(most)
    return list(ctx.db.execute(rows.with_for_update(skip_locked=True)))


def _lock_anew(ctx: Context, kind: _Kind, mail: MailKeys, rows: Sequence[Row[Any]]) -> int:
    """Write these rows, with one statement; nobody else has them, so that all of them hang on the newest key then."""
    table: Any = kind.table.__table__
    key = [column == bindparam(f"key_{column.name}") for column in table.primary_key.columns]
    written = (
        update(table)
        .where(*key, table.c.epoch == bindparam("was"))
        .values({"epoch": bindparam("now"), kind.sealed: bindparam("sealed")})
    )
    if rows:
        ctx.db.execute(written, [_values(kind, mail, row) for row in rows])
    return len(rows)


def _values(kind: _Kind, mail: MailKeys, row: Row[Any]) -> dict[str, Any]:
    table: Any = kind.table.__table__
    key = {f"key_{column.name}": getattr(row, column.name) for column in table.primary_key.columns}
    epoch, sealed = mail.epoch, getattr(row, kind.sealed)
    try:
        sealed = kind.anew(mail.at(row.epoch), mail, row)
    except CannotOpen:
        log.error("alarm: a row of %s does not open; it stays as it is", table.name)  # noqa: TRY400 no trace needed
        epoch = epochs.NEVER
    return {**key, "was": row.epoch, "now": epoch, "sealed": sealed}


def _item(old: MailKeys, new: MailKeys, row: Row[Any]) -> bytes:
    return new.seal_item(old.open_item(row.sealed_cek, row.message), row.message)


def _draft(old: MailKeys, new: MailKeys, row: Row[Any]) -> bytes:
    return new.seal_draft(row.id, row.revision, old.open_draft(row.id, row.revision, row.sealed_draft))


def _contact(old: MailKeys, new: MailKeys, row: Row[Any]) -> bytes:
    return new.seal_contact(row.id, old.open_contact(row.id, row.sealed_contact))


def _link(old: MailKeys, new: MailKeys, row: Row[Any]) -> bytes:
    return new.seal_maker(row.id, old.open_maker(row.id, row.sealed_maker))


def _payload_lock(old: MailKeys, new: MailKeys, row: Row[Any]) -> bytes:
    key = open_payload_key(old.pair(), row.sealed_key, row.outbox, row.holder, row.epoch)
    return seal_payload_key(new.pair().public, key, row.outbox, row.holder, new.epoch)


def _envelope(old: MailKeys, new: MailKeys, row: Row[Any]) -> bytes:
    cek = old.open_envelope(old.pair(), row.sealed_cek, row.message)
    return seal_envelope(new.pair().public, cek, row.message, row.principal, new.epoch)


_PAYLOADS: Final = _Kind(OutboxLock, "sealed_key", lambda mailbox: OutboxLock.holder == mailbox, _payload_lock)
_KINDS: Final = (
    _Kind(Item, "sealed_cek", lambda mailbox: and_(Item.mailbox == mailbox, Item.folder != "locked"), _item),
    _Kind(Draft, "sealed_draft", lambda mailbox: Draft.mailbox == mailbox, _draft),
    _Kind(Contact, "sealed_contact", lambda mailbox: Contact.mailbox == mailbox, _contact),
    _Kind(GuestLink, "sealed_maker", lambda mailbox: GuestLink.maker == mailbox, _link),
    _PAYLOADS,
    # Arrived, and more of them than were taken in just now.
    _Kind(
        Envelope,
        "sealed_cek",
        lambda mailbox: and_(Envelope.principal == mailbox, Envelope.sealed_cek.is_not(None)),
        _envelope,
    ),
)


def _end_chain(ctx: Context, mail: MailKeys) -> None:
    links = ctx.db.scalar(select(func.count()).select_from(MailChain).where(MailChain.mailbox == mail.principal))
    if links != len(mail.older):
        return  # broken somewhere: what lies beyond stays locked until somebody has looked into the alarm
    gone = delete(MailChain).where(MailChain.mailbox == mail.principal)
    ctx.db.execute(gone, execution_options={"synchronize_session": False})
    keys.forget_older(ctx, mail.principal, mail.epoch)
