"""The signature on a message's row: every receiver holds its content key and could otherwise rewrite it for others.

It has two parts, because a list shows heads and does not load texts: over everything but the text, and over all.
"""

import logging
from typing import Any, Protocol

from securemail.clock import microseconds
from securemail.crypto.encoding import Field
from securemail.crypto.locks import digest
from securemail.errors import SecuremailError
from securemail.identity.context import Context
from securemail.store.models import Message

log = logging.getLogger(__name__)
_PART = 32


class Forged(SecuremailError):
    """A message's row is not as we wrote it."""


class Heading(Protocol):
    """What a list loads of a message: a row, or a part of one."""

    id: Any
    conversation: Any
    sender_kind: Any
    sender: Any
    account: Any
    sent_at: Any
    sealed_head: Any
    mac: Any


def sign(ctx: Context, message: Message) -> bytes:
    """The MAC over ids, sender, acting account, time, and the hashes of sealed head and, in its second part, body."""
    heading = _facts(message)
    return ctx.keys.sign_message(*heading) + ctx.keys.sign_message(*heading, digest(message.sealed_body))


def require_genuine(ctx: Context, message: Message) -> None:
    """Raises `Forged`, and logs an alarm, when the row was changed by anybody but us."""
    require_genuine_heading(ctx, message)
    if not ctx.keys.trusts_message(message.mac[_PART:], *_facts(message), digest(message.sealed_body)):
        _refuse(message)


def require_genuine_heading(ctx: Context, message: Heading) -> None:
    """The same for what a list shows: everything but the text."""
    if not ctx.keys.trusts_message(message.mac[:_PART], *_facts(message)):
        _refuse(message)


def _refuse(message: Heading) -> None:
    log.error("alarm: message %s is not as it was written", message.id.hex())
    raise Forged


def _facts(message: Heading) -> tuple[Field, ...]:
    return (
        message.id,
        message.conversation,
        message.sender_kind,
        message.sender,
        message.account or b"",
        microseconds(message.sent_at),
        digest(message.sealed_head),
    )
