"""T3, T4, T6: what the old code, cookies and key are worth once a guest has a new one, with rows moved between them."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.crypto.secrets import MessageCode, SessionSecret
from securemail.guests import devices, gate, guest_sessions, links
from securemail.guests.checks import Check
from securemail.identity.context import Guest
from securemail.messages import renewal, revocation, sending
from securemail.store.models import GuestLink, Recipient
from tests.guests.test_gate import agreed
from tests.house import FATIMA, SANNE, House
from tests.security.swaps import REFUSALS
from tests.security.test_thief import DIRECTORY
from tests.security.thief import thief_in


@dataclass(frozen=True)
class Renewed:
    """A conversation with a new code, and everything that opened it before; one message of it was taken back."""

    conversation: bytes
    shared: frozenset[bytes]
    old: bytes
    new: bytes
    code: MessageCode
    fresh: MessageCode
    guest: Guest
    cookies: tuple[SessionSecret, SessionSecret]


@pytest.fixture
def renewed(house: House) -> Renewed:
    sent = house.send(FATIMA, SANNE)
    code = house.code_of(sent.conversation, FATIMA[0])
    with house.work() as ctx:
        at = gate.enter_code(ctx, code, None)
    with house.work() as ctx:
        guest = guest_sessions.resume(ctx, at.secret, at.link.link_ref)
        remembered = devices.remember(ctx, guest, None)
    written = []
    for author in (guest, house.marieke, house.marieke):
        with house.work() as ctx:
            answer = sending.reply(ctx, author, conversation=sent.conversation, key=ids.new_id(), text="Dank je wel.")
            written.append(answer.message)
    with house.work() as ctx:
        revocation.revoke_access(ctx, house.marieke, written[-1], 0)
    with house.work() as ctx:
        new = renewal.renew(ctx, house.marieke, guest.link, Check()).principal
        fresh = links.kept_of(ctx, house.marieke, ctx.db.get_one(GuestLink, new)).code
    return Renewed(
        sent.conversation, frozenset({sent.message, *written[:2]}), guest.link, new, code, fresh, guest,
        (at.secret, remembered),
    )  # fmt: skip


def test_neither_the_old_code_nor_cookies_nor_the_old_key_open_any_letter(house: House, renewed: Renewed) -> None:
    everything = [renewed.code, *renewed.cookies]
    assert thief_in(house).try_everything(*everything, guess=True).columns() <= DIRECTORY
    kept = thief_in(house).try_everything(*everything, renewed.guest.mail.mk)
    assert kept.columns() - DIRECTORY == {"guest_link.sealed_guest"}
    assert kept.keys_of("guest_link.sealed_guest") == {renewed.old}


def test_the_new_code_opens_what_is_shared_and_no_more(house: House, renewed: Renewed) -> None:
    thief = thief_in(house).try_everything(renewed.fresh)
    assert thief.keys_of("message.sealed_body") == renewed.shared
    assert thief.keys_of("guest_link.sealed_guest") == {renewed.new}
    assert not thief.columns() & {"guest_link.sealed_maker", "contact.sealed_contact"}


def test_with_an_agreed_password_the_new_code_alone_opens_nothing(house: House, renewed: Renewed) -> None:
    check = agreed(house)
    with house.work() as ctx:
        link = renewal.renew(ctx, house.marieke, renewed.new, check).principal
        code = links.kept_of(ctx, house.marieke, ctx.db.get_one(GuestLink, link)).code
    thief = thief_in(house).try_everything(code, renewed.fresh, renewed.code)
    assert thief.columns() <= DIRECTORY | {"guest_link.sealed_hint"}


def test_the_makers_password_still_leads_to_everything_of_hers(house: House, renewed: Renewed) -> None:
    thief = thief_in(house).try_everything(house.marieke.mail.mk)
    assert renewed.shared <= thief.keys_of("message.sealed_body")


CLOSED = (*REFUSALS, gate.LinkClosed, gate.Unready)
COLUMNS = ("link_ref", "mac", "sealed_guest", "sealed_maker", "successor", "closed", "sealed_dk")


@pytest.mark.parametrize("column", COLUMNS)
def test_what_is_moved_between_the_two_rows_opens_nothing_with_the_old_code(
    house: House, renewed: Renewed, column: str
) -> None:
    with house.work() as ctx:
        values = {row.id: getattr(row, column) for row in ctx.db.scalars(select(GuestLink))}
        if column == "link_ref":
            away = update(GuestLink).where(GuestLink.id == renewed.new).values(link_ref=ids.new_id())
            ctx.db.execute(away, execution_options={"synchronize_session": False})
        for link, other in ((renewed.old, renewed.new), (renewed.new, renewed.old)):
            if column == "successor" and values[other] == link:
                continue  # the database knows of no link that leads to itself
            moved = update(GuestLink).where(GuestLink.id == link).values({column: values[other]})
            ctx.db.execute(moved, execution_options={"synchronize_session": False})
    with house.work() as ctx, pytest.raises(CLOSED):
        gate.enter_code(ctx, renewed.code, None)


def test_receivers_rows_written_back_show_the_old_link_nothing(house: House, renewed: Renewed) -> None:
    with house.work() as ctx:
        theirs = update(Recipient).where(Recipient.principal == renewed.new)
        ctx.db.execute(theirs.values(principal=renewed.old), execution_options={"synchronize_session": False})
        ctx.db.execute(update(GuestLink).where(GuestLink.id == renewed.old).values(closed=None))
    with house.work() as ctx:
        ref = ctx.db.get_one(GuestLink, renewed.old).link_ref
        for secret in renewed.cookies:
            with pytest.raises(REFUSALS):
                guest_sessions.resume(ctx, secret, ref)
        with pytest.raises(CLOSED):
            gate.enter_code(ctx, renewed.code, None)
