"""What a claimed row says: who gets it, in which language, and the values that its templates show.

Each kind reads its own payload; one that lacks something is `Unsendable`, because trying again would not mend it.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from securemail import ids
from securemail.delivery.brand import Brand
from securemail.delivery.claim import Job
from securemail.errors import SecuremailError
from securemail.i18n import LOCALES
from securemail.identity import waits
from securemail.identity.context import Context
from securemail.mailboxes import directory
from securemail.mailboxes.directory import Entry
from securemail.store.models import Message, Recipient

_LONGEST: Final = 320
_LONGEST_NAME: Final = 120
_CHECKS: Final = ("none", "sms", "password", "account")
_NEEDS_QUOTES: Final = frozenset('()<>[]:;@\\,"')
"""In an address (RFC 5322, `specials`)."""
_NOT_IN_A_LINE: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")


class Unsendable(SecuremailError):
    """A mail that cannot be made: its receiver is gone, or its payload is not one of ours."""


@dataclass(frozen=True, repr=False)
class Notification:
    """A mail before it has words. `values` are for the templates `mail/<kind>/…`."""

    outbox: bytes
    kind: str
    to: str
    name: str
    language: str
    brand: Brand
    values: dict[str, Any] = field(default_factory=dict)
    sent: datetime | None = None
    zone: str = ""


def prepare(ctx: Context, job: Job, *, brand: Brand, public_url: str) -> Notification:
    """Read what a job's kind needs.

    Raises:
        Unsendable: see the class.
    """
    try:
        return _KINDS[job.kind](ctx, job, brand, public_url)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # Without `from`: the error's words may hold the payload.
        raise Unsendable(type(error).__name__) from None


def _guest_message(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    payload = _payload(job)
    groups = str(payload["code"]).split()
    page = f"{public_url}/b/{payload['ref']}"
    return _sealed(
        job, payload, brand,
        **_sender(payload), **_places(public_url, link=f"{page}#{''.join(groups)}", short=f"{public_url}/b"),
        **_awaiting(payload), code_groups=groups,
        renewed=bool(payload.get("renewed")), helped=bool(payload.get("helped")),
    )  # fmt: skip


def _guest_answer(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    payload = _payload(job)
    page = f"{public_url}/b/{payload['ref']}"
    places = _places(public_url, link=page, short=f"{public_url}/b")
    return _sealed(job, payload, brand, **_sender(payload), **places, **_awaiting(payload))


def _awaiting(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked when it is opened, and until when that can be; mails of an earlier release say neither."""
    check = str(payload.get("check") or "")
    number = payload.get("number")
    return {
        "check": check if check in _CHECKS else None,
        "number": _line(number) if number else None,
        "remembered": bool(payload.get("remembered")),
        "until": datetime.fromisoformat(payload["until"]) if "until" in payload else None,
    }


def _activation(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    payload = _payload(job)
    return _sealed(job, payload, brand, **_places(public_url, link=str(payload["token_link"])))


def _invitation(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    payload = _payload(job)
    return _sealed(job, payload, brand, **_sender(payload), **_places(public_url, link=str(payload["token_link"])))


def _secure_account(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    """An account is there already: straight to what secures it, after logging in."""
    payload = _payload(job)
    return _sealed(job, payload, brand, **_sender(payload), **_places(public_url, link=f"{public_url}/signup/secure"))


def _already_account(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    return _sealed(job, _payload(job), brand, **_places(public_url, link=f"{public_url}/login"))


def _recovery_code(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    payload = _payload(job)
    groups = payload["code_groups"]
    groups = groups.split() if isinstance(groups, str) else [str(group) for group in groups]
    return _sealed(job, payload, brand, **_places(public_url, link=f"{public_url}/"), code_groups=groups)


def _member_message(ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    receiver = None if job.mailbox is None else directory.of_mailbox(ctx, job.mailbox)
    message = None if job.message is None else ctx.db.get(Message, job.message)
    if receiver is None or message is None:
        raise Unsendable("the receiver or the message is gone")
    sender = directory.of_mailbox(ctx, message.sender) if message.sender_kind == "mailbox" else None
    return Notification(
        job.outbox, job.kind, receiver.address, _line(receiver.name), _language(receiver.language), brand,
        values={
            # A guest's name is nowhere in the directory, and belongs in no mail that is not sealed.
            "sender_name": None if sender is None else _line(sender.name),
            "sender_address": None if sender is None else sender.address,
            # To the message, through the log-in; who types uses the front door.
            **_places(public_url, link=f"{public_url}/m/{ids.to_text(message.id)}", short=f"{public_url}/"),
            "until": _expiry(ctx, job, message),
        },
        sent=message.sent_at, zone=receiver.zone,
    )  # fmt: skip


def _expiry(ctx: Context, job: Job, message: Message) -> datetime | None:
    recipient = None if job.place is None else ctx.db.get(Recipient, (message.id, job.place))
    ends = [end for end in (message.expires, recipient.expires if recipient else None) if end is not None]
    return min(ends, default=None)


def _help_asked(ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    """A guest cannot get in: who it is stands in the conversation, which only their correspondent can read."""
    maker = None if job.mailbox is None else directory.of_mailbox(ctx, job.mailbox)
    if maker is None:
        raise Unsendable("the receiver is gone")
    message = None if job.message is None else ctx.db.get(Message, job.message)
    place = "/inbox" if message is None else f"/conversations/{ids.to_text(message.conversation)}"
    return Notification(
        job.outbox, job.kind, maker.address, _line(maker.name), _language(maker.language), brand,
        values=_places(public_url, link=f"{public_url}/login?next={place}"), zone=maker.zone,
    )  # fmt: skip


def _log_in_warning(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    """Something about logging in that the owner should know: browser and network, and when in their own zone."""
    payload = _payload(job)
    facts = {"browser": _line(payload["browser"]), "network": _line(payload["network"])}
    return _sealed(job, payload, brand, **_places(public_url, link=f"{public_url}/login?next=/security"), **facts)


def _address_change(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    """Another address for an account: both addresses may read of the new one, the token stands in one of the links."""
    payload = _payload(job)
    link = f"{public_url}{payload.get('path', '/login')}"
    return _sealed(job, payload, brand, **_places(public_url, link=link), new=_address(payload["new"]))


def _account_closed(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    return _sealed(job, _payload(job), brand, **_places(public_url, link=f"{public_url}/"))


def _factor_changed(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    payload = _payload(job)
    places = _places(public_url, link=f"{public_url}/login?next=/security")
    return _sealed(job, payload, brand, **places, change=str(payload["change"]))


def _on_the_way(_ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    """A link that proves a mailbox or stops what somebody asked for; `until` is a moment that the words name."""
    payload = _payload(job)
    until = datetime.fromisoformat(payload["until"]) if "until" in payload else None
    return _sealed(job, payload, brand, **_places(public_url, link=f"{public_url}{payload['path']}"), until=until)


def _about_account(ctx: Context, job: Job, brand: Brand, public_url: str) -> Notification:
    """What happened to an account, told to its owner by the directory's name and address."""
    receiver = None if job.mailbox is None else directory.of_mailbox(ctx, job.mailbox)
    if receiver is None:
        raise Unsendable("the receiver is gone")
    link = f"{public_url}{_PLACES.get(job.kind, '/login')}"
    return Notification(
        job.outbox, job.kind, receiver.address, _line(receiver.name), _language(receiver.language), brand,
        values=_places(public_url, link=link) | _until(ctx, job.kind, receiver), zone=receiver.zone,
    )  # fmt: skip


def _until(ctx: Context, kind: str, receiver: Entry) -> dict[str, datetime]:
    if kind != "fresh_start_soon":
        return {}
    wait = waits.of(ctx, waits.FRESH_START, receiver.account)
    if wait is None:
        raise Unsendable("it was stopped")
    return {"until": wait.ready}


_PLACES: Final[Mapping[str, str]] = {
    "recovery_stopped": "/login?next=/security",
    "fresh_start_stopped": "/login?next=/security",
    "fresh_start_request": "/login?next=/admin/requests",
}
_KINDS: Final[Mapping[str, Callable[[Context, Job, Brand, str], Notification]]] = {
    "guest_message": _guest_message,
    "guest_answer": _guest_answer,
    "guest_reminder": _guest_message,
    "member_message": _member_message,
    "member_reminder": _member_message,
    "help_asked": _help_asked,
    "activation": _activation,
    "already_account": _already_account,
    "invitation": _invitation,
    "secure_account": _secure_account,
    "recovery_code": _recovery_code,
    "factor_changed": _factor_changed,
    "new_device": _log_in_warning,
    "second_step_failed": _log_in_warning,
    "recovery_step_failed": _log_in_warning,
    "password_changed": _log_in_warning,
    "recovery_code_changed": _log_in_warning,
    "sessions_ended": _log_in_warning,
    "address_change_old": _address_change,
    "address_change_new": _address_change,
    "address_change_taken": _address_change,
    "address_changed": _address_change,
    "account_closed": _account_closed,
    "recovery": _on_the_way,
    "recovery_unknown": _on_the_way,
    "recovery_started": _on_the_way,
    "recovery_ready": _on_the_way,
    "recovery_stopped": _about_account,
    "recovered": _about_account,
    "fresh_start": _on_the_way,
    "fresh_start_started": _on_the_way,
    "fresh_start_soon": _about_account,
    "fresh_start_stopped": _about_account,
    "fresh_start_refused": _about_account,
    "fresh_start_request": _about_account,
    "fresh_start_ready": _on_the_way,
    "fresh_start_done": _about_account,
}
KINDS: Final = tuple(_KINDS)


def _payload(job: Job) -> Mapping[str, Any]:
    if job.payload is None:
        raise Unsendable("no payload")
    return job.payload


def _sealed(job: Job, payload: Mapping[str, Any], brand: Brand, **values: Any) -> Notification:
    sent = datetime.fromisoformat(payload["sent"]) if "sent" in payload else None
    return Notification(
        job.outbox, job.kind, _address(payload["to"]), _line(payload.get("name") or ""),
        _language(payload["language"]), brand, values=values, sent=sent, zone=str(payload.get("zone") or ""),
    )  # fmt: skip


def _sender(payload: Mapping[str, Any]) -> dict[str, Any]:
    name, address = payload.get("sender_name"), payload.get("sender_address")
    return {
        "sender_name": _line(name) if name else None,
        "sender_address": _address(address) if address else None,
    }


def _places(public_url: str, *, link: str, short: str | None = None) -> dict[str, Any]:
    shown = (short or link).partition("://")[2]
    return {"link": link, "short_link": shown, "host": urlsplit(public_url).netloc}


def _address(value: str) -> str:
    """An address that can stand in a header: nothing that could begin another one."""
    local, at, domain = value.rpartition("@")
    hostile = any(unicodedata.category(character)[0] in "CZ" for character in value)
    hostile = hostile or "=?" in value  # read as an encoded word, that is decoded into anything
    # What would need quotes is refused at the door, and loses them where the library folds a long header.
    hostile = hostile or bool(_NEEDS_QUOTES & set(local)) or bool(_NEEDS_QUOTES & set(domain))
    if not (local and at and domain) or hostile or len(value) > _LONGEST:
        raise Unsendable("the address cannot be used")
    return value


def _line(text: str) -> str:
    """A name on one line: line ends and control characters become spaces, for headers and for the eye."""
    plain = (" " if unicodedata.category(character) in _NOT_IN_A_LINE else character for character in text)
    return " ".join("".join(plain).split())[:_LONGEST_NAME]


def _language(value: str) -> str:
    return value if value in LOCALES else LOCALES[0]
