"""Which way a row of the outbox goes out: a kind that begins with `sms_` to a phone, every other one by mail."""

from typing import Final, Literal

from sqlalchemy import ColumnElement, not_

from securemail.store.models import Outbox

Channel = Literal["mail", "sms"]

_SMS: Final = "sms_"


def channel_of(kind: str) -> Channel:
    """The way that rows of this kind go."""
    return "sms" if kind.startswith(_SMS) else "mail"


def goes_by(channel: Channel) -> ColumnElement[bool]:
    """The condition on rows of the outbox."""
    by_phone = Outbox.kind.startswith(_SMS, autoescape=True)
    return by_phone if channel == "sms" else not_(by_phone)
