"""A guest who has a conversation open, and what others do at that very moment: what claims and renewals race with."""

from collections.abc import Callable
from dataclasses import dataclass

from securemail import ids
from securemail.errors import StaleKeys
from securemail.identity.context import Context, Correspondent, Guest
from securemail.messages import control, expiry, receipts, revocation, sending
from securemail.messages.sending import Sent
from tests.house import FATIMA, SANNE, House

_TRIES = 6


@dataclass(frozen=True)
class Visit:
    """Fatima has a conversation open, has answered, and has one answer still to open."""

    sent: Sent
    guest: Guest


Verb = Callable[[Context, House, Visit], object]


def visit(house: House) -> Visit:
    sent = house.send(FATIMA, SANNE)
    guest, _ = house.enter(sent.conversation)
    for author, text in ((guest, "Dank je wel."), (house.marieke, "Nog één ding.")):
        with house.work() as ctx:
            sending.reply(ctx, author, conversation=sent.conversation, key=ids.new_id(), text=text)
    for member in (house.sanne, house.marieke):
        house.letters(member, sent.conversation)
    return Visit(sent, guest)


def again(house: House, act: Callable[[Context], object]) -> object:
    """As the pages do it: keys or links that were replaced meanwhile are looked at anew."""
    for _ in range(_TRIES):
        try:
            with house.work() as ctx:
                return act(ctx)
        except StaleKeys:
            continue
    raise AssertionError("it never settles")


# --- what others do ---


def revoke(ctx: Context, house: House, here: Visit) -> None:
    revocation.revoke(ctx, house.marieke, here.sent.message)


def revoke_access(ctx: Context, house: House, here: Visit) -> None:
    revocation.revoke_access(ctx, house.marieke, here.sent.message, 0)


def revoke_conversation(ctx: Context, house: House, here: Visit) -> None:
    revocation.revoke_from_conversation(ctx, house.marieke, here.sent.message, 0)


def expire(ctx: Context, house: House, here: Visit) -> None:
    expiry.delete_due(ctx)


def lengthen(ctx: Context, house: House, here: Visit) -> None:
    control.change_expiry(ctx, house.marieke, here.sent.message, None, everybody=False)


def open_as_guest(ctx: Context, house: House, here: Visit) -> None:
    receipts.mark_opened(ctx, here.guest, here.sent.conversation)


def answer_by(name: str) -> Verb:
    def answer(ctx: Context, house: House, here: Visit) -> str:
        author: Correspondent = {"marieke": house.marieke, "sanne": house.sanne, "fatima": here.guest}[name]
        sent = sending.reply(ctx, author, conversation=here.sent.conversation, key=ids.new_id(), text=f"Van {name}.")
        return sent.message.hex()

    return answer
