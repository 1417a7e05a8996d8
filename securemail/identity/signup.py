"""Becoming a member: by open sign-up, where the address is asked for first, or by invitation, where it is fixed.

Both prove the address by a mailed single-use token. At open sign-up a known and an unknown address get the same answer
after the same work: both get a row, a lock and a mail. In a known one's row nothing waits; its mail says that there is
an account already.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, select

from securemail import ids
from securemail.crypto.notes import token_hash
from securemail.crypto.secrets import Token
from securemail.delivery import outbox
from securemail.errors import CannotOpen, Conflict, Forbidden, InvalidInput
from securemail.identity import accounts, invitation_rows, invitations, login, tokens
from securemail.identity.accounts import NewAccount
from securemail.identity.context import Context
from securemail.identity.passwords import NewPassword
from securemail.mailboxes import directory
from securemail.mailboxes.addresses import clean_own_name, normalise
from securemail.organisations import audit, members, organisations, policy
from securemail.organisations.policy import Policy
from securemail.store.models import Organisation, Pending

LIFETIME = timedelta(hours=1)
KIND: Final = "sign-up"


class SignUpClosed(Forbidden):
    """Nobody joins here without an invitation, or not with this address."""


@dataclass(frozen=True)
class Invited:
    """Whom a token was mailed to, and what they join.

    `name` and `reference` are what the administrator knew of them; `label` is what the organisation asks for besides,
    empty for nothing.
    """

    address: str
    organisation: str
    by_invitation: bool = False
    name: str = ""
    reference: str = ""
    label: str = ""


def policy_here(ctx: Context) -> Policy:
    """What the installation's organisation decided about joining; nobody joins while there is none."""
    organisation = organisations.first(ctx)
    return Policy() if organisation is None else policy.of(organisation)


def is_offered(ctx: Context) -> bool:
    """Whether anybody at all may sign up without an invitation."""
    return policy_here(ctx).sign_up != "invitation"


def request(ctx: Context, address: str, *, language: str, public_url: str) -> None:
    """Mail a link to an address; an earlier one for the same address stops working.

    Raises:
        InvalidInput: ('address', …); 'foreign' where its domain may not sign up, whether it has an account or not.
        SignUpClosed: by invitation only.
    """
    normal = normalise(address)
    require_let_in(ctx, normal)
    known = login.find(ctx, normal).known  # as log-in does it: the same queries and locks either way
    token = Token.new()
    link = f"{public_url}/signup/activate#{ids.token_to_text(token)}"
    _replace(ctx, normal, token=token, usable=not known)
    # Without a mailbox to fall back on, the mail is lost when no worker lives; it is asked for again.
    if known:
        outbox.add_sealed(ctx, "already_account", {"to": normal, "language": language})
    else:
        outbox.add_sealed(ctx, "activation", {"to": normal, "token_link": link, "language": language})


def require_let_in(ctx: Context, address: str) -> None:
    """Whether somebody with a normalised address may sign up; raises as `request`."""
    decided = policy_here(ctx)
    if decided.sign_up == "invitation":
        raise SignUpClosed
    if not decided.lets_in(address):
        raise InvalidInput("address", "foreign")


def invited(ctx: Context, token: str) -> Invited:
    """Whom a token belongs to; it is not used up.

    Raises:
        InvalidInput: ('token', 'empty' | 'invalid' | 'expired'), of an invitation also 'withdrawn', 'joined', and
            'account' when its address has an account.
        SignUpClosed: the rules changed since the token was mailed.
        Forbidden: there is no organisation to join.
    """
    read, row = _find(ctx, token)
    content = _content(read, row)
    address = str(content["address"])
    organisation = _organisation(ctx, row, address)
    if row.kind == invitation_rows.KIND and directory.find(ctx, address) is not None:
        raise InvalidInput("token", "account")
    label = policy.of(organisation).reference_label
    name, reference = str(content.get("name", "")), str(content.get("reference", ""))
    return Invited(address, organisation.name, row.kind == invitation_rows.KIND, name, reference, label)


def activate(
    ctx: Context, token: str, *, name: str, password: NewPassword, language: str, reference: str = ""
) -> NewAccount:
    """Use the token up and make the account, in one transaction.

    Raises:
        InvalidInput: ('token', …), also when somebody was first; ('name', …) or ('reference', …).
    """
    read, row = _find(ctx, token)
    address = str(_content(read, row)["address"])
    organisation = _organisation(ctx, row, address)
    asked = bool(policy.of(organisation).reference_label)
    cleaned, told = clean_own_name(name), members.clean_reference(reference, required=asked) if asked else ""
    by_invitation = row.kind == invitation_rows.KIND
    if by_invitation:
        invitations.accept(ctx, row)
    else:
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
        raise InvalidInput("token", "account" if by_invitation else "invalid") from error
    if told:
        members.set_reference(ctx, new.root, told)
    _note(ctx, organisation.id, new, address, by_invitation=by_invitation)
    return new


def _note(ctx: Context, organisation: bytes, new: NewAccount, address: str, *, by_invitation: bool) -> None:
    accounts.note_creation(ctx, organisation, new)
    if by_invitation:
        audit.record(ctx, organisation, "invitation-accepted", new.root.account, {"address": address})
    invitations.close_for(ctx, organisation, address)


def _find(ctx: Context, text: str) -> tuple[Token, Pending]:
    """The token in a text and its row, of either kind."""
    wanted = select(Pending.kind).where(Pending.token_hash == token_hash(tokens.read(text, field="token")))
    kind = invitation_rows.KIND if ctx.db.scalar(wanted) == invitation_rows.KIND else KIND
    token, row = tokens.find(ctx, kind, text, field="token")
    if kind == invitation_rows.KIND and row.state != "open":
        raise InvalidInput("token", row.state)
    return token, row


def _replace(ctx: Context, address: str, *, token: Token, usable: bool) -> None:
    tag = ctx.keys.address_tag(address)
    ctx.db.execute(delete(Pending).where(Pending.address_tag == tag, Pending.kind == KIND))
    tokens.add(ctx, KIND, token, lifetime=LIFETIME, address=address, content={"address": address, "usable": usable})


def _content(token: Token, row: Pending) -> dict[str, Any]:
    try:
        content = tokens.content(token, row)
    except CannotOpen as error:
        raise InvalidInput("token", "invalid") from error
    if not content.get("usable", row.kind == invitation_rows.KIND):
        raise InvalidInput("token", "invalid")
    return content


def _organisation(ctx: Context, row: Pending, address: str) -> Organisation:
    """The one that invited, or the installation's, if it still lets this address in."""
    if row.organisation is not None:
        return organisations.of(ctx, row.organisation)
    organisation = organisations.first(ctx)
    if organisation is None:
        raise Forbidden
    if not policy.of(organisation).lets_in(address):
        raise SignUpClosed
    return organisation
