"""Sign-up proves an address by a mailed token that works once, and tells nobody who has an account."""

import threading

import pytest
from sqlalchemy import func, select, text

from securemail.crypto.notes import open_payload, open_payload_key
from securemail.delivery import workers
from securemail.errors import InvalidInput
from securemail.identity import signup
from securemail.identity.passwords import stretch_new
from securemail.mailboxes import directory
from securemail.store.models import Outbox, OutboxLock, Pending
from tests.house import PASSWORD, PETER, SANNE, House

URL = "https://mail.example.org"


@pytest.fixture
def worker(house: House) -> workers.OwnKey:
    """A living worker, so that mails can be read."""
    own = workers.OwnKey.new()
    with house.work() as ctx:
        workers.announce(ctx, own)
    return own


def _request(house: House, address: str) -> None:
    with house.work() as ctx:
        signup.request(ctx, address, language="nl", public_url=URL)


def _mails(house: House, worker: workers.OwnKey) -> list[tuple[str, dict]]:
    found = []
    with house.work() as ctx:
        for row in ctx.db.scalars(select(Outbox).where(Outbox.kind.in_(["activation", "already_account"]))):
            held = ctx.db.get_one(OutboxLock, (row.id, worker.id))
            key = open_payload_key(worker.pair, held.sealed_key, row.id, worker.id, held.epoch)
            found.append((row.kind, open_payload(key, row.id, row.sealed_payload or b"")))
    return found


def _token(house: House, worker: workers.OwnKey) -> str:
    return _mails(house, worker)[-1][1]["token_link"].partition("#")[2]


def _activate(house: House, token: str, name: str = PETER[1]) -> None:
    password = stretch_new(PASSWORD, house.runtime.keys, house.runtime.hasher)
    with house.work() as ctx:
        signup.activate(ctx, token, name=name, password=password, language="nl")


def test_an_address_becomes_an_account(house: House, worker: workers.OwnKey) -> None:
    _request(house, "Peter@hoekstra.example")
    token = _token(house, worker)
    with house.work() as ctx:
        invited = signup.invited(ctx, token)
        assert (invited.address, invited.organisation) == (PETER[0], "Van Dalen & Bakker")
    _activate(house, token)
    with house.work() as ctx:
        entry = directory.find(ctx, PETER[0])
        assert entry is not None
        assert entry.name == PETER[1]


def test_the_mail_holds_a_link_from_the_settings(house: House, worker: workers.OwnKey) -> None:
    _request(house, PETER[0])
    kind, mail = _mails(house, worker)[0]
    assert kind == "activation"
    assert mail["token_link"].startswith(f"{URL}/signup/activate#")
    assert mail["to"] == PETER[0]


def test_somebody_with_an_account_is_told_by_mail_only(house: House, worker: workers.OwnKey) -> None:
    _request(house, SANNE[0])
    kind, mail = _mails(house, worker)[0]
    assert kind == "already_account"
    assert "token_link" not in mail


def test_known_and_unknown_addresses_leave_the_same_traces(house: House, worker: workers.OwnKey) -> None:
    def traces(address: str) -> tuple[int, ...]:
        before = _counts(house)
        _request(house, address)
        return tuple(now - then for now, then in zip(_counts(house), before, strict=True))

    assert traces(SANNE[0]) == traces("nobody@example.org") == (1, 1, 1)


def _counts(house: House) -> tuple[int, int, int]:
    with house.work() as ctx:
        tables = (Pending, Outbox, OutboxLock)
        one, two, three = (ctx.db.scalar(select(func.count()).select_from(table)) or 0 for table in tables)
        return one, two, three


def test_a_new_request_makes_the_older_link_useless(house: House, worker: workers.OwnKey) -> None:
    _request(house, PETER[0])
    older = _token(house, worker)
    _request(house, PETER[0])
    with pytest.raises(InvalidInput):
        _activate(house, older)


def test_a_link_works_for_an_hour(house: House, worker: workers.OwnKey) -> None:
    _request(house, PETER[0])
    token = _token(house, worker)
    house.clock.forward(minutes=61)
    with pytest.raises(InvalidInput) as refused:
        _activate(house, token)
    assert refused.value.code == "expired"


def test_a_link_works_once(house: House, worker: workers.OwnKey) -> None:
    _request(house, PETER[0])
    token = _token(house, worker)
    _activate(house, token)
    with pytest.raises(InvalidInput):
        _activate(house, token)


def test_a_refused_name_does_not_use_the_link_up(house: House, worker: workers.OwnKey) -> None:
    _request(house, PETER[0])
    token = _token(house, worker)
    with pytest.raises(InvalidInput):
        _activate(house, token, name="")
    _activate(house, token)


def test_a_whole_link_that_was_pasted_is_understood(house: House, worker: workers.OwnKey) -> None:
    _request(house, PETER[0])
    _activate(house, f"  {URL}/signup/activate#{_token(house, worker)}\n")


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 42 + "B", "é" * 43, "A" * 100_000])
def test_a_mangled_token_is_refused(house: House, token: str) -> None:
    with pytest.raises(InvalidInput):
        _activate(house, token)


def test_without_a_worker_the_answer_is_the_same(house: House) -> None:
    _request(house, PETER[0])
    _request(house, SANNE[0])


def test_of_many_activations_at_the_same_moment_one_succeeds(house: House, worker: workers.OwnKey) -> None:
    _request(house, PETER[0])
    token, done, refused = _token(house, worker), [], []
    password = stretch_new(PASSWORD, house.runtime.keys, house.runtime.hasher)

    def try_once() -> None:
        try:
            with house.work() as ctx:
                signup.activate(ctx, token, name=PETER[1], password=password, language="nl")
            done.append(1)
        except InvalidInput:
            refused.append(1)

    threads = [threading.Thread(target=try_once) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (1, 11)


def test_neither_token_nor_address_is_readable_at_rest(house: House, worker: workers.OwnKey) -> None:
    _request(house, PETER[0])
    token = _token(house, worker)
    with house.work() as ctx:
        row = ctx.db.execute(text("SELECT * FROM pending")).one()
    stored = b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    assert PETER[0].encode() not in stored
    assert token.encode() not in stored
