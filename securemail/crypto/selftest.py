"""A known-answer test of everything that stored data depends on, run at start: a changed library must not go unseen."""

import base64

from cryptography.exceptions import UnsupportedAlgorithm

from securemail.crypto.encoding import context
from securemail.crypto.keypair import key_pair
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, digest, lock_to, unlock, unlock_with
from securemail.crypto.password import Cost, Parameters, stretch
from securemail.crypto.secrets import Seed, SymmetricKey
from securemail.errors import CannotOpen

_KEY = SymmetricKey(range(32))
_SESSION, _ACCOUNT = b"S" * 16, b"A" * 16
_CONTEXT = bytes.fromhex("736d310a73657373696f6e2f726b0300000010") + _SESSION
_CONTEXT += bytes.fromhex("00000010") + _ACCOUNT + bytes.fromhex("000000080000000000000001")
_SEALED = bytes.fromhex(
    "0101" + "07" * 24 + "709b3e92688ca4b1b2e2c2e97fc3403bce012a95a0fdb47a1f2995852b17bf4a"
    "8309665b61cae6e185a4ed2d229e0b51bb85678f19ddeb9fd6eab2bf03b344a4ef6b06d5e58a66c87fe18d4f3f49b9f3"
)
_IDENTITY = bytes.fromhex("da28c35c85396411f8ea66ab039287615b29b1869bad5d7f7ea4818b32442256")
_PUBLIC_HASH = bytes.fromhex("b2e398cfcd963c8018fff8f26813c7ffce50517e68f2b52d86cada05b814bf6b")
_STRETCHED = bytes.fromhex("e6becad241b5a44e60b45a7e22d985720c51bad21184ca4bfbf6e6aa2b658abd")
# An E1 lock of nothing to the key pair above. A round trip would not notice a library that changed at both ends.
_ENVELOPE = (
    "AQLVx3eKG1KVMHeDURJK3sRC5l1Ejdf9dG5QzOEIE5TRfo/cFat9zOAS1jkiA7XUZhlG8IXNhgeqmk93aUjvabMbH7ZR/8SWSxMo"
    "AHrBBGKSmNyiNc9zT7NUfEoYzsq9Tx3wSn4mgKE8ZiW8ALz1FmXNjgmXyyFC9GIUiHEqfoFC395/NCDS+MMXtYqZVN4TX7tZJiFt"
    "JY3vIyCCWsqawn2WWeLM8HmnLMWLRBSouRarHEj8FvWDcpm/M68De1JThXv8q3hKwUutjOOr7egtjA/i6TNqNhJscZjdntPCt3KH"
    "5qg//6kprVhLF8OoKpQybzSoD7aPbQ5G1VXok5Jp0xcSqUWq8Cxm+2i93q6vgD487MUF69MgLH13OZV4V1Lmww6BYcTAavi6xhip"
    "ch/B5Q+tA3ySrwIBCYDG79O4F4B15/mMZEmTBuMpfdb/0hmh4GOgx6KmO/GIotrpvx0H94WZokkd65K957ekjauzUDY1Rc7eL0F9"
    "24T9+rFDpDeAkuoW+BpD2ahmHc/cmVeroXNQy+CxbC1VNejBM1wfBRK7KOahPtqCXH5D4hRsRCp110ZyGlefjuaCzhwPYoq/gN02"
    "zHyt2cAXf9P+nNnJ8KcMX3JIdM3DhCO07+bT5ZtgD6teOPnnxkCc8HzdcBU9LOOKVyjfAn8dwtpIJiGAaVkMPiiYzWJzqgg9loZS"
    "ZaS0smBh1AtcazBT6lYjRcQ4SYfjX8/RWdpj+lpOIz7P234rQlrBJCGtf9wWjADiq3MpgudifA+ByTAdza/KKLlCW9X4ojaQden3"
    "Kh65aDYQOdGG/av/31sKH0wqm8smqNZpnXImN9shYTGpqNquaG/wP0drnUBN8QZ019n+n59TwaJ8jWgUtwtDc0k8qIv+RuH2Vh9E"
    "y7oQu8fzWKhJmvnxQtWSYjfr2sRP2KObkyIeWDpu0dY9CxxmNzSix13N14sPPh1nPTuFeiOV+X0zTkG2/DMngR5sE2LLgzdF57bq"
    "m3whBp1q5PpPUEzhedZhHsYQ8W9EIOr/ezBT6tN8REnu024q/gEYRJAP/dv0npRmW08EeOso7ZuNbicUuOpmhDDDJQEdeHsd0lnZ"
    "CouvY/3T26UXLCOgAkm24/cL3rbXGv9amFq62/cjNmBbBnR/bOJSsUFm7mqHyxkFrfosEzV5IqEJY6QBE9isjpeebErk8tGepuMX"
    "+oqvB2ydc3LJr9q2q+B+2FahbpW87lC7IsTOREM8AWHYt+H9GEsuHZr/jawzJfChnDV5QMy4s5WnFpiR7zhuSGMKHEkcdZ5J2wJN"
    "qs2i14XS9l/WSKnbhFP9T4xCJ20ocaEWWvmPp9BHJUFwQFKVOIcm6IZGWlayiSj+kugPAlOH5YPuew6DNG9Y2oAnBrBCbp6s7xMX"
    "vHz7qKUAHhENntBKE/njU++ZtAXq2oL9PBUOvvWtUHkcGAb4T4TCRB4oi09tkF77d75nJP5oGdxGML+HWUIFoDW+f81ctXoxJ+KT"
    "kkfIFqXWTE1TVWCkvw=="
)


class SelfTestFailed(RuntimeError):
    """The cryptographic library does not do what stored data relies on: the service must not start."""


def run() -> None:
    """Try derivation, both locks, key pairs and Argon2id against frozen answers (a few milliseconds).

    Raises:
        SelfTestFailed: naming the part; also when the library lacks ML-KEM.
    """
    try:
        _derivation()
        _locks()
        _password_hashing()
    except (CannotOpen, UnsupportedAlgorithm, AttributeError, TypeError, ValueError) as error:
        raise SelfTestFailed("the cryptographic library cannot open a known lock") from error


def _derivation() -> None:
    _expect("context", context(Label.SESSION_RK, _SESSION, _ACCOUNT, 1) == _CONTEXT)
    _expect("derivation", bytes(derive(_KEY, Label.ACCOUNT_IDENTITY, _ACCOUNT, 1)) == _IDENTITY)


def _locks() -> None:
    _expect("symmetric lock", unlock(_KEY, _SEALED, Label.SESSION_RK, _SESSION, _ACCOUNT, 1) == bytes(32))
    pair = key_pair(Seed(_IDENTITY))
    _expect("key pair", digest(pair.public) == _PUBLIC_HASH)
    known = base64.b64decode(_ENVELOPE)
    _expect("known public-key lock", unlock_with(pair, known, Label.ENVELOPE_CEK, _SESSION, _ACCOUNT, 1) == b"")
    fresh = lock_to(pair.public, b"self-test", Label.AUDIT, _SESSION)
    _expect("public-key lock", unlock_with(pair, fresh, Label.AUDIT, _SESSION) == b"self-test")


def _password_hashing() -> None:
    parameters = Parameters(Cost(kib=64, passes=1), 1, b"s" * 16)
    _expect("password hashing", stretch("correct horse", parameters, _KEY) == _STRETCHED)


def _expect(part: str, holds: bool) -> None:
    if not holds:
        raise SelfTestFailed(f"the cryptographic library gives a different answer for: {part}")
