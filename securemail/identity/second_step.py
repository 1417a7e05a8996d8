"""Second steps as a whole: which there are, in which order they are offered, and what follows when that changes."""

from dataclasses import replace
from typing import Final, Literal

from sqlalchemy import select

from securemail.delivery import outbox
from securemail.errors import SecuremailError
from securemail.identity import credentials
from securemail.identity.context import Context, Owner
from securemail.identity.vault import Vault
from securemail.organisations import members, organisations
from securemail.store.models import Mailbox

Method = Literal["passkey", "totp", "sms", "backup"]
Reason = Literal["typing", "wrong", "used", "clock", "expired", "unknown", "rewound", "taken", "second-only", "many"]
Change = Literal[
    "totp-added", "totp-removed", "sms-added", "sms-removed", "passkey-added", "passkey-removed", "codes-renewed"
]

FEW_CODES: Final = 3
"""From so many backup codes down, their owner is told to make new ones."""


class Refused(SecuremailError):
    """A second step that was not passed, and why.

    typing: it cannot be such a code, and counts as no try. wrong. used: this code was used before. clock: the code of
    another time, the phone's clock is wrong. expired: nothing was asked, or too long ago. unknown: a passkey that is
    not this account's. rewound: its counter went back. taken: that passkey belongs to an account already. second-only:
    it does not sign in alone. many: there are as many as there may be.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class LastStep(SecuremailError):
    """This second step is the only one, and one is needed: 'wanted' by the organisation, or because the 'password'
    was chosen too short to stand alone."""

    def __init__(self, reason: Literal["wanted", "password"]) -> None:
        super().__init__(reason)
        self.reason = reason


def methods(vault: Vault) -> tuple[Method, ...]:
    """What a log-in can be finished with, the best first; backup codes last, and only beside something else."""
    there: tuple[tuple[Method, bool], ...] = (
        ("passkey", bool(vault.passkeys)),
        ("totp", vault.totp is not None),
        ("sms", bool(vault.phones)),
        ("backup", bool(vault.backup_codes) and vault.has_second_step),
    )
    return tuple(method for method, is_there in there if is_there)


def require_removable(ctx: Context, owner: Owner, after: Vault) -> None:
    """Whether an account may look like this. Raises `LastStep`."""
    if after.has_second_step:
        return
    if organisations.policy_of(ctx, owner.organisation).require_second_step:
        raise LastStep("wanted")
    if credentials.has_short_password(after):
        raise LastStep("password")


def settled(after: Vault) -> Vault:
    """A vault after a removal: backup codes of nothing would come back to life with the next second step."""
    if after.has_second_step or not after.backup_codes:
        return after
    return replace(after, backup_codes=())


def note_change(ctx: Context, owner: Owner, change: Change) -> None:
    """Tell the owner by mail, and the organisation's administrators in their list."""
    members.tell(ctx, owner.root)
    payload = {
        "to": owner.address, "name": owner.name, "language": owner.language, "zone": owner.zone, "change": change,
        "sent": ctx.now.isoformat(),
    }  # fmt: skip
    # Read anew: it may have been rotated by this very change.
    epoch = ctx.db.scalars(select(Mailbox.mk_epoch).where(Mailbox.id == owner.mailbox)).one()
    outbox.add_sealed(ctx, "factor_changed", payload, mailbox=owner.mailbox, epoch=epoch)
