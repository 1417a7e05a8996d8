"""Who somebody in a conversation is now: a guest's link that was replaced, or taken along into an account, leads on.

Heads and senders are authenticated and stay as they were written. Where a link leads is said by its own authenticated
row, so that a row of the database turns nobody into somebody else.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import or_, select

from securemail.guests import links
from securemail.identity.context import Context, PrincipalKind
from securemail.messages.heads import Head, Party
from securemail.store.models import GuestLink


@dataclass(frozen=True)
class Aliases:
    """Where the links of some conversations lead; most lead nowhere."""

    _onward: Mapping[bytes, tuple[PrincipalKind, bytes]]

    def now(self, principal: bytes) -> bytes:
        """The principal that this one is now; itself where it leads nowhere."""
        return self._end("link", principal)[1]

    def party(self, party: Party) -> Party:
        """A sender or receiver with the principal whose key is used now."""
        kind, principal = self._end(party.kind, party.principal)
        return party if principal == party.principal else replace(party, kind=kind, principal=principal)

    def head(self, head: Head) -> Head:
        """A head whose people are who they are now."""
        if not self._onward:
            return head
        return replace(head, sender=self.party(head.sender), to=tuple(self.party(party) for party in head.to))

    def of(self, principal: bytes) -> frozenset[bytes]:
        """Everything that this principal is called in heads and senders, itself included."""
        return frozenset({principal, *(one for one in self._onward if self.now(one) == principal)})

    def _end(self, kind: PrincipalKind, principal: bytes) -> tuple[PrincipalKind, bytes]:
        for _ in range(links.FURTHEST):
            onward = self._onward.get(principal)
            if onward is None:
                break
            kind, principal = onward
        return kind, principal


def of_conversation(ctx: Context, conversation: bytes) -> Aliases:
    """Where the links of one conversation lead."""
    return of_conversations(ctx, [conversation])


def of_conversations(ctx: Context, conversations: Collection[bytes]) -> Aliases:
    """Where the links of several conversations lead, with one query."""
    leads = or_(GuestLink.successor.is_not(None), GuestLink.claimed_by.is_not(None))
    rows = ctx.db.scalars(select(GuestLink).where(GuestLink.conversation.in_(set(conversations)), leads))
    return Aliases({row.id: _onward(row) for row in rows if links.genuine(ctx, row)})


def _onward(row: GuestLink) -> tuple[PrincipalKind, bytes]:
    if row.claimed_by is not None:
        return "mailbox", row.claimed_by
    return "link", row.successor or row.id
