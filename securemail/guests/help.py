"""A guest who cannot get in asks whoever wrote to them: one open request for each link, answered with one tap.

Whoever has a link's address may ask, since the code may be what was lost. So a request reveals nothing, changes
nothing by itself, and is limited: it can fill nobody's mailbox.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from sqlalchemy import Select, or_, select, update

from securemail import ids
from securemail.delivery import outbox
from securemail.errors import Conflict, NotFound
from securemail.guests import links, notify
from securemail.identity.context import Context, Member
from securemail.mailboxes import directory, epochs
from securemail.messages import expiry, threads
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
    about = _newest_messages(ctx, [link]).get(link.id)
    threads.touch(ctx, link.conversation, {link.maker})
    outbox.add_plain(ctx, "help_asked", mailbox=link.maker, message=about[0] if about else None)
    return True


def open_in(ctx: Context, member: Member, conversation: bytes) -> list[Asked]:
    """What guests ask of this member in a conversation, oldest first."""
    found = _mine(member).where(GuestLink.conversation == conversation).order_by(Help.created)
    return _asked(ctx, member, [(request, link) for request, link in ctx.db.execute(found)])


def asked_in(ctx: Context, member: Member, conversations: Collection[bytes]) -> set[bytes]:
    """In which of these conversations somebody asks this member for help."""
    open_requests = (
        select(GuestLink.conversation)
        .join(Help, Help.link == GuestLink.id)
        .where(GuestLink.maker == member.mailbox, GuestLink.conversation.in_(conversations), Help.answered.is_(None))
    )
    return set(ctx.db.scalars(open_requests))


def find(ctx: Context, member: Member, request: bytes) -> tuple[Asked, GuestLink]:
    """An open request for this member.

    Raises:
        NotFound: there is none, it was answered, or it is for another.
    """
    row = ctx.db.execute(_mine(member).where(Help.id == request)).first()
    if row is None:
        raise NotFound
    [asked] = _asked(ctx, member, [(row[0], row[1])])
    return asked, row[1]


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
    link = ctx.db.get_one(GuestLink, asked.link)
    answer(ctx, asked.request)
    if not tell(ctx, member, link):
        raise Conflict("nothing to send again")


def tell(ctx: Context, member: Member, link: GuestLink) -> bool:
    """Send the notification of the newest message once more; False when there is none.

    It says that the message can be opened now, unless the link is still locked by wrong entries.

    Raises:
        NotFound: another's link.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    about = _newest_messages(ctx, [link]).get(link.id)
    if about is None:
        return False
    message, place = ctx.db.get_one(Message, about[0]), about[1]
    mailbox = _taken_by(ctx, link)
    if mailbox is not None:
        outbox.add_plain(ctx, "member_message", mailbox=mailbox, message=message.id, place=place)
    else:
        kept = links.kept_of(ctx, member, link)
        party = Party("link", link.id, kept.address, kept.name)
        notify.tell(ctx, member, message, place, party, helped=link.locked is None)
    return True


def _mine(member: Member) -> Select[Help, GuestLink]:
    return (
        select(Help, GuestLink)
        .join(GuestLink, GuestLink.id == Help.link)
        .where(GuestLink.maker == member.mailbox, Help.answered.is_(None))
    )


def _asked(ctx: Context, member: Member, found: Sequence[tuple[Help, GuestLink]]) -> list[Asked]:
    """Requests with what they are about: two queries, however many there are."""
    of = [link for _request, link in found]
    newest, over = _newest_messages(ctx, of), _over(ctx, of)
    return [
        _one(ctx, member, request, link, newest.get(link.id), tuple(over.get(link.id, ()))) for request, link in found
    ]


def _one(
    ctx: Context, member: Member, request: Help, link: GuestLink, about: tuple[bytes, int] | None,
    over: tuple[bytes, ...],
) -> Asked:  # fmt: skip
    message, place = about or (None, None)
    kind = next(kind for kind in KINDS if kind == request.kind)
    try:
        kept = links.kept_of(ctx, member, link)
        name, address = kept.name, kept.address
    except NotFound:
        name = address = ""
    taken = _taken_by(ctx, link) is not None
    method, locked = "account" if taken else link.method, link.locked is not None and not taken
    return Asked(request.id, kind, request.created, link.id, method, locked, name, address, message, place, over)


def _taken_by(ctx: Context, link: GuestLink) -> bytes | None:
    """The mailbox that has a link's messages now; None while the link has them."""
    return link.claimed_by if links.genuine(ctx, link) else None


def _newest_messages(ctx: Context, of: Collection[GuestLink]) -> dict[bytes, tuple[bytes, int]]:
    """By link, its maker's newest message there that it, or who took it along, can still read, and its place."""
    now = {(link.conversation, _taken_by(ctx, link) or link.id): link.id for link in of}
    rows = ctx.db.execute(
        _from_makers(of, {principal for _conversation, principal in now})
        .where(Recipient.state.in_(_REACHABLE), expiry.still_lasts(ctx))
    )  # fmt: skip
    newest: dict[bytes, tuple[bytes, int]] = {}
    for row in rows:
        link = now.get((row.conversation, row.principal))
        if link is not None:
            newest.setdefault(link, (row.message, row.place))
    return newest


def _over(ctx: Context, of: Collection[GuestLink]) -> dict[bytes, list[bytes]]:
    """By link, its maker's messages whose time is over there, newest first, without those gone for everybody."""
    own_copy = select(Item.message).where(Item.message == Message.id, Item.mailbox == Message.sender)
    rows = ctx.db.execute(
        _from_makers(of, {link.id for link in of}).where(
            Recipient.state.not_in(("revoked", "gone")), ~expiry.still_lasts(ctx), own_copy.exists(),
            or_(Message.expires.is_(None), Message.expires > ctx.now),
        )
    )  # fmt: skip
    over: dict[bytes, list[bytes]] = {}
    for row in rows:
        over.setdefault(row.principal, []).append(row.message)
    return {link: messages[:_MOST_PROLONGED] for link, messages in over.items()}


def _from_makers(of: Collection[GuestLink], principals: Collection[bytes]) -> Select[bytes, bytes, int, bytes]:
    """What the maker of these links (one made them all) sent there to any of these principals, newest first."""
    return (
        select(Recipient.principal, Recipient.message, Recipient.place, Message.conversation)
        .join(Message, Message.id == Recipient.message)
        .where(
            Message.conversation.in_({link.conversation for link in of}), Recipient.principal.in_(principals),
            Message.sender.in_({link.maker for link in of}), Message.state == "sent",
        )
        .order_by(Message.sent_at.desc(), Message.id)
    )  # fmt: skip


def _open_at(ctx: Context, link: bytes) -> bytes | None:
    return ctx.db.scalar(select(Help.id).where(Help.link == link, Help.answered.is_(None)))
