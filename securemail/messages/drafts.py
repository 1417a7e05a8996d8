"""Drafts: sealed, saved while typing, compare-and-swapped by revision so that two tabs never overwrite each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select, tuple_, update

from securemail import ids
from securemail.errors import Conflict, NotFound
from securemail.guests import checks
from securemail.guests.checks import Check
from securemail.identity.context import Context, Member
from securemail.mailboxes import epochs
from securemail.messages.writing import MAX_TEXT_BYTES
from securemail.store.models import Draft, Message
from securemail.store.statements import changed, insert_if_absent

_LONGEST_FIELD = 2000


class DraftChanged(Conflict):
    """Somebody, usually the same person in another tab, saved a newer revision."""


class DraftGone(Conflict):
    """The draft was sent or thrown away meanwhile."""


@dataclass(frozen=True)
class Content:
    """What is being written, as typed: nothing is checked before it is sent.

    `checks` are the recipient checks that were chosen, by normalised address; an agreed password stands there only as
    what it was stretched to. `apart`: a conversation for each. `expires` and `remind` are days, 0 for never, None
    for what the organisation begins with.
    """

    to: tuple[tuple[str, str], ...]
    subject: str
    text: str
    conversation: bytes | None = None
    checks: Mapping[str, Check] = field(default_factory=dict)
    apart: bool = False
    expires: int | None = None
    remind: int | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing worth keeping."""
        return not (self.to or self.subject.strip() or self.text.strip())


@dataclass(frozen=True)
class Saved:
    """A draft as it is kept."""

    draft: bytes
    revision: int
    changed: datetime
    content: Content


def save(ctx: Context, member: Member, draft: bytes, revision: int, content: Content) -> Saved:
    """Keep a draft; `revision` is the one it was loaded with, 0 for a new one. Returns it with the next revision.

    Raises:
        DraftChanged: a newer revision is there.
        DraftGone: it was sent or thrown away.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    epochs.hold(ctx, member.mail)
    sealed = member.mail.seal_draft(draft, revision + 1, _to_json(content))
    values = {"epoch": member.mail.epoch, "revision": revision + 1, "changed": ctx.now, "sealed_draft": sealed}
    if revision == 0:
        fresh = not _was_sent(ctx, member, draft)
        done = fresh and insert_if_absent(ctx.db, Draft, {"id": draft, "mailbox": member.mailbox, **values})
    else:
        mine = update(Draft).where(Draft.id == draft, Draft.mailbox == member.mailbox, Draft.revision == revision)
        done = changed(ctx.db, mine.values(values)) == 1
    if done:
        return Saved(draft, revision + 1, ctx.now, content)
    there = ctx.db.scalar(select(Draft.id).where(Draft.id == draft, Draft.mailbox == member.mailbox))
    raise DraftChanged if there is not None else DraftGone


def load(ctx: Context, member: Member, draft: bytes) -> Saved:
    """Raises `NotFound` when it is not there or another's."""
    saved = find(ctx, member, draft)
    if saved is None:
        raise NotFound
    return saved


def find(ctx: Context, member: Member, draft: bytes) -> Saved | None:
    """A draft of this mailbox, None when it is not there."""
    row = ctx.db.scalar(select(Draft).where(Draft.id == draft, Draft.mailbox == member.mailbox))
    return _open(ctx, member, row) if row is not None else None


def for_conversation(ctx: Context, member: Member, conversation: bytes) -> Saved | None:
    """The newest unsent answer in a conversation."""
    return next((saved for saved in newest(ctx, member) if saved.content.conversation == conversation), None)


def newest(
    ctx: Context, member: Member, *, before: tuple[datetime, bytes] | None = None, limit: int = 50
) -> list[Saved]:
    """Drafts, newest first."""
    query = select(Draft).where(Draft.mailbox == member.mailbox, Draft.epoch != epochs.NEVER)
    if before is not None:
        query = query.where(tuple_(Draft.changed, Draft.id) < before)
    rows = ctx.db.scalars(query.order_by(Draft.changed.desc(), Draft.id.desc()).limit(limit))
    return [_open(ctx, member, row) for row in rows]


def count(ctx: Context, member: Member, *, most: int = 100) -> int:
    """How many drafts there are, counted no further than `most`."""
    few = select(Draft.id).where(Draft.mailbox == member.mailbox).limit(most).subquery()
    return ctx.db.scalar(select(func.count()).select_from(few)) or 0


def discard(ctx: Context, member: Member, draft: bytes) -> None:
    """Throw a draft away; a second time changes nothing."""
    ctx.db.execute(
        delete(Draft).where(Draft.id == draft, Draft.mailbox == member.mailbox),
        execution_options={"synchronize_session": False},
    )


def _was_sent(ctx: Context, member: Member, draft: bytes) -> bool:
    sent = select(Message.id).where(Message.sender == member.mailbox, Message.idempotency_key == draft)
    return ctx.db.scalar(sent) is not None


def _open(ctx: Context, member: Member, row: Draft) -> Saved:
    opened = epochs.at(ctx, member.mail, row.epoch).open_draft(row.id, row.revision, row.sealed_draft)
    conversation = opened.get("conversation")
    content = Content(
        to=tuple((str(address), str(name)) for address, name in opened["to"]),
        subject=str(opened["subject"]),
        text=str(opened["text"]),
        conversation=ids.from_text(conversation) if conversation else None,
        checks={str(address): checks.from_json(kept) for address, kept in opened.get("checks", {}).items()},
        apart=opened.get("apart") is True,
        expires=_days(opened.get("expires")),
        remind=_days(opened.get("remind")),
    )
    return Saved(row.id, row.revision, row.changed, content)


def _days(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _to_json(content: Content) -> dict[str, object]:
    """What is sealed: as typed, but no longer than what could ever be sent, with room for the mistake to be told."""
    to: Sequence[tuple[str, str]] = content.to
    return {
        "to": [[address[:_LONGEST_FIELD], name[:_LONGEST_FIELD]] for address, name in to],
        "subject": content.subject[:_LONGEST_FIELD],
        "text": content.text[: 6 * MAX_TEXT_BYTES],
        "conversation": ids.to_text(content.conversation) if content.conversation else None,
        "checks": {address: checks.to_json(check) for address, check in content.checks.items()},
        "apart": content.apart,
        "expires": content.expires,
        "remind": content.remind,
    }
