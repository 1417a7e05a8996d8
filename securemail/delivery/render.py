"""A notification as a mail: subject, text and HTML from templates, in the receiver's language, without a web request.

Times are in the receiver's zone where that is known, which it never is of a guest: then they are Dutch time.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from babel.dates import format_date, get_timezone
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from securemail.config import ROOT
from securemail.delivery.brand import PRODUCT
from securemail.delivery.notifications import Notification
from securemail.i18n import catalogue

TEMPLATES: Final = ROOT / "templates"
ZONE: Final = "Europe/Amsterdam"
_NOTHING: Final = dict.fromkeys(
    (
        "sender_name",
        "sender_address",
        "sent",
        "link",
        "short_link",
        "host",
        "code_groups",
        "new",
        "recipient_name",
        "browser",
        "network",
        "until",
        "check",
        "number",
        "remembered",
        "renewed",
        "helped",
    )
)
"""What a kind does not have is None in its templates; what no kind has is an error."""
_SPECIALS: Final = str.maketrans(dict.fromkeys('"(),:;<>@[\\]', " "))
_LONGEST_QUOTED: Final = 60


@dataclass(frozen=True)
class Renderer:
    """Makes mails from `mail_from`, shown under the organisation's name.

    There is no Reply-To: an answer by plain mail would carry in the open what was written under a seal, so it should
    go to the sending address, where nobody takes it for delivered.
    """

    mail_from: str
    templates: Path = TEMPLATES

    def mail(self, notification: Notification, *, now: datetime) -> EmailMessage:
        """The whole mail. The Message-ID is the row's, so that a mail sent twice is recognised."""
        values = _values(notification)
        message = EmailMessage(policy=SMTPUTF8)
        message["From"] = _mailbox(notification.brand.name, self.mail_from)
        message["To"] = _mailbox(notification.name, notification.to)
        message["Subject"] = _undecoded(" ".join(self._part(notification, "subject.txt", values).split()))
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{notification.outbox.hex()}@{self.mail_from.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        text, html = (self._part(notification, name, values) for name in ("body.txt", "body.html"))
        # Quoted-printable: every server on the way takes it.
        message.set_content(text.strip("\n") + "\n", cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        # After the parts: making them clears every header that describes content.
        message["Content-Language"] = notification.language
        return message

    def _part(self, notification: Notification, name: str, values: dict[str, Any]) -> str:
        words = environment(self.templates, notification.language)
        return words.get_template(f"mail/{notification.kind}/{name}").render(values)


def moment(when: datetime, language: str, zone: str = "") -> str:
    """22 november 2026, 9.58 uur; in English 22 November 2026, 9:58. Dutch time, where no other zone is known."""
    local = when.astimezone(_zone(zone))
    day = format_date(local.date(), "d MMMM y", locale={"en": "en_GB"}.get(language, language))
    if language == "en":
        return f"{day}, {local.hour}:{local.minute:02d}"
    return f"{day}, {local.hour}.{local.minute:02d} uur"


def _zone(name: str) -> tzinfo:
    try:
        return get_timezone(name or ZONE)
    except LookupError:  # a zone that was renamed since it was chosen
        return get_timezone(ZONE)


def _values(notification: Notification) -> dict[str, Any]:
    moments = {"sent": notification.sent, "until": notification.values.get("until")}
    return {
        **_NOTHING,
        **notification.values,
        **{
            name: None if when is None else moment(when, notification.language, notification.zone)
            for name, when in moments.items()
        },
        "recipient_name": notification.name or None,
        "brand": notification.brand,
        "product": PRODUCT,
        "locale": notification.language,
    }


def _mailbox(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(_display_name(name), local, domain)


def _display_name(name: str) -> str:
    """The library folds a long name without its quotes: what then would separate addresses becomes a space."""
    name = _undecoded(name)
    quoted = len(name) + name.count('"') + name.count("\\")
    return name if quoted <= _LONGEST_QUOTED else " ".join(name.translate(_SPECIALS).split())


def _undecoded(text: str) -> str:
    """A name that looks like an encoded word would be decoded by the library, line ends and all, into new headers."""
    return text.replace("=?", "= ?")


@cache
def environment(templates: Path, language: str) -> Environment:
    """The templates of mails and SMS with the words of a language; `.html` is escaped, `.txt` is not."""
    made = Environment(
        loader=FileSystemLoader(templates),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=False,
        extensions=["jinja2.ext.i18n"],
    )
    words = catalogue(language)
    made.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    return made
