"""Another recipient check than the one that somebody could not pass: the message goes out anew, the old link ends."""

from securemail.errors import Conflict
from securemail.guests import help as helping
from securemail.guests.checks import Check
from securemail.guests.help import Asked
from securemail.identity.context import Context, Member
from securemail.messages import reading, revocation, sending
from securemail.messages.receipts import own_message
from securemail.store.models import Recipient


def send_with(ctx: Context, member: Member, asked: Asked, check: Check) -> sending.Sent:
    """Send the newest message of a request again, to its asker alone, with another check.

    A new link with a key of its own: whoever passed the check of before reads nothing more with it.

    Raises:
        NotFound: no such message of this member's.
        InvalidInput: ('check', 'minimum' | 'no_account').
        Conflict: it was taken back, has expired, or was answered already.
    """
    if asked.message is None or asked.place is None:
        raise Conflict("nothing to send again")
    helping.answer(ctx, asked.request)
    head, text = reading.open_own(ctx, member, own_message(ctx, member, asked.message))
    until = ctx.db.get_one(Recipient, (asked.message, asked.place)).expires
    sent = sending.send(
        ctx, member, key=asked.request, to=[(asked.address, asked.name, check)], subject=head.subject, text=text,
        expires=None if until is None else until - ctx.now,
    )  # fmt: skip
    revocation.revoke_from_conversation(ctx, member, asked.message, asked.place)
    return sent
