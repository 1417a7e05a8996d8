"""Open sign-up: an address is asked for, proved by a mailed single-use token, and becomes an account.

A known and an unknown address get the same answer after the same work: both get a row, a lock and a mail. In a known
one's row nothing waits; its mail says that there is an account already.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete

from securemail import ids
from securemail.crypto.secrets import Token
from securemail.delivery import outbox
from securemail.errors import CannotOpen, Conflict, Forbidden, InvalidInput
from securemail.identity import accounts, login, tokens
from securemail.identity.accounts import NewAccount
from securemail.identity.context import Context
from securemail.identity.passwords import NewPassword
from securemail.mailboxes.addresses import clean_name, normalise
from securemail.organisations import organisations
from securemail.store.models import Organisation, Pending

LIFETIME = timedelta(hours=1)
KIND = "sign-up"


@dataclass(frozen=True)
class Invited:
    """Whom a token was mailed to, and which organisation they would join."""

    address: str
    organisation: str


def request(ctx: Context, address: str, *, language: str, public_url: str) -> None:
    """Mail a link to an address; an earlier one for the same address stops working.

    Raises:
        InvalidInput: ('address', …).
    """
    normal = normalise(address)
    known = login.find(ctx, normal).known  # as log-in does it: the same queries and locks either way
    token = Token.new()
    link = f"{public_url}/signup/activate#{ids.token_to_text(token)}"
    _replace(ctx, normal, token=token, usable=not known)
    # Without a mailbox to fall back on, the mail is lost when no worker lives; it is asked for again.
    if known:
        outbox.add_sealed(ctx, "already_account", {"to": normal, "language": language})
    else:
        outbox.add_sealed(ctx, "activation", {"to": normal, "token_link": link, "language": language})


def invited(ctx: Context, token: str) -> Invited:
    """Whom a token belongs to; it is not used up.

    Raises:
        InvalidInput: ('token', 'empty' | 'invalid' | 'expired').
        Forbidden: there is no organisation to join.
    """
    read, row = tokens.find(ctx, KIND, token, field="token")
    return Invited(_address(read, row), _organisation(ctx).name)


def activate(ctx: Context, token: str, *, name: str, password: NewPassword, language: str) -> NewAccount:
    """Use the token up and make the account, in one transaction.

    Raises:
        InvalidInput: ('token', …), also when somebody was first, or ('name', …).
    """
    read, row = tokens.find(ctx, KIND, token, field="token")
    address, organisation = _address(read, row), _organisation(ctx)
    cleaned = clean_name("name", name)
    tokens.take(ctx, row, field="token")
    try:
        new = accounts.create_account(
            ctx,
            address=address,
            name=cleaned,
            language=language,
            password=password,
            organisation=organisation.id,
            role="member",
        )
    except Conflict as error:
        raise InvalidInput("token", "invalid") from error
    accounts.note_creation(ctx, organisation.id, new)
    return new


def _replace(ctx: Context, address: str, *, token: Token, usable: bool) -> None:
    tag = ctx.keys.address_tag(address)
    ctx.db.execute(delete(Pending).where(Pending.address_tag == tag, Pending.kind == KIND))
    tokens.add(ctx, KIND, token, lifetime=LIFETIME, address=address, content={"address": address, "usable": usable})


def _address(token: Token, row: Pending) -> str:
    try:
        content = tokens.content(token, row)
    except CannotOpen as error:
        raise InvalidInput("token", "invalid") from error
    if not content["usable"]:
        raise InvalidInput("token", "invalid")
    return str(content["address"])


def _organisation(ctx: Context) -> Organisation:
    organisation = organisations.first(ctx)
    if organisation is None:
        raise Forbidden
    return organisation
