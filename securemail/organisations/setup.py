"""The first visit: a one-time link makes the organisation and its first administrator."""

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete

from securemail import ids
from securemail.crypto.secrets import Token
from securemail.errors import Gone
from securemail.identity import accounts, tokens
from securemail.identity.accounts import NewAccount
from securemail.identity.context import Context
from securemail.identity.passwords import NewPassword
from securemail.mailboxes import mailboxes
from securemail.mailboxes.addresses import clean_name
from securemail.organisations import audit, organisations
from securemail.organisations.policy import Policy, SignUp
from securemail.store.models import Pending

if TYPE_CHECKING:
    from securemail.runtime import Runtime

LIFETIME = timedelta(days=7)
KIND = "set-up"


def ensure_link(runtime: "Runtime") -> str | None:
    """A fresh set-up link while there is no organisation, else None. The one before it stops working."""
    with runtime.work(write=True) as ctx:
        if organisations.any_exists(ctx):
            return None
        ctx.db.execute(delete(Pending).where(Pending.kind == KIND))
        token = Token.new()
        tokens.add(ctx, KIND, token, lifetime=LIFETIME)
    return f"{runtime.settings.public_url}/setup#{ids.token_to_text(token)}"


def require_needed(ctx: Context) -> None:
    """Raises `Gone` once there is an organisation."""
    if organisations.any_exists(ctx):
        raise Gone


def require_open(ctx: Context, token: str) -> None:
    """Look whether a token would set up the organisation, before the work of stretching a password.

    Raises:
        Gone: it happened already.
        InvalidInput: ('setup', 'invalid').
    """
    require_needed(ctx)
    tokens.find(ctx, KIND, token, field="setup")


def set_up(
    ctx: Context,
    token: str,
    *,
    organisation: str,
    name: str,
    address: str,
    password: NewPassword,
    language: str,
    sign_up: SignUp = "invitation",
) -> NewAccount:
    """Make the organisation, its mailbox and its first administrator; of several at once, one wins.

    Raises:
        Gone: it happened already.
        InvalidInput: the token is not the one of the newest link, or a value cannot be used.
    """
    # Every set-up token is deleted, not just this one: two that race with different links then wait for each other.
    used = tokens.take_all(ctx, KIND)
    require_needed(ctx)
    tokens.require_taken(ctx, used, token, field="setup")
    row = organisations.create(ctx, clean_name("organisation", organisation), Policy(sign_up=sign_up))
    new = accounts.create_account(
        ctx,
        address=address,
        name=clean_name("name", name),
        language=language,
        password=password,
        organisation=row.id,
        role="administrator",
    )
    mailboxes.create_for_organisation(ctx, row.id, new.root)
    audit.record(ctx, row.id, "organisation-set-up", new.root.account, {})
    accounts.note_creation(ctx, row.id, new)
    return new
