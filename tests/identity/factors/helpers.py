"""Sanne with a logged-in browser, to set second steps up in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyotp

from securemail.errors import SecuremailError
from securemail.identity import sessions, vault
from securemail.identity.challenges import Held
from securemail.identity.context import Member, Owner
from securemail.identity.factors import totp
from securemail.identity.second_step import Refused
from securemail.identity.vault import Vault
from tests.house import House


class Browser:
    """A browser in which somebody of the house is logged in."""

    def __init__(self, house: House, member: Member | None = None) -> None:
        self.house = house
        root = (member or house.sanne).root
        with house.work() as ctx:
            secret = sessions.start(ctx, account=root.account, rk=root.rk, remember=False)
        with house.work() as ctx:
            self.owner: Owner = sessions.resume(ctx, secret).owner
        self.held = Held(secret, self.owner.session, self.owner.account)

    @property
    def vault(self) -> Vault:
        with self.house.work() as ctx:
            return vault.read(ctx, self.owner.root)

    def do(self, verb: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """One verb in a transaction of its own."""
        with self.house.work() as ctx:
            return verb(ctx, *args, **named)

    def app(self) -> pyotp.TOTP:
        """An authenticator app that was just set up; the code that proved it is used up."""
        phone = self.scan()
        self.do(totp.enrol, self.held, self.owner, phone.at(self.now))
        return phone

    def scan(self) -> pyotp.TOTP:
        """An app that has the seed which is being enrolled, read from what the QR code says."""
        self.do(totp.begin, self.held)
        begun = self.do(totp.begun, self.held, issuer="Van Dalen & Bakker", address=self.owner.address)
        found = pyotp.parse_uri(begun.uri)
        assert isinstance(found, pyotp.TOTP)
        return found

    @property
    def now(self) -> int:
        """The house's clock in seconds since 1970."""
        return int(self.house.clock.now.timestamp())


def refused(verb: Callable[[], Any]) -> str:
    """Why a second step was refused; 'done' when it was not."""
    try:
        verb()
    except Refused as error:
        return error.reason
    except SecuremailError as error:
        return type(error).__name__
    return "done"


def sixty_four(verb: Callable[[], Any]) -> list[str]:
    """The same request sixty-four times at once; how each ended."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda _: refused(verb), range(64)))
