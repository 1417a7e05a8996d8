"""Single-use tokens that travel in links: found by their hash, used up by deleting their row.

A row is authenticated: its content is sealed by the token alone, so whoever can write rows could otherwise put one
there whose token they know, and "prove" any address to us.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from securemail import ids
from securemail.clock import microseconds
from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.encoding import Field
from securemail.crypto.locks import same
from securemail.crypto.notes import open_pending, seal_for_organisation, seal_pending, token_hash
from securemail.crypto.secrets import Token
from securemail.errors import InvalidInput
from securemail.identity.context import Context
from securemail.mailboxes import keys
from securemail.store.models import Mailbox, Pending
from securemail.store.statements import changed

log = logging.getLogger(__name__)

_MAX_TYPED = 500


def add(
    ctx: Context,
    kind: str,
    token: Token,
    *,
    lifetime: timedelta,
    content: Mapping[str, Any] | None = None,
    address: str | None = None,
    account: bytes | None = None,
    organisation: bytes | None = None,
    for_organisation: Mapping[str, Any] | None = None,
    ready: datetime | None = None,
) -> Pending:
    """A new waiting row. `content` opens with the token only; `address` (normalised) is what it is found by besides.

    `for_organisation` is sealed to the administrators of `organisation`; `ready` is when a wait is over.
    """
    pending = ids.new_id()
    sealed_for = None
    if for_organisation is not None and organisation is not None:
        epoch = ctx.db.scalars(select(Mailbox.mk_epoch).where(Mailbox.id == organisation)).one()
        public_key = keys.published(ctx, "mailbox", organisation, epoch)
        sealed_for = seal_for_organisation(public_key, pending, for_organisation)
    row = Pending(
        id=pending,
        kind=kind,
        address_tag=None if address is None else ctx.keys.address_tag(address),
        token_hash=token_hash(token),
        created=ctx.now,
        expires=ctx.now + lifetime,
        organisation=organisation,
        account=account,
        state="open",
        ready=ready,
        sealed_address=None if content is None else seal_pending(token, pending, content),
        sealed_for_organisation=sealed_for,
    )
    sign(ctx, row)
    ctx.db.add(row)
    ctx.db.flush()
    return row


def sign(ctx: Context, row: Pending) -> None:
    """Authenticate a row after a change of ours."""
    row.mac = mac_of(ctx, row)


def mac_of(ctx: Context, row: Pending) -> bytes:
    """The MAC of a row as it stands."""
    return ctx.keys.sign_pending(*_facts(row))


def genuine_under(keys: ConfiguredKeys, row: Pending) -> bool:
    """Whether a row was signed with one of these secrets; no alarm when not."""
    return keys.trusts_pending(row.mac, *_facts(row))


def genuine(ctx: Context, row: Pending) -> bool:
    """Whether a row is as we wrote it."""
    if ctx.keys.trusts_pending(row.mac, *_facts(row)):
        return True
    log.error("alarm: waiting row %s is not as it was written", row.id.hex())
    return False


def content(token: Token, row: Pending) -> dict[str, Any]:
    """What a token's row holds for whoever has the token. Raises `CannotOpen`."""
    return open_pending(token, row.id, row.sealed_address or b"")


def _facts(row: Pending) -> tuple[Field, ...]:
    optional = (row.address_tag, row.organisation, row.account, row.sealed_address, row.sealed_for_organisation)
    moments = (row.created, row.expires, row.ready)
    return (
        row.id, row.kind, row.token_hash, row.state,
        *(b"" if value is None else value for value in optional),
        *(0 if value is None else microseconds(value) for value in moments),
    )  # fmt: skip


Used = list[tuple[bytes, datetime]]
"""Hash and expiry of tokens that were just deleted."""


def read(text: str, *, field: str) -> Token:
    """The token in what was typed or pasted; a whole link is forgiven.

    Raises:
        InvalidInput: (field, 'empty' | 'invalid').
    """
    typed = "".join(text[:_MAX_TYPED].split()).rpartition("#")[2]
    if not typed:
        raise InvalidInput(field, "empty")
    try:
        return Token(ids.token_from_text(typed))
    except ValueError as error:
        raise InvalidInput(field, "invalid") from error


def find(ctx: Context, kind: str, text: str, *, field: str) -> tuple[Token, Pending]:
    """The token in a text and its waiting row, not used up.

    Raises:
        InvalidInput: (field, 'empty' | 'invalid' | 'expired').
    """
    token = read(text, field=field)
    row = ctx.db.scalar(select(Pending).where(Pending.token_hash == token_hash(token), Pending.kind == kind))
    if row is None or not genuine(ctx, row):
        raise InvalidInput(field, "invalid")
    if row.expires <= ctx.now:
        raise InvalidInput(field, "expired")
    return token, row


def take(ctx: Context, row: Pending, *, field: str) -> None:
    """Use a token up; of many at the same moment, one gets through.

    Raises:
        InvalidInput: (field, 'invalid'), for all the others.
    """
    if changed(ctx.db, delete(Pending).where(Pending.id == row.id)) != 1:
        raise InvalidInput(field, "invalid")


def take_all(ctx: Context, kind: str) -> Used:
    """Use up every token of a kind."""
    rows = list(ctx.db.scalars(select(Pending).where(Pending.kind == kind).with_for_update()))
    genuine_rows = [(row.token_hash, row.expires) for row in rows if genuine(ctx, row)]
    deleted = delete(Pending).where(Pending.kind == kind).returning(Pending.token_hash)
    taken = set(ctx.db.scalars(deleted, execution_options={"synchronize_session": False}))
    return [(token, expires) for token, expires in genuine_rows if token in taken]


def require_taken(ctx: Context, used: Used, text: str, *, field: str) -> None:
    """Whether a token is among those just used up.

    Raises:
        InvalidInput: (field, 'empty' | 'invalid' | 'expired').
    """
    wanted = token_hash(read(text, field=field))
    found = [expires for known, expires in used if same(known, wanted)]
    if not found:
        raise InvalidInput(field, "invalid")
    if found[0] <= ctx.now:
        raise InvalidInput(field, "expired")
