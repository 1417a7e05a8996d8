"""Recipient checks at the edge: what a form says of one, and what the sheet shows of it."""

from datetime import timedelta
from typing import Final, cast

from securemail.errors import InvalidInput
from securemail.guests import checks
from securemail.guests.checks import LONGEST_HINT, METHODS, Check, Method
from securemail.guests.proposals import suggested_password
from securemail.identity import phone_numbers
from securemail.identity.context import Context, Member
from securemail.mailboxes.addresses import has_unseen
from securemail.mailboxes.directory import Entry
from securemail.messages.contacts import Known
from securemail.organisations.policy import Policy
from securemail.web import auth, forms, languages, present, session
from securemail.web import viewmodels as views

_NEW: Final = timedelta(days=7)


def typed(kept: Check) -> Check:
    """The check that a form chose. A password is stretched without a transaction: call it before anything is written.

    An empty password keeps the one that was agreed before; an empty number is one still to be said.

    Raises:
        InvalidInput: ('method' | 'phone' | 'agreed' | 'hint', …), ('check', 'no_sms').
    """
    method = forms.text("method")
    if method not in METHODS:
        raise InvalidInput("method", "empty")
    require_offered(method)
    if method == "sms":
        return Check("sms", _number())
    if method == "password":
        return _agreed(kept)
    return Check(cast(Method, method))


def require_offered(method: Method) -> None:
    """Raises `InvalidInput` ('check', 'no_sms') where no SMS leaves: nobody could pass such a check."""
    if not is_offered(method):
        raise InvalidInput("check", "no_sms")


def is_offered(method: Method) -> bool:
    """Whether a check can be passed here at all."""
    return method != "sms" or session.runtime().settings.sms_offered


def typed_as(method: str) -> Check:
    """What a form says of a check whose method stands already: the number, or the agreed password with its hint.

    Raises:
        InvalidInput: ('phone' | 'agreed' | 'hint', …).
    """
    return Check("sms", _number()) if method == "sms" else _agreed(Check("password"))


def _number() -> str:
    number = forms.text("number")
    region = session.runtime().settings.default_region
    return phone_numbers.normalise(number, region=region) if number.strip() else ""


def _agreed(kept: Check) -> Check:
    hint, password = clean_hint(forms.text("hint")), forms.text("agreed").strip()
    if not password:
        return Check("password", password=kept.password, hint=hint)
    if _bare(password) in _bare(hint):
        raise InvalidInput("hint", "telling")
    with auth.stepped_out():
        agreed = checks.agree(session.current(), password)
    return Check("password", password=agreed, hint=hint)


def _bare(text: str) -> str:
    """Letters and digits alone: what says the same to a reader."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def clean_hint(text: str) -> str:
    """A hint on one line. Raises `InvalidInput` ('hint', 'long' | 'control')."""
    hint = " ".join(text.split())
    if len(hint) > LONGEST_HINT:
        raise InvalidInput("hint", "long")
    if has_unseen(hint):
        raise InvalidInput("hint", "control")
    return hint


def chosen_for(contact: Known | None, entry: Entry | None, policy: Policy) -> Check:
    """The check somebody begins with: what was chosen for them last, else an account where there is one, else as the
    organisation decided."""
    remembered = _remembered(contact, policy)
    if remembered is not None:
        return remembered
    if entry is not None:
        return Check("account")
    method = policy.check_default
    if method == "sms" or not Check(method).meets(policy.check_minimum):
        method = _by_phone()
    return _with_number(method, contact)


def for_everybody(check: Check, contact: Known | None, entry: Entry | None, policy: Policy) -> Check:
    """The check somebody gets when all recipients are to be checked: their own where there is one."""
    if check.method != "none":
        return check
    if entry is not None:
        return Check("account")
    return _with_number("password" if policy.check_default == "password" else _by_phone(), contact)


def _by_phone() -> Method:
    """The check by SMS, or the one in its place where none is sent."""
    return "sms" if is_offered("sms") else "password"


def _remembered(contact: Known | None, policy: Policy) -> Check | None:
    if contact is None or contact.method not in ("password", _by_phone()):
        return None
    check = _with_number(contact.method, contact)
    return check if check.meets(policy.check_minimum) else None


def _with_number(method: Method, contact: Known | None) -> Check:
    return Check(method, contact.number if contact is not None and method == "sms" else "")


def sheet(
    ctx: Context, me: Member, *, name: str, address: str, check: Check, contact: Known | None, entry: Entry | None,
    policy: Policy, key: str = "", who: str = "", errors: dict[str, str] | None = None, at_once: bool = False,
    takes_part: bool = False,
) -> views.CheckSheet:  # fmt: skip
    """What the sheet shows; after a mistake, what was typed."""
    again = errors is not None
    number = check.number or (contact.number if contact else "")
    method = forms.text("method") if again else check.method
    since = entry.since if entry else None
    return views.CheckSheet(
        person=present.person(name or address, address, entry.photo if entry else None),
        method=method if method in METHODS else check.method,
        number=forms.text("number") if again else phone_numbers.formatted(number) if number else "",
        number_used=contact.numbered if contact and contact.number == number and not again else None,
        agreed=check.password is not None,
        hint=forms.text("hint") if again else check.hint,
        proposal=forms.text("agreed") if again else "" if check.password else suggested_password(languages.language()),
        account_since=since,
        account_is_new=since is not None and ctx.now - since < _NEW,
        started_anew=entry.started_anew if entry else None,
        least=policy.check_minimum,
        sms_offered=is_offered("sms"),
        key=key,
        who=who,
        errors=errors or {},
        at_once=at_once,
        takes_part=takes_part,
    )
