"""The rows of one message: sealed, signed, with its receivers, their envelopes and mails, and its author's own copy."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from securemail import ids
from securemail.crypto import content
from securemail.crypto.secrets import ContentKey
from securemail.guests import devices, links
from securemail.identity.context import Context, Correspondent, Member
from securemail.mailboxes import epochs
from securemail.messages import authenticity, envelopes, notices, threads
from securemail.messages.heads import Head, Party
from securemail.store.models import Conversation, Item, Message, Recipient
from securemail.store.statements import insert_if_absent

State = Literal["opened", "gone", "unready", "waiting"]
"""How a receiver begins: the author, somebody without an account by now, one who lacks something still, all others."""


@dataclass(frozen=True)
class Wishes:
    """What the sender asked of a message: how long its receivers may read it, and when who did not is reminded."""

    expires: timedelta | None = None
    remind: timedelta | None = None


@dataclass(frozen=True, repr=False)
class Letter:
    """What is to be sent; `key` sends once. Whoever is `unready` is told nothing yet."""

    key: bytes
    conversation: bytes
    to: tuple[Party, ...]
    subject: str
    text: str
    new_links: Sequence[links.NewLink] = ()
    unready: Set[bytes] = frozenset()
    wishes: Wishes = Wishes()


def post(ctx: Context, author: Correspondent, letter: Letter) -> bytes | None:
    """Write a message; its id, or None when its key was used meanwhile: then nothing is written.

    Raises:
        StaleKeys: the author's keys were replaced, or a receiver's link has ended.
    """
    current = _hold(ctx, author, letter.to)
    row, cek = _sealed(ctx, author, letter)
    if not _won(ctx, row):
        return None
    _keep_links(ctx, author, letter)
    _keep_own_copy(ctx, author, row, cek)
    receivers = [(party, _state(author, letter, party, current)) for party in letter.to]
    for place, (party, state) in enumerate(receivers):
        ctx.db.add(_recipient(ctx, row, place, party, state, letter.wishes))
        # A link made just now waits for its envelope too; one that others answer to cannot: they have the words now.
        if state == "waiting" or (state == "unready" and not letter.new_links):
            envelopes.give(ctx, row, cek, party, current)
    ctx.db.flush()
    there = [Party.of(author), *(party for party, state in receivers if state != "gone")]
    threads.arrived(ctx, row, [party.principal for party in there if party.kind == "mailbox"])
    for place, (party, state) in enumerate(receivers):
        if state == "waiting":
            notices.queue(ctx, author, row, place, party)
    return row.id


def _hold(ctx: Context, author: Correspondent, to: Sequence[Party]) -> dict[bytes, int]:
    """The current epochs, their rows held shared until the commit: nothing arrives under a key just rotated away, nor
    at a link that leads on."""
    principals = {party.principal for party in to if party.kind == "mailbox"}
    current = epochs.hold(ctx, author.mail, others=principals)
    links.hold(ctx, {party.principal for party in (Party.of(author), *to) if party.kind == "link"})
    return current


def _sealed(ctx: Context, author: Correspondent, letter: Letter) -> tuple[Message, ContentKey]:
    message, cek = ids.new_id(), ContentKey.new()
    head = Head.write(Party.of(author), letter.to, letter.subject, letter.text)
    row = Message(
        id=message,
        conversation=letter.conversation,
        sender=author.principal,
        sender_kind=author.kind,
        account=author.account,
        sent_at=ctx.now,
        idempotency_key=letter.key,
        state="sent",
        sealed_head=content.seal_head(cek, message, head.to_json()),
        sealed_body=content.seal_body(cek, message, {"type": "text/plain", "text": letter.text}),
    )
    row.mac = authenticity.sign(ctx, row)
    return row, cek


def _won(ctx: Context, row: Message) -> bool:
    """Insert it, unless another process sent this key while we were sealing: then nothing of ours may stay."""
    columns = {column.key: getattr(row, column.key) for column in Message.__table__.columns}
    with ctx.db.begin_nested() as savepoint:
        insert_if_absent(ctx.db, Conversation, {"id": row.conversation, "created": ctx.now})
        won = insert_if_absent(ctx.db, Message, columns)
        if not won:
            savepoint.rollback()
    return won


def _keep_links(ctx: Context, author: Correspondent, letter: Letter) -> None:
    for link in letter.new_links:
        links.keep(ctx, link)
        if isinstance(author, Member):
            devices.welcome(ctx, author, link.row)


def _keep_own_copy(ctx: Context, author: Correspondent, message: Message, cek: ContentKey) -> None:
    if author.kind == "link":
        envelopes.give(ctx, message, cek, Party.of(author), {})
        return
    ctx.db.add(
        Item(
            mailbox=author.principal,
            message=message.id,
            epoch=author.mail.epoch,
            folder="sent",
            sent_at=message.sent_at,
            sealed_cek=author.mail.seal_item(cek, message.id),
        )
    )


def _state(author: Correspondent, letter: Letter, party: Party, current: dict[bytes, int]) -> State:
    if party.principal == author.principal:
        return "opened"
    if party.kind == "mailbox" and party.principal not in current:
        return "gone"
    return "unready" if party.principal in letter.unready else "waiting"


def _recipient(ctx: Context, message: Message, place: int, party: Party, state: State, wishes: Wishes) -> Recipient:
    to_self, reached = state == "opened", state in ("unready", "waiting")
    return Recipient(
        message=message.id, place=place, principal=party.principal, kind=party.kind, state=state, state_at=ctx.now,
        opened_at=ctx.now if to_self else None,
        expires=ctx.now + wishes.expires if wishes.expires and not to_self else None,
        remind=ctx.now + wishes.remind if wishes.remind and reached else None,
    )  # fmt: skip
