"""Guessing is slowed down, exactly, in every process; nobody is locked out by a stranger."""

import threading

import pytest
from sqlalchemy import text

from securemail.errors import TooManyAttempts
from securemail.identity import limits
from tests.house import House

HOME, CAFE = limits.network("192.0.2.7"), limits.network("198.51.100.9")
SANNE = "sanne@vandalenbakker.example"


def _tries(house: House, address: str, network: bytes, *, until: int = 500) -> int:
    for number in range(until):
        try:
            limits.check_login(house.runtime, address, network)
        except TooManyAttempts:
            return number
    return until


@pytest.mark.parametrize(
    ("left", "right", "one"),
    [
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("fe80::1%eth0", "fe80::2", True),
        (None, "not an address", True),
    ],
)
def test_a_network_is_an_address_or_the_first_half_of_a_long_one(left: str | None, right: str, one: bool) -> None:
    assert (limits.network(left) == limits.network(right)) is one


def test_five_tries_are_free_for_known_and_unknown_addresses_alike(house: House) -> None:
    assert _tries(house, SANNE, CAFE) == 5
    assert _tries(house, "nobody@example.org", CAFE) == 5


def test_a_stranger_can_never_keep_the_owner_out(house: House) -> None:
    with house.work() as ctx:
        limits.forgive_login(ctx, SANNE, HOME)
    for number in range(24):
        _tries(house, SANNE, limits.network(f"203.0.113.{number}"))
    assert _tries(house, SANNE, limits.network("203.0.113.250")) == 0, "new networks wait"
    limits.check_login(house.runtime, SANNE, HOME)


def test_a_known_network_is_forgotten_after_thirty_days(house: House) -> None:
    with house.work() as ctx:
        limits.forgive_login(ctx, SANNE, HOME)
        assert limits._is_known(ctx, ctx.keys.address_tag(SANNE), HOME)
    house.clock.forward(days=29)
    with house.work() as ctx:
        assert limits._is_known(ctx, ctx.keys.address_tag(SANNE), HOME)
    house.clock.forward(days=2)
    with house.work() as ctx:
        assert not limits._is_known(ctx, ctx.keys.address_tag(SANNE), HOME)


def test_an_office_behind_one_address_logs_in_all_morning(house: House) -> None:
    for number in range(80):
        address = f"colleague{number}@example.org"
        limits.check_login(house.runtime, address, HOME)
        with house.work() as ctx:
            limits.forgive_login(ctx, address, HOME)


def test_one_network_cannot_try_many_addresses(house: House) -> None:
    for number in range(60):
        limits.check_login(house.runtime, f"somebody{number}@example.org", CAFE)
    with pytest.raises(TooManyAttempts):
        limits.check_login(house.runtime, "somebody60@example.org", CAFE)


def test_waiting_helps(house: House) -> None:
    _tries(house, SANNE, CAFE)
    house.clock.forward(seconds=31)
    limits.check_login(house.runtime, SANNE, CAFE)


def test_wrong_message_codes_are_counted_per_network(house: House) -> None:
    for _ in range(60):
        with house.work() as ctx:
            limits.require_room_for_codes(ctx, CAFE)
            limits.count_code(ctx, CAFE)
    with house.work() as ctx:
        with pytest.raises(TooManyAttempts):
            limits.require_room_for_codes(ctx, CAFE)
        limits.require_room_for_codes(ctx, HOME)
        limits.count_code(ctx, CAFE)


def test_mails_to_one_address_are_counted(house: House) -> None:
    for _ in range(3):
        limits.check_sign_up(house.runtime, "peter@example.org", HOME)
    with pytest.raises(TooManyAttempts):
        limits.check_sign_up(house.runtime, "peter@example.org", CAFE)


def test_races_give_no_free_tries(house: House) -> None:
    allowed: list[int] = []

    def guess() -> None:
        try:
            limits.check_login(house.runtime, SANNE, CAFE)
            allowed.append(1)
        except TooManyAttempts:
            pass

    threads = [threading.Thread(target=guess) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(allowed) == 5


def test_no_row_tells_who_tried(house: House) -> None:
    limits.check_login(house.runtime, SANNE, CAFE)
    with house.work() as ctx:
        rows = ctx.db.execute(text("SELECT tag FROM attempt")).all()
        assert len(rows) == 3
        assert all(SANNE.encode() not in bytes(row[0]) and CAFE not in bytes(row[0]) for row in rows)


def test_second_steps_from_everywhere_are_thirty_a_day_and_a_right_one_begins_anew(house: House) -> None:
    def tried(number: int) -> bool:
        house.clock.forward(minutes=10)
        try:
            limits.check_second_step(house.runtime, SANNE, f"network {number}".encode())
        except TooManyAttempts:
            return False
        return True

    house.clock.now = house.clock.now.replace(hour=1)
    assert [tried(number) for number in range(35)].count(True) == 30
    limits.check_second_step(house.runtime, "somebody.else@example.org", b"network")
    with house.work() as ctx:
        limits.forgive_second_step(ctx, SANNE, b"network 1")
    assert tried(99)


def test_failed_second_steps_are_counted_by_the_day(house: House) -> None:
    def failed() -> int:
        with house.work() as ctx:
            return limits.count_failed_step(ctx, SANNE)

    assert [failed(), failed(), failed()] == [1, 2, 3]
    house.clock.forward(days=1, minutes=1)
    assert failed() == 1
