"""The words of an SMS: `templates/sms/<kind>.txt` in the receiver's language, made to fit in one.

To add a kind: its name begins with `sms_`, its template stands beside the others, and `_KINDS` says what it shows.
The last line of a code is bound to our host, so that phones offer it there and nowhere else
(https://web.dev/articles/sms-otp-form; the form is https://wicg.github.io/sms-one-time-codes/).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import TemplateError

from securemail.delivery import gsm7
from securemail.delivery.brand import Brand
from securemail.delivery.claim import Job
from securemail.delivery.notifications import Unsendable
from securemail.delivery.render import TEMPLATES, environment
from securemail.i18n import LOCALES

_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_CODE: Final = re.compile(r"[0-9]{4,10}")
_HOST: Final = re.compile(r"[a-z0-9.-]{1,253}")
_IN_TWO: Final = 134
"""Characters outside the SMS alphabet leave 67 in each of two."""
_SHORTEST_NAME: Final = 16
_CUT: Final = "..."


@dataclass(frozen=True, repr=False)
class Sms:
    """What a provider gets. The row's id recognises an SMS that is handed over twice."""

    outbox: bytes
    to: str
    text: str


def write(job: Job, *, now: datetime, brand: Brand, templates: Path = TEMPLATES) -> Sms:
    """The SMS of a claimed row.

    Raises:
        Unsendable: the payload is not one of ours, its time is over, or the template is broken: mending that would take
            too long.
    """
    if job.payload is None or job.kind not in _KINDS:
        raise Unsendable("no such SMS")
    try:
        to, values = _field(job.payload, "to", _NUMBER), _KINDS[job.kind](job.payload)
        language, late = job.payload["language"], now >= datetime.fromisoformat(job.payload["until"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # Without `from`: the error's words may hold the payload.
        raise Unsendable(type(error).__name__) from None
    if late:
        raise Unsendable("too late")
    try:
        template = environment(templates, language if language in LOCALES else LOCALES[0]).get_template(
            f"sms/{job.kind}.txt"
        )
        text = _fitting(lambda name: template.render(organisation=name, **values).strip(), brand.name)
    except TemplateError as error:
        raise Unsendable(type(error).__name__) from None
    return Sms(job.outbox, to, text)


def _code(payload: Mapping[str, Any]) -> dict[str, str]:
    # The bound line names no port, and a browser compares the host's ASCII form.
    host = payload["host"].lower().partition(":")[0].encode("idna").decode("ascii")
    return {"code": _field(payload, "code", _CODE), "host": _field({"host": host}, "host", _HOST)}


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, str]]]] = {
    "sms_code": _code,
    "sms_guest_code": _code,
}
KINDS: Final = tuple(_KINDS)


def _field(payload: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = payload[name]
    if not form.fullmatch(value):
        raise ValueError
    return str(value)


def _fitting(render: Callable[[str], str], name: str) -> str:
    """The text with as much of the name as one SMS has room for."""
    name = gsm7.folded(" ".join(name.split()))
    limit, rest = (_IN_TWO if gsm7.length(name) is None else gsm7.ONE_SMS), _places(render(""))
    return render(_shortened(name, max(limit - rest, _SHORTEST_NAME)))


def _shortened(name: str, room: int) -> str:
    if _places(name) <= room:
        return name
    while _places(name) > room - len(_CUT):
        # Whole words while there are several.
        name = (name.rpartition(" ")[0] or name[:-1]).rstrip(" &,-")
    return name + _CUT


def _places(text: str) -> int:
    places = gsm7.length(text)
    return len(text) if places is None else places
