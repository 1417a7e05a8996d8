"""The signature on an outbox row: a lock proves no sender, so without it a writer of the database could have us mail.

Signed is what decides who gets which words: kind, receiver, message, the sender named in it, and the sealed payload.
State, due and tries are not: they change with every try, and whoever edits them can only delay or repeat a mail that
we wrote ourselves. A sealed one cannot be repeated once it is sent, because its payload is gone then.
"""

import logging

from securemail.crypto.encoding import Field
from securemail.crypto.locks import digest
from securemail.identity.context import Context
from securemail.store.models import Message, Outbox

log = logging.getLogger(__name__)


def sign(ctx: Context, row: Outbox) -> bytes:
    """The MAC of a row that is about to be added; its message is in the transaction already."""
    return ctx.keys.sign_outbox(*_facts(ctx, row))


def genuine(ctx: Context, row: Outbox) -> bool:
    """Whether a row is as we wrote it; an alarm in the log when not."""
    if ctx.keys.trusts_outbox(row.mac, *_facts(ctx, row)):
        return True
    log.error("alarm: outbox row %s is not as it was written", row.id.hex())
    return False


def _facts(ctx: Context, row: Outbox) -> tuple[Field, ...]:
    return (
        row.id,
        row.kind.encode("utf-8"),
        row.message or b"",
        b"" if row.place is None else row.place.to_bytes(8, "big", signed=True),
        row.mailbox or b"",
        b"" if row.sealed_payload is None else digest(row.sealed_payload),
        _sender(ctx, row),
    )


def _sender(ctx: Context, row: Outbox) -> bytes:
    """Who a rendered mail names: read from the message's row, which others may have rewritten since."""
    message = None if row.message is None else ctx.db.get(Message, row.message)
    return b"" if message is None else message.sender_kind.encode("utf-8") + message.sender
