"""Who belongs to an organisation, as its administrators see them: names from the directory, the rest sealed to them.

What an account tells its organisation (its reference, since when it has a second step) is sealed to the organisation's
key by the account itself. It is shown and decides nothing: anybody can seal to a published key.
"""

import logging
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.notes import open_reference, seal_reference
from securemail.crypto.unlock import RootKeys
from securemail.errors import CannotOpen, InvalidInput, NotFound
from securemail.identity import vault
from securemail.identity.context import Context
from securemail.identity.vault import Vault
from securemail.mailboxes import epochs
from securemail.mailboxes.addresses import has_unseen
from securemail.organisations import organisations
from securemail.organisations.administrators import Administrator
from securemail.store.models import Account, Address, Mailbox, Member

log = logging.getLogger(__name__)

A_PAGE: Final = 50
LONGEST_REFERENCE: Final = 64
_REFERENCE: Final = "reference"
"""Under which name the vault keeps it: what is sealed to the organisation its own account cannot read."""


@dataclass(frozen=True)
class Listed:
    """A member as the list shows them. `secured` is since when they have a second step, None for not yet."""

    account: bytes
    name: str
    address: str
    since: datetime
    reference: str
    secured: datetime | None
    photo: bytes | None = None


@dataclass(frozen=True)
class Page:
    """Some members by name; pages are counted from 1."""

    members: tuple[Listed, ...]
    number: int
    pages: int
    total: int


@dataclass(frozen=True)
class Figures:
    """How many members there are, and how many of them have a second step."""

    total: int
    secured: int

    @property
    def unsecured(self) -> int:
        """How many a rule that wants a second step keeps out of their mail until they have one."""
        return self.total - self.secured


def clean_reference(text: str, *, required: bool = True) -> str:
    """What an organisation asks of its members, on one line.

    Raises:
        InvalidInput: ('reference', 'empty' | 'long' | 'control').
    """
    if has_unseen(text):
        raise InvalidInput(_REFERENCE, "control")
    cleaned = " ".join(unicodedata.normalize("NFC", text).split())
    if required and not cleaned:
        raise InvalidInput(_REFERENCE, "empty")
    if len(cleaned) > LONGEST_REFERENCE:
        raise InvalidInput(_REFERENCE, "long")
    return cleaned


def reference_of(kept: Vault) -> str:
    """What an account told its organisation about itself."""
    return str(kept.extra.get(_REFERENCE, ""))


def set_reference(ctx: Context, root: RootKeys, reference: str) -> None:
    """Keep a cleaned reference in the vault, and tell it to the organisation.

    Raises:
        VaultChanged: somebody else wrote the vault in between.
    """
    vault.change(ctx, root, lambda kept: replace(kept, extra={**kept.extra, _REFERENCE: reference}))
    tell(ctx, root)


def tell(ctx: Context, root: RootKeys) -> None:
    """Bring up to date what the administrators see of an account. Called after every change of its second steps.

    Raises:
        UntrustedKey: the organisation's key was exchanged.
    """
    place = ctx.db.scalar(select(Member).where(Member.account == root.account))
    if place is None:
        return
    kept = vault.read(ctx, root)
    content = {"reference": reference_of(kept), "secured": _secured(kept)}
    public_key = organisations.public_key(ctx, place.organisation)
    place.sealed_reference = seal_reference(public_key, root.account, content)
    ctx.db.flush()


def page(ctx: Context, administrator: Administrator, number: int = 1) -> Page:
    """Fifty members by name; a number beyond the last page gives the last one."""
    everybody = _everybody(ctx, administrator)
    pages = max(1, -(-len(everybody) // A_PAGE))
    number = min(max(number, 1), pages)
    shown = everybody[(number - 1) * A_PAGE : number * A_PAGE]
    listed = tuple(_listed(administrator.keys, one) for one in shown)
    return Page(listed, number, pages, len(everybody))


def figures(ctx: Context, administrator: Administrator) -> Figures:
    """How many there are, and how many have a second step, as they say themselves. A tenth of a millisecond each."""
    theirs = Member.organisation == administrator.organisation, Account.state == "active"
    told = select(Member.account, Member.sealed_reference).join(Account, Account.id == Member.account).where(*theirs)
    rows = ctx.db.execute(told.where(Member.sealed_reference.is_not(None))).all()
    secured = sum(1 for account, sealed in rows if _told(administrator.keys, account, sealed)["secured"])
    total = ctx.db.scalar(
        select(func.count()).select_from(Member).join(Account, Account.id == Member.account).where(*theirs)
    )
    return Figures(total or 0, secured)


def find(ctx: Context, administrator: Administrator, account: bytes) -> Listed:
    """One member. Raises `NotFound`."""
    row = next((one for one in _everybody(ctx, administrator) if one.place.account == account), None)
    if row is None:
        raise NotFound
    return _listed(administrator.keys, row)


def is_secured(ctx: Context, administrator: Administrator, account: bytes) -> bool:
    """Whether a member says that it has a second step."""
    sealed = ctx.db.scalar(select(Member.sealed_reference).where(Member.account == account))
    return bool(_told(administrator.keys, account, sealed)["secured"])


@dataclass(frozen=True)
class _Row:
    name: str
    address: str
    place: Member
    since: datetime
    photo: bytes | None


def _everybody(ctx: Context, administrator: Administrator) -> list[_Row]:
    # Names are sealed, so that the database cannot sort them: ten microseconds for each member.
    rows = ctx.db.execute(
        select(Member, Account.created, Account.photo, Address.mailbox, Address.sealed_address)
        .join(Account, Account.id == Member.account)
        .join(Mailbox, Mailbox.owner == Account.id)
        .join(Address, Address.mailbox == Mailbox.id)
        .where(Member.organisation == administrator.organisation, Account.state == "active", Mailbox.kind == "personal")
    )
    found = []
    for place, created, photo, mailbox, sealed in rows:
        try:
            known = ctx.keys.open_address(mailbox, sealed)
        except CannotOpen:
            log.error("alarm: the address of mailbox %s does not open", mailbox.hex())  # noqa: TRY400 no trace needed
            continue
        found.append(_Row(str(known["name"]), str(known["address"]), place, created, photo))
    return sorted(found, key=lambda row: (row.name.casefold(), row.address))


def _listed(keys: MailKeys, row: _Row) -> Listed:
    told = _told(keys, row.place.account, row.place.sealed_reference)
    secured = datetime.fromisoformat(told["secured"]) if told["secured"] else None
    return Listed(row.place.account, row.name, row.address, row.since, told["reference"], secured, row.photo)


def _told(keys: MailKeys, account: bytes, sealed: bytes | None) -> dict[str, str]:
    told = {"reference": "", "secured": ""}
    if sealed is None:
        return told
    try:
        opened = epochs.open_with_any(keys, lambda pair: open_reference(pair, account, sealed))
        told = {name: str(opened.get(name, "")) for name in told}
        if told["secured"]:
            datetime.fromisoformat(told["secured"])
    except (CannotOpen, ValueError):
        log.error("alarm: what account %s tells its organisation does not open", account.hex())  # noqa: TRY400
        return {"reference": "", "secured": ""}
    return told


def _secured(kept: Vault) -> str:
    steps = [step.added for step in (kept.totp, *kept.phones, *kept.passkeys) if step is not None]
    return min((moment for moment in steps if moment), default="")
