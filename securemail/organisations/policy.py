"""What an organisation has decided: who may join, what an account needs. Stands in its authenticated row."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, cast

from securemail.store.models import Organisation

SignUp = Literal["open", "invitation", "domains"]
_SIGN_UPS: Final = ("open", "invitation", "domains")


@dataclass(frozen=True)
class Policy:
    """`domains` are A-labels; `reference_label` names what new members are asked for, empty for nothing."""

    sign_up: SignUp = "invitation"
    domains: tuple[str, ...] = ()
    require_second_step: bool = False
    reference_label: str = ""
    mail_recovery_code: bool = True

    def lets_in(self, address: str) -> bool:
        """Whether somebody with this normalised address may sign up without an invitation."""
        if self.sign_up == "domains":
            return address.rpartition("@")[2] in self.domains
        return self.sign_up == "open"


def of(organisation: Organisation) -> Policy:
    """The policy in a row that was found genuine."""
    if not organisation.policy:
        return Policy()
    stored: dict[str, Any] = json.loads(organisation.policy)
    sign_up = stored.get("sign_up")
    return Policy(
        sign_up=cast(SignUp, sign_up) if sign_up in _SIGN_UPS else "invitation",
        domains=tuple(stored.get("domains", ())),
        require_second_step=bool(stored.get("require_second_step", False)),
        reference_label=str(stored.get("reference_label", "")),
        mail_recovery_code=bool(stored.get("mail_recovery_code", True)),
    )


def to_text(policy: Policy) -> str:
    """As it stands in the row: JSON with sorted keys, so that the same policy has the same signature."""
    return json.dumps(asdict(policy), sort_keys=True, separators=(",", ":"))
