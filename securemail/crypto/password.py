"""Passwords to key material: Argon2id with stored, bounded parameters and a pepper from the configured secret."""

import struct
import unicodedata
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from securemail.crypto.encoding import utf8
from securemail.crypto.secrets import Secret, SymmetricKey
from securemail.errors import CannotOpen

MAX_CHARACTERS = 1024
_FORMAT = struct.Struct(">BBIIBB16s")
_VERSION, _ARGON2ID = 0x01, 0x01
_MAX_KIB, _MAX_PASSES, _MAX_LANES = 128 * 1024, 6, 4


@dataclass(frozen=True)
class Cost:
    """What one guess costs: memory in KiB, passes, lanes."""

    kib: int
    passes: int
    lanes: int = 1


STRONG = Cost(kib=64 * 1024, passes=3)
"""The cost in force. More lanes would help only attackers: the library runs lanes one after another."""


@dataclass(frozen=True)
class Parameters:
    """How a password unlocker's seed is made: the cost, which pepper, and 16 random bytes of salt."""

    cost: Cost
    pepper_id: int
    salt: bytes

    def __post_init__(self) -> None:
        # `struct` would cut or fill up another length in silence, and the password would never open again.
        if len(self.salt) != 16:
            raise ValueError("salt is not 16 bytes")

    def encode(self) -> bytes:
        """The 28 stored bytes: `0x01 | kdf 0x01 | u32 KiB | u32 passes | u8 lanes | u8 pepper id | salt[16]`."""
        return _FORMAT.pack(
            _VERSION, _ARGON2ID, self.cost.kib, self.cost.passes, self.cost.lanes, self.pepper_id, self.salt
        )

    @classmethod
    def decode(cls, raw: bytes) -> "Parameters":
        """Read stored parameters, refusing what would cost more than we ever write.

        Raises:
            CannotOpen: unknown or absurd (whoever can write the database must not exhaust our memory).
        """
        if len(raw) != _FORMAT.size:
            raise CannotOpen
        version, kdf, kib, passes, lanes, pepper_id, salt = _FORMAT.unpack(raw)
        sane = 8 * lanes <= kib <= _MAX_KIB and 1 <= passes <= _MAX_PASSES and 1 <= lanes <= _MAX_LANES
        if (version, kdf) != (_VERSION, _ARGON2ID) or not sane:
            raise CannotOpen
        return cls(Cost(kib, passes, lanes), pepper_id, salt)


def normalise(password: str) -> bytes:
    """What is hashed: Unicode NFKC, UTF-8; nothing trimmed or cut.

    Raises:
        ValueError: more than 1024 characters, or text that is not Unicode.
    """
    if len(password) > MAX_CHARACTERS:
        raise ValueError("password is longer than 1024 characters")
    return utf8(unicodedata.normalize("NFKC", password))


def stretch(password: str, parameters: Parameters, pepper: SymmetricKey) -> Secret:
    """32 bytes from a password; takes `parameters.cost` of memory and time, so callers hold a slot of the semaphore."""
    cost = parameters.cost
    kdf = Argon2id(
        salt=parameters.salt,
        length=32,
        iterations=cost.passes,
        lanes=cost.lanes,
        memory_cost=cost.kib,
        secret=bytes(pepper),
    )
    return Secret(kdf.derive(normalise(password)))
