"""A conversation as the templates take it, with the answer that is being written below it."""

from securemail import ids
from securemail.delivery import outbox
from securemail.guests import help as helping
from securemail.identity.context import Context, Member
from securemail.messages import answering, drafts, listing, reading
from securemail.messages.reading import Letter
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.web import faces, present
from securemail.web import viewmodels as views

_UNFOLDED = 3
"""How many of the newest letters are shown whole; older ones fold to their heads."""
_WEEK = 7


def days_more(policy: Policy) -> int:
    """For how many days what is over may be read again: what a new message begins with, or a week."""
    return policy.expiry_days or _WEEK


def conversation_view(
    ctx: Context,
    me: Member,
    conversation: bytes,
    folder: views.Folder = "inbox",
    *,
    typed: str | None = None,
    key: bytes | None = None,
    errors: dict[str, str] | None = None,
) -> views.Conversation:
    """A conversation as the templates take it, with the answer that is being written."""
    letters = reading.conversation(ctx, me, conversation)
    photos = faces.of_letters(ctx, letters)
    waiting = outbox.places_waiting(ctx, [letter.message for letter in letters if letter.own])
    shown = [
        present.letter(
            letter,
            me,
            waiting.get(letter.message, ()),
            folded=place < len(letters) - _UNFOLDED and not letter.own,
            photos=photos,
        )
        for place, letter in enumerate(letters)
    ]
    reply = _reply(ctx, me, conversation, letters, typed, key, errors or {})
    asked = tuple(helping.open_in(ctx, me, conversation))
    policy = organisations.policy_of(ctx, me.organisation) if asked else Policy()
    return views.Conversation(
        id=ids.to_text(conversation),
        subject=reading.subject_of(letters),
        people=_people(letters, me),
        letters=tuple(shown),
        reply=reply,
        folder=folder,
        mark=listing.mark(ctx, me),
        deserted=reply is None and answering.is_deserted(ctx, me, conversation),
        asked=asked,
        days_more=days_more(policy),
    )


def _people(letters: list[Letter], me: Member) -> tuple[str, ...]:
    """Everybody else in the conversation, in the order in which they appeared."""
    names: dict[bytes, str] = {}
    for letter in letters:
        for who in faces.parties(letter):
            if who.principal != me.principal:
                names.setdefault(who.principal, who.name)
    return tuple(names.values()) or (me.name,)


def _reply(
    ctx: Context,
    me: Member,
    conversation: bytes,
    letters: list[Letter],
    typed: str | None,
    key: bytes | None,
    errors: dict[str, str],
) -> views.Reply | None:
    to = answering.whom(ctx, me, conversation)
    if not to or any(letter.state == "closed" for letter in letters[-1:]):
        return None
    names = tuple(party.name for party in to)
    if typed is not None and key is not None:
        return views.Reply(ids.to_text(key), names, body=typed, errors=errors)
    saved = drafts.for_conversation(ctx, me, conversation)
    if saved is None:
        return views.Reply(ids.to_text(ids.new_id()), names)
    draft = ids.to_text(saved.draft)
    return views.Reply(
        draft, names, body=saved.content.text, draft=draft, revision=saved.revision, saved_at=saved.changed
    )
