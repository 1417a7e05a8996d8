"""Another recipient check after sending: the sheet, and what its form says; at the receipts and at a call for help."""

from typing import cast

from securemail.errors import InvalidInput
from securemail.guests import links
from securemail.guests.checks import NONE, Check, Method
from securemail.identity.context import Context, Member
from securemail.messages import renewal
from securemail.store.models import GuestLink
from securemail.web import checks
from securemail.web import viewmodels as views
from securemail.web.composing import People
from securemail.web.forms import Errors


def typed() -> Check:
    """The check that a form chose, complete. A password is stretched without a transaction: look everything up anew.

    Raises:
        InvalidInput: ('method' | 'phone' | 'agreed' | 'hint', …).
    """
    check = checks.typed(NONE)
    if check.missing is not None:
        raise InvalidInput("phone" if check.method == "sms" else "agreed", "empty")
    return check


def as_it_reads(ctx: Context, me: Member, link: GuestLink, check: Check) -> Check:
    """Without a check, whoever has an account reads it there: as the sheet says, and as sending does."""
    return Check("account") if check.method == "none" and renewal.can_have(ctx, me, link) is not None else check


def sheet(ctx: Context, me: Member, link: GuestLink, errors: Errors | None = None) -> views.CheckSheet:
    """What the sheet shows of a link: the check that stands, and what there is; after a mistake, what was typed."""
    kept, people = links.kept_of(ctx, me, link), People(ctx, me)
    entry, known = people.entry(kept.address), people.known.get(kept.address)
    usable = None if entry is None else renewal.can_have(ctx, me, link)
    check = Check(cast("Method", link.method), kept.number)
    if not check.meets(people.policy.check_minimum):
        check = checks.chosen_for(known, usable, people.policy)
    return checks.sheet(
        ctx, me, name=kept.name, address=kept.address, check=check, contact=known, entry=usable, policy=people.policy,
        errors=None if errors is None else {name: str(told) for name, told in errors.items()},
        at_once=True, takes_part=entry is not None and usable is None,
    )  # fmt: skip
