"""Remembered browsers: later messages open there without a code, and nothing else does."""

from dataclasses import replace

import pytest
from sqlalchemy import delete, select, update

from securemail import ids
from securemail.crypto import links as locks
from securemail.crypto.secrets import SessionSecret
from securemail.errors import NotFound, StaleKeys
from securemail.guests import devices, gate, guest_sessions, links
from securemail.guests.checks import NONE, Check
from securemail.guests.devices import MayNotRemember, Returning
from securemail.identity.context import Guest, Member
from securemail.mailboxes import rotation
from securemail.messages import completing, contacts, revocation, sending
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.store.models import GuestDevice, GuestLink, LinkDevice, Recipient, SessionLink
from tests.guests.test_gate import AGREED, NUMBER, agreed, ask_for_sms, try_password, try_sms
from tests.house import FATIMA, PETER, House

SMS = Check("sms", NUMBER)


def send(house: House, check: Check = NONE, to: tuple[str, str] = FATIMA, author: Member | None = None) -> bytes:
    """Marieke writes; the link that was made."""
    with house.work() as ctx:
        sent = sending.send(
            ctx, author or house.marieke, key=ids.new_id(), to=[(*to, check)], subject="Uitslag", text="De uitslag."
        )
        return ctx.db.scalars(select(GuestLink.id).where(GuestLink.conversation == sent.conversation)).one()


def enter(house: House, link: bytes) -> Guest:
    """Fatima gives the code, and passes the check."""
    with house.work() as ctx:
        row = ctx.db.get_one(GuestLink, link)
        at = gate.enter_code(ctx, links.kept_of(ctx, house.marieke, row).code, None)
    secret = at.secret
    if at.step == "sms":
        secret = try_sms(house, at, ask_for_sms(house, at))
    if at.step == "password":
        secret = try_password(house, at, AGREED)
    return house.guest(secret, row.link_ref)


def remember(house: House, guest: Guest, secret: SessionSecret | None = None) -> SessionSecret:
    with house.work() as ctx:
        return devices.remember(ctx, guest, secret)


def come_back(house: House, secret: SessionSecret | None, link: bytes) -> Returning | None:
    with house.work() as ctx:
        return devices.returning(ctx, secret, ctx.db.get_one(GuestLink, link))


def open_again(house: House, secret: SessionSecret, link: bytes) -> Guest:
    with house.work() as ctx:
        back = devices.returning(ctx, secret, ctx.db.get_one(GuestLink, link))
        assert back is not None
        session = devices.open_here(ctx, back, None)
    return house.guest(session, back.link.link_ref)


def decide(house: House, **decided: bool) -> None:
    with house.work() as ctx:
        organisations.decide(ctx, house.marieke.organisation, Policy(**decided))


@pytest.mark.parametrize("check", [NONE, SMS], ids=["none", "sms"])
def test_the_next_message_opens_without_a_code(house: House, check: Check) -> None:
    first = send(house, check)
    secret = remember(house, enter(house, first))
    later = send(house, check)
    guest = open_again(house, secret, later)
    [letter] = house.letters(guest, guest.conversation)
    assert letter.text == "De uitslag."
    assert come_back(house, secret, first) is not None, "the first one too"


def test_a_message_from_before_does_not_open(house: House) -> None:
    before = send(house)
    secret = remember(house, enter(house, send(house)))
    assert come_back(house, secret, before) is None


def test_nobody_without_the_cookie_comes_back(house: House) -> None:
    link = send(house)
    remember(house, enter(house, link))
    assert come_back(house, None, link) is None
    assert come_back(house, SessionSecret.new(), link) is None


def test_another_person_and_another_mailbox_stay_closed(house: House) -> None:
    secret = remember(house, enter(house, send(house)))
    assert come_back(house, secret, send(house, to=PETER)) is None
    assert come_back(house, secret, send(house, author=house.sanne)) is None


def test_no_browser_opens_more_than_was_passed_on_it(house: House) -> None:
    plain = remember(house, enter(house, send(house)))
    assert come_back(house, plain, send(house, SMS)) is None
    by_sms = remember(house, enter(house, send(house, SMS)))
    assert come_back(house, by_sms, send(house, Check("sms", "+31687654321"))) is None
    assert come_back(house, by_sms, send(house)) is not None, "less was asked than was passed"
    password = send(house, agreed(house))
    with_password = remember(house, enter(house, password))
    assert come_back(house, with_password, password) is not None
    assert come_back(house, with_password, send(house, agreed(house))) is None
    assert come_back(house, with_password, send(house)) is None


def test_after_thirty_days_the_code_is_asked_again(house: House) -> None:
    link = send(house)
    secret = remember(house, enter(house, link))
    house.clock.forward(days=29, hours=23)
    assert come_back(house, secret, link) is not None
    house.clock.forward(hours=2)
    assert come_back(house, secret, link) is None
    assert come_back(house, secret, send(house)) is None


def test_being_remembered_cannot_be_prolonged_by_being_remembered(house: House) -> None:
    link = send(house)
    secret = remember(house, enter(house, link))
    guest = open_again(house, secret, link)
    with pytest.raises(MayNotRemember):
        remember(house, guest, secret)
    with house.work() as ctx:
        devices.forget(ctx, guest, locks.device_id(secret, house.marieke.mailbox))
    with pytest.raises(MayNotRemember):
        remember(house, guest, secret)


def test_an_edited_state_or_end_opens_nothing(house: House) -> None:
    link = send(house)
    secret = remember(house, enter(house, link))
    guest = open_again(house, secret, link)
    with house.work() as ctx:
        ctx.db.execute(update(SessionLink).where(SessionLink.session == guest.session).values(state=1))
        ctx.db.execute(update(GuestDevice).values(expires=house.clock.now.replace(year=2030)))
    assert come_back(house, secret, link) is None


def test_a_planted_key_is_not_taken_in(house: House) -> None:
    mallory = SessionSecret.new()
    remember(house, enter(house, send(house)))
    with house.work() as ctx:
        planted = locks.device_pair(mallory, house.marieke.mailbox).public
        ctx.db.execute(update(GuestDevice).values(public_key=planted))
    later = send(house)
    with house.work() as ctx:
        assert ctx.db.scalars(select(LinkDevice).where(LinkDevice.link == later)).all() == []
        contact = contacts.find(ctx, house.marieke, FATIMA[0])
    assert contact is not None
    assert contact.devices == ()


def test_a_closed_locked_or_corrected_link_opens_on_no_browser(house: House) -> None:
    link = send(house, SMS)
    secret = remember(house, enter(house, link))
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).where(GuestLink.id == link).values(locked=house.clock.now))
    assert come_back(house, secret, link) is None
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).where(GuestLink.id == link).values(locked=None, closed=house.clock.now))
    assert come_back(house, secret, link) is None
    assert come_back(house, secret, send(house, SMS)) is None, "what was passed on a closed link counts no more"
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).where(GuestLink.id == link).values(closed=None))
        links.correct_number(ctx, house.marieke, ctx.db.get_one(GuestLink, link), "+31687654321")
    assert come_back(house, secret, link) is None
    with house.work() as ctx:
        assert ctx.db.scalars(select(GuestDevice)).all() == []


def test_both_sides_list_and_forget(house: House) -> None:
    link = send(house)
    guest = enter(house, link)
    secret = remember(house, guest)
    later = send(house)
    on_it = open_again(house, secret, later)
    with house.work() as ctx:
        [theirs] = devices.of_links(ctx, house.marieke, [link])[link]
        assert devices.of_links(ctx, house.sanne, [link]) == {}
        [mine] = devices.of_link(ctx, ctx.db.get_one(GuestLink, link), secret)
    assert (mine.here, theirs.here, mine.id) == (True, False, theirs.id)
    with house.work() as ctx, pytest.raises(NotFound):
        devices.forget_by_maker(ctx, house.sanne, link, mine.id)
    with house.work() as ctx:
        devices.forget_by_maker(ctx, house.marieke, link, mine.id)
        contact = contacts.find(ctx, house.marieke, FATIMA[0])
    assert contact is not None
    assert contact.devices == ()
    assert come_back(house, secret, link) is come_back(house, secret, later) is None
    assert come_back(house, secret, send(house)) is None
    with house.work() as ctx:
        assert ctx.db.get(SessionLink, (on_it.session, later)) is None, "what was open on it is closed"
        assert ctx.db.get(SessionLink, (guest.session, link)) is not None, "who passed the check reads on"


def test_a_contact_is_not_written_under_keys_that_were_replaced_meanwhile(house: House) -> None:
    """Its note would open for whoever kept the older key, and once re-locking is done for nobody else."""
    link = send(house)
    remember(house, enter(house, link))
    send(house)
    with house.work() as ctx:
        [device] = ctx.db.scalars(select(GuestDevice.id))
        renewed = replace(house.marieke, mail=rotation.rotate_mail(ctx, house.marieke))
    with pytest.raises(StaleKeys), house.work() as ctx:
        devices.forget_by_maker(ctx, house.marieke, link, device)
    with house.work() as ctx:
        devices.forget_by_maker(ctx, renewed, link, device)
    with house.work() as ctx:
        known = contacts.find(ctx, renewed, FATIMA[0])
        assert known is not None
        assert known.devices == ()


def test_nobody_lists_a_browser_whose_own_conversation_was_taken_back(house: House) -> None:
    link = send(house)
    secret = remember(house, enter(house, link))
    later = send(house)
    with house.work() as ctx:
        message = ctx.db.scalars(select(Recipient.message).where(Recipient.principal == link)).one()
        revocation.revoke_from_conversation(ctx, house.marieke, message, 0)
    assert come_back(house, secret, later) is None
    with house.work() as ctx:
        assert devices.of_links(ctx, house.marieke, [link, later]) == {}


def test_a_guest_forgets_only_what_opens_their_link(house: House) -> None:
    link = send(house)
    guest = enter(house, link)
    secret = remember(house, guest)
    peter = enter(house, send(house, to=PETER))
    device = locks.device_id(secret, house.marieke.mailbox)
    with house.work() as ctx, pytest.raises(NotFound):
        devices.forget(ctx, peter, device)
    with house.work() as ctx:
        devices.forget(ctx, guest, device)
    assert come_back(house, secret, link) is None


def test_somebody_else_remembered_on_the_same_browser_ends_what_it_opened(house: House) -> None:
    fatimas = send(house)
    secret = remember(house, enter(house, fatimas))
    peters = send(house, to=PETER)
    assert remember(house, enter(house, peters), secret) == secret
    assert come_back(house, secret, fatimas) is None
    assert come_back(house, secret, peters) is not None
    assert come_back(house, secret, send(house)) is None


def test_remembered_again_after_its_end_keeps_what_it_opened(house: House) -> None:
    first = send(house)
    secret = remember(house, enter(house, first))
    house.clock.forward(days=31)
    remember(house, enter(house, send(house)), secret)
    assert come_back(house, secret, first) is not None


def test_an_organisation_may_forbid_it(house: House) -> None:
    link = send(house)
    guest = enter(house, link)
    secret = remember(house, guest)
    decide(house, remember_devices=False)
    assert come_back(house, secret, link) is None
    later = send(house)
    with house.work() as ctx:
        assert not devices.may_remember(ctx, guest)
        assert ctx.db.scalars(select(LinkDevice).where(LinkDevice.link == later)).all() == []
    with pytest.raises(MayNotRemember):
        remember(house, guest, secret)


def test_a_number_said_later_lets_the_browser_in_too(house: House) -> None:
    secret = remember(house, enter(house, send(house, SMS)))
    with house.work() as ctx:
        sent = sending.send(
            ctx, house.marieke, key=ids.new_id(), to=[(*FATIMA, Check("sms"))], subject="Later", text="Nog iets."
        )
        link = ctx.db.scalars(select(GuestLink.id).where(GuestLink.conversation == sent.conversation)).one()
    assert come_back(house, secret, link) is None
    with house.work() as ctx:
        completing.complete(ctx, house.marieke, sent.message, 0, SMS)
    assert come_back(house, secret, link) is not None


def test_a_guest_session_ends_as_always(house: House) -> None:
    link = send(house)
    secret = remember(house, enter(house, link))
    with house.work() as ctx:
        back = devices.returning(ctx, secret, ctx.db.get_one(GuestLink, link))
        assert back is not None
        session = devices.open_here(ctx, back, None)
    house.clock.forward(minutes=31)
    with house.work() as ctx, pytest.raises(guest_sessions.GuestSessionEnded):
        guest_sessions.resume(ctx, session, back.link.link_ref)


def test_without_its_row_the_lock_of_a_later_message_is_gone_too(house: House) -> None:
    secret = remember(house, enter(house, send(house)))
    later = send(house)
    with house.work() as ctx:
        ctx.db.execute(delete(GuestDevice))
    assert come_back(house, secret, later) is None
