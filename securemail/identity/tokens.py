"""Single-use tokens that travel in links: found by their hash, used up by deleting their row."""

from datetime import datetime

from sqlalchemy import delete, select

from securemail import ids
from securemail.crypto.locks import same
from securemail.crypto.notes import token_hash
from securemail.crypto.secrets import Token
from securemail.errors import InvalidInput
from securemail.identity.context import Context
from securemail.store.models import Pending
from securemail.store.statements import changed

_MAX_TYPED = 500

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
    if row is None:
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
    taken = delete(Pending).where(Pending.kind == kind).returning(Pending.token_hash, Pending.expires)
    rows = ctx.db.execute(taken, execution_options={"synchronize_session": False})
    return [(row.token_hash, row.expires) for row in rows]


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
