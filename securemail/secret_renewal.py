"""Renewing what hangs on an older configured secret, so that the older one can be taken away.

Row by row, a batch to a transaction: what is genuine under any configured secret is signed or sealed anew under the
first. What is not genuine stays as it is, with an alarm: nothing that somebody else wrote becomes ours by this. Done
twice, or again after it was killed, it finds what is left. Passwords follow when their owners log in.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, select, tuple_, update
from sqlalchemy.orm import undefer

from securemail.crypto.locks import same
from securemail.crypto.password import Parameters
from securemail.delivery import authenticity as outbox
from securemail.errors import CannotOpen
from securemail.guests import links
from securemail.identity import tokens
from securemail.identity.context import Context
from securemail.mailboxes import keys
from securemail.messages import authenticity as messages
from securemail.messages.authenticity import Forged
from securemail.organisations import organisations
from securemail.runtime import Runtime
from securemail.store.base import Base
from securemail.store.models import (
    Account,
    Address,
    GuestLink,
    Message,
    Organisation,
    Outbox,
    Pending,
    PrincipalKey,
    Unlocker,
)
from securemail.store.statements import changed

log = logging.getLogger(__name__)

_BATCH: Final = 100
Values = dict[str, Any]
"""The columns of a row that change; empty when it hangs on the newest secret already."""


class NotOurs(Exception):
    """The row is not as we wrote it under any configured secret."""


@dataclass(frozen=True)
class Renewed:
    """What became of the rows of one kind."""

    name: str
    rows: int
    renewed: int
    not_ours: int


@dataclass(frozen=True)
class Left:
    """What still hangs on an older secret: passwords until their owners log in, mailed tokens until they expire."""

    passwords: int
    tokens: int
    last_token: datetime | None


@dataclass(frozen=True, repr=False)
class _Kind:
    name: str
    table: type[Base]
    renew: Callable[[Context, Any], Values]
    only: ColumnElement[bool] | None = None


def renew(runtime: Runtime) -> Iterator[Renewed]:
    """Go through every row that hangs on the configured secret; a line for each kind, as it is done."""
    for kind in _KINDS:
        rows = renewed = not_ours = 0
        for batch in _batches(runtime, kind):
            rows += batch.rows
            renewed += batch.renewed
            not_ours += batch.not_ours
        yield Renewed(kind.name, rows, renewed, not_ours)


def left(runtime: Runtime) -> Left:
    """What no command can renew."""
    with runtime.work(write=False) as ctx:
        parameters = ctx.db.scalars(select(Unlocker.parameters).where(Unlocker.parameters.is_not(None)))
        passwords = sum(_pepper_id(raw) != ctx.keys.pepper_id for raw in parameters if raw is not None)
        waiting = ctx.db.scalars(select(Pending).where(Pending.expires > ctx.now)).all()
        older = [row.expires for row in waiting if not tokens.genuine_under(ctx.keys.newest, row)]
    return Left(passwords, len(older), max(older, default=None))


def _batches(runtime: Runtime, kind: _Kind) -> Iterator[Renewed]:
    after: tuple[Any, ...] | None = None
    while True:
        with runtime.work(write=True) as ctx:
            rows = _rows(ctx, kind, after)
            outcomes = [_renew_one(ctx, kind, row) for row in rows]
        if not rows:
            return
        after = _key_of(kind, rows[-1])
        yield Renewed(kind.name, len(rows), outcomes.count("renewed"), outcomes.count("not ours"))


def _rows(ctx: Context, kind: _Kind, after: tuple[Any, ...] | None) -> list[Any]:
    key = _key_columns(kind)
    query = select(kind.table).order_by(*key).limit(_BATCH).options(undefer("*")).with_for_update()
    if kind.only is not None:
        query = query.where(kind.only)
    if after is not None:
        query = query.where(tuple_(*key) > after)
    return list(ctx.db.scalars(query))


def _key_of(kind: _Kind, row: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, column.name) for column in _key_columns(kind))


def _key_columns(kind: _Kind) -> list[Any]:
    table: Any = kind.table.__table__
    return list(table.primary_key.columns)


def _renew_one(ctx: Context, kind: _Kind, row: Any) -> str:
    try:
        values = kind.renew(ctx, row)
    except NotOurs:
        return "not ours"
    if not values:
        return "newest"
    table: Any = kind.table.__table__
    mine = [column == value for column, value in zip(_key_columns(kind), _key_of(kind, row), strict=True)]
    changed(ctx.db, update(table).where(*mine).values(values))
    return "renewed"


def _signed(genuine: Callable[[Context, Any], bool], sign: Callable[[Context, Any], bytes]) -> Callable[..., Values]:
    def renew(ctx: Context, row: Any) -> Values:
        if not genuine(ctx, row):
            raise NotOurs
        mac = sign(ctx, row)
        return {} if same(mac, row.mac) else {"mac": mac}

    return renew


def _genuine_key(ctx: Context, row: PrincipalKey) -> bool:
    if keys.genuine(ctx, row.kind, row):
        return True
    log.error("alarm: the public key of %s epoch %d is not as it was written", row.principal.hex(), row.epoch)
    return False


def _genuine_message(ctx: Context, row: Message) -> bool:
    try:
        messages.require_genuine(ctx, row)
    except Forged:
        return False
    return True


def _token(ctx: Context, row: Pending) -> Values:
    if not tokens.genuine(ctx, row):
        raise NotOurs
    if row.address_tag is not None:
        return {}  # its address stands under the token only: it keeps its tag, and with it the older secret's MAC
    mac = tokens.mac_of(ctx, row)
    return {} if same(mac, row.mac) else {"mac": mac}


def _address(ctx: Context, row: Address) -> Values:
    entry = _opened(lambda: ctx.keys.open_address(row.mailbox, row.sealed_address), "the address of", row.mailbox)
    address = str(entry["address"])
    if row.address_tag not in ctx.keys.address_tags(address):
        log.error("alarm: an address leads to mailbox %s, which is not its own", row.mailbox.hex())
        raise NotOurs
    newest = ctx.keys.newest
    if row.address_tag == newest.address_tag(address) and _opens(newest.open_address, row.mailbox, row.sealed_address):
        return {}
    return {
        "address_tag": newest.address_tag(address),
        "sealed_address": ctx.keys.seal_address(row.mailbox, entry),
    }


def _account(ctx: Context, row: Account) -> Values:
    values: Values = {}
    entry = _opened(lambda: ctx.keys.open_entry(row.id, row.sealed_entry), "the entry of account", row.id)
    if not _opens(ctx.keys.newest.open_entry, row.id, row.sealed_entry):
        values["sealed_entry"] = ctx.keys.seal_entry(row.id, entry)
    sealed = row.sealed_photo
    if sealed is not None and not _opens(ctx.keys.newest.open_photo, row.id, sealed):
        photo = _opened(lambda: ctx.keys.open_photo(row.id, sealed), "the photo of account", row.id)
        values["sealed_photo"] = ctx.keys.seal_photo(row.id, photo)
    return values


def _opened(opening: Callable[[], Any], what: str, row: bytes) -> Any:
    try:
        return opening()
    except CannotOpen as error:
        log.error("alarm: %s %s does not open", what, row.hex())  # noqa: TRY400 no trace needed
        raise NotOurs from error


def _opens(opening: Callable[[bytes, bytes], object], row: bytes, sealed: bytes) -> bool:
    try:
        opening(row, sealed)
    except CannotOpen:
        return False
    return True


def _pepper_id(raw: bytes) -> int | None:
    try:
        return Parameters.decode(raw).pepper_id
    except CannotOpen:
        return None


_KINDS: Final = (
    _Kind("organisations", Organisation, _signed(organisations.genuine, organisations.sign)),
    _Kind("public keys", PrincipalKey, _signed(_genuine_key, keys.sign)),
    _Kind("accounts in the directory", Account, _account),
    _Kind("addresses", Address, _address),
    _Kind("messages", Message, _signed(_genuine_message, messages.sign)),
    _Kind("guest links", GuestLink, _signed(links.genuine, links.sign)),
    # An ended mail has lost its payload, and with it what its signature was over; it goes within a day.
    _Kind("waiting mail", Outbox, _signed(outbox.genuine, outbox.sign), Outbox.state == "waiting"),
    _Kind("waiting tokens", Pending, _token),
)
