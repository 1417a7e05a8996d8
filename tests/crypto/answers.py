"""Everything of a release that stored data depends on and that has one answer: derivations, tags, codes, P1."""

import hashlib

from securemail.crypto.authenticator import code_of, write_seed
from securemail.crypto.codes import write_backup_code, write_message_code, write_recovery_code
from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.cookies import device_id, session_id, write_cookie
from securemail.crypto.encoding import context, encode_content, pad
from securemail.crypto.labels import Label
from securemail.crypto.links import link_ref
from securemail.crypto.locks import derive, tag
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.notes import token_hash
from securemail.crypto.password import STRONG, Parameters, stretch
from securemail.crypto.secrets import BackupCode, Secret
from securemail.crypto.unlock import (
    RootKeys,
    backup_code_name,
    passkey_pair,
    password_pair,
    prf_input,
    public_key_hash,
    recovery_pair,
)
from tests.crypto.places import CHEAP, HERE, Place, here

BACKUP_CODE = BackupCode(b"\x00\x44\x32\x14\xc7")
SEED = Secret(b"12345678901234567890")
PUBLIC_KEY = bytes(range(256)) * 4 + bytes(192)


def answers() -> dict[str, str]:
    """Each answer by name, in hexadecimal unless it is text that people or browsers see."""
    place = here()
    return _contexts(place) | _keys(place) | _signed(place.configured) | _texts(place) | _padded()


def _contexts(p: Place) -> dict[str, str]:
    labels = {f"derive {label}": derive(p.key, label, p.account, 1).hex() for label in Label}
    return labels | {
        "context": context(Label.GRANT_MK, p.mailbox, 1, p.grantee, p.grant, "all").hex(),
        "tag": tag(p.key, Label.TAG_ADDRESS, b"eva@example.org").hex(),
    }


def _keys(p: Place) -> dict[str, str]:
    stretched = stretch("correct paard batterij nietje", Parameters(CHEAP, 1, b"s" * 16), p.configured.pepper(1))
    pairs = {
        "identity": RootKeys(p.account, 1, p.rk).identity(),
        "mail": MailKeys(p.mailbox, 1, p.mk).pair(),
        "password": password_pair(stretched, p.account, p.unlocker),
        "recovery": recovery_pair(p.recovery_code, p.account, p.unlocker),
        "passkey": passkey_pair(p.key, p.account, p.unlocker),
        "pair": p.pair,
    }
    return {f"public key {name}": public_key_hash(pair.public) for name, pair in pairs.items()} | {
        "stretched": stretched.hex(),
        "parameters": Parameters(STRONG, 1, b"s" * 16).encode().hex(),
        "pepper": p.configured.pepper(1).hex(),
        "link reference": link_ref(p.code).hex(),
        "session id": session_id(p.cookie).hex(),
        "device id": device_id(p.cookie, p.account).hex(),
        "passkey input": prf_input().hex(),
        "backup code name": backup_code_name(BACKUP_CODE),
        "token hash": token_hash(p.token).hex(),
    }


def _signed(keys: ConfiguredKeys) -> dict[str, str]:
    message, link = HERE["message"], HERE["link"]
    return {
        "address tag": keys.address_tag("eva@example.org").hex(),
        "attempt tag": keys.attempt_tag(20000, "login", "192.0.2.1").hex(),
        "mac public key": keys.sign_public_key("mailbox", HERE["mailbox"], 1, PUBLIC_KEY).hex(),
        "mac message": keys.sign_message(message, 1, b"hash").hex(),
        "mac outbox": keys.sign_outbox(message, 1).hex(),
        "mac organisation": keys.sign_organisation(message, b"Example").hex(),
        "mac link": keys.sign_link(link, 1).hex(),
        "mac pending": keys.sign_pending(HERE["pending"], "recovery", 1, b"").hex(),
        "mac bounce": keys.sign_bounce(message).hex(),
    }


def _texts(p: Place) -> dict[str, str]:
    return {
        "cookie": write_cookie(p.cookie),
        "recovery code": write_recovery_code(p.recovery_code),
        "message code": write_message_code(p.code),
        "backup code": write_backup_code(BACKUP_CODE),
        "authenticator seed": write_seed(SEED),
        "authenticator code": code_of(SEED, 1).decode("ascii"),
    }


def _padded() -> dict[str, str]:
    """P1 at each size where it changes: whole blocks when small, their length and hash when large."""
    small = {f"pad {size}": pad(bytes([0xAA]) * size).hex() for size in (0, 1, 59, 60, 61, 124, 125)}
    large = {f"pad {size}": _brief(pad(bytes([0xAA]) * size)) for size in (1019, 1020, 1021, 2045, 5000, 100_000)}
    return small | large | {"content": encode_content({"subject": "Uitslag é", "a": [1, None, True]}).hex()}


def _brief(block: bytes) -> str:
    return f"{len(block)} {hashlib.sha256(block).hexdigest()}"
