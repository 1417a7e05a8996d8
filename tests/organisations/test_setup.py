"""Set-up happens once, through a link that is printed where the operator sees it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from securemail.config import Settings
from securemail.crypto.keypair import KeyPair
from securemail.crypto.mailkeys import MailKeys, open_grant
from securemail.crypto.notes import open_audit
from securemail.crypto.unlock import open_organisation_holders
from securemail.errors import Gone, InvalidInput
from securemail.identity.accounts import NewAccount
from securemail.identity.passwords import stretch_new
from securemail.mailboxes import keys
from securemail.organisations import setup
from securemail.runtime import Runtime
from securemail.store.models import Audit, Mailbox, MailGrant, Member, Organisation, Pending
from tests.house import MARIEKE, PASSWORD, TurnedClock
from tests.serve import CHEAP
from tests.servers import product_environ


@pytest.fixture
def runtime(tmp_path: Path, database_url: str) -> Iterator[Runtime]:
    """A product that nobody has used yet."""
    settings = Settings.from_environ(product_environ(tmp_path, database_url, port=8000, smtp_port=2525))
    made = Runtime.assemble(settings, argon2=CHEAP, clock=TurnedClock())
    yield made
    made.engine.dispose()


def _token(runtime: Runtime) -> str:
    link = setup.ensure_link(runtime)
    assert link is not None
    assert link.startswith("http://localhost:8000/setup#")
    return link.partition("#")[2]


def _set_up(runtime: Runtime, token: str, organisation: str = "Van Dalen & Bakker") -> NewAccount:
    password = stretch_new(PASSWORD, runtime.keys, runtime.hasher)
    with runtime.work(write=True) as ctx:
        return setup.set_up(
            ctx,
            token,
            organisation=organisation,
            name=MARIEKE[1],
            address=MARIEKE[0],
            password=password,
            language="nl",
        )


def test_the_first_visit_makes_organisation_and_administrator(runtime: Runtime) -> None:
    new = _set_up(runtime, _token(runtime))
    with runtime.work(write=False) as ctx:
        organisation = ctx.db.scalars(select(Organisation)).one()
        assert organisation.name == "Van Dalen & Bakker"
        assert ctx.db.get_one(Member, (organisation.id, new.root.account)).role == "administrator"


def test_the_administrator_opens_the_organisations_mailbox(runtime: Runtime) -> None:
    new = _set_up(runtime, _token(runtime))
    with runtime.work(write=False) as ctx:
        mailbox = ctx.db.scalars(select(Mailbox).where(Mailbox.kind == "organisation")).one()
        grant = ctx.db.scalars(select(MailGrant).where(MailGrant.mailbox == mailbox.id)).one()
        opened = _opened(grant, new.root.identity())
        keys.require_published(ctx, "mailbox", mailbox.id, 1, opened.pair())
        holders = open_organisation_holders(opened.mk, mailbox.id, 1, mailbox.sealed_holders)["holders"]
        assert holders == [{"grantee": new.root.account.hex(), "rights": "administrator"}]
        events = ctx.db.scalars(select(Audit).order_by(Audit.at)).all()
        assert {event.kind for event in events} == {"organisation-set-up", "account-created"}
        for event in events:
            open_audit(opened.pair(), event.id, event.sealed_detail)


def _opened(grant: MailGrant, identity: KeyPair) -> MailKeys:
    mk = open_grant(
        identity,
        grant.sealed_mk,
        mailbox=grant.mailbox,
        epoch=1,
        grantee=grant.grantee,
        grant=grant.id,
        rights="administrator",
    )
    return MailKeys(grant.mailbox, 1, mk)


def test_afterwards_there_is_no_link(runtime: Runtime) -> None:
    token = _token(runtime)
    _set_up(runtime, token)
    assert setup.ensure_link(runtime) is None
    with pytest.raises(Gone):
        _set_up(runtime, token)


def test_a_new_link_replaces_the_older(runtime: Runtime) -> None:
    older, newer = _token(runtime), _token(runtime)
    with pytest.raises(InvalidInput):
        _set_up(runtime, older)
    _set_up(runtime, newer)


@pytest.mark.parametrize("token", ["", "onzin", "A" * 43])
def test_without_the_token_nothing_happens(runtime: Runtime, token: str) -> None:
    _token(runtime)
    with pytest.raises(InvalidInput):
        _set_up(runtime, token)
    with runtime.work(write=False) as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(Organisation)) == 0
        assert ctx.db.scalar(select(func.count()).select_from(Pending)) == 1


def test_a_set_up_that_fails_half_way_leaves_the_link_usable(runtime: Runtime) -> None:
    token = _token(runtime)
    with pytest.raises(InvalidInput):
        _set_up(runtime, token, organisation="\n")
    _set_up(runtime, token)


def test_of_64_at_the_same_moment_one_wins(runtime: Runtime) -> None:
    token, done, refused = _token(runtime), [], []
    password = stretch_new(PASSWORD, runtime.keys, runtime.hasher)

    def try_once(number: int) -> None:
        try:
            with runtime.work(write=True) as ctx:
                setup.set_up(
                    ctx,
                    token,
                    organisation=f"Kantoor {number}",
                    name=MARIEKE[1],
                    address=f"marieke{number}@example.org",
                    password=password,
                    language="nl",
                )
            done.append(number)
        except (Gone, InvalidInput):
            refused.append(number)

    for start in range(0, 64, 16):
        threads = [threading.Thread(target=try_once, args=(start + n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(done) == 1
    assert len(refused) == 63
    with runtime.work(write=False) as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(Organisation)) == 1


def test_a_link_expires(runtime: Runtime) -> None:
    token = _token(runtime)
    clock = runtime.clock
    assert isinstance(clock, TurnedClock)
    clock.forward(days=8)
    with pytest.raises(InvalidInput) as refused:
        _set_up(runtime, token)
    assert refused.value.code == "expired"


def test_a_lost_organisation_row_does_not_open_set_up_to_strangers(runtime: Runtime) -> None:
    token = _token(runtime)
    _set_up(runtime, token)
    with runtime.work(write=True) as ctx:
        ctx.db.execute(delete(Pending))
    with pytest.raises(Gone):
        _set_up(runtime, token)
