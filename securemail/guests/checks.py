"""The recipient check: how somebody proves to be the one a message is for, as its sender chose it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from securemail.crypto.password import Parameters
from securemail.crypto.secrets import Secret
from securemail.errors import CannotOpen, InvalidInput
from securemail.identity.context import Context

Method = Literal["none", "sms", "password", "account"]
Missing = Literal["number", "password"]

METHODS: Final[tuple[Method, ...]] = ("none", "sms", "password", "account")
LEAST_CHARACTERS: Final = 8
LONGEST_HINT: Final = 120
_SALT_BYTES: Final = 16


@dataclass(frozen=True, repr=False)
class AgreedPassword:
    """A password that two people agreed on, stretched: `parameters` (28 bytes) say how, the password itself is gone."""

    parameters: bytes
    stretched: Secret

    def __repr__(self) -> str:
        return "<AgreedPassword>"


@dataclass(frozen=True, repr=False)
class Check:
    """A method with what it needs; what is still missing holds back this recipient alone. `number` is E.164."""

    method: Method = "none"
    number: str = ""
    password: AgreedPassword | None = None
    hint: str = ""

    def __repr__(self) -> str:
        return f"<Check {self.method}>"

    @property
    def missing(self) -> Missing | None:
        """What the sender has yet to say before this recipient can be let in."""
        if self.method == "sms" and not self.number:
            return "number"
        if self.method == "password" and self.password is None:
            return "password"
        return None

    def meets(self, minimum: Method | Literal["any"]) -> bool:
        """Whether an organisation's minimum is kept: "any" is any check at all; a method is that one or an account."""
        if minimum == "none":
            return True
        if minimum == "any":
            return self.method != "none"
        return self.method in (minimum, "account")


NONE: Final = Check()


def agree(ctx: Context, password: str) -> AgreedPassword:
    """Stretch a password that was agreed on: slow, so never with a transaction open that writes.

    Raises:
        InvalidInput: ('agreed', 'short' | 'long').
        Busy: too many at the same time.
    """
    if len(password) < LEAST_CHARACTERS:
        raise InvalidInput("agreed", "short")
    parameters = Parameters(ctx.hasher.cost, ctx.keys.pepper_id, secrets.token_bytes(_SALT_BYTES))
    return AgreedPassword(parameters.encode(), stretch(ctx, password, parameters.encode()))


def stretch(ctx: Context, password: str, parameters: bytes) -> Secret:
    """The 32 bytes of a typed password, as it was stretched when it was agreed on.

    Raises:
        InvalidInput: ('agreed', 'long').
        CannotOpen: the parameters are none of ours.
    """
    read = Parameters.decode(parameters)
    try:
        return ctx.hasher.stretch(password, read, ctx.keys.pepper(read.pepper_id))
    except ValueError as error:
        raise InvalidInput("agreed", "long") from error


def to_json(check: Check) -> dict[str, Any]:
    """As it stands in a sealed draft; the password only as what it was stretched to."""
    kept: dict[str, Any] = {"method": check.method}
    if check.number:
        kept["number"] = check.number
    if check.hint:
        kept["hint"] = check.hint
    if check.password is not None:
        kept["password"] = {
            "parameters": check.password.parameters.hex(),
            "stretched": bytes(check.password.stretched).hex(),
        }
    return kept


def from_json(value: Mapping[str, Any]) -> Check:
    """Read what was sealed; a malformed one is a `CannotOpen`."""
    try:
        method = value["method"]
        if method not in METHODS:
            raise CannotOpen
        password = value.get("password")
        agreed = None
        if password is not None:
            parameters, stretched = bytes.fromhex(password["parameters"]), bytes.fromhex(password["stretched"])
            agreed = AgreedPassword(parameters, Secret(stretched))
        return Check(cast(Method, method), str(value.get("number", "")), agreed, str(value.get("hint", "")))
    except (KeyError, TypeError, ValueError) as error:
        raise CannotOpen from error
