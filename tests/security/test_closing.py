"""A closed account against a thief who has everything its owner had, and against a kill at any statement."""

from sqlalchemy import select

from securemail.identity import closing
from securemail.store.models import Account
from tests.house import PASSWORD, SANNE, House
from tests.security.processes import dump, killed_at
from tests.security.thief import Thief, steal
from tests.security.town import Town


def close(house: House) -> None:
    with house.work() as ctx:
        closing.close(ctx, house.sanne.owner)


def test_password_code_and_cookie_open_nothing_of_a_closed_account(town: Town) -> None:
    """T3: from the current database, with the whole configuration, and even with the keys that were open before."""
    house = town.house
    sanne = house.sanne
    before = _opened(town)
    assert before >= {"account.sealed_vault", "item.sealed_cek", "draft.sealed_draft", "message.sealed_body"}
    close(house)
    assert _opened(town) == set()
    with house.work() as ctx:
        row = ctx.db.scalars(select(Account).where(Account.id == sanne.account)).one()
        assert row.state == "closed"


def _opened(town: Town) -> set[str]:
    """The columns of which something opens that is Sanne's alone, with all that she could type or carry."""
    house, sanne = town.house, town.house.sanne
    rows = steal(house.runtime.engine)
    configured = tuple(secret.value for secret in house.runtime.settings.secrets)
    cookie, code = town.sessions[sanne.root.account], town.recovery[sanne.root.account]
    # Marieke's password is the same in this house, and is not what is tested: her unlockers are not at hand.
    rows = {**rows, "unlocker": [row for row in rows["unlocker"] if row["account"] == sanne.account]}
    thief = Thief(rows, configured).try_everything(bytes(cookie), bytes(code)).try_password(PASSWORD)
    alone = Thief(steal(house.runtime.engine), configured).try_everything()
    return {column for column, key in thief.opened.keys() - alone.opened.keys()}


def test_a_kill_at_any_statement_leaves_it_open_or_closed(house: House) -> None:
    """T12."""
    house.send(SANNE)
    before, statement = dump(house), 1
    while killed_at(house, statement, close):
        assert dump(house) == before
        statement += 1
    assert statement > 10
    after = dump(house)
    assert after != before
    with house.work() as ctx:
        assert ctx.db.scalars(select(Account.state).where(Account.id == house.sanne.account)).one() == "closed"
