"""An account is made here, whole: root key, what unlocks it, identity, mailbox and place in the organisation."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.exc import IntegrityError

from securemail import ids
from securemail.crypto import unlock
from securemail.crypto.codes import write_recovery_code
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import RecoveryCode, RootKey
from securemail.crypto.unlock import RootKeys
from securemail.delivery import outbox
from securemail.errors import Conflict
from securemail.identity import vault
from securemail.identity.context import Context
from securemail.identity.passwords import NewPassword
from securemail.mailboxes import directory, keys, mailboxes
from securemail.mailboxes.addresses import normalise, typed_form
from securemail.organisations import audit, organisations
from securemail.store.models import Account, Member, Unlocker

FIRST_EPOCH = 1
FIRST_REVISION = 1

Role = Literal["administrator", "member"]


@dataclass(frozen=True, repr=False)
class NewAccount:
    """What the maker of an account needs once: the code to show, and the open keys to go on with."""

    root: RootKeys
    mail: MailKeys
    recovery_code: RecoveryCode
    code_mailed: bool

    def __repr__(self) -> str:
        return "<NewAccount>"

    @property
    def code_groups(self) -> list[str]:
        """The recovery code as it is shown: nine groups of four."""
        return code_groups(self.recovery_code)


def create_account(
    ctx: Context,
    *,
    address: str,
    name: str,
    language: str,
    password: NewPassword,
    organisation: bytes,
    role: Role,
) -> NewAccount:
    """An account with its mailbox for an address that was proved to be theirs.

    An administrator's access to the organisation's own mailbox is a grant, made by who can open that mailbox; the
    role written here is for display.

    Raises:
        Conflict: the address has an account already.
    """
    normal = normalise(address)
    if directory.find(ctx, normal) is not None:
        raise Conflict
    root, code = RootKeys(ids.new_id(), FIRST_EPOCH, RootKey.new()), RecoveryCode.new()
    mailed = organisations.policy_of(ctx, organisation).mail_recovery_code
    entry = {"name": name, "address": normal, "language": language}
    _add_account(ctx, root, entry, password=password, code=code, mailed=mailed)
    mail = mailboxes.create_personal(ctx, root, address=normal, typed=typed_form(address), name=name)
    ctx.db.add(Member(organisation=organisation, account=root.account, role=role))
    _flush(ctx)
    new = NewAccount(root, mail, code, mailed)
    if mailed:
        mail_recovery_code(ctx, mail, code, to=normal, name=name, language=language)
    return new


def note_creation(ctx: Context, organisation: bytes, new: NewAccount) -> None:
    """Write the audit row, once the organisation has a mailbox that it can be sealed to."""
    audit.record(ctx, organisation, "account-created", new.root.account, {"mailbox": new.mail.principal.hex()})


def _add_account(
    ctx: Context, root: RootKeys, entry: dict[str, str], *, password: NewPassword, code: RecoveryCode, mailed: bool
) -> None:
    unlockers = [password_unlocker(root, password), recovery_unlocker(root, code)]
    ctx.db.add(
        Account(
            id=root.account,
            state="active",
            rk_epoch=root.epoch,
            vault_revision=FIRST_REVISION,
            created=ctx.now,
            sealed_entry=ctx.keys.seal_entry(root.account, entry),
            sealed_vault=root.seal_vault(FIRST_REVISION, vault.to_json(_first_vault(unlockers, mailed=mailed))),
        )
    )
    ctx.db.flush()
    ctx.db.add_all(unlockers)
    keys.publish(ctx, "account", root.account, root.epoch, root.identity().public)


def _first_vault(unlockers: list[Unlocker], *, mailed: bool) -> vault.Vault:
    return vault.Vault(FIRST_REVISION, tuple(vault.listed(row) for row in unlockers), code_mailed=mailed)


def password_unlocker(root: RootKeys, password: NewPassword) -> Unlocker:
    """The root key behind a new password; the vault has to list it."""
    unlocker = ids.new_id()
    public_key = unlock.password_pair(password.stretched, root.account, unlocker).public
    return _unlocker(root, unlocker, unlock.PASSWORD, public_key, parameters=password.parameters.encode())


def recovery_unlocker(root: RootKeys, code: RecoveryCode) -> Unlocker:
    """The root key behind a new recovery code; the vault has to list it."""
    unlocker = ids.new_id()
    public_key = unlock.recovery_pair(code, root.account, unlocker).public
    return _unlocker(root, unlocker, unlock.RECOVERY, public_key, parameters=None)


def _unlocker(root: RootKeys, unlocker: bytes, kind: str, public_key: bytes, *, parameters: bytes | None) -> Unlocker:
    sealed = unlock.seal_root_key(public_key, root.rk, root.account, root.epoch, unlocker, kind)
    return Unlocker(
        id=unlocker,
        account=root.account,
        kind=kind,
        parameters=parameters,
        public_key=public_key,
        sealed_rk=sealed,
    )


def code_groups(code: RecoveryCode) -> list[str]:
    """A recovery code as it is shown: nine groups of four."""
    return write_recovery_code(code).split(" ")


def mail_recovery_code(ctx: Context, mail: MailKeys, code: RecoveryCode, *, to: str, name: str, language: str) -> None:
    """Send the code to the address of its account, where the organisation allows it."""
    # Until there is a second step, whoever reads the mailbox can take the account over by this mail; it is what the
    # manual promises, and the page says so.
    payload = {"to": to, "name": name, "code_groups": code_groups(code), "language": language}
    outbox.add_sealed(ctx, "recovery_code", payload, mailbox=mail.principal, epoch=mail.epoch)


def _flush(ctx: Context) -> None:
    try:
        ctx.db.flush()
    except IntegrityError as error:  # the address tag: somebody else activated the same address meanwhile
        raise Conflict from error
