"""A known-answer test of everything that stored data depends on, run at start: a changed library must not go unseen."""

from securemail.crypto.encoding import context
from securemail.crypto.keypair import key_pair
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, digest, lock_to, unlock, unlock_with
from securemail.crypto.password import Cost, Parameters, stretch
from securemail.crypto.secrets import Secret, Seed, SymmetricKey
from securemail.errors import CannotOpen

_KEY = SymmetricKey(range(32))
_SESSION, _ACCOUNT = b"S" * 16, b"A" * 16
_SEALED = bytes.fromhex(
    "0101" + "07" * 24 + "709b3e92688ca4b1b2e2c2e97fc3403bce012a95a0fdb47a1f2995852b17bf4a"
    "8309665b61cae6e185a4ed2d229e0b51bb85678f19ddeb9fd6eab2bf03b344a4ef6b06d5e58a66c87fe18d4f3f49b9f3"
)
_IDENTITY = bytes.fromhex("da28c35c85396411f8ea66ab039287615b29b1869bad5d7f7ea4818b32442256")
_PUBLIC_HASH = bytes.fromhex("b2e398cfcd963c8018fff8f26813c7ffce50517e68f2b52d86cada05b814bf6b")
_STRETCHED = bytes.fromhex("e6becad241b5a44e60b45a7e22d985720c51bad21184ca4bfbf6e6aa2b658abd")


class SelfTestFailed(RuntimeError):
    """The cryptographic library does not do what stored data relies on: the service must not start."""


def run() -> None:
    """Try derivation, both locks, key pairs and Argon2id against frozen answers (a few milliseconds).

    Raises:
        SelfTestFailed: naming the part; also when the library lacks ML-KEM.
    """
    _expect("context", context(Label.SESSION_RK, _SESSION, _ACCOUNT, 1).hex() ==
            "736d310a73657373696f6e2f726b0300000010" + "53" * 16 + "00000010" + "41" * 16 + "00000008" + "0" * 15 + "1")  # fmt: skip
    seed = Seed(derive(_KEY, Label.ACCOUNT_IDENTITY, _ACCOUNT, 1))
    _expect("derivation", bytes(seed) == _IDENTITY)
    try:
        _expect("symmetric lock", unlock(_KEY, _SEALED, Label.SESSION_RK, _SESSION, _ACCOUNT, 1) == bytes(32))
        pair = key_pair(seed)
        _expect("key pair", digest(pair.public) == _PUBLIC_HASH)
        sealed = lock_to(pair.public, b"self-test", Label.AUDIT, _SESSION)
        _expect("public-key lock", unlock_with(pair, sealed, Label.AUDIT, _SESSION) == b"self-test")
    except (CannotOpen, AttributeError, TypeError, ValueError) as error:
        raise SelfTestFailed("the cryptographic library cannot open a known lock") from error
    parameters = Parameters(Cost(kib=64, passes=1), 1, b"s" * 16)
    _expect("password hashing", stretch("correct horse", parameters, _KEY) == _STRETCHED)


def _expect(part: str, holds: bool) -> None:
    if not holds:
        raise SelfTestFailed(f"the cryptographic library gives a different answer for: {part}")
