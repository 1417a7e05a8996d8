"""Envelopes: a message's content key locked to one receiver, under a key that we published."""

from collections.abc import Mapping

from securemail.crypto import links as link_locks
from securemail.crypto.mailkeys import seal_envelope
from securemail.crypto.secrets import ContentKey
from securemail.identity.context import Context
from securemail.mailboxes.keys import published
from securemail.messages.heads import Party
from securemail.store.models import Envelope, Message


def give(ctx: Context, message: Message, cek: ContentKey, party: Party, current: Mapping[bytes, int]) -> None:
    """Lock a message's key to one receiver; `current` are the epochs that are held (`epochs.hold`)."""
    epoch = current[party.principal] if party.kind == "mailbox" else link_locks.EPOCH
    public_key = published(ctx, party.kind, party.principal, epoch)
    ctx.db.add(
        Envelope(
            message=message.id,
            principal=party.principal,
            epoch=epoch,
            delivered=ctx.now,
            sealed_cek=seal_envelope(public_key, cek, message.id, party.principal, epoch),
        )
    )
