"""What unlocks one's own account, changed by who is logged in: another password, another recovery code, all keys anew.

Each replaces root key and mail key (docs/security.md): an older copy of the database with the older password or code
opens nothing that comes after. Every session ends; the caller starts a new one for the browser that asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from securemail.crypto.secrets import RecoveryCode
from securemail.errors import InvalidInput
from securemail.identity import accounts, browsers, rotation, waits
from securemail.identity.context import Context, Owner
from securemail.identity.passwords import NewPassword
from securemail.identity.rotation import Rotated
from securemail.identity.vault import Vault
from securemail.organisations import audit, organisations

_SHORT: Final = "short_password"


@dataclass(frozen=True, repr=False)
class NewCode:
    """A recovery code to show this once, and the keys to go on with."""

    rotated: Rotated
    groups: list[str]
    mailed: bool

    def __repr__(self) -> str:
        return "<NewCode>"


def has_short_password(kept: Vault) -> bool:
    """Whether the password is too short to stand alone: it was chosen beside a second step."""
    return bool(kept.extra.get(_SHORT, False))


def with_long_password(kept: Vault) -> Vault:
    """The vault of an account whose password is long enough to stand alone."""
    return replace(kept, extra={name: value for name, value in kept.extra.items() if name != _SHORT})


def change_password(
    ctx: Context, owner: Owner, password: NewPassword, *, short: bool, about: Mapping[str, str]
) -> Rotated:
    """Log in with another password from now on; `short` is one that is long enough only beside a second step.

    `about` is the browser that asked, for the mail.

    Raises:
        InvalidInput: ('password', 'short'), when the second step was removed meanwhile.
        StaleKeys: the account was rotated meanwhile.
    """

    def note(kept: Vault) -> Vault:
        if short and not kept.has_second_step:
            raise InvalidInput("password", "short")
        plain = with_long_password(kept)
        return replace(plain, extra={**plain.extra, _SHORT: True}) if short else plain

    mail = rotation.open_mail(ctx, owner.root)
    rotated = rotation.rotate(ctx, owner.root, mail, password=password, change=note)
    waits.call_off(ctx, owner.account)
    _tell(ctx, owner, "password_changed", about)
    return rotated


def new_recovery_code(ctx: Context, owner: Owner, *, about: Mapping[str, str], everything: bool = False) -> NewCode:
    """Another recovery code; the one before opens nothing any more. It is mailed where the organisation allows it.

    With `everything` as after a recovery: what else the account could open gets new keys too.

    Raises:
        StaleKeys: the account was rotated meanwhile.
    """
    code, mailed = RecoveryCode.new(), organisations.policy_of(ctx, owner.organisation).mail_recovery_code
    rotated = rotation.rotate(
        ctx,
        owner.root,
        rotation.open_mail(ctx, owner.root),
        recovery=code,
        change=lambda kept: replace(kept, code_mailed=mailed, code_saved=False),
        others_due=everything,
    )
    # Who waits with the older code would find the day over, and need no other for the newer one.
    waits.call_off(ctx, owner.account)
    if mailed:
        accounts.mail_recovery_code(ctx, rotated.mail, code, to=owner.address, name=owner.name, language=owner.language)
    _tell(ctx, owner, "sessions_ended" if everything else "recovery_code_changed", about)
    return NewCode(rotated, accounts.code_groups(code), mailed)


def _tell(ctx: Context, owner: Owner, kind: str, about: Mapping[str, str]) -> None:
    browsers.warn(ctx, owner.account, kind, about)
    audit.record(ctx, owner.organisation, kind.replace("_", "-"), owner.account, {})
