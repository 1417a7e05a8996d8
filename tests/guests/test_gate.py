"""Passing a recipient check: step by step, each once, in one browser, and no further than the check allows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.crypto import cookies
from securemail.crypto import links as locks
from securemail.crypto.secrets import MessageCode, SessionSecret
from securemail.errors import CannotOpen
from securemail.guests import checks, gate, guest_sessions, links
from securemail.guests.checks import Check
from securemail.guests.gate import AtGate, Locked, Refused, Unready
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.messages import sending
from securemail.store.models import GuestLink, Outbox, SessionLink
from tests.house import FATIMA, PETER, House

NUMBER = "+31612345678"
AGREED = "de naam van ons konijn"


def send(house: House, check: Check, to: tuple[str, str] = FATIMA) -> MessageCode:
    """Marieke writes to somebody with a check; the code from the mail."""
    with house.work() as ctx:
        sent = sending.send(
            ctx, house.marieke, key=ids.new_id(), to=[(*to, check)], subject="Uitslag", text="De uitslag is er."
        )
    return house.code_of(sent.conversation, to[0])


def agreed(house: House, password: str = AGREED) -> Check:
    with house.work() as ctx:
        return Check("password", password=checks.agree(ctx, password), hint="het konijn")


def knock(house: House, code: MessageCode, secret: SessionSecret | None = None) -> AtGate:
    with house.work() as ctx:
        return gate.enter_code(ctx, code, secret)


def ask_for_sms(house: House, at: AtGate) -> str:
    """The code that went to the phone."""
    with house.work() as ctx:
        gate.send_sms(ctx, at, host="mail.example.org", language="nl")
    with house.work() as ctx:
        sealed = ctx.db.get_one(SessionLink, (at.session, at.link.id)).sealed_challenge
    note = cookies.open_link_challenge(at.secret, sealed or b"", session=at.session, link=at.link.id)
    return str(note["code"])


def try_sms(house: House, at: AtGate, typed: str) -> SessionSecret:
    with house.work() as ctx:
        left = gate.count_try(ctx, at)
    with house.work() as ctx:
        return gate.enter_sms(ctx, at, typed, left=left)


def try_password(house: House, at: AtGate, typed: str) -> SessionSecret:
    with house.work() as ctx:
        left = gate.count_try(ctx, at)
    with house.work() as ctx:
        return gate.enter_password(ctx, at, gate.stretch(ctx, at, typed), left=left)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_a_code_by_sms_opens_the_letter(house: House) -> None:
    at = knock(house, send(house, Check("sms", NUMBER)))
    assert at.step == "sms"
    assert gate.masked_number(at).endswith("78")
    secret = try_sms(house, at, ask_for_sms(house, at))
    [letter] = house.letters(house.guest(secret, at.link.link_ref), at.link.conversation)
    assert letter.text == "De uitslag is er."


def test_the_message_code_alone_opens_no_letter_where_a_check_was_set(house: House) -> None:
    for check in (Check("sms", NUMBER), agreed(house)):
        at = knock(house, send(house, check))
        with house.work() as ctx, pytest.raises(GuestSessionEnded):
            guest_sessions.resume(ctx, at.secret, at.link.link_ref)


def test_an_edited_state_opens_no_letter(house: House) -> None:
    for check in (Check("sms", NUMBER), agreed(house)):
        at = knock(house, send(house, check))
        with house.work() as ctx:
            ctx.db.execute(update(SessionLink).values(state=cookies.FULL))
        with house.work() as ctx, pytest.raises(GuestSessionEnded):
            guest_sessions.resume(ctx, at.secret, at.link.link_ref)


def test_an_edited_method_opens_no_letter(house: House) -> None:
    code = send(house, Check("sms", NUMBER))
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).values(method=locks.NONE))
    with house.work() as ctx, pytest.raises(links.WrongCode):
        gate.enter_code(ctx, code, None)


def test_the_agreed_password_opens_the_letter(house: House) -> None:
    at = knock(house, send(house, agreed(house)))
    assert at.step == "password"
    secret = try_password(house, at, AGREED)
    [letter] = house.letters(house.guest(secret, at.link.link_ref), at.link.conversation)
    assert letter.text == "De uitslag is er."


def test_code_and_database_without_the_agreed_password_open_nothing(house: House) -> None:
    code = send(house, agreed(house))
    with house.work() as ctx:
        row = ctx.db.scalars(select(GuestLink)).one()
        another = gate.stretch(ctx, AtGate(row, "password", SessionSecret.new(), b"", None, code), "iets anders nog")
    for stretched in (None, another):
        with pytest.raises(CannotOpen):
            locks.open_link_key(code, row.sealed_dk or b"", row.id, row.method, stretched=stretched)


def test_a_wrong_password_says_how_many_tries_are_left_and_the_tenth_locks(house: House) -> None:
    code = send(house, agreed(house))
    at = knock(house, code)
    left = []
    for _ in range(gate.TRIES):
        with pytest.raises(Refused) as refused:
            try_password(house, at, "dat is het niet")
        left.append(refused.value.left)
    assert left == list(range(gate.TRIES - 1, -1, -1))
    with pytest.raises(Locked):
        try_password(house, knock(house, code), AGREED)


def test_the_sender_releases_a_locked_link(house: House) -> None:
    code = send(house, agreed(house))
    at = knock(house, code)
    for _ in range(gate.TRIES):
        with pytest.raises(Refused):
            try_password(house, at, "dat is het niet")
    with house.work() as ctx:
        links.release(ctx, house.marieke, ctx.db.scalars(select(GuestLink)).one())
    try_password(house, knock(house, code), AGREED)


def test_nobody_else_releases_it(house: House) -> None:
    send(house, agreed(house))
    with house.work() as ctx:
        ctx.db.execute(update(GuestLink).values(locked=ctx.now))
    with house.work() as ctx, pytest.raises(links.NotFound):
        links.release(ctx, house.sanne, ctx.db.scalars(select(GuestLink)).one())


def test_a_code_by_sms_is_tried_five_times(house: House) -> None:
    at = knock(house, send(house, Check("sms", NUMBER)))
    code = ask_for_sms(house, at)
    for _ in range(gate.TRIES_A_CODE):
        with pytest.raises(Refused, match="wrong"):
            try_sms(house, at, other_than(code))
    with pytest.raises(Refused, match="expired"):
        try_sms(house, at, code)
    try_sms(house, at, ask_for_sms(house, at))


def test_ten_wrong_codes_by_sms_lock_the_link_in_every_browser(house: House) -> None:
    code = send(house, Check("sms", NUMBER))
    for _ in range(2):
        at = knock(house, code)
        sent = ask_for_sms(house, at)
        for _ in range(gate.TRIES_A_CODE):
            with pytest.raises(Refused):
                try_sms(house, at, other_than(sent))
    fresh = knock(house, code)
    assert fresh.locked
    with house.work() as ctx, pytest.raises(Locked):
        gate.send_sms(ctx, fresh, host="mail.example.org", language="nl")


def test_right_codes_do_not_add_up_to_a_lock(house: House) -> None:
    code = send(house, Check("sms", NUMBER))
    for _ in range(gate.TRIES + 2):
        at = knock(house, code)
        try_sms(house, at, ask_for_sms(house, at))


def test_a_code_by_sms_is_old_after_ten_minutes(house: House) -> None:
    at = knock(house, send(house, Check("sms", NUMBER)))
    code = ask_for_sms(house, at)
    house.clock.now += gate.CODE_LIVES + timedelta(seconds=1)
    with pytest.raises(Refused, match="expired"):
        try_sms(house, at, code)


def test_a_code_by_sms_works_in_the_browser_that_asked_for_it_only(house: House) -> None:
    code = send(house, Check("sms", NUMBER))
    fatimas, mallorys = knock(house, code), knock(house, code)
    sent = ask_for_sms(house, fatimas)
    with pytest.raises(Refused):
        try_sms(house, mallorys, sent)


def test_a_code_by_sms_for_one_link_opens_no_other(house: House) -> None:
    first, second = send(house, Check("sms", NUMBER)), send(house, Check("sms", NUMBER), PETER)
    at_first = knock(house, first)
    at_second = knock(house, second, at_first.secret)
    sent = ask_for_sms(house, at_second)
    with house.work() as ctx:
        moved = gate.at(ctx, at_second.secret, at_first.link.link_ref)
    with pytest.raises(Refused):
        try_sms(house, moved, sent)


def test_sixty_four_right_codes_at_once_are_one(house: House) -> None:
    at = knock(house, send(house, Check("sms", NUMBER)))
    code = ask_for_sms(house, at)
    with house.work() as ctx:
        left = gate.count_try(ctx, at)

    def enter(_: int) -> bool:
        try:
            with house.work() as ctx:
                gate.enter_sms(ctx, at, code, left=left)
        except (Refused, GuestSessionEnded):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(enter, range(64))) == 1


def test_tries_counted_at_once_are_no_more_than_ten(house: House) -> None:
    at = knock(house, send(house, agreed(house)))

    def count(_: int) -> bool:
        try:
            with house.work() as ctx:
                gate.count_try(ctx, at)
        except Locked:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(count, range(40))) == gate.TRIES


@pytest.mark.parametrize("check", [Check("sms"), Check("password")])
def test_nobody_gets_in_while_the_sender_has_yet_to_say_something(house: House, check: Check) -> None:
    code = send(house, check)
    with house.work() as ctx, pytest.raises(Unready):
        gate.enter_code(ctx, code, None)
    with house.work() as ctx:
        assert ctx.db.scalars(select(Outbox).where(Outbox.kind == "guest_message")).all() == []


def test_typing_is_told_apart_and_costs_no_try(house: House) -> None:
    assert gate.digits_of(" 123 456 ") == b"123456"
    for typed in ("", "12345", "1234567", "12a456", "１２３４５６"):
        with pytest.raises(Refused, match="typing"):
            gate.digits_of(typed)
