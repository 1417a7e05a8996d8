"""A guest's browser: the code opens its link, the cookie keeps it open for a while, and neither opens more."""

import pytest
from sqlalchemy import select

from securemail.crypto.secrets import MessageCode, SessionSecret
from securemail.guests import guest_sessions, links
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.guests.links import WrongCode
from securemail.store.models import BrowserSession, GuestLink, PrincipalKey
from tests.house import FATIMA, PETER, House, open_link


def refs(house: House) -> dict[str, bytes]:
    with house.work() as ctx:
        rows = ctx.db.scalars(select(GuestLink)).all()
    return {house.marieke.mail.open_maker(row.id, row.sealed_maker)["address"]: row.link_ref for row in rows}


def test_the_code_opens_the_link_and_marks_what_waits(house: House) -> None:
    sent = house.send(FATIMA)
    fatima, _ = house.enter(sent.conversation)
    assert (fatima.address, fatima.name) == FATIMA
    [letter] = house.letters(house.marieke, sent.conversation)
    assert letter.receipt is not None
    assert letter.receipt.state == "all"


def test_another_code_opens_nothing(house: House) -> None:
    house.send(FATIMA)
    with house.work() as ctx, pytest.raises(WrongCode):
        open_link(ctx, MessageCode.new(), None)


def test_a_cookie_opens_its_own_link_only(house: House) -> None:
    sent = house.send(FATIMA, PETER)
    _, secret = house.enter(sent.conversation, FATIMA[0])
    with house.work() as ctx, pytest.raises(GuestSessionEnded):
        guest_sessions.resume(ctx, secret, refs(house)[PETER[0]])
    with house.work() as ctx, pytest.raises(GuestSessionEnded):
        guest_sessions.resume(ctx, SessionSecret.new(), refs(house)[FATIMA[0]])


def test_one_browser_keeps_several_links_open(house: House) -> None:
    first, second = house.send(FATIMA), house.send(FATIMA, subject="Tweede")
    fatima, secret = house.enter(first.conversation)
    code = house.code_of(second.conversation, FATIMA[0])
    with house.work() as ctx:
        fresh, link = open_link(ctx, code, secret)
    assert house.guest(fresh, link.link_ref).conversation == second.conversation
    with house.work() as ctx:
        ref = ctx.db.get_one(GuestLink, fatima.link).link_ref
    assert house.guest(fresh, ref).conversation == first.conversation


def test_who_had_the_browser_before_reads_nothing_that_is_opened_in_it_later(house: House) -> None:
    """The cookie that somebody noted on a shared computer is worth nothing once the next one opens a letter there."""
    theirs, later = house.send(FATIMA), house.send(PETER)
    _, noted = house.enter(theirs.conversation)
    with house.work() as ctx:
        open_link(ctx, house.code_of(later.conversation, PETER[0]), noted)
    for ref in refs(house).values():
        with house.work() as ctx, pytest.raises(GuestSessionEnded):
            guest_sessions.resume(ctx, noted, ref)


def test_opening_more_does_not_lengthen_the_day(house: House) -> None:
    first, second = house.send(FATIMA), house.send(FATIMA, subject="Tweede")
    _, secret = house.enter(first.conversation)
    ref = refs(house)[FATIMA[0]]
    for _ in range(19):
        house.clock.forward(minutes=25)
        with house.work() as ctx:
            secret, link = open_link(ctx, house.code_of(second.conversation, FATIMA[0]), secret)
    house.clock.forward(minutes=10)
    for shown in (ref, link.link_ref):
        with house.work() as ctx, pytest.raises(GuestSessionEnded):
            guest_sessions.resume(ctx, secret, shown)


@pytest.mark.parametrize("away", [{"minutes": 31}, {"hours": 9}])
def test_it_ends_after_half_an_hour_away(house: House, away: dict[str, float]) -> None:
    sent = house.send(FATIMA)
    _, secret = house.enter(sent.conversation)
    house.clock.forward(**away)
    with house.work() as ctx, pytest.raises(GuestSessionEnded):
        guest_sessions.resume(ctx, secret, refs(house)[FATIMA[0]])


def test_closing_forgets_the_browser(house: House) -> None:
    sent = house.send(FATIMA)
    _, secret = house.enter(sent.conversation)
    with house.work() as ctx:
        guest_sessions.end(ctx, secret)
    with house.work() as ctx:
        assert ctx.db.scalars(select(BrowserSession)).all() == []


def test_a_planted_key_is_refused(house: House) -> None:
    """T8: the link's published key is exchanged in the database."""
    sent = house.send(FATIMA)
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink)).one()
        theirs = ctx.db.scalars(select(PrincipalKey).where(PrincipalKey.kind == "mailbox")).first()
        assert theirs is not None
        ctx.db.get_one(PrincipalKey, (link.id, 1)).public_key = theirs.public_key
    from securemail.mailboxes.keys import UntrustedKey

    with pytest.raises(UntrustedKey):
        house.enter(sent.conversation)


def test_a_changed_link_row_is_unknown(house: House) -> None:
    sent = house.send(FATIMA)
    with house.work() as ctx:
        ctx.db.scalars(select(GuestLink)).one().maker = house.sanne.mailbox
    with house.work() as ctx, pytest.raises(WrongCode):
        open_link(ctx, house.code_of(sent.conversation, FATIMA[0]), None)


def test_finding_a_link_needs_nothing_secret_and_gives_nothing_secret(house: House) -> None:
    sent = house.send(FATIMA)
    with house.work() as ctx:
        assert links.find(ctx, refs(house)[FATIMA[0]]).conversation == sent.conversation


def test_who_keeps_reading_stays(house: House) -> None:
    sent = house.send(FATIMA)
    _, secret = house.enter(sent.conversation)
    ref = refs(house)[FATIMA[0]]
    for _ in range(3):
        house.clock.forward(minutes=20)
        with house.work() as ctx:
            guest = guest_sessions.resume(ctx, secret, ref)
            assert guest_sessions.touch_is_due(ctx, guest)
            guest_sessions.touch(ctx, guest)
        with house.work() as ctx:
            assert not guest_sessions.touch_is_due(ctx, guest)
