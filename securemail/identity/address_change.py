"""Another mail address for an account: the old and the new one both say yes, in any order, within a day.

Each gets a single-use link. What was said stands in the waiting rows, under our signature; the second yes moves the
address in its own transaction, without anybody being logged in: address and directory hang on the configured secret,
and mail goes by the mailbox, which stays the same. Whether somebody has an account at the new address is told to
nobody but the reader of that address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from securemail import ids
from securemail.crypto.secrets import Token
from securemail.delivery import outbox
from securemail.errors import CannotOpen, InvalidInput
from securemail.identity import login, tokens, vault
from securemail.identity.context import Context, Owner
from securemail.mailboxes import directory
from securemail.mailboxes.addresses import normalise, typed_form
from securemail.organisations import audit
from securemail.store.models import Account, Address, Member, Pending

OLD: Final = "address-old"
NEW: Final = "address-new"
LIFETIME: Final = timedelta(hours=24)
_CONFIRMED: Final = "confirmed"
_EXTRA: Final = "new_address"


@dataclass(frozen=True)
class Change:
    """A change under way, for its owner: to which address, who has said yes, and until when there is time."""

    to: str
    old_confirmed: bool
    new_confirmed: bool
    until: datetime


@dataclass(frozen=True)
class Answer:
    """What a yes led to. 'waiting': the other address has to say so too. 'taken': it has an account by now."""

    state: Literal["waiting", "changed", "taken"]
    which: Literal["old", "new"]
    old: str
    new: str


def start(ctx: Context, owner: Owner, address: str) -> None:
    """Ask both addresses; an earlier change that was not finished ends.

    Raises:
        InvalidInput: ('address', 'same' | as `normalise` says).
    """
    new = normalise(address)
    if new == owner.address:
        raise InvalidInput("address", "same")
    known = login.find(ctx, new).known  # as log-in does it: the same queries and locks either way
    vault.change(ctx, owner.root, lambda kept: replace(kept, extra={**kept.extra, _EXTRA: new}))
    end(ctx, owner)
    content = {"old": owner.address, "new": new, "typed": typed_form(address), "usable": not known}
    paths = {kind: _add(ctx, owner, kind, content) for kind in (OLD, NEW)}
    _mail(ctx, owner, "address_change_old", to=owner.address, new=new, path=paths[OLD])
    if known:
        _mail(ctx, owner, "address_change_taken", to=new, new=new)
    else:
        _mail(ctx, owner, "address_change_new", to=new, new=new, path=paths[NEW])


def of(ctx: Context, owner: Owner) -> Change | None:
    """The change that an account has under way; one query while there is none."""
    rows = {row.kind: row for row in _rows_of(ctx, owner.account)}
    if set(rows) != {OLD, NEW}:
        return None
    to = str(vault.read(ctx, owner.root).extra.get(_EXTRA, ""))
    said = {kind: row.state == _CONFIRMED for kind, row in rows.items()}
    return Change(to, said[OLD], said[NEW], rows[OLD].expires)


def end(ctx: Context, owner: Owner) -> None:
    """Keep the address that there is: links that are on their way stop working."""
    _delete(ctx, owner.account)


def confirm(ctx: Context, token: str) -> Answer:
    """One of the two addresses says yes; the second yes moves the address.

    Raises:
        InvalidInput: ('token', 'empty' | 'invalid' | 'expired'); also when it was cancelled or done meanwhile.
    """
    row, other, content = _find(ctx, token)
    if other.state != _CONFIRMED:
        row.state = _CONFIRMED
        tokens.sign(ctx, row)
        ctx.db.flush()
        return _answer("waiting", row, content)
    moved = bool(content["usable"]) and _move(ctx, row, content)
    return _answer("changed" if moved else "taken", row, content)


def _add(ctx: Context, owner: Owner, kind: str, content: Mapping[str, Any]) -> str:
    token = Token.new()
    tokens.add(
        ctx, kind, token, lifetime=LIFETIME, content=content, address=content["new"], account=owner.account,
        organisation=owner.organisation,
    )  # fmt: skip
    return f"/address/confirm#{ids.token_to_text(token)}"


def _mail(ctx: Context, owner: Owner, kind: str, *, to: str, **values: str) -> None:
    # Whoever reads an address that is not proved yet is not told who gave it.
    name = owner.name if to == owner.address else ""
    payload = {"to": to, "name": name, "language": owner.language, **values}
    own = directory.of_mailbox(ctx, owner.mailbox)
    epoch = None if own is None else own.epoch
    outbox.add_sealed(ctx, kind, payload, mailbox=None if own is None else owner.mailbox, epoch=epoch)


def _find(ctx: Context, text: str) -> tuple[Pending, Pending, dict[str, Any]]:
    """A token's row, the row of the other address, and what both say; both rows held until the commit."""
    token, row = tokens.find(ctx, _kind_of(ctx, text), text, field="token")
    if row.account is None or not _hold_account(ctx, row.account):
        raise InvalidInput("token", "invalid")
    rows = {held.id: held for held in _rows_of(ctx, row.account, held=True)}
    row_again = rows.pop(row.id, None)
    # Of the same change: begun at the same moment, towards the same address.
    pair = [
        one for one in rows.values() if (one.created, one.address_tag) == (row.created, row.address_tag)
        and one.kind != row.kind
    ]  # fmt: skip
    if row_again is None or len(pair) != 1:
        raise InvalidInput("token", "invalid")
    try:
        return row_again, pair[0], tokens.content(token, row_again)
    except CannotOpen as error:
        raise InvalidInput("token", "invalid") from error


def _hold_account(ctx: Context, account: bytes) -> bool:
    """Held before anything of it, as everybody does who changes an address: whoever is second waits here."""
    held = select(Account.id).where(Account.id == account, Account.state == "active").with_for_update()
    return ctx.db.scalar(held) is not None


def _kind_of(ctx: Context, text: str) -> str:
    """Which of the two addresses a token was mailed to; 'old' for what is neither, which then is not found."""
    try:
        tokens.find(ctx, NEW, text, field="token")
    except InvalidInput as error:
        return NEW if error.code == "expired" else OLD
    return NEW


def _rows_of(ctx: Context, account: bytes, *, held: bool = False) -> list[Pending]:
    mine = (
        select(Pending)
        .where(Pending.account == account, Pending.kind.in_((OLD, NEW)), Pending.expires > ctx.now)
        .order_by(Pending.id)
        .execution_options(populate_existing=True)
    )
    rows = ctx.db.scalars(mine.with_for_update() if held else mine)
    return [row for row in rows if tokens.genuine(ctx, row)]


def _delete(ctx: Context, account: bytes) -> None:
    gone = delete(Pending).where(Pending.account == account, Pending.kind.in_((OLD, NEW)))
    ctx.db.execute(gone, execution_options={"synchronize_session": False})


def _answer(state: Literal["waiting", "changed", "taken"], row: Pending, content: Mapping[str, Any]) -> Answer:
    return Answer(state, "old" if row.kind == OLD else "new", str(content["old"]), str(content["new"]))


def _move(ctx: Context, row: Pending, content: Mapping[str, Any]) -> bool:
    """Move address, directory entry and tag; False when the new address got an account of its own meanwhile.

    Raises:
        InvalidInput: the account has another address by now, or is closed.
    """
    entry = directory.find(ctx, str(content["old"]))
    if entry is None or entry.account != row.account:
        raise InvalidInput("token", "invalid")
    _delete(ctx, entry.account)
    if directory.find(ctx, str(content["new"])) is not None or not _take_address(ctx, entry, content):
        return False
    account = ctx.db.scalars(select(Account).where(Account.id == entry.account)).one()
    known = ctx.keys.open_entry(account.id, account.sealed_entry)
    account.sealed_entry = ctx.keys.seal_entry(account.id, {**known, "address": content["new"]})
    payload = {"to": content["old"], "name": entry.name, "language": entry.language, "new": content["new"]}
    outbox.add_sealed(ctx, "address_changed", payload, mailbox=entry.mailbox, epoch=entry.epoch)
    _record(ctx, entry)
    return True


def _take_address(ctx: Context, entry: directory.Entry, content: Mapping[str, Any]) -> bool:
    sealed = {"address": content["new"], "typed": content["typed"], "name": entry.name}
    moved = (
        update(Address)
        .where(Address.mailbox == entry.mailbox, Address.address_tag.in_(ctx.keys.address_tags(entry.address)))
        .values(
            address_tag=ctx.keys.address_tag(str(content["new"])), since=ctx.now,
            sealed_address=ctx.keys.seal_address(entry.mailbox, sealed),
        )
    )  # fmt: skip
    try:
        with ctx.db.begin_nested():
            ctx.db.execute(moved, execution_options={"synchronize_session": False})
    except IntegrityError:  # somebody activates the same address at this very moment
        return False
    return True


def _record(ctx: Context, entry: directory.Entry) -> None:
    organisation = ctx.db.scalar(select(Member.organisation).where(Member.account == entry.account))
    if organisation is not None:
        audit.record(ctx, organisation, "address-changed", entry.account, {"mailbox": entry.mailbox.hex()})
