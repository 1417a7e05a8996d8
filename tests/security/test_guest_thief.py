"""T4, T6, T9 for guests: what codes, passwords, cookies and remembered browsers open in stolen rows, and until when."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from securemail.crypto import links as locks
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive
from securemail.crypto.password import Parameters, stretch
from securemail.crypto.secrets import MailKey, MessageCode, Secret, SessionSecret
from securemail.errors import CannotOpen, NotFound
from securemail.guests import devices, gate, links
from securemail.guests.checks import NONE, Check
from securemail.identity import accounts
from securemail.identity.context import Guest
from securemail.identity.passwords import stretch_new
from securemail.messages import control, expiry, reading, renewal, revocation
from securemail.store.models import GuestLink, Recipient
from tests.guests.test_devices import enter, remember, send
from tests.guests.test_gate import AGREED, NUMBER, ask_for_sms
from tests.house import FATIMA, PASSWORD, PETER, House, furnish
from tests.security.test_guest_interleaved import agreed
from tests.security.test_thief import DIRECTORY
from tests.security.thief import Thief, thief_in

pytestmark = pytest.mark.slow

WORDS = {"message.sealed_head", "message.sealed_body"}


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    """What follows from a key does not depend on the kind of database."""
    furnished = furnish(tmp_path, sqlite_url)
    yield furnished
    furnished.runtime.engine.dispose()


def code_of(house: House, link: bytes) -> MessageCode:
    with house.work() as ctx:
        return links.kept_of(ctx, house.marieke, ctx.db.get_one(GuestLink, link)).code


def received(house: House, *of: bytes) -> set[object]:
    with house.work() as ctx:
        return set(ctx.db.scalars(select(Recipient.message).where(Recipient.principal.in_(of))))


def link_key(thief: Thief, link: bytes, code: MessageCode, password: str) -> MailKey:
    """With the code, a guessed password, and the pepper that is at hand."""
    [row] = [row for row in thief.rows["guest_link"] if row["id"] == link]
    pepper = derive(Secret(thief.configured[0]), Label.CONFIG_PEPPER)
    tried = stretch(password, Parameters.decode(row["parameters"]), pepper)
    return locks.open_link_key(code, row["sealed_dk"], link, row["method"], stretched=tried)


# --- T6: the methods ---


@pytest.mark.parametrize("way", ["none", "sms"])
def test_mailbox_and_database_together_read_what_no_password_protects(house: House, way: str) -> None:
    """Stated, not hidden: the code by SMS is a gate of the running server."""
    link = send(house, NONE if way == "none" else Check("sms", NUMBER))
    send(house, to=PETER)
    thief = thief_in(house).try_everything(code_of(house, link))
    assert thief.keys_of("message.sealed_body") == received(house, link)
    assert thief.keys_of("guest_link.sealed_guest") == {link}


def test_an_agreed_password_is_wanted_beside_mailbox_and_database(house: House) -> None:
    link, other = send(house, agreed(house)), send(house, agreed(house), to=PETER)
    thief = thief_in(house).try_everything(code_of(house, link))
    assert not thief.columns() & {*WORDS, "guest_link.sealed_dk", "guest_link.sealed_guest", "envelope.sealed_cek"}
    with pytest.raises(CannotOpen):
        link_key(thief, link, code_of(house, link), AGREED + "!")
    with pytest.raises(CannotOpen):
        link_key(thief, link, code_of(house, other), AGREED)
    thief.try_everything(link_key(thief, link, code_of(house, link), AGREED))
    assert thief.keys_of("message.sealed_body") == received(house, link)
    assert thief.keys_of("guest_link.sealed_guest") == {link}


def test_without_the_configured_secret_an_agreed_password_cannot_be_guessed(house: House) -> None:
    link = send(house, agreed(house))
    thief = Thief(thief_in(house).rows, (b"x" * 32,))
    with pytest.raises(CannotOpen):
        link_key(thief, link, code_of(house, link), AGREED)


@pytest.mark.parametrize("way", ["sms", "password"])
def test_an_account_made_later_by_who_reads_the_mailbox_opens_no_checked_message(house: House, way: str) -> None:
    before = send(house, Check("sms", NUMBER) if way == "sms" else agreed(house))
    password = stretch_new(PASSWORD, house.runtime.keys, house.runtime.hasher)
    with house.work() as ctx:
        mallory = accounts.create_account(
            ctx, address=FATIMA[0], name="Fatima", language="nl", password=password,
            organisation=house.marieke.organisation, role="member",
        )  # fmt: skip
    later = send(house, Check("sms", NUMBER) if way == "sms" else agreed(house))
    thief = thief_in(house).try_everything(mallory.root.rk, mallory.mail.mk)
    assert not thief.columns() & WORDS
    with house.work() as ctx:
        mailboxes = set(ctx.db.scalars(select(Recipient.principal).where(Recipient.kind == "mailbox")))
        assert mallory.mail.principal not in mailboxes
        her_mailbox = replace(house.sanne, mail=mallory.mail)
        for conversation in ctx.db.scalars(select(GuestLink.conversation).where(GuestLink.id.in_((before, later)))):
            with pytest.raises(NotFound):
                reading.conversation(ctx, her_mailbox, conversation)


# --- T4: the holders ---


def shown_on(house: House, secret: SessionSecret) -> set[object]:
    """The messages that a remembered browser shows, at every link there is."""
    shown: set[object] = set()
    with house.work() as ctx:
        rows = ctx.db.scalars(select(GuestLink)).all()
    for row in rows:
        with house.work() as ctx:
            back = devices.returning(ctx, secret, ctx.db.get_one(GuestLink, row.id))
            kept = devices.open_here(ctx, back, None) if back is not None else None
        if kept is not None:
            guest = house.guest(kept, row.link_ref)
            shown |= {letter.message for letter in house.letters(guest, guest.conversation) if letter.text}
    return shown


@pytest.mark.parametrize("way", ["none", "sms", "password"])
def test_a_remembered_browser_opens_in_the_rows_what_it_shows(house: House, way: str) -> None:
    checks = {"none": NONE, "sms": Check("sms", NUMBER)}
    before = send(house)
    first = send(house, checks.get(way) or agreed(house))
    secret = remember(house, enter(house, first))
    others = [send(house, NONE), send(house, Check("sms", NUMBER)), send(house, Check("sms", "+31687654321"))]
    others += [send(house, agreed(house)), send(house, to=PETER), send(house, author=house.sanne)]
    thief = thief_in(house).try_everything(secret)
    carried = {"none": others[:1], "sms": others[:2], "password": []}[way]
    assert thief.keys_of("message.sealed_body") == received(house, first, *carried) == shown_on(house, secret)
    assert before not in thief.keys_of("guest_link.sealed_guest")
    assert not thief.columns() & {"contact.sealed_contact", "guest_link.sealed_maker", "session_link.sealed_dk"}
    assert thief_in(house, configured=False).try_everything(SessionSecret.new()).columns() == set()


def test_a_cookie_before_the_code_from_the_phone_is_worth_the_message_code_and_shows_nothing(house: House) -> None:
    link = send(house, Check("sms", NUMBER))
    send(house, Check("sms", NUMBER))
    with house.work() as ctx:
        at = gate.enter_code(ctx, code_of(house, link), None)
    ask_for_sms(house, at)
    thief = thief_in(house).try_everything(at.secret)
    assert thief.keys_of("message.sealed_body") == received(house, link)
    assert thief.keys_of("session_link.sealed_challenge") == {at.session}
    with house.work() as ctx, pytest.raises(gate.GuestSessionEnded):
        gate.guest_sessions.resume(ctx, at.secret, at.link.link_ref)


# --- T9: what somebody kept from before ---


class Former:
    """Fatima with everything that she ever had in hand: code, cookie, remembered browser, and the link's own key."""

    def __init__(self, house: House, check: Check = NONE) -> None:
        self.house, self.link = house, send(house, check)
        self.code = code_of(house, self.link)
        with house.work() as ctx:
            at = gate.enter_code(ctx, self.code, None)
        self.guest: Guest = house.guest(at.secret, at.link.link_ref)
        self.session, self.remembered = at.secret, remember(house, self.guest)

    def opens(self) -> set[object]:
        """With the current rows and the configuration."""
        thief = thief_in(self.house)
        thief.try_everything(self.code, self.session, self.remembered, self.guest.mail.mk)
        return thief.keys_of("message.sealed_body") | thief.keys_of("message.sealed_head")

    def message(self) -> bytes:
        with self.house.work() as ctx:
            return ctx.db.scalars(select(Recipient.message).where(Recipient.principal == self.link)).one()


def test_after_a_withdrawal_from_the_conversation_nothing_old_and_nothing_new_opens(house: House) -> None:
    fatima = Former(house)
    assert fatima.opens() == {fatima.message()}
    with house.work() as ctx:
        revocation.revoke_from_conversation(ctx, house.marieke, fatima.message(), 0)
    send(house)
    send(house, Check("sms", NUMBER))
    assert fatima.opens() == set()
    thief = thief_in(house).try_everything(fatima.code, fatima.session, fatima.remembered)
    assert thief.columns() - DIRECTORY <= {"guest_device.sealed_device"}, "which holds their own address"


@pytest.mark.parametrize("kind", ["revoke", "revoke_access"])
def test_what_was_taken_back_opens_with_nothing_that_its_receiver_kept(house: House, kind: str) -> None:
    fatima = Former(house)
    message = fatima.message()
    with house.work() as ctx:
        arguments = (house.marieke, message) if kind == "revoke" else (house.marieke, message, 0)
        getattr(revocation, kind)(ctx, *arguments)
    assert fatima.opens() == set()


def test_what_is_over_opens_with_nothing_that_its_receiver_kept(house: House) -> None:
    fatima = Former(house)
    with house.work() as ctx:
        control.change_expiry(ctx, house.marieke, fatima.message(), ctx.now.replace(year=2027), everybody=False)
    house.clock.forward(days=800)
    with house.work() as ctx:
        expiry.delete_due(ctx)
    assert fatima.opens() == set()


def test_after_a_new_code_only_the_new_one_opens(house: House) -> None:
    fatima = Former(house)
    message = fatima.message()
    with house.work() as ctx:
        now = renewal.new_code(ctx, house.marieke, fatima.link)
    assert fatima.opens() == set()
    thief = thief_in(house).try_everything(code_of(house, now.principal))
    assert thief.keys_of("message.sealed_body") == received(house, now.principal)
    assert message in received(house, now.principal)


def test_a_forgotten_browser_opens_nothing_old_and_nothing_new(house: House) -> None:
    fatima = Former(house)
    with house.work() as ctx:
        devices.forget_by_maker(
            ctx, house.marieke, fatima.link, locks.device_id(fatima.remembered, house.marieke.mailbox)
        )
    send(house)
    assert thief_in(house).try_everything(fatima.remembered).columns() <= DIRECTORY


def test_a_corrected_number_leaves_nothing_to_who_was_remembered_with_the_wrong_one(house: House) -> None:
    link = send(house, Check("sms", NUMBER))
    secret = remember(house, enter(house, link))
    with house.work() as ctx:
        links.correct_number(ctx, house.marieke, ctx.db.get_one(GuestLink, link), "+31687654321")
    send(house, Check("sms", NUMBER))
    assert thief_in(house).try_everything(secret).columns() <= DIRECTORY
