"""Administrators: who opens a grant of the organisation's mailbox. The role in a member's row is for display."""

from dataclasses import dataclass

from sqlalchemy import select

from securemail.crypto.mailkeys import MailKeys
from securemail.errors import Forbidden
from securemail.identity.context import Context, Member
from securemail.mailboxes import epochs, grants
from securemail.store import models
from securemail.store.models import Mailbox

RIGHTS = "administrator"


@dataclass(frozen=True, repr=False)
class Administrator:
    """A member with the organisation's keys open."""

    member: Member
    keys: MailKeys

    def __repr__(self) -> str:
        return f"<Administrator {self.member.root.account.hex()}>"

    @property
    def organisation(self) -> bytes:
        """The organisation's id, which is its mailbox's too."""
        return self.keys.principal


def enter(ctx: Context, member: Member) -> Administrator:
    """Open the organisation's keys.

    Raises:
        Forbidden: no grant of this member opens them.
        UntrustedKey: the organisation's published key was exchanged.
    """
    mailbox = ctx.db.get(Mailbox, member.organisation)
    if mailbox is None or mailbox.kind != "organisation":
        raise Forbidden
    opened = grants.open_held(
        ctx, member.root.identity(), member.root.account, mailbox=mailbox.id, epoch=mailbox.mk_epoch, rights=RIGHTS
    )
    if opened is None:
        raise Forbidden
    return Administrator(member, epochs.with_older(ctx, opened))


def are_shown_to(ctx: Context, member: Member) -> bool:
    """Whether a menu should offer administration. Only the row says so: the pages themselves ask `enter`."""
    role = ctx.db.scalar(select(models.Member.role).where(models.Member.account == member.root.account))
    return role == "administrator"
