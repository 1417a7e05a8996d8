"""Recovery: a mailed link, the recovery code, a second step where there is one, a day's wait where the code was mailed.
Afterwards everything old is dead, and every message is still there."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select, update

from securemail import ids
from securemail.crypto import cookies
from securemail.crypto.codes import read_recovery_code
from securemail.crypto.secrets import RecoveryCode, SessionSecret
from securemail.delivery.workers import OwnKey
from securemail.errors import InvalidInput, NotFound, StaleKeys
from securemail.identity import arrivals, credentials, login, recovery, sessions, vault, waits
from securemail.identity.accounts import NewAccount, recovery_unlocker
from securemail.identity.challenges import SessionEnded
from securemail.identity.context import Member
from securemail.identity.login import WrongLogin
from securemail.identity.passwords import stretch_new
from securemail.identity.recovery import Step, WrongCode
from securemail.identity.vault import Phone
from securemail.mailboxes import rotation
from securemail.mailboxes.keys import UntrustedKey
from securemail.messages import listing, reading, sending
from securemail.store.models import BrowserSession, Pending, Unlocker
from tests.house import FATIMA, MARIEKE, PASSWORD, PETER, SANNE, House
from tests.identity import mails
from tests.rotations import how_many
from tests.security.town import read_recovery_codes

NEW = "zeven groene tulpen op het balkon"


@pytest.fixture
def worker(house: House) -> OwnKey:
    return mails.hire(house)


def code_of(house: House, member: Member) -> RecoveryCode:
    """The code as its owner was mailed it."""
    with house.work() as ctx:
        return read_recovery_codes(ctx, house)[member.root.account]


def keep(house: House, member: Member, **facts: object) -> None:
    """Change what the member's vault says."""
    with house.work() as ctx:
        vault.write(ctx, member.root, replace(vault.read(ctx, member.root), **facts))  # type: ignore[arg-type]


def ask(house: House, worker: OwnKey, address: str = SANNE[0]) -> str:
    with house.work() as ctx:
        recovery.request(ctx, address, language="nl")
    return mails.token(house, worker, "recovery")


def prove(house: House, token: str, code: RecoveryCode) -> Step:
    with house.work() as ctx:
        return recovery.prove(ctx, token, code)


def finish(house: House, secret: SessionSecret | None, password: str = NEW) -> NewAccount:
    stretched = stretch_new(password, house.runtime.keys, house.runtime.hasher)
    with house.work() as ctx:
        arriving = arrivals.arriving(ctx, secret or SessionSecret.new(), cookies.RECOVERED)
        return recovery.finish(ctx, arriving, stretched)


def log_in(house: House, address: str, password: str) -> Member:
    with house.work() as ctx:
        candidate = login.find(ctx, address)
    proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, password)
    with house.work() as ctx:
        member = sessions.resume(ctx, login.finish(ctx, proved, remember=False).secret).member
    assert member is not None
    return member


def pass_the_day(house: House, worker: OwnKey, hours: float = 24) -> int:
    """The clock goes round, and the worker does its job."""
    house.clock.forward(hours=hours)
    mails.beat(house, worker)
    with house.work() as ctx:
        return waits.tell_due(ctx)


# --- the whole way ---


def test_a_saved_code_opens_the_account_at_once_and_everything_is_still_there(house: House, worker: OwnKey) -> None:
    sent = house.send(SANNE, FATIMA)
    code = code_of(house, house.sanne)
    keep(house, house.sanne, code_mailed=False)
    step = prove(house, ask(house, worker), code)
    assert (step.state, step.wait) == (cookies.RECOVERED, None)
    finish(house, step.secret)
    sanne = log_in(house, SANNE[0], NEW)
    [letter] = house.letters(sanne, sent.conversation)
    assert letter.head is not None
    assert letter.head.subject == "Berekening kinderalimentatie"


def test_old_password_code_and_sessions_are_dead_afterwards(house: House, worker: OwnKey) -> None:
    code = code_of(house, house.sanne)
    keep(house, house.sanne, code_mailed=False)
    with house.work() as ctx:
        sessions.start(ctx, account=house.sanne.root.account, rk=house.sanne.root.rk, remember=True)
    again = ask(house, worker)
    new = finish(house, prove(house, again, code).secret)
    with pytest.raises(WrongLogin):
        log_in(house, SANNE[0], PASSWORD)
    with house.work() as ctx:
        mine = BrowserSession.account == house.sanne.root.account
        assert ctx.db.scalar(select(func.count()).select_from(BrowserSession).where(mine)) == 0
        assert ctx.db.scalar(select(func.count()).select_from(Pending)) == 0
    with pytest.raises(WrongCode):
        prove(house, ask(house, worker), code)
    with house.work() as ctx:
        kept = vault.read(ctx, new.root)
    assert kept.code_mailed, "the organisation has new codes mailed"
    assert prove(house, mails.token(house, worker, "recovery"), new.recovery_code).wait is not None


def test_the_owner_is_told_and_the_new_code_is_mailed(house: House, worker: OwnKey) -> None:
    code = code_of(house, house.sanne)
    keep(house, house.sanne, code_mailed=False)
    new = finish(house, prove(house, ask(house, worker), code).secret)
    assert mails.sent(house, worker, "recovered") == [{}]
    *_, mailed = mails.sent(house, worker, "recovery_code")
    assert read_recovery_code(" ".join(mailed["code_groups"])) == new.recovery_code
    assert (mailed["to"], mailed["name"]) == SANNE


# --- the wait ---


def test_a_mailed_code_without_second_step_waits_a_day(house: House, worker: OwnKey) -> None:
    code = code_of(house, house.sanne)
    step = prove(house, ask(house, worker), code)
    assert step.secret is None
    assert step.wait is not None
    assert step.wait.ready - step.wait.begun == timedelta(hours=24)
    [told] = mails.sent(house, worker, "recovery_started")
    assert told["to"] == SANNE[0]
    assert told["path"].startswith("/recovery/stop#")
    assert pass_the_day(house, worker, hours=23.9) == 0
    assert pass_the_day(house, worker, hours=0.2) == 1
    token = mails.token(house, worker, "recovery_ready")
    step = prove(house, token, code)
    assert step.state == cookies.RECOVERED
    finish(house, step.secret)
    log_in(house, SANNE[0], NEW)


def test_asking_again_neither_shortens_nor_multiplies_the_wait(house: House, worker: OwnKey) -> None:
    code = code_of(house, house.sanne)
    first = prove(house, ask(house, worker), code).wait
    house.clock.forward(hours=3)
    mails.beat(house, worker)
    second = ask(house, worker)
    with house.work() as ctx:
        assert recovery.asked(ctx, second) == first
    assert prove(house, second, code).wait == first
    assert len(mails.sent(house, worker, "recovery_started")) == 1
    assert pass_the_day(house, worker, hours=21.1) == 1
    assert pass_the_day(house, worker, hours=1) == 0, "told once"


def test_who_lost_the_second_mail_asks_again_and_goes_on(house: House, worker: OwnKey) -> None:
    code = code_of(house, house.sanne)
    prove(house, ask(house, worker), code)
    house.clock.forward(hours=30)
    mails.beat(house, worker)
    assert prove(house, ask(house, worker), code).state == cookies.RECOVERED


def test_the_mailed_link_stops_it(house: House, worker: OwnKey) -> None:
    code = code_of(house, house.sanne)
    prove(house, ask(house, worker), code)
    stop = mails.token(house, worker, "recovery_started")
    with house.work() as ctx:
        assert waits.stop(ctx, stop).kind == waits.RECOVERY
    assert mails.sent(house, worker, "recovery_stopped") == [{}]
    assert pass_the_day(house, worker, hours=30) == 0
    with house.work() as ctx, pytest.raises(InvalidInput):
        waits.stop(ctx, stop)


def test_any_session_sees_it_and_stops_it_even_halfway(house: House, worker: OwnKey) -> None:
    code = code_of(house, house.sanne)
    prove(house, ask(house, worker), code)
    pass_the_day(house, worker)
    ready = mails.token(house, worker, "recovery_ready")
    step = prove(house, ask(house, worker), code)
    with house.work() as ctx:
        [wait] = waits.of_account(ctx, house.sanne.root.account)
        waits.stop_own(ctx, house.sanne.root.account, wait.id)
    with pytest.raises(SessionEnded):
        finish(house, step.secret)
    with pytest.raises(InvalidInput):
        prove(house, ready, code)
    log_in(house, SANNE[0], PASSWORD)


def test_a_new_recovery_code_ends_the_wait_for_who_has_the_older_one(house: House, worker: OwnKey) -> None:
    prove(house, ask(house, worker), code_of(house, house.sanne))
    with house.work() as ctx:
        new = credentials.new_recovery_code(ctx, house.sanne.owner, about={})
    assert pass_the_day(house, worker, hours=25) == 0
    mailed = read_recovery_code(" ".join(new.groups))
    step = prove(house, ask(house, worker), mailed)
    assert step.wait is not None
    assert not step.wait.over, "whoever reads the newer code in the mailbox waits a day of their own"


def test_a_long_password_takes_the_place_of_one_beside_a_second_step(house: House, worker: OwnKey) -> None:
    keep(house, house.sanne, code_mailed=False, extra={"short_password": True, "kept": 1})
    new = finish(house, prove(house, ask(house, worker), code_of(house, house.sanne)).secret)
    with house.work() as ctx:
        assert vault.read(ctx, new.root).extra == {"kept": 1}


def test_nobody_stops_the_wait_of_somebody_else(house: House, worker: OwnKey) -> None:
    step = prove(house, ask(house, worker), code_of(house, house.sanne))
    assert step.wait is not None
    with house.work() as ctx, pytest.raises(NotFound):
        waits.stop_own(ctx, house.marieke.root.account, step.wait.id)


def test_a_second_step_in_place_of_the_wait(house: House, worker: OwnKey) -> None:
    code = code_of(house, house.sanne)
    keep(house, house.sanne, phones=(Phone("+31612345678", "2026-11-19"),))
    step = prove(house, ask(house, worker), code)
    assert (step.state, step.wait) == (cookies.RECOVERING, None)
    with pytest.raises(SessionEnded):
        finish(house, step.secret)


# --- bad input ---


def test_a_wrong_code_leaves_the_link_as_it_is(house: House, worker: OwnKey) -> None:
    token = ask(house, worker)
    with pytest.raises(WrongCode):
        prove(house, token, RecoveryCode.new())
    with pytest.raises(WrongCode):
        prove(house, token, code_of(house, house.marieke))
    prove(house, token, code_of(house, house.sanne))
    with pytest.raises(InvalidInput):
        prove(house, token, code_of(house, house.sanne))


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\u00e9" * 43])
def test_mangled_links(house: House, token: str) -> None:
    with house.work() as ctx, pytest.raises(InvalidInput):
        recovery.asked(ctx, token)


def test_an_expired_link_and_one_for_something_else(house: House, worker: OwnKey) -> None:
    token = ask(house, worker)
    prove(house, token, code_of(house, house.sanne))
    stop = mails.token(house, worker, "recovery_started")
    with house.work() as ctx, pytest.raises(InvalidInput) as foreign:
        recovery.asked(ctx, stop)
    assert foreign.value.code == "invalid"
    late = ask(house, worker)
    house.clock.forward(minutes=61)
    with house.work() as ctx, pytest.raises(InvalidInput) as expired:
        recovery.asked(ctx, late)
    assert expired.value.code == "expired"


def test_a_newer_mail_kills_the_older_link(house: House, worker: OwnKey) -> None:
    older = ask(house, worker)
    newer = ask(house, worker)
    with pytest.raises(InvalidInput):
        prove(house, older, code_of(house, house.sanne))
    prove(house, newer, code_of(house, house.sanne))


def test_an_address_without_account_gets_a_short_mail(house: House, worker: OwnKey) -> None:
    with house.work() as ctx:
        recovery.request(ctx, PETER[0], language="nl")
    assert mails.sent(house, worker, "recovery") == []
    [told] = mails.sent(house, worker, "recovery_unknown")
    assert (told["to"], told["path"]) == (PETER[0], "/recovery")


# --- races ---


def test_of_sixty_four_with_the_same_link_one_goes_on(house: House, worker: OwnKey) -> None:
    code = code_of(house, house.sanne)
    keep(house, house.sanne, code_mailed=False)
    token, got = ask(house, worker), []

    def run() -> None:
        try:
            got.append(prove(house, token, code).secret)
        except InvalidInput as error:
            got.append(error.code)

    threads = [threading.Thread(target=run) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, bytes) for one in got) == 1
    assert len(got) == 64


def test_of_many_new_passwords_at_once_one_counts(house: House, worker: OwnKey) -> None:
    code = code_of(house, house.sanne)
    keep(house, house.sanne, code_mailed=False)
    step, got = prove(house, ask(house, worker), code), []

    def run(number: int) -> None:
        try:
            finish(house, step.secret, f"{number} {NEW}")
            got.append(number)
        except (SessionEnded, StaleKeys):
            got.append(-1)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [won] = [number for number in got if number >= 0]
    log_in(house, SANNE[0], f"{won} {NEW}")


# --- a writer of the database ---


def test_a_shortened_wait_counts_for_nothing(house: House, worker: OwnKey, caplog: pytest.LogCaptureFixture) -> None:
    code = code_of(house, house.sanne)
    prove(house, ask(house, worker), code)
    with house.work() as ctx:
        ctx.db.execute(update(Pending).where(Pending.kind == waits.RECOVERY).values(ready=ctx.now))
    assert pass_the_day(house, worker, hours=0.1) == 0
    step = prove(house, ask(house, worker), code)
    assert step.secret is None, "another wait, from the beginning"
    assert step.wait is not None
    assert not step.wait.over
    assert any("alarm" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("column", ["account", "kind", "expires"])
def test_a_planted_token_recovers_nothing(house: House, worker: OwnKey, column: str) -> None:
    token = ask(house, worker, MARIEKE[0])
    with house.work() as ctx:
        planted = {
            "account": {"account": house.sanne.root.account},
            "kind": {"kind": "fresh-start-ready"},
            "expires": {"expires": ctx.now.replace(year=2100)},
        }[column]
        ctx.db.execute(update(Pending).where(Pending.kind == "recovery").values(**planted))
    with pytest.raises(InvalidInput):
        prove(house, token, code_of(house, house.sanne))


def test_an_unlocker_that_the_vault_does_not_list_is_refused_with_an_alarm(
    house: House, worker: OwnKey, caplog: pytest.LogCaptureFixture
) -> None:
    planted = RecoveryCode.new()
    with house.work() as ctx:
        ctx.db.execute(Unlocker.__table__.delete().where(Unlocker.kind == "recovery"))
        ctx.db.add(recovery_unlocker(house.sanne.root, planted))
    with pytest.raises(UntrustedKey):
        prove(house, ask(house, worker), planted)
    assert any("alarm" in record.getMessage() for record in caplog.records)


def test_the_row_of_a_recovering_browser_cannot_be_edited_into_a_recovered_one(house: House, worker: OwnKey) -> None:
    keep(house, house.sanne, phones=(Phone("+31612345678", "2026-11-19"),))
    step = prove(house, ask(house, worker), code_of(house, house.sanne))
    with house.work() as ctx:
        ctx.db.execute(update(BrowserSession).values(state=cookies.RECOVERED))
    with pytest.raises(SessionEnded):
        finish(house, step.secret)


# --- known and unknown ---


def test_known_and_unknown_addresses_cost_the_same(house: House, worker: OwnKey) -> None:
    def statements(address: str) -> list[str]:
        seen: list[str] = []

        def note(_c: object, _cu: object, statement: str, *_: object) -> None:
            seen.append(statement)

        event.listen(house.runtime.engine, "before_cursor_execute", note)
        try:
            with house.work() as ctx:
                recovery.request(ctx, address, language="nl")
        finally:
            event.remove(house.runtime.engine, "before_cursor_execute", note)
        return seen

    statements(SANNE[0])
    assert statements(SANNE[0]) == statements(PETER[0])


# --- a thousand messages ---


@pytest.mark.slow
def test_a_thousand_messages_are_all_readable_afterwards(house: House, worker: OwnKey) -> None:
    many = how_many(house)
    send_many(house, many)
    with house.work() as ctx:
        while reading.take_in(ctx, house.sanne):
            pass
    code = code_of(house, house.sanne)
    keep(house, house.sanne, code_mailed=False)
    finish(house, prove(house, ask(house, worker), code).secret)
    sanne = log_in(house, SANNE[0], NEW)
    assert heads(house, sanne) == many, "through the chain"
    with house.work() as ctx:
        while rotation.relock(ctx, sanne).left:
            pass
    assert heads(house, log_in(house, SANNE[0], NEW)) == many, "under the new key"


def send_many(house: House, count: int) -> None:
    """As many conversations of Marieke's."""
    with house.work() as ctx:
        for number in range(count):
            sending.send(
                ctx, house.marieke, key=ids.new_id(), to=[SANNE], subject=f"Bericht {number}", text="Hetzelfde."
            )


def heads(house: House, member: Member) -> int:
    """How many letters of the inbox show their subject."""
    found, cursor = 0, None
    with house.work() as ctx:
        while True:
            page = listing.inbox(ctx, member, cursor)
            found += sum(row.head is not None for row in page.rows)
            if page.next is None:
                return found
            cursor = page.next
