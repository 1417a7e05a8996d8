"""Taking along: what a guest has opened moves into the account that they have, or have just made.

Who passed the check of a link has its key, and who is logged in has the mailbox's. Where the address that the link was
made for is the verified one of the account, each content key is locked anew from the one to the other, and the link
leads on to the mailbox for good. Nobody else can do this, its maker included: what was never opened stays a link.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import select

from securemail.crypto import cookies
from securemail.crypto.secrets import ContentKey, SessionSecret
from securemail.delivery import outbox
from securemail.errors import CannotOpen, Conflict, InvalidInput, NotFound, StaleKeys
from securemail.guests import guest_sessions, links
from securemail.guests import help as helping
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.identity.context import Context, Guest, Member, Owner
from securemail.mailboxes import epochs
from securemail.mailboxes.addresses import normalise
from securemail.mailboxes.keys import UntrustedKey
from securemail.messages import aliases, moving
from securemail.messages.opening import Opener
from securemail.organisations import audit
from securemail.store.models import Envelope, GuestLink, Item, Message, Recipient, SessionLink

Reason = Literal["unproved", "address", "own", "partner", "gone"]
_MOST: Final = 50
"""Links that one browser is asked about: more than anybody opens in eight hours."""


class MayNotClaim(Conflict):
    """These messages stay where they are. Why:

    'unproved': this browser came back as a remembered one, and gives the code first. 'address': the account's differs.
    'own': the account's owner wrote it. 'partner': the mailbox takes part in the conversation already.
    'gone': the link was taken along, renewed or closed meanwhile.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


@dataclass(frozen=True)
class _Held:
    """A link, and the conversation that it is for, held until the commit."""

    guest: Guest
    link: GuestLink
    messages: tuple[Message, ...]


def may_claim(ctx: Context, member: Member, guest: Guest) -> None:
    """Whether a member may take along what a guest has opened in the same browser. Nothing is held.

    Raises:
        MayNotClaim: see there.
    """
    require_proved(ctx, guest)
    _require_same_address(member.owner, guest)
    _require_free(ctx, member, ctx.db.get_one(GuestLink, guest.link))


def claim(ctx: Context, member: Member, *guests: Guest) -> list[bytes]:
    """Take conversations along into the member's mailbox: all that these guests have there, or nothing at all.

    What was not opened stays unopened, and every receipt what it was. The codes open nothing any more, and later
    answers go to the mailbox.

    Returns:
        The conversations.

    Raises:
        MayNotClaim: see there.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    for guest in guests:
        require_proved(ctx, guest)
        _require_same_address(member.owner, guest)
    return [_take_along(ctx, member, one) for one in _hold(ctx, member, guests)]


def offers(ctx: Context, member: Owner | Member, secret: SessionSecret | None) -> list[Guest]:
    """What this browser has open, check and all, for exactly this member's address: what `claim` would take along."""
    owner = member.owner if isinstance(member, Member) else member
    if secret is None:
        return []
    found = (_open(ctx, owner, secret, ref) for ref in _open_refs(ctx, owner, cookies.session_id(secret)))
    return [guest for guest in found if guest is not None]


def _open_refs(ctx: Context, owner: Owner, session: bytes) -> list[bytes]:
    opened = (
        select(GuestLink.link_ref)
        .join(SessionLink, SessionLink.link == GuestLink.id)
        .where(
            SessionLink.session == session, SessionLink.state == cookies.FULL, GuestLink.maker != owner.mailbox,
            GuestLink.closed.is_(None), GuestLink.claimed_by.is_(None),
        )
        .order_by(GuestLink.created, GuestLink.id)
        .limit(_MOST)
    )  # fmt: skip
    return list(ctx.db.scalars(opened))


def _open(ctx: Context, owner: Owner, secret: SessionSecret, ref: bytes) -> Guest | None:
    try:
        guest = guest_sessions.resume(ctx, secret, ref)
        _require_same_address(owner, guest)
    except (GuestSessionEnded, NotFound, UntrustedKey, MayNotClaim):
        return None
    return None if moving.takes_part(ctx, guest.conversation, owner.mailbox) else guest


def require_proved(ctx: Context, guest: Guest) -> None:
    """Raises `MayNotClaim` ('unproved', 'gone') where this browser did not pass the check itself.

    The state is bound into the lock that the guest's key came out of (`guest_sessions.resume`).
    """
    state = guest_sessions.state_now(ctx, guest)
    if state is None:
        raise MayNotClaim("gone")
    if state != cookies.FULL:
        raise MayNotClaim("unproved")


def _require_same_address(owner: Owner, guest: Guest) -> None:
    try:
        same = normalise(guest.address) == normalise(owner.address)
    except InvalidInput:
        same = False
    if not same:
        raise MayNotClaim("address")


def _require_free(ctx: Context, member: Member, link: GuestLink) -> None:
    if not links.genuine(ctx, link) or not links.living(link):
        raise MayNotClaim("gone")
    if link.maker == member.mailbox:
        raise MayNotClaim("own")
    if moving.takes_part(ctx, link.conversation, member.mailbox):
        raise MayNotClaim("partner")


def _hold(ctx: Context, member: Member, guests: Collection[Guest]) -> list[_Held]:
    """Hold the mailbox, the links, their messages and their envelopes, each in the order of ids: see `moving`."""
    if member.mailbox not in epochs.hold(ctx, member.mail):
        raise StaleKeys  # the account was closed meanwhile: nothing may be moved to where nobody reads it
    in_order = sorted(guests, key=lambda guest: guest.link)
    rows = [links.hold_alone(ctx, guest.link) for guest in in_order]
    wanted = [row.conversation for row in rows]
    for each in (
        select(Message.id).where(Message.conversation.in_(wanted)).order_by(Message.id),
        select(Envelope.message).where(Envelope.principal.in_([row.id for row in rows]))
        .order_by(Envelope.message, Envelope.principal),
    ):  # fmt: skip
        ctx.db.execute(each.with_for_update())
    return [
        _Held(guest, row, tuple(moving.hold(ctx, row.conversation))) for guest, row in zip(in_order, rows, strict=True)
    ]


def _take_along(ctx: Context, member: Member, held: _Held) -> bytes:
    link, conversation = held.link.id, held.link.conversation
    require_proved(ctx, held.guest)
    # Once those before it are the member's: of two links into one conversation, one is taken.
    _require_free(ctx, member, held.link)
    written = aliases.of_conversation(ctx, conversation).of(link)
    found = _content_keys(ctx, held.guest)
    links.lead_on(ctx, held.link, to_mailbox=member.mailbox)
    moved = moving.move(ctx, conversation, link, kind="mailbox", new=member.mailbox)
    for message in held.messages:
        if message.id in found:
            _give(ctx, member, message, found[message.id], own=message.sender in written)
    ctx.db.flush()
    _tell_the_member_instead(ctx, member, moved)
    helping.answer_link(ctx, link)
    moving.give_thread(ctx, conversation, member.mailbox)
    moving.tell_everybody(ctx, conversation)
    detail = {"conversation": conversation.hex(), "link": link.hex()}
    audit.record(ctx, member.organisation, "conversation-claimed", member.principal, detail)
    return conversation


def _content_keys(ctx: Context, guest: Guest) -> dict[bytes, ContentKey]:
    """What the guest's key opens; a row that somebody else wrote opens nothing, and is not taken along."""
    opener, found = Opener(ctx, guest.mail), {}
    for envelope in ctx.db.scalars(select(Envelope).where(Envelope.principal == guest.link)).all():
        try:
            found[envelope.message] = opener.envelope(envelope.epoch, envelope.sealed_cek or b"", envelope.message)
        except CannotOpen:
            continue
    return found


def _give(ctx: Context, member: Member, message: Message, cek: ContentKey, *, own: bool) -> None:
    """A message in the mailbox, as if it had arrived or been written there: what was received has an empty envelope."""
    ctx.db.add(
        Item(
            mailbox=member.mailbox, message=message.id, epoch=member.mail.epoch, folder="sent" if own else "received",
            sent_at=message.sent_at, sealed_cek=member.mail.seal_item(cek, message.id),
        )
    )  # fmt: skip
    if not own:
        ctx.db.add(
            Envelope(
                message=message.id, principal=member.mailbox, epoch=member.mail.epoch, delivered=ctx.now,
                sealed_cek=None,
            )
        )  # fmt: skip


def _tell_the_member_instead(ctx: Context, member: Member, moved: Collection[Recipient]) -> None:
    """A mail with a code that still waits would lead nowhere: the account's owner is told in its place."""
    for row in moved:
        if outbox.cancel(ctx, row.message, row.place) and row.state == "waiting":
            outbox.add_plain(ctx, "member_message", mailbox=member.mailbox, message=row.message, place=row.place)
