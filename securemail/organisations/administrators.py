"""Administrators: who opens a grant of the organisation's mailbox. The role in a member's row is for display."""

from dataclasses import dataclass

from sqlalchemy import select

from securemail.crypto import mailkeys
from securemail.crypto.locks import same
from securemail.crypto.mailkeys import MailKeys
from securemail.errors import CannotOpen, Forbidden
from securemail.identity.context import Context, Member
from securemail.mailboxes import keys
from securemail.store import models
from securemail.store.models import Mailbox, MailGrant

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
    trusted = keys.published(ctx, "mailbox", mailbox.id, mailbox.mk_epoch)
    identity = member.root.identity()
    for grant in ctx.db.scalars(
        select(MailGrant).where(
            MailGrant.grantee == member.root.account,
            MailGrant.mailbox == mailbox.id,
            MailGrant.epoch == mailbox.mk_epoch,
            MailGrant.rights == RIGHTS,
        )
    ):
        try:
            mk = mailkeys.open_grant(
                identity, grant.sealed_mk, mailbox=mailbox.id, epoch=grant.epoch, grantee=grant.grantee,
                grant=grant.id, rights=grant.rights,
            )  # fmt: skip
        except CannotOpen:
            continue
        opened = MailKeys(mailbox.id, mailbox.mk_epoch, mk)
        # Everybody can make a grant to a published identity; it counts only when it gives the published key.
        if same(opened.pair().public, trusted):
            return Administrator(member, opened)
        keys.log.error("alarm: grant %s does not give the organisation's key", grant.id.hex())
    raise Forbidden


def is_administrator(ctx: Context, member: Member) -> bool:
    """Whether a member opens the organisation's keys."""
    try:
        enter(ctx, member)
    except Forbidden:
        return False
    return True


def are_shown_to(ctx: Context, member: Member) -> bool:
    """Whether a menu should offer administration. Only the row says so: the pages themselves ask `enter`."""
    role = ctx.db.scalar(select(models.Member.role).where(models.Member.account == member.root.account))
    return role == "administrator"
