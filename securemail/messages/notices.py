"""The mail that tells one receiver of a message: queued when it is sent, and once more when its sender asks."""

from sqlalchemy import update

from securemail.delivery import outbox
from securemail.errors import Conflict, NotFound
from securemail.guests import notify
from securemail.identity.context import Context, Correspondent
from securemail.mailboxes import epochs
from securemail.messages import expiry, reading
from securemail.messages.heads import Party
from securemail.messages.receipts import own_message
from securemail.store.models import Message, Recipient
from securemail.store.statements import changed


def queue(ctx: Context, author: Correspondent, message: Message, place: int, party: Party) -> None:
    """Queue the mail that tells one receiver of a message."""
    if party.kind == "mailbox":
        outbox.add_plain(ctx, "member_message", mailbox=party.principal, message=message.id, place=place)
    else:
        notify.tell(ctx, author, message, place, party)


def send_again(ctx: Context, author: Correspondent, message: bytes, place: int) -> None:
    """Send a receiver's notification once more, after a refusal or to who has not opened it yet.

    Raises:
        NotFound: no such message of this author's, or no such receiver.
        Conflict: it waits already, was opened, has expired or has been taken back.
        StaleKeys: the mailbox's keys were replaced meanwhile.
    """
    epochs.hold(ctx, author.mail)
    row = own_message(ctx, author, message)
    again = update(Recipient).where(
        Recipient.message == message, Recipient.place == place, Recipient.state.in_(("bounced", "notified"))
    )
    recipient = ctx.db.get(Recipient, (message, place))
    if recipient is None:
        raise NotFound
    if expiry.is_over(ctx, row, recipient, own=False):
        raise Conflict("its time is over")
    if not changed(ctx.db, again.values(state="waiting", state_at=ctx.now)):
        raise Conflict("nothing to send again")
    head, _ = reading.open_own(ctx, author, row)
    queue(ctx, author, row, place, head.to[place])
