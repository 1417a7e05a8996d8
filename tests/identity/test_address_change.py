"""Another address: both have to say yes, and until then nothing changes and nobody learns anything."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from securemail import ids
from securemail.crypto.secrets import Token
from securemail.delivery.workers import OwnKey
from securemail.errors import InvalidInput
from securemail.identity import address_change, login, profile, tokens
from securemail.identity.address_change import NEW, OLD, Answer
from securemail.identity.context import Member
from securemail.mailboxes import directory
from securemail.store.models import Address, Audit, Pending
from tests.house import FATIMA, MARIEKE, SANNE, House
from tests.identity import mails

WANTED = "sanne@dewit.example"


@pytest.fixture
def worker(house: House) -> OwnKey:
    """Somebody who can open what is mailed."""
    return mails.hire(house)


def start(house: House, address: str = WANTED, who: Member | None = None) -> None:
    with house.work() as ctx:
        address_change.start(ctx, (who or house.sanne).owner, address)


def confirm(house: House, token: str) -> Answer:
    with house.work() as ctx:
        return address_change.confirm(ctx, token)


def from_old(house: House, worker: OwnKey) -> str:
    return mails.token(house, worker, "address_change_old")


def from_new(house: House, worker: OwnKey) -> str:
    return mails.token(house, worker, "address_change_new")


def address_of(house: House, member: Member) -> str:
    with house.work() as ctx:
        entry = directory.of_mailbox(ctx, member.mailbox)
        assert entry is not None
        assert directory.find(ctx, entry.address) == entry
        return entry.address


@pytest.mark.parametrize("order", [(from_old, from_new), (from_new, from_old)])
def test_the_second_yes_moves_the_address_in_either_order(house: House, worker: OwnKey, order: tuple) -> None:
    start(house)
    assert confirm(house, order[0](house, worker)).state == "waiting"
    assert address_of(house, house.sanne) == SANNE[0]
    assert confirm(house, order[1](house, worker)).state == "changed"
    assert address_of(house, house.sanne) == WANTED
    with house.work() as ctx:
        assert directory.find(ctx, SANNE[0]) is None
        assert login.find(ctx, WANTED).account == house.sanne.account
        assert ctx.db.scalars(select(Pending)).all() == []
        assert "address-changed" in set(ctx.db.scalars(select(Audit.kind)))
    [told] = mails.sent(house, worker, "address_changed")
    assert (told["to"], told["new"]) == (SANNE[0], WANTED)


def test_saying_yes_twice_from_one_address_is_one_yes(house: House, worker: OwnKey) -> None:
    start(house)
    for _ in range(3):
        assert confirm(house, from_new(house, worker)).state == "waiting"
    assert address_of(house, house.sanne) == SANNE[0]


def test_older_conversations_go_on(house: House, worker: OwnKey) -> None:
    sent = house.send(SANNE, FATIMA)
    start(house)
    confirm(house, from_old(house, worker))
    confirm(house, from_new(house, worker))
    again = house.send((WANTED, SANNE[1]), subject="Op het nieuwe adres")
    for conversation in (sent.conversation, again.conversation):
        [letter] = house.letters(house.sanne, conversation)
        assert letter.state == "closed"


def test_a_known_address_gives_the_same_answer_and_its_reader_is_told(house: House, worker: OwnKey) -> None:
    start(house, MARIEKE[0])
    with house.work() as ctx:
        change = address_change.of(ctx, house.sanne.owner)
    assert change is not None
    assert (change.to, change.old_confirmed, change.new_confirmed) == (MARIEKE[0], False, False)
    [told] = mails.sent(house, worker, "address_change_taken")
    assert told["to"] == MARIEKE[0]
    assert "path" not in told
    assert not told["name"], "who asked is not told to the reader of an address that is not theirs"
    assert confirm(house, from_old(house, worker)).state == "waiting"
    assert address_of(house, house.marieke) == MARIEKE[0]


def test_an_address_that_was_taken_meanwhile_is_told(house: House, worker: OwnKey) -> None:
    start(house)
    start(house, WANTED, house.marieke)
    for kind in ("address_change_old", "address_change_new"):
        of_marieke = mails.token(house, worker, kind)
        confirm(house, of_marieke)
    assert address_of(house, house.marieke) == WANTED
    of_sanne = [str(mail["path"]).partition("#")[2] for mail in _of(house, worker, SANNE[1])]
    assert [confirm(house, token).state for token in of_sanne] == ["waiting", "taken"]
    assert address_of(house, house.sanne) == SANNE[0]
    with pytest.raises(InvalidInput):
        confirm(house, of_sanne[0])


def _of(house: House, worker: OwnKey, name: str) -> list[dict]:
    """Sanne asked first: the older mail of each kind is hers."""
    return [mails.sent(house, worker, kind)[0] for kind in ("address_change_old", "address_change_new")]


def test_the_own_address_is_no_change(house: House) -> None:
    with pytest.raises(InvalidInput, match="address: same"):
        start(house, SANNE[0].upper())


def test_a_new_start_and_a_stop_kill_the_links_before(house: House, worker: OwnKey) -> None:
    start(house)
    first = from_old(house, worker), from_new(house, worker)
    house.clock.forward(seconds=20)
    start(house, "nog.een@dewit.example")
    for token in first:
        with pytest.raises(InvalidInput, match="token: invalid"):
            confirm(house, token)
    second = from_old(house, worker)
    with house.work() as ctx:
        address_change.end(ctx, house.sanne.owner)
        assert address_change.of(ctx, house.sanne.owner) is None
    with pytest.raises(InvalidInput, match="token: invalid"):
        confirm(house, second)


def test_after_a_day_the_links_have_expired(house: House, worker: OwnKey) -> None:
    start(house)
    tokens_before = from_old(house, worker), from_new(house, worker)
    confirm(house, tokens_before[0])
    house.clock.forward(hours=25)
    for token in tokens_before:
        with pytest.raises(InvalidInput, match="token: expired"):
            confirm(house, token)
    assert address_of(house, house.sanne) == SANNE[0]


@pytest.mark.parametrize("mangled", ["", "x", "A" * 43, "https://evil.example/#" + "B" * 43])
def test_a_mangled_token_is_refused(house: House, mangled: str) -> None:
    with pytest.raises(InvalidInput):
        confirm(house, mangled)


def test_a_yes_written_into_the_database_does_not_count(house: House, worker: OwnKey) -> None:
    """T8: the state of a waiting row stands under our signature."""
    start(house)
    with house.work() as ctx:
        ctx.db.execute(update(Pending).where(Pending.kind == OLD).values(state="confirmed"))
    with pytest.raises(InvalidInput, match="token: invalid"):
        confirm(house, from_new(house, worker))
    assert address_of(house, house.sanne) == SANNE[0]


def test_two_yeses_of_different_changes_make_no_change(house: House, worker: OwnKey) -> None:
    """T8: a genuine confirmed row of an older change, put back beside the new address of another one."""
    start(house)
    confirm(house, from_old(house, worker))
    with house.work() as ctx:
        kept = ctx.db.scalars(select(Pending).where(Pending.kind == OLD)).one()
        columns = {column.key: getattr(kept, column.key) for column in Pending.__table__.columns}
    house.clock.forward(seconds=20)
    start(house, "mallory@dewit.example")
    with house.work() as ctx:
        ctx.db.execute(delete(Pending).where(Pending.kind == OLD))
        ctx.db.add(Pending(**columns))
    with pytest.raises(InvalidInput, match="token: invalid"):
        confirm(house, from_new(house, worker))
    assert address_of(house, house.sanne) == SANNE[0]


def test_rows_for_another_account_move_nothing_of_it(house: House) -> None:
    """T8: whoever can write rows makes both, with tokens of their own, for somebody else's account."""
    made = [Token.new(), Token.new()]
    content = {"old": MARIEKE[0], "new": "mallory@example.org", "typed": "mallory@example.org", "usable": True}
    with house.work() as ctx:
        for kind, token in zip((OLD, NEW), made, strict=True):
            row = tokens.add(
                ctx, kind, token, lifetime=timedelta(hours=1), content=content, account=house.marieke.account,
                address="mallory@example.org",
            )  # fmt: skip
            row.mac = bytes(32)
    for token in made:
        with pytest.raises(InvalidInput, match="token: invalid"):
            confirm(house, ids.token_to_text(bytes(token)))
    assert address_of(house, house.marieke) == MARIEKE[0]


def test_a_name_changed_meanwhile_stays(house: House, worker: OwnKey) -> None:
    start(house)
    confirm(house, from_old(house, worker))
    with house.work() as ctx:
        profile.rename(ctx, house.sanne.owner, "Sanne de Wit")
    confirm(house, from_new(house, worker))
    with house.work() as ctx:
        entry = directory.of_mailbox(ctx, house.sanne.mailbox)
        assert entry is not None
        assert (entry.name, entry.address) == ("Sanne de Wit", WANTED)
        assert len(ctx.db.scalars(select(Address).where(Address.mailbox == house.sanne.mailbox)).all()) == 1
