"""What an organisation has decided: who may join, what an account needs. Stands in its authenticated row."""

import json
import re
import unicodedata
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, cast

import idna

from securemail.errors import InvalidInput
from securemail.guests.checks import Method
from securemail.mailboxes.addresses import has_unseen, normalise
from securemail.store.models import Organisation

SignUp = Literal["open", "invitation", "domains"]
_SIGN_UPS: Final = ("open", "invitation", "domains")
Minimum = Literal["none", "any", "sms"]
CHECK_DEFAULTS: Final[tuple[Method, ...]] = ("none", "sms", "password")
CHECK_MINIMUMS: Final[tuple[Minimum, ...]] = ("none", "any", "sms")
MOST_DAYS: Final = 3650
_MOST_DOMAINS: Final = 50
_LONGEST_LIST: Final = 10_000
_LONGEST_LABEL: Final = 40
_LONGEST_WORDS: Final = 160
_LEADS_AWAY: Final = re.compile(r"://|@|[a-z0-9]\.[a-z]{2,}", re.IGNORECASE)
_ANYBODYS: Final = frozenset(
    {
        "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "hotmail.nl", "live.com", "live.nl", "msn.com",
        "yahoo.com", "icloud.com", "me.com", "proton.me", "protonmail.com", "gmx.com", "gmx.net", "gmx.de", "web.de",
        "aol.com", "mail.com", "ziggo.nl", "kpnmail.nl", "planet.nl", "hetnet.nl", "home.nl", "upcmail.nl", "xs4all.nl",
        "casema.nl", "chello.nl", "quicknet.nl", "telfort.nl", "zonnet.nl", "telenet.be", "skynet.be",
    }
)  # fmt: skip
"""Where anybody gets an address: a rule that lets them in would let everybody in. By no means all of them."""


@dataclass(frozen=True)
class Policy:
    """`domains` are A-labels; `reference_label` names what new members are asked for, empty for nothing.

    `check_default` is the recipient check for somebody new without an account, `check_minimum` the least that is
    allowed; `expiry_days` and `remind_days` are what a new message begins with, 0 for never. `mail_words` is a
    sentence of the organisation's own in the mails to recipients without an account, empty for none.
    """

    sign_up: SignUp = "invitation"
    domains: tuple[str, ...] = ()
    require_second_step: bool = False
    reference_label: str = ""
    mail_recovery_code: bool = True
    check_default: Method = "none"
    check_minimum: Minimum = "none"
    remember_devices: bool = True
    expiry_days: int = 0
    remind_days: int = 0
    mail_words: str = ""

    def lets_in(self, address: str) -> bool:
        """Whether somebody with this normalised address may sign up without an invitation."""
        if self.sign_up == "domains":
            return address.rpartition("@")[2] in self.domains
        return self.sign_up == "open"


def of(organisation: Organisation) -> Policy:
    """The policy in a row that was found genuine."""
    return from_text(organisation.policy)


def from_text(text: str) -> Policy:
    """A policy as `to_text` wrote it; what is missing or unknown is decided the safe way."""
    try:
        stored: Any = json.loads(text) if text else {}
    except ValueError:
        stored = {}
    if not isinstance(stored, dict):
        return Policy()
    sign_up = stored.get("sign_up")
    return Policy(
        sign_up=cast(SignUp, sign_up) if sign_up in _SIGN_UPS else "invitation",
        domains=tuple(str(domain) for domain in stored.get("domains") or ()),
        require_second_step=bool(stored.get("require_second_step", False)),
        reference_label=str(stored.get("reference_label", "")),
        mail_recovery_code=bool(stored.get("mail_recovery_code", True)),
        mail_words=str(stored.get("mail_words", "")),
        **_checks_from(stored),
    )


def _checks_from(stored: dict[str, Any]) -> dict[str, Any]:
    default, minimum = stored.get("check_default"), stored.get("check_minimum", "none")
    return {
        "check_default": default if default in CHECK_DEFAULTS else "none",
        "check_minimum": minimum if minimum in CHECK_MINIMUMS else "any",
        "remember_devices": stored.get("remember_devices", True) is True,
        "expiry_days": _days(stored.get("expiry_days")),
        "remind_days": _days(stored.get("remind_days")),
    }


def _days(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value <= MOST_DAYS else 0


def clean_days(field: str, text: str) -> int:
    """Whole days as they were typed, 0 for an empty field.

    Raises:
        InvalidInput: (the field, 'days').
    """
    text = text.strip()
    if not (text.isascii() and (text.isdigit() or not text)) or len(text) > 4 or int(text or 0) > MOST_DAYS:
        raise InvalidInput(field, "days")
    return int(text or 0)


def to_text(policy: Policy) -> str:
    """As it stands in the row: JSON with sorted keys, so that the same policy has the same signature."""
    return json.dumps(asdict(policy), sort_keys=True, separators=(",", ":"))


def clean_domains(text: str) -> tuple[str, ...]:
    """Domains as they were typed or pasted, as A-labels, each once; `@kantoor.nl` and whole addresses are forgiven.

    Raises:
        InvalidInput: ('domains', 'invalid' | 'many' | 'public').
    """
    typed = [part.rpartition("@")[2] for part in re.split(r"[\s,;]+", text[:_LONGEST_LIST]) if part]
    if len(typed) > _MOST_DOMAINS:
        raise InvalidInput("domains", "many")
    domains = sorted({_a_labels(domain) for domain in typed})
    if any(domain in _ANYBODYS for domain in domains):
        raise InvalidInput("domains", "public")
    return tuple(domains)


def shown_domain(domain: str) -> str:
    """A domain as people write it: bücher.example for xn--bcher-kva.example."""
    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


def clean_label(text: str) -> str:
    """What new members are asked for, on one line; empty for nothing.

    Raises:
        InvalidInput: ('label', 'long' | 'control').
    """
    return _one_line("label", text, _LONGEST_LABEL)


def clean_words(text: str) -> str:
    """The organisation's own sentence in mails, on one line; empty for none.

    It leads nowhere: a recipient is told to trust one address, and a second one would teach them otherwise.

    Raises:
        InvalidInput: ('mail_words', 'long' | 'control' | 'link').
    """
    words = _one_line("mail_words", text, _LONGEST_WORDS)
    if _LEADS_AWAY.search(words):
        raise InvalidInput("mail_words", "link")
    return words


def _one_line(field: str, text: str, longest: int) -> str:
    if has_unseen(text):
        raise InvalidInput(field, "control")
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if len(line) > longest:
        raise InvalidInput(field, "long")
    return line


def _a_labels(domain: str) -> str:
    try:
        return normalise(f"x@{domain}").rpartition("@")[2]
    except InvalidInput as error:
        raise InvalidInput("domains", "invalid") from error
