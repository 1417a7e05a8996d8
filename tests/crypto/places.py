"""Two complete sets of keys, ids and facts, HERE and THERE, and a value to look them up in that notes what was asked.

HERE is frozen: the blobs in `vectors/` were made with it.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Any

from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.keypair import KeyPair, key_pair
from securemail.crypto.password import Cost
from securemail.crypto.secrets import (
    ContentKey,
    MailKey,
    MessageCode,
    PayloadKey,
    RecoveryCode,
    RootKey,
    Secret,
    Seed,
    SessionSecret,
    SymmetricKey,
    Token,
)

CHEAP = Cost(kib=64, passes=1)


def _bytes(place: str, name: str, size: int) -> bytes:
    return sha256(f"{place} {name}".encode()).digest()[:size]


@cache
def pair_of(place: str) -> KeyPair:
    return key_pair(Seed(_bytes(place, "pair", 32)))


def _ids(place: str) -> dict[str, Any]:
    names = "account mailbox link message draft contact pending outbox audit unlocker grant grantee holder"
    return {name: _bytes(place, name, 16) for name in names.split()} | {"session": _bytes(place, "session", 32)}


def _keys(place: str) -> dict[str, Any]:
    kinds: dict[str, type[Secret]] = {
        "rk": RootKey, "mk": MailKey, "dk": MailKey, "cek": ContentKey, "payload_key": PayloadKey, "token": Token,
        "cookie": SessionSecret, "key": SymmetricKey,
    }  # fmt: skip
    keys = {name: kind(_bytes(place, name, 32)) for name, kind in kinds.items()}
    return keys | {
        "code": MessageCode(_bytes(place, "code", 16)),
        "recovery_code": RecoveryCode(_bytes(place, "recovery", 20)),
        "pair": pair_of(place),
        "configured": ConfiguredKeys(((1, Secret(_bytes(place, "configured", 32))),)),
    }


HERE: dict[str, Any] = {
    **_ids("here"), **_keys("here"),
    "epoch": 1, "revision": 1, "state": 1, "kind": "password", "rights": "all", "method": "none",
}  # fmt: skip
THERE: dict[str, Any] = {
    **_ids("there"), **_keys("there"),
    "epoch": 2, "revision": 2, "state": 0, "kind": "recovery", "rights": "read", "method": "sms",
}  # fmt: skip


class Place:
    """The values of one place by name; `asked` tells which of them something hangs on."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.asked.add(name)
        return self._values[name]


def here() -> Place:
    return Place(HERE)


def here_but(name: str) -> Place:
    """HERE, with one value from THERE: another row, owner, epoch, message, kind, state or key."""
    return Place(HERE | {name: THERE[name]})
