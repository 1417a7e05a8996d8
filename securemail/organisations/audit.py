"""What happened in an organisation, sealed so that only its administrators read the details."""

import logging
from collections.abc import Mapping
from typing import Any

from securemail import ids
from securemail.crypto.notes import seal_audit
from securemail.identity.context import Context
from securemail.mailboxes import keys
from securemail.store.models import Audit, Mailbox

log = logging.getLogger(__name__)


def record(ctx: Context, organisation: bytes, kind: str, actor: bytes, detail: Mapping[str, Any]) -> None:
    """Add one event; `kind` is a word from the code, `actor` an account's or mailbox's id.

    Raises:
        UntrustedKey: the organisation's key was exchanged; better no act than one that is told to somebody else.
    """
    event = ids.new_id()
    sealed = seal_audit(_public_key(ctx, organisation), event, detail)
    ctx.db.add(Audit(id=event, organisation=organisation, at=ctx.now, kind=kind, actor=actor, sealed_detail=sealed))


def alarm(ctx: Context, organisation: bytes, detail: Mapping[str, Any]) -> None:
    """Add that the database holds a key that we did not publish; the log has it too when this cannot be sealed."""
    try:
        record(ctx, organisation, "alarm-untrusted-key", bytes(ids.ID_BYTES), detail)
    except keys.UntrustedKey:
        log.error("alarm: the organisation's own key is not trusted, so that this stands in the log only")  # noqa: TRY400


def _public_key(ctx: Context, organisation: bytes) -> bytes:
    # By its id, which is the organisation's own: kind and owner are columns that a writer of the database can edit
    # on a mailbox whose published key is genuine.
    mailbox = ctx.db.get(Mailbox, organisation)
    if mailbox is None or mailbox.kind != "organisation":
        log.error("alarm: organisation %s has no mailbox", organisation.hex())
        raise keys.UntrustedKey
    return keys.published(ctx, "mailbox", mailbox.id, mailbox.mk_epoch)
