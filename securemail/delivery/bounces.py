"""What a mail that came back says: a pure reader of delivery status notifications (RFC 6522, 3464, 6533).

Only a report that a mail was given up for good counts. Everything else is of no use to a sender: delays, successes,
out-of-office replies, bounces in free words, and whatever strangers send. Input is anybody's: nothing here raises.
"""

import email
import re
from collections.abc import Iterator
from email.message import Message
from typing import Final, Literal

Says = Literal["refused", "other report", "no report", "too large", "unreadable"]

LARGEST: Final = 256 * 1024
"""Bytes. A report with our headers has a few thousand; the body was asked to stay away (RET=HDRS)."""
_REPORT: Final = "multipart/report"
_REPORT_TYPE: Final = re.compile(r';\s*report-type\s*=\s*"?delivery-status"?\s*(?:;|$)', re.IGNORECASE)
_STATUS_PARTS: Final = ("message/delivery-status", "message/global-delivery-status")
_FAILED: Final = re.compile(r"[45]\.[0-9]{1,3}\.[0-9]{1,3}(?:\s|\(|$)")
_ARRIVED: Final = ("delivered", "relayed", "expanded")
_MOST_LINES: Final = 6000
_MOST_BOUNDARIES: Final = 12
_LONGEST_FIELD: Final = 8 * 1024
_FIELD: Final = re.compile(rb"^[!-9;-~]+:[^\n]*(?:\n[ \t][^\n]*)*", re.MULTILINE)


def read(raw: bytes) -> Says:
    """What a mail says about the one it answers. 'refused': it failed (`failed`, status 5.x.x, or 4.x.x
    from a server that has given up trying: RFC 3464, section 2.3.3)."""
    if len(raw) > LARGEST:
        return "too large"
    # The library ends a line at a bare return too: a field behind one would be measured by nobody.
    raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if _is_tangled(raw):
        return "unreadable"
    try:
        return _read(email.message_from_bytes(raw))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # What the library makes of parts in parts in parts, or of numbers of a thousand digits.
        return "unreadable"


def _is_tangled(raw: bytes) -> bool:
    """Whether the library would think about it for minutes: its time grows with the square of some of these."""
    if raw.count(b"\n") > _MOST_LINES or raw.lower().count(b"boundary") > _MOST_BOUNDARIES:
        return True
    return any(len(field[0]) > _LONGEST_FIELD for field in _FIELD.finditer(raw))


def _read(message: Message) -> Says:
    if message.get_content_type() != _REPORT or not _REPORT_TYPE.search(_one_line(message.get("Content-Type"))):
        return "no report"
    receivers = list(_receivers(message))
    arrived = any(action in _ARRIVED for action, _status in receivers)
    refused = any(action == "failed" and _FAILED.match(status) for action, status in receivers)
    return "refused" if refused and not arrived else "other report"


def _receivers(message: Message) -> Iterator[tuple[str, str]]:
    """Action and status of each receiver that the report names."""
    parts = message.get_payload()
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, Message) and part.get_content_type() in _STATUS_PARTS:
            for fields in _groups(part):
                action, status = _one_line(fields.get("Action")), _one_line(fields.get("Status"))
                yield action.partition("(")[0].strip().lower(), status


def _groups(part: Message) -> Iterator[Message]:
    """The groups of fields that empty lines separate: the first is about the report, each other about a receiver."""
    held = part.get_payload()
    for group in held if isinstance(held, list) else ():
        if isinstance(group, Message):
            yield group
            # The library takes the groups of `delivery-status` apart, and not those of its sibling for other alphabets.
            # As it came: what only decoding brings to light, from whichever alphabet, was never measured.
            del group["Content-Type"]
            yield from _rest(group.get_payload())


def _rest(text: object) -> Iterator[Message]:
    if isinstance(text, str) and text.strip():
        for group in text.strip().split("\n\n"):
            yield email.message_from_string(group)


def _one_line(value: object) -> str:
    return " ".join(str(value or "").split())
