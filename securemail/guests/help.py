"""A guest who cannot get in asks whoever wrote to them: one open request for each link, answered with one tap.

Whoever has a link's address may ask, since the code may be what was lost. So a request reveals nothing, changes
nothing by itself, and is limited: it can fill nobody's mailbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from sqlalchemy import Select, or_, select, update

from securemail import ids
from securemail.delivery import outbox
from securemail.errors import Conflict, NotFound
from securemail.guests import links
from securemail.identity.context import Context, Member
from securemail.mailboxes import directory, epochs
from securemail.messages import expiry
from securemail.messages.heads import Party
from securemail.store.models import GuestLink, Help, Item, Message, Recipient
from securemail.store.statements import changed

Kind = Literal["again", "number", "method", "locked", "expired"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_MOST_PROLONGED: Final = 50
_REACHABLE: Final = ("waiting", "notified", "bounced", "opened")


@dataclass(frozen=True)
class Asked:
    """An open request, for the maker of its link: who asks for what, and the newest message it is about.

    `over` are the messages, newest first, whose time is over for who asks, and which the maker still has. `method` is
    'account' where an account took the link's messages along.
    """

    request: bytes
    kind: Kind
    created: datetime
    link: bytes
    method: str
    locked: bool
    name: str
    address: str
    message: bytes | None
    place: int | None
    over: tuple[bytes, ...] = ()


def ask(ctx: Context, link: GuestLink, kind: Kind) -> bool:
    """Ask the maker of a link, in this transaction; whether this was a new request. Limits were counted before.

    The maker gets one mail, by ids alone. A link whose code was replaced asks for the one in its place.

    Raises:
        NotFound: nobody is left to ask.
    """
    link = links.newest(ctx, link)
    if directory.of_mailbox(ctx, link.maker) is None:
        raise NotFound
    if _open_at(ctx, link.id) is not None:
        return False
    ctx.db.add(Help(id=ids.new_id(), link=link.id, kind=kind, created=ctx.now, answered=None))
    # Two that ask at once: the second one's row is refused here, with everything that it would have sent.
    ctx.db.flush()
    outbox.add_plain(ctx, "help_asked", mailbox=link.maker, message=_newest_message(ctx, link)[0])
    return True


def open_in(ctx: Context, member: Member, conversation: bytes) -> list[Asked]:
    """What guests ask of this member in a conversation, oldest first."""
    found = _mine(member).where(GuestLink.conversation == conversation).order_by(Help.created)
    return [_asked(ctx, member, request, link) for request, link in ctx.db.execute(found).all()]


def open_conversations(ctx: Context, member: Member, conversations: Sequence[bytes]) -> set[bytes]:
    """In which of these conversations a guest waits for an answer."""
    found = _mine(member).where(GuestLink.conversation.in_(conversations))
    return {link.conversation for _request, link in ctx.db.execute(found).all()}


def find(ctx: Context, member: Member, request: bytes) -> tuple[Asked, GuestLink]:
    """An open request for this member.

    Raises:
        NotFound: there is none, it was answered, or it is for another.
    """
    row = ctx.db.execute(_mine(member).where(Help.id == request)).first()
    if row is None:
        raise NotFound
    return _asked(ctx, member, *row), row[1]


def answer(ctx: Context, request: bytes) -> None:
    """The request is answered, or put aside.

    Raises:
        Conflict: it was already.
    """
    answered = update(Help).where(Help.id == request, Help.answered.is_(None)).values(answered=ctx.now)
    if changed(ctx.db, answered) != 1:
        raise Conflict("answered already")


def answer_link(ctx: Context, link: bytes) -> None:
    """Whatever was asked at a link is answered: its check was corrected, it was released, or its access ended."""
    changed(ctx.db, update(Help).where(Help.link == link, Help.answered.is_(None)).values(answered=ctx.now))


def send_again(ctx: Context, member: Member, asked: Asked) -> None:
    """Send the notification of the newest message once more, with its code.

    Raises:
        Conflict: it was taken back, has expired, or was answered already.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    epochs.hold(ctx, member.mail)
    if asked.message is None or asked.place is None:
        raise Conflict("nothing to send again")
    answer(ctx, asked.request)
    message = ctx.db.get_one(Message, asked.message)
    mailbox = _taken_by(ctx, ctx.db.get_one(GuestLink, asked.link))
    if mailbox is not None:
        outbox.add_plain(ctx, "member_message", mailbox=mailbox, message=message.id, place=asked.place)
        return
    party = Party("link", asked.link, asked.address, asked.name)
    links.notify(ctx, member, message, asked.place, party)


def _mine(member: Member) -> Select[Help, GuestLink]:
    return (
        select(Help, GuestLink)
        .join(GuestLink, GuestLink.id == Help.link)
        .where(GuestLink.maker == member.mailbox, Help.answered.is_(None))
    )


def _asked(ctx: Context, member: Member, request: Help, link: GuestLink) -> Asked:
    message, place = _newest_message(ctx, link)
    kind = next(kind for kind in KINDS if kind == request.kind)
    try:
        kept = links.kept_of(ctx, member, link)
        name, address = kept.name, kept.address
    except NotFound:
        name = address = ""
    taken, over = _taken_by(ctx, link) is not None, _over(ctx, link)
    method, locked = "account" if taken else link.method, link.locked is not None and not taken
    return Asked(request.id, kind, request.created, link.id, method, locked, name, address, message, place, over)


def _taken_by(ctx: Context, link: GuestLink) -> bytes | None:
    """The mailbox that has a link's messages now; None while the link has them."""
    return link.claimed_by if links.genuine(ctx, link) else None


def _newest_message(ctx: Context, link: GuestLink) -> tuple[bytes | None, int | None]:
    """The maker's newest message that this link, or who took it along, can still read, and its place there."""
    row = ctx.db.execute(
        select(Recipient.message, Recipient.place)
        .join(Message, Message.id == Recipient.message)
        .where(
            Recipient.principal == (_taken_by(ctx, link) or link.id), Recipient.state.in_(_REACHABLE),
            Message.sender == link.maker, Message.state == "sent", expiry.still_lasts(ctx),
        )
        .order_by(Message.sent_at.desc(), Message.id)
        .limit(1)
    ).first()  # fmt: skip
    return (None, None) if row is None else (row[0], row[1])


def _over(ctx: Context, link: GuestLink) -> tuple[bytes, ...]:
    """The maker's messages whose time is over at this link, newest first, without those that are gone for everybody."""
    own_copy = select(Item.message).where(Item.message == Message.id, Item.mailbox == link.maker)
    rows = ctx.db.scalars(
        select(Message.id)
        .join(Recipient, Recipient.message == Message.id)
        .where(
            Recipient.principal == link.id, Recipient.state.not_in(("revoked", "gone")), ~expiry.still_lasts(ctx),
            Message.sender == link.maker, Message.state == "sent", own_copy.exists(),
            or_(Message.expires.is_(None), Message.expires > ctx.now),
        )
        .order_by(Message.sent_at.desc(), Message.id)
        .limit(_MOST_PROLONGED)
    ).all()  # fmt: skip
    return tuple(rows)


def _open_at(ctx: Context, link: bytes) -> bytes | None:
    return ctx.db.scalar(select(Help.id).where(Help.link == link, Help.answered.is_(None)))
