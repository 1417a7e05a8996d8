"""T3, T4: what follows from stolen rows once a guest has taken their letters along into an account."""

from dataclasses import dataclass

import pytest

from securemail import ids
from securemail.crypto.secrets import MessageCode, SessionSecret
from securemail.guests import checks, claiming, devices, gate, guest_sessions
from securemail.guests.checks import Check
from securemail.identity.context import Guest, Member
from securemail.messages import sending
from tests.house import FATIMA, SANNE, House
from tests.security.test_thief import DIRECTORY
from tests.security.thief import thief_in

HERS = "elf rode lantaarns langs de kade"
AGREED = "de naam van ons konijn"


@dataclass(frozen=True)
class Taken:
    """A conversation that Fatima took along, and everything that opened it before."""

    fatima: Member
    conversation: bytes
    code: MessageCode
    guest: Guest
    cookies: tuple[SessionSecret, SessionSecret]


@pytest.fixture(params=["none", "password"])
def taken(house: House, request: pytest.FixtureRequest) -> Taken:
    with house.runtime.work(write=False) as ctx:
        agreed = checks.agree(ctx, AGREED)
    check = Check("password", password=agreed, hint="konijn") if request.param == "password" else Check()
    sent = house.send((*FATIMA, check), SANNE)
    code = house.code_of(sent.conversation, FATIMA[0])
    with house.work() as ctx:
        at = gate.enter_code(ctx, code, None)
        secret = gate.enter_password(ctx, at, gate.stretch(ctx, at, AGREED), left=1) if check.password else at.secret
    with house.work() as ctx:
        guest = guest_sessions.resume(ctx, secret, at.link.link_ref)
        remembered = devices.remember(ctx, guest, None)
        sending.reply(ctx, guest, conversation=sent.conversation, key=ids.new_id(), text="Dank je wel.")
    fatima = house.join(FATIMA, password=HERS)
    with house.work() as ctx:
        claiming.claim(ctx, fatima, guest)
    return Taken(fatima, sent.conversation, code, guest, (secret, remembered))


def test_neither_code_nor_cookies_nor_the_links_key_open_any_letter(house: House, taken: Taken) -> None:
    everything = [taken.code, *taken.cookies]
    assert thief_in(house).try_everything(*everything, guess=True).columns() <= DIRECTORY
    # Whoever kept the key itself learns whom the link was for, as before, and no word of what was written.
    kept = thief_in(house).try_everything(*everything, taken.guest.mail.mk)
    assert kept.columns() - DIRECTORY == {"guest_link.sealed_guest"}


def test_the_password_of_the_account_opens_what_was_taken_along(house: House, taken: Taken) -> None:
    thief = thief_in(house).try_password(HERS)
    shown = {letter.message for letter in house.letters(taken.fatima, taken.conversation)}
    assert len(shown) == 2
    assert thief.keys_of("message.sealed_body") == shown
    assert "guest_link.sealed_maker" not in thief.columns()
