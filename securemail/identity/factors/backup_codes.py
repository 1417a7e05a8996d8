"""Backup codes: ten, each used up once, for whoever is without phone and passkey."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from securemail.crypto.codes import TypingError, read_backup_code, write_backup_code
from securemail.crypto.locks import same
from securemail.crypto.secrets import BackupCode
from securemail.crypto.unlock import RootKeys, backup_code_name
from securemail.identity import challenges, vault
from securemail.identity.challenges import Held
from securemail.identity.context import Context
from securemail.identity.second_step import Refused
from securemail.identity.vault import Vault

COUNT: Final = 10
_SHOWN: Final = "backup_codes"
_SHOWN_FOR: Final = timedelta(minutes=30)


def prove(ctx: Context, root: RootKeys, typed: str) -> int:
    """Use a code up; how many are left.

    Raises:
        Refused: 'typing' or 'wrong', which a used one is too: the vault does not remember it.
    """
    try:
        name = backup_code_name(read_backup_code(typed))
    except TypingError as error:
        raise Refused("typing") from error
    return len(vault.change(ctx, root, lambda kept: _without(kept, name)).backup_codes)


def renew(ctx: Context, root: RootKeys) -> list[str]:
    """Ten new codes as they are written; the older ones work no more."""
    codes = [BackupCode.new() for _ in range(COUNT)]
    names = tuple(backup_code_name(code) for code in codes)
    vault.change(ctx, root, lambda kept: _with(kept, names))
    return [write_backup_code(code) for code in codes]


def show(ctx: Context, held: Held, codes: list[str]) -> None:
    """Keep new codes with the browser until they are put away: a page that is loaded again still has them."""
    challenges.keep(ctx, held, _SHOWN, {"codes": codes, "at": ctx.now.isoformat()})


def shown(ctx: Context, held: Held) -> list[str]:
    """The codes that this browser is being shown, none when they were put away."""
    found = challenges.asked(ctx, held).get(_SHOWN)
    if not isinstance(found, dict) or ctx.now - datetime.fromisoformat(found["at"]) > _SHOWN_FOR:
        return []
    return [str(code) for code in found["codes"]]


def put_away(ctx: Context, held: Held) -> None:
    """The owner has written the codes down; they are not shown again."""
    challenges.take(ctx, held, _SHOWN)


def _without(kept: Vault, name: str) -> Vault:
    if not kept.has_second_step:
        raise Refused("wrong")
    wanted = name.encode("ascii")
    # All are compared: which one it was, and whether it was one, takes the same time.
    left = tuple([code for code in kept.backup_codes if not same(code.encode("ascii"), wanted)])
    if len(left) == len(kept.backup_codes):
        raise Refused("wrong")
    return replace(kept, backup_codes=left)


def _with(kept: Vault, names: tuple[str, ...]) -> Vault:
    if not kept.has_second_step:
        raise Refused("wrong")
    return replace(kept, backup_codes=names)
