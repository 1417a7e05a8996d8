"""The signature on a message's row: every receiver holds its content key and could otherwise rewrite it for others."""

import logging
from datetime import UTC, datetime

from securemail.crypto.encoding import Field
from securemail.crypto.locks import digest
from securemail.errors import SecuremailError
from securemail.identity.context import Context
from securemail.store.models import Message

log = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Forged(SecuremailError):
    """A message's row is not as we wrote it."""


def sign(ctx: Context, message: Message) -> bytes:
    """The MAC over ids, sender, acting account, time, and the hashes of sealed head and body."""
    return ctx.keys.sign_message(*_facts(message))


def require_genuine(ctx: Context, message: Message) -> None:
    """Raises `Forged`, and logs an alarm, when the row was changed by anybody but us."""
    if ctx.keys.trusts_message(message.mac, *_facts(message)):
        return
    log.error("alarm: message %s is not as it was written", message.id.hex())
    raise Forged


def _facts(message: Message) -> tuple[Field, ...]:
    return (
        message.id,
        message.conversation,
        message.sender_kind,
        message.sender,
        message.account or b"",
        microseconds(message.sent_at),
        digest(message.sealed_head),
        digest(message.sealed_body),
    )


def microseconds(moment: datetime) -> int:
    """A moment as whole microseconds since 1970."""
    delta = moment - _EPOCH
    return (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds
