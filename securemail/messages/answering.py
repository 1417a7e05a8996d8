"""Whom an answer goes to: the people of the authenticated head, less those withdrawn."""

from collections.abc import Sequence

from sqlalchemy import func, literal, select

from securemail.errors import NotFound
from securemail.identity.context import Context, Correspondent
from securemail.messages import reading
from securemail.messages.heads import Head, Party
from securemail.store.models import GuestLink, Mailbox, Message, Recipient


def whom(ctx: Context, author: Correspondent, conversation: bytes) -> tuple[Party, ...]:
    """Whom an answer would go to; empty when nobody is left or nothing can be read."""
    try:
        answered, head = reading.newest_readable(ctx, author, conversation)
    except NotFound:
        return ()
    return receivers(ctx, author, answered, head)


def is_deserted(ctx: Context, author: Correspondent, conversation: bytes) -> bool:
    """Whether an answer would reach nobody because the others have closed their accounts."""
    try:
        answered, head = reading.newest_readable(ctx, author, conversation)
    except NotFound:
        return False
    others = {party.principal for party in (head.sender, *head.to)} - {author.principal}
    withdrawn, closed = _beyond_reach(ctx, author, answered, others)
    return bool(closed) and not others - withdrawn - closed


def receivers(ctx: Context, author: Correspondent, answered: Message, head: Head) -> tuple[Party, ...]:
    """Sender and receivers of what is answered, each once, less those withdrawn and, unless alone, the author."""
    everybody = {party.principal: party for party in (head.sender, *head.to)}
    withdrawn, closed = _beyond_reach(ctx, author, answered, set(everybody))
    alone = set(everybody) == {author.principal}
    if not alone and not set(everybody) - withdrawn - closed - {author.principal}:
        return ()
    # Who is closed stays on the list: the sender sees at that place that it reached nobody.
    return tuple(
        party
        for principal, party in everybody.items()
        if principal not in withdrawn and (principal != author.principal or alone)
    )


def unready(ctx: Context, to: Sequence[Party]) -> set[bytes]:
    """Which receivers of an answer wait for a number or a password: nobody writes to them until then."""
    links_of = [party.principal for party in to if party.kind == "link"]
    waiting = select(Recipient.principal).where(Recipient.principal.in_(links_of), Recipient.state == "unready")
    return set(ctx.db.scalars(waiting)) if links_of else set()


def _beyond_reach(
    ctx: Context, author: Correspondent, answered: Message, everybody: set[bytes]
) -> tuple[set[bytes], set[bytes]]:
    """Whose access was taken back: to what is answered, to all that this author sent here, or with their link; and
    whose account is closed."""
    withdrawn = select(Recipient.principal, literal(False).label("closed")).where(
        Recipient.message == answered.id, Recipient.state == "revoked"
    )
    closed = select(Mailbox.id, literal(True)).where(Mailbox.id.in_(everybody), Mailbox.closed.is_not(None))
    ended = select(func.coalesce(GuestLink.claimed_by, GuestLink.id), literal(False)).where(
        GuestLink.conversation == answered.conversation, GuestLink.closed.is_not(None), GuestLink.successor.is_(None)
    )
    of_mine = (
        select(Recipient.principal, literal(False))
        .join(Message, Message.id == Recipient.message)
        .where(Message.conversation == answered.conversation, Message.sender == author.principal)
        .group_by(Recipient.principal)
        .having(func.min(Recipient.state) == "revoked", func.max(Recipient.state) == "revoked")
    )
    rows = ctx.db.execute(withdrawn.union_all(closed, ended, of_mine)).all()
    return {row[0] for row in rows if not row[1]}, {row[0] for row in rows if row[1]}
