"""Guests' rows exchanged, edited and played again by somebody who writes in the database: nothing opens by it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from securemail import ids
from securemail.crypto import links as locks
from securemail.crypto.secrets import MailKey, SessionSecret
from securemail.errors import CannotOpen, NotFound
from securemail.guests import devices, gate, guest_sessions, links
from securemail.guests.checks import NONE, Check
from securemail.guests.gate import AtGate, Refused
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.guests.links import WrongCode
from securemail.identity.context import Context
from securemail.store.models import GuestDevice, GuestLink, LinkDevice, SessionLink
from tests.guests.test_devices import enter, remember, send
from tests.guests.test_gate import AGREED, NUMBER, ask_for_sms, try_password, try_sms
from tests.house import PETER, House
from tests.security.test_guest_interleaved import Visit, agreed

pytestmark = pytest.mark.slow

Edit = Callable[[Context, Any, Any], dict[str, Any]]


def knock(house: House, link: bytes, secret: SessionSecret | None = None) -> AtGate:
    with house.work() as ctx:
        return gate.enter_code(ctx, Visit(house, link).code(ctx), secret)


# --- links ---

EDITS: dict[str, Edit] = {
    "conversation": lambda ctx, mine, other: {"conversation": other.conversation},
    "maker": lambda ctx, mine, other: {"maker": other.maker},
    "link_ref": lambda ctx, mine, other: {"link_ref": ids.new_id()},
    "method": lambda ctx, mine, other: {"method": "none", "parameters": None},
    "another method": lambda ctx, mine, other: {"method": "sms", "parameters": None},
    "parameters": lambda ctx, mine, other: {"parameters": other.parameters},
    "cheaper parameters": lambda ctx, mine, other: {"parameters": mine.parameters[:6] + b"\1" + mine.parameters[7:]},
    "successor": lambda ctx, mine, other: {"successor": other.id},
    "claimed_by": lambda ctx, mine, other: {"claimed_by": other.maker},
    "mac": lambda ctx, mine, other: {"mac": other.mac},
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_link_is_no_link(house: House, edit: str) -> None:
    """Its page, its code, a session that it opened before, and the mail that its maker would send."""
    mine, theirs = send(house, agreed(house)), send(house, agreed(house), to=PETER, author=house.sanne)
    guest = enter(house, mine)
    with house.work() as ctx:
        row, other = ctx.db.get_one(GuestLink, mine), ctx.db.get_one(GuestLink, theirs)
        code, values = Visit(house, mine).code(ctx), EDITS[edit](ctx, row, other)
        secret_ref = values.get("link_ref", row.link_ref)
        ctx.db.execute(update(GuestLink).where(GuestLink.id == mine).values(values))
    with house.work() as ctx, pytest.raises(NotFound):
        links.find(ctx, secret_ref)
    with house.work() as ctx, pytest.raises(WrongCode):
        gate.enter_code(ctx, code, None)
    with house.work() as ctx, pytest.raises((NotFound, GuestSessionEnded)):
        guest_sessions.resume(ctx, SessionSecret.new(), secret_ref)
    assert guest.principal == mine


@pytest.mark.parametrize("column", ["sealed_dk", "sealed_hint", "sealed_guest", "sealed_maker"])
def test_what_two_links_hold_opens_nothing_in_the_others_place(house: House, column: str) -> None:
    mine, theirs = send(house, agreed(house)), send(house, agreed(house), to=PETER)
    at, other = knock(house, mine), knock(house, theirs)
    with house.work() as ctx:
        held = {link: getattr(ctx.db.get_one(GuestLink, link), column) for link in (mine, theirs)}
        for link, value in ((mine, held[theirs]), (theirs, held[mine])):
            ctx.db.execute(update(GuestLink).where(GuestLink.id == link).values({column: value}))
    for gate_of in (at, other):
        with house.work() as ctx:
            here = gate.at(ctx, gate_of.secret, gate_of.link.link_ref)
            hint = gate.hint(here)
        if column == "sealed_hint":
            assert hint == ""
        if column == "sealed_dk":
            with pytest.raises(Refused):
                try_password(house, here, AGREED)
    if column == "sealed_maker":
        with house.work() as ctx, pytest.raises(CannotOpen):
            links.kept_of(ctx, house.marieke, ctx.db.get_one(GuestLink, mine))


# --- sessions ---


def test_a_session_row_moved_to_another_browser_opens_nothing_there(house: House) -> None:
    mine, theirs = send(house), send(house, to=PETER)
    fatima, mallory = knock(house, mine), knock(house, theirs)
    with house.work() as ctx:
        row = ctx.db.get_one(SessionLink, (fatima.session, mine))
        copied = {column.key: getattr(row, column.key) for column in SessionLink.__table__.columns}
        ctx.db.execute(insert(SessionLink).values({**copied, "session": mallory.session}))
        ref = ctx.db.get_one(GuestLink, mine).link_ref
    with house.work() as ctx, pytest.raises(GuestSessionEnded):
        guest_sessions.resume(ctx, mallory.secret, ref)


def test_a_session_row_moved_to_another_link_opens_nothing_there(house: House) -> None:
    mine, theirs = send(house), send(house, to=PETER)
    mallory = knock(house, mine)
    with house.work() as ctx:
        ctx.db.execute(update(SessionLink).where(SessionLink.link == mine).values(link=theirs))
        ref = ctx.db.get_one(GuestLink, theirs).link_ref
    with house.work() as ctx, pytest.raises(GuestSessionEnded):
        guest_sessions.resume(ctx, mallory.secret, ref)


@pytest.mark.parametrize("way", ["sms", "password", "remembered"])
@pytest.mark.parametrize("state", [0, 1, 2, 3, 4])
def test_no_step_is_reached_by_editing_it(house: House, way: str, state: int) -> None:
    """Half-way nobody reads, whatever the row says; a remembered browser is not made into one that passed the check."""
    link = send(house, {"sms": Check("sms", NUMBER), "password": agreed(house)}.get(way, NONE))
    if way == "remembered":
        kept = remember(house, enter(house, link))
        with house.work() as ctx:
            back = devices.returning(ctx, kept, ctx.db.get_one(GuestLink, link))
            assert back is not None
            secret = devices.open_here(ctx, back, None)
        ref, allowed = back.link.link_ref, (4,)
    else:
        at = knock(house, link)
        if way == "sms":
            ask_for_sms(house, at)
        secret, ref, allowed = at.secret, at.link.link_ref, ()
    with house.work() as ctx:
        ctx.db.execute(update(SessionLink).where(SessionLink.state != 1).values(state=state))
    with house.work() as ctx:
        if state in allowed:
            assert not devices.may_remember(ctx, guest_sessions.resume(ctx, secret, ref))
            return
        with pytest.raises(GuestSessionEnded):
            guest_sessions.resume(ctx, secret, ref)


# --- codes by SMS ---


def test_a_code_from_the_phone_counts_once_in_one_browser_at_one_link(house: House) -> None:
    mine, also_mine = send(house, Check("sms", NUMBER)), send(house, Check("sms", NUMBER))
    at = knock(house, mine)
    code = ask_for_sms(house, at)
    elsewhere = knock(house, mine)
    with pytest.raises(Refused, match="expired"):
        try_sms(house, elsewhere, code)
    if ask_for_sms(house, elsewhere) != code:
        with pytest.raises(Refused, match="wrong"):
            try_sms(house, elsewhere, code)
    opened = try_sms(house, at, code)
    with pytest.raises((GuestSessionEnded, Refused)):
        try_sms(house, at, code)
    next_one = knock(house, also_mine, opened)
    with pytest.raises(Refused, match="expired"):
        try_sms(house, next_one, code)


def test_an_older_code_from_the_phone_is_dead_once_another_was_sent(house: House) -> None:
    at = knock(house, send(house, Check("sms", NUMBER)))
    older, newer = ask_for_sms(house, at), ask_for_sms(house, at)
    if older != newer:
        with pytest.raises(Refused, match="wrong"):
            try_sms(house, at, older)
    try_sms(house, at, newer)


def test_a_code_from_the_phone_is_dead_after_ten_minutes(house: House) -> None:
    at = knock(house, send(house, Check("sms", NUMBER)))
    code = ask_for_sms(house, at)
    house.clock.forward(minutes=10, seconds=1)
    with pytest.raises(Refused, match="expired"):
        try_sms(house, at, code)


def test_what_was_asked_put_back_or_put_elsewhere_is_not_answered_again(house: House) -> None:
    """The row of before its use, written back by hand: at its own link, and at another one of the same browser."""
    mine, other = send(house, Check("sms", NUMBER)), send(house, Check("sms", NUMBER))
    first = knock(house, other)
    at = knock(house, mine, first.secret)
    code = ask_for_sms(house, at)
    with house.work() as ctx:
        sealed = ctx.db.get_one(SessionLink, (at.session, mine)).sealed_challenge
        ctx.db.execute(update(SessionLink).where(SessionLink.link == other).values(sealed_challenge=sealed))
        elsewhere = gate.at(ctx, at.secret, first.link.link_ref)
    with pytest.raises(Refused, match="expired"):
        try_sms(house, elsewhere, code)
    with house.work() as ctx:
        row = ctx.db.get_one(SessionLink, (at.session, mine))
        before = {column.key: getattr(row, column.key) for column in SessionLink.__table__.columns}
    opened = try_sms(house, at, code)
    with house.work() as ctx:
        session = ctx.db.scalars(select(SessionLink.session).where(SessionLink.link == mine)).one()
        ctx.db.execute(delete(SessionLink).where(SessionLink.link == mine))
        ctx.db.execute(insert(SessionLink).values({**before, "session": session}))
    with house.work() as ctx, pytest.raises(GuestSessionEnded):
        gate.at(ctx, opened, at.link.link_ref)


# --- remembered browsers ---


@pytest.mark.parametrize("column", ["mailbox", "link", "method", "expires", "public_key", "mac", "sealed_device"])
def test_a_remembered_browser_with_anothers_facts_is_not_remembered(house: House, column: str) -> None:
    mine, theirs = send(house, Check("sms", NUMBER)), send(house, to=PETER)
    his = send(house, author=house.sanne)
    with house.work() as ctx:
        at = gate.enter_code(ctx, links.kept_of(ctx, house.sanne, ctx.db.get_one(GuestLink, his)).code, None)
    house.clock.forward(minutes=1)
    with house.work() as ctx:
        devices.remember(ctx, guest_sessions.resume(ctx, at.secret, at.link.link_ref), None)
    kept = remember(house, enter(house, mine)), remember(house, enter(house, theirs))
    with house.work() as ctx:
        rows = {row.link: row for row in ctx.db.scalars(select(GuestDevice))}
        source = rows[his] if column == "mailbox" else rows[theirs]
        value = source.expires + timedelta(days=30) if column == "expires" else getattr(source, column)
        ctx.db.execute(update(GuestDevice).where(GuestDevice.id == rows[mine].id).values({column: value}))
    with house.work() as ctx:
        assert devices.returning(ctx, kept[0], ctx.db.get_one(GuestLink, mine)) is None
        assert devices.returning(ctx, kept[1], ctx.db.get_one(GuestLink, theirs)) is not None
    if column == "sealed_device":
        return  # hers alone to open: whoever writes to her does not see that it does not
    later = send(house, Check("sms", NUMBER))
    with house.work() as ctx:
        assert ctx.db.scalars(select(LinkDevice).where(LinkDevice.link == later)).all() == []


@pytest.mark.parametrize("moved", ["device", "link"])
def test_a_key_for_a_remembered_browser_opens_in_no_other_place(house: House, moved: str) -> None:
    fatimas, peters = send(house), send(house, to=PETER)
    kept = remember(house, enter(house, fatimas)), remember(house, enter(house, peters))
    with house.work() as ctx:
        rows = {row.link: row for row in ctx.db.scalars(select(LinkDevice))}
        sealed = rows[fatimas if moved == "link" else peters].sealed_dk
        facts = {"link": peters, "device": rows[fatimas].device, "sealed_dk": sealed}
        ctx.db.execute(insert(LinkDevice).values(facts))
    with house.work() as ctx:
        assert devices.returning(ctx, kept[0], ctx.db.get_one(GuestLink, peters)) is None


def test_a_lock_that_mallory_made_for_a_remembered_browser_opens_nothing(house: House) -> None:
    """Everybody can lock a key of their own to a public key: only the published one counts."""
    link = send(house)
    kept = remember(house, enter(house, link))
    with house.work() as ctx:
        row = ctx.db.scalars(select(GuestDevice)).one()
        planted = locks.seal_for_device(row.public_key, MailKey.new(), link, row.id)
        ctx.db.execute(update(LinkDevice).values(sealed_dk=planted))
    with house.work() as ctx:
        assert devices.returning(ctx, kept, ctx.db.get_one(GuestLink, link)) is None
