"""Where somebody is logged in: their own list, ended one by one; nobody else's."""

import pytest

from securemail.crypto import cookies
from securemail.crypto.secrets import SessionSecret
from securemail.errors import NotFound
from securemail.identity import browsers, devices, sessions, vault
from securemail.identity.browsers import Browser
from securemail.identity.challenges import SessionEnded
from securemail.identity.context import Member, Owner
from securemail.store.models import BrowserSession
from tests.house import House

PHONE = {"browser": "Chrome · Android", "network": "192.0.2.14"}
DESK = {"browser": "Firefox · Linux", "network": "2001:db8::7"}


def log_in(house: House, who: Member, about: dict[str, str], *, remember: bool = False) -> SessionSecret:
    with house.work() as ctx:
        root = who.root
        return sessions.start(ctx, account=root.account, rk=root.rk, remember=remember, device=about)


def owner(house: House, secret: SessionSecret) -> Owner:
    with house.runtime.work(write=False) as ctx:
        return sessions.resume(ctx, secret).owner


def listed(house: House, who: Owner) -> list[devices.LoggedIn]:
    with house.runtime.work(write=False) as ctx:
        return devices.logged_in(ctx, who)


def test_this_browser_stands_first_and_the_last_seen_next(house: House) -> None:
    here = log_in(house, house.sanne, PHONE)
    house.clock.forward(minutes=20)
    log_in(house, house.sanne, DESK, remember=True)
    house.clock.forward(minutes=10)
    log_in(house, house.sanne, {"browser": "Safari · iPhone", "network": "198.51.100.2"})
    log_in(house, house.marieke, DESK)
    seen = listed(house, owner(house, here))
    assert [one.browser for one in seen] == ["Chrome · Android", "Safari · iPhone", "Firefox · Linux"]
    assert [(one.here, one.now, one.remembered) for one in seen] == [
        (True, False, False), (False, True, False), (False, False, True),
    ]  # fmt: skip
    assert seen[2].network == "2001:db8::7"


def test_a_browser_that_was_idle_too_long_is_not_listed(house: House) -> None:
    log_in(house, house.sanne, DESK)
    house.clock.forward(minutes=61)
    here = log_in(house, house.sanne, PHONE)
    assert len(listed(house, owner(house, here))) == 1


def test_what_is_noted_of_one_session_does_not_open_for_another(house: House) -> None:
    here, other = log_in(house, house.sanne, PHONE), log_in(house, house.sanne, DESK)
    with house.work() as ctx:
        first, second = (ctx.db.get_one(BrowserSession, cookies.session_id(one)) for one in (here, other))
        first.sealed_device, second.sealed_device = second.sealed_device, first.sealed_device
    assert [one.browser for one in listed(house, owner(house, here))] == ["", ""]


def test_one_is_ended_and_the_others_go_on(house: House) -> None:
    here, other = log_in(house, house.sanne, PHONE), log_in(house, house.sanne, DESK)
    with house.work() as ctx:
        devices.end(ctx, owner(house, here), cookies.session_id(other))
    with pytest.raises(SessionEnded):
        owner(house, other)
    owner(house, here)


def test_nobody_ends_somebody_elses(house: House) -> None:
    here, hers = log_in(house, house.sanne, PHONE), log_in(house, house.marieke, DESK)
    with house.work() as ctx, pytest.raises(NotFound):
        devices.end(ctx, owner(house, here), cookies.session_id(hers))
    owner(house, hers)


def test_all_others_are_ended_at_once(house: House) -> None:
    here, hers = log_in(house, house.sanne, PHONE), log_in(house, house.marieke, DESK)
    others = [log_in(house, house.sanne, DESK) for _ in range(3)]
    with house.work() as ctx:
        assert devices.end_others(ctx, owner(house, here)) == 3
    for secret in others:
        with pytest.raises(SessionEnded):
            owner(house, secret)
    owner(house, here)
    owner(house, hers)


def test_a_forgotten_device_is_a_new_one(house: House) -> None:
    me = house.sanne.owner
    secrets = [SessionSecret.new(), SessionSecret.new()]
    with house.work() as ctx:
        for secret, about in zip(secrets, (PHONE, DESK), strict=True):
            browsers.note(ctx, me.root, vault.read(ctx, me.root), Browser(secret, about))
        known = devices.known(ctx, me)
        assert {one.name for one in known} == {PHONE["browser"], DESK["browser"]}
        gone = cookies.device_id(secrets[0], me.account).hex()
        devices.forget(ctx, me, gone)
        assert [one.name for one in devices.known(ctx, me)] == [DESK["browser"]]
        devices.forget(ctx, me, "nothing like it")
