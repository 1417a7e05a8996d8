"""Who opens, delivers or guesses beside who takes back, held up before each statement: nobody waits in a circle."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from securemail.delivery import claim
from securemail.guests import gate
from securemail.guests.checks import Check
from securemail.guests.gate import AtGate
from securemail.identity.context import Context
from securemail.messages import reading, revocation
from securemail.messages.sending import Sent
from securemail.store.models import Envelope, Outbox, Recipient
from tests.guests.test_gate import NUMBER
from tests.house import FATIMA, SANNE, House
from tests.kinds import on_postgres
from tests.security.steps import Act, at_every_statement

pytestmark = [on_postgres, pytest.mark.slow]


@dataclass
class Scene:
    """A letter to Sanne and to Fatima, who gave its code and waits for the one from her phone."""

    house: House
    sent: Sent
    at: AtGate

    # --- who comes ---

    def take_in(self, ctx: Context) -> None:
        reading.take_in(ctx, self.house.sanne)

    def guess(self, ctx: Context) -> None:
        gate.count_try(ctx, gate.at(ctx, self.at.secret, self.at.link.link_ref))

    def deliver(self, ctx: Context) -> None:
        """The mail to Sanne was handed over, at the second try."""
        row = ctx.db.scalars(select(Outbox).where(Outbox.message == self.sent.message, Outbox.place == 0)).one()
        claim.delivered(ctx, claim.Job(row.id, row.kind, 2, row.message, row.place, row.mailbox, None))

    # --- who ends it ---

    def revoke(self, ctx: Context) -> None:
        revocation.revoke(ctx, self.house.marieke, self.sent.message)

    def revoke_access(self, ctx: Context) -> None:
        revocation.revoke_access(ctx, self.house.marieke, self.sent.message, 0)

    def end_conversation(self, ctx: Context) -> None:
        revocation.revoke_from_conversation(ctx, self.house.marieke, self.sent.message, 1)


def scene(house: House) -> Scene:
    sent = house.send(SANNE, (*FATIMA, Check("sms", NUMBER)))
    with house.work() as ctx:
        at = gate.enter_code(ctx, house.code_of(sent.conversation, FATIMA[0]), None)
    return Scene(house, sent, at)


PAIRS = [("take_in", "revoke_access"), ("deliver", "revoke"), ("guess", "end_conversation")]


@pytest.mark.parametrize("turned", [False, True], ids=["who comes is held up", "who ends it is held up"])
@pytest.mark.parametrize(("comes", "ends"), PAIRS)
def test_nobody_waits_in_a_circle(house: House, comes: str, ends: str, turned: bool) -> None:
    def prepare() -> tuple[Act, Act, Callable[[], None]]:
        here = scene(house)
        acts = (getattr(here, comes), getattr(here, ends))
        first, second = acts[::-1] if turned else acts
        return first, second, lambda: nothing_left_of(here, ends)

    assert at_every_statement(house, prepare) > 3


def nothing_left_of(here: Scene, ends: str) -> None:
    """Both got through, in whatever order: what was to end has ended."""
    place = {"revoke_access": 0, "end_conversation": 1}.get(ends)
    with here.house.work() as ctx:
        states = select(Recipient.state).where(Recipient.message == here.sent.message)
        chosen = states if place is None else states.where(Recipient.place == place)
        assert set(ctx.db.scalars(chosen)) == {"revoked"}
        left = select(Envelope.principal).where(Envelope.message == here.sent.message)
        assert len(ctx.db.scalars(left).all()) == (0 if place is None else 1)
