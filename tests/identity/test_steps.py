"""The second step of a log-in: passed once, by one of many, and by nobody who waits for another account's."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyotp
import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import OperationalError, TimeoutError

from securemail.crypto import cookies, locks
from securemail.crypto.codes import write_backup_code
from securemail.crypto.secrets import BackupCode, SessionSecret
from securemail.errors import SecuremailError
from securemail.identity import arrivals, hashing, login, sessions, steps, vault
from securemail.identity.arrivals import Arriving
from securemail.identity.browsers import Browser
from securemail.identity.challenges import SessionEnded
from securemail.identity.context import Member
from securemail.identity.factors import backup_codes
from securemail.identity.login import Passed, WrongLogin
from securemail.identity.second_step import Refused
from securemail.identity.vault import Totp
from securemail.mailboxes.keys import UntrustedKey
from securemail.store.models import Account, BrowserSession, Outbox
from tests.house import PASSWORD, SANNE, House

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTHER_SEED = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
CROWD = 64


def set_up(house: House, member: Member, seed: str = SEED) -> list[str]:
    with house.work() as ctx:
        totp = Totp(seed, 0, ctx.now.isoformat())
        vault.change(ctx, member.root, lambda kept: replace(kept, totp=totp))
    with house.work() as ctx:
        return backup_codes.renew(ctx, member.root)


def password_right(house: House, member: Member, browser: Browser | None = None) -> Passed:
    with house.runtime.work(write=False) as ctx:
        candidate = login.find(ctx, member.address)
    proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, PASSWORD)
    with house.work() as ctx:
        return login.finish(ctx, proved, remember=False, browser=browser)


def waiting(house: House, member: Member) -> Arriving:
    passed = password_right(house, member)
    assert passed.waits
    with house.work() as ctx:
        return arrivals.arriving(ctx, passed.secret, cookies.PENDING)


def code(house: House, seed: str = SEED) -> str:
    return pyotp.TOTP(seed).at(house.clock.now)


def enter(house: House, who: Arriving, method: str, typed: str) -> SessionSecret:
    with house.work() as ctx:
        return steps.enter(ctx, who, method, typed, browser=None)  # type: ignore[arg-type]


@pytest.fixture
def codes(house: House) -> list[str]:
    """Sanne has an app and backup codes."""
    return set_up(house, house.sanne)


def test_the_password_alone_is_a_session_while_there_is_no_second_step(house: House) -> None:
    passed = password_right(house, house.sanne)
    assert not passed.waits
    with house.work() as ctx:
        assert sessions.resume(ctx, passed.secret).owner.account == house.sanne.account


def test_with_one_it_waits_and_resumes_nothing(house: House, codes: list[str]) -> None:
    passed = password_right(house, house.sanne)
    assert passed.waits
    with house.work() as ctx, pytest.raises(SessionEnded):
        sessions.resume(ctx, passed.secret)


def test_a_right_code_gives_another_session_and_takes_the_waiting_one(house: House, codes: list[str]) -> None:
    who = waiting(house, house.sanne)
    secret = enter(house, who, "totp", code(house))
    assert secret != who.held.secret
    with house.work() as ctx:
        resumed = sessions.resume(ctx, secret)
        assert resumed.member is not None
        assert resumed.owner.proved is not None
        with pytest.raises(SessionEnded):
            arrivals.arriving(ctx, who.held.secret, cookies.PENDING)


def test_one_accounts_code_is_not_anothers(house: House, codes: list[str]) -> None:
    set_up(house, house.marieke, OTHER_SEED)
    who = waiting(house, house.marieke)
    with pytest.raises(Refused):
        enter(house, who, "totp", code(house))
    with pytest.raises(Refused):
        enter(house, who, "backup", codes[0])
    with house.work() as ctx:
        assert len(vault.read(ctx, house.sanne.root).backup_codes) == 10


def test_a_waiting_session_outlives_neither_five_minutes_nor_the_account(house: House, codes: list[str]) -> None:
    who = waiting(house, house.sanne)
    house.clock.forward(minutes=5, seconds=1)
    with house.work() as ctx, pytest.raises(SessionEnded):
        arrivals.arriving(ctx, who.held.secret, cookies.PENDING)
    who = waiting(house, house.sanne)
    with house.work() as ctx:
        ctx.db.execute(
            update(Account).where(Account.id == house.sanne.account).values(state="closed", sealed_vault=None)
        )
    with pytest.raises(WrongLogin):
        enter(house, who, "totp", code(house))


def test_five_tries_are_counted_whatever_happens_to_the_page(house: House, codes: list[str]) -> None:
    who = waiting(house, house.sanne)
    left = []
    for _ in range(5):
        with house.work() as ctx:
            left.append(arrivals.count_try(ctx, who.held))
    assert left == [4, 3, 2, 1, 0]
    with house.work() as ctx, pytest.raises(SessionEnded):
        arrivals.count_try(ctx, who.held)


# --- 64 at once ---


def crowd(house: House, act: Callable[[], object]) -> list[str]:
    """Everybody does the same at the same moment; who found no place at the database says so."""
    barrier = threading.Barrier(CROWD)

    def one(_number: int) -> str:
        barrier.wait(60)
        try:
            act()
        except (SecuremailError, OperationalError, TimeoutError) as error:
            return type(error).__name__
        return "in"

    with ThreadPoolExecutor(CROWD) as people:
        return list(people.map(one, range(CROWD)))


def full_sessions(house: House) -> int:
    with house.work() as ctx:
        return ctx.db.scalar(select(func.count()).where(BrowserSession.state == cookies.FULL)) or 0


@pytest.mark.parametrize("method", ["totp", "backup"])
def test_of_sixty_four_that_pass_the_same_step_one_gets_in(house: House, codes: list[str], method: str) -> None:
    who = waiting(house, house.sanne)
    typed = code(house) if method == "totp" else codes[0]
    assert crowd(house, lambda: enter(house, who, method, typed)).count("in") == 1
    assert full_sessions(house) == 1


@pytest.mark.parametrize("method", ["totp", "backup"])
def test_of_sixty_four_with_sessions_of_their_own_and_one_code_one_gets_in(
    house: House, codes: list[str], method: str
) -> None:
    many = iter([waiting(house, house.sanne) for _ in range(CROWD)])
    typed, lock = code(house) if method == "totp" else codes[0], threading.Lock()

    def act() -> None:
        with lock:
            who = next(many)
        enter(house, who, method, typed)

    assert crowd(house, act).count("in") == 1
    assert full_sessions(house) == 1


def test_of_sixty_four_tries_five_are_compared(house: House, codes: list[str]) -> None:
    who = waiting(house, house.sanne)

    def act() -> None:
        with house.work() as ctx:
            arrivals.count_try(ctx, who.held)

    said = crowd(house, act)
    assert said.count("in") <= 5
    assert set(said) <= {"in", "SessionEnded", "OperationalError", "TimeoutError"}


def test_sixty_four_right_passwords_at_once_all_begin(house: House) -> None:
    """Nothing is used up by a password: each gets a session, and the vault remembers every browser that got in."""
    with house.runtime.work(write=False) as ctx:
        candidate = login.find(ctx, SANNE[0])
    proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, PASSWORD)

    def act() -> None:
        with house.work() as ctx:
            login.finish(ctx, proved, remember=False, browser=Browser(SessionSecret.new(), {"browser": "Firefox"}))

    said = crowd(house, act)
    assert set(said) <= {"in", "OperationalError", "TimeoutError"}
    assert full_sessions(house) == said.count("in") > 0
    with house.work() as ctx:
        assert len(vault.read(ctx, house.sanne.root).devices) == min(said.count("in"), vault.MOST_DEVICES)


# --- browsers ---


def test_a_new_browser_is_told_of_and_a_known_one_is_not(house: House) -> None:
    at_home, elsewhere = (Browser(SessionSecret.new(), {"browser": name}) for name in ("Firefox", "Chrome"))
    for browser in (at_home, at_home, elsewhere, elsewhere, at_home):
        password_right(house, house.sanne, browser)
    with house.work() as ctx:
        assert list(ctx.db.scalars(select(Outbox.kind))).count("new_device") == 1
        assert [device.name for device in vault.read(ctx, house.sanne.root).devices] == ["Firefox", "Chrome"]


def test_a_browser_that_waits_is_not_remembered(house: House, codes: list[str]) -> None:
    password_right(house, house.sanne, Browser(SessionSecret.new(), {"browser": "Firefox"}))
    with house.work() as ctx:
        assert vault.read(ctx, house.sanne.root).devices == ()
        assert "new_device" not in list(ctx.db.scalars(select(Outbox.kind)))


def test_what_one_account_recognises_a_browser_by_says_nothing_to_another(house: House) -> None:
    browser = Browser(SessionSecret.new(), {"browser": "Firefox"})
    for member in (house.sanne, house.marieke):
        password_right(house, member, browser)
    with house.work() as ctx:
        names = [vault.read(ctx, member.root).devices[0].id for member in (house.sanne, house.marieke)]
    assert names[0] != names[1]
    assert not {name for name in names if bytes.fromhex(name) in bytes(browser.device)}


# --- T15: the same work ---


def work_of(house: House, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    counts = {"argon2": 0, "queries": 0, "unlock": 0, "unlock_with": 0, "same": 0}

    def counting(name: str, real: Callable) -> Callable:
        def counted(*arguments, **named):
            counts[name] += 1
            return real(*arguments, **named)

        return counted

    def query(*_arguments) -> None:
        counts["queries"] += 1

    event.listen(house.runtime.engine, "before_cursor_execute", query)
    with monkeypatch.context() as patch:
        patch.setattr(hashing, "stretch", counting("argon2", hashing.stretch))
        patch.setattr("securemail.crypto.configured.unlock", counting("unlock", locks.unlock))
        patch.setattr("securemail.crypto.unlock.unlock", counting("unlock", locks.unlock))
        patch.setattr("securemail.crypto.unlock.unlock_with", counting("unlock_with", locks.unlock_with))
        patch.setattr("securemail.identity.factors.totp.same", counting("same", locks.same))
        patch.setattr("securemail.identity.factors.backup_codes.same", counting("same", locks.same))
        with pytest.raises((WrongLogin, Refused)):
            act()
    event.remove(house.runtime.engine, "before_cursor_execute", query)
    return counts


def test_a_wrong_password_costs_the_same_with_and_without_a_second_step(
    house: House, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def guess(address: str) -> Callable[[], object]:
        def act() -> None:
            with house.runtime.work(write=False) as ctx:
                candidate = login.find(ctx, address)
            login.prove(house.runtime.keys, house.runtime.hasher, candidate, "fout fout fout")

        return act

    for warm in (SANNE[0], "nobody@example.org"):
        work_of(house, guess(warm), monkeypatch)
    with_step, without, unknown = (
        work_of(house, guess(address), monkeypatch)
        for address in (SANNE[0], house.marieke.address, "nobody@example.org")
    )
    assert with_step == without == unknown
    assert with_step["argon2"] == 1


def test_codes_are_wrong_at_the_same_cost(house: House, codes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However much of a code is right, and whether it was right once."""
    right = code(house)
    enter(house, waiting(house, house.sanne), "totp", right)
    enter(house, waiting(house, house.sanne), "backup", codes[0])
    who = waiting(house, house.sanne)
    near, far = right[:5] + str((int(right[5]) + 1) % 10), f"{(int(right) + 500_001) % 10**6:06d}"
    app = [work_of(house, lambda c=c: enter(house, who, "totp", c), monkeypatch) for c in (near, far, right)]  # type: ignore[misc]
    assert app[0] == app[1] == app[2]
    assert app[0]["same"] > 0
    strange = write_backup_code(BackupCode.new())
    paper = [work_of(house, lambda c=c: enter(house, who, "backup", c), monkeypatch) for c in (codes[0], strange)]  # type: ignore[misc]
    assert paper[0] == paper[1]
    assert paper[0]["same"] == 9


# --- T8: rows that somebody wrote ---


def test_a_vault_put_back_from_before_the_second_step_blocks_the_account(house: House) -> None:
    with house.work() as ctx:
        before = ctx.db.get_one(Account, house.sanne.account).sealed_vault
    set_up(house, house.sanne)
    with house.work() as ctx:
        ctx.db.execute(update(Account).where(Account.id == house.sanne.account).values(sealed_vault=before))
    with pytest.raises(UntrustedKey):
        password_right(house, house.sanne)


def test_a_challenge_of_another_browser_is_of_no_use(house: House, codes: list[str]) -> None:
    mine, theirs = waiting(house, house.sanne), waiting(house, house.sanne)
    with house.work() as ctx:
        asked = cookies.seal_challenge(
            theirs.held.secret, {"sms": {"code": "123456"}}, session=theirs.held.session, holder=house.sanne.account
        )
        ctx.db.execute(
            update(BrowserSession).where(BrowserSession.id == mine.held.session).values(sealed_challenge=asked)
        )
    with pytest.raises(Refused) as refused:
        enter(house, mine, "sms", "123456")
    assert refused.value.reason == "expired"


def test_exchanged_locks_of_two_waiting_sessions_open_neither(
    house: House, codes: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = waiting(house, house.sanne), waiting(house, house.sanne)
    with house.work() as ctx:
        rows = {row.id: row for row in ctx.db.scalars(select(BrowserSession))}
        mine, theirs = rows[one.held.session], rows[other.held.session]
        mine.sealed_rk, theirs.sealed_rk = theirs.sealed_rk, mine.sealed_rk
    for who in (one, other):
        with house.work() as ctx, pytest.raises(SessionEnded):
            arrivals.arriving(ctx, who.held.secret, cookies.PENDING)
    assert "alarm" in caplog.text
