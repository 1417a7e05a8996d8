"""T3, T4, T5: what follows from stolen rows with, and without, each of the secrets that somebody may hold."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from securemail import ids
from securemail.config import ROOT
from securemail.crypto.secrets import SessionSecret
from securemail.errors import NotFound
from securemail.guests.guest_sessions import GuestSessionEnded
from securemail.guests.links import WrongCode
from securemail.identity import login, sessions, signup, vault
from securemail.identity.challenges import SessionEnded
from securemail.identity.context import Member
from securemail.identity.passwords import stretch_new
from securemail.identity.vault import Totp
from securemail.messages import drafts
from securemail.store.models import Conversation, GuestLink
from tests.house import FATIMA, MARIEKE, PASSWORD, House, furnish, open_link
from tests.security import thief as thief_module
from tests.security.swaps import sealed_columns
from tests.security.thief import Thief, steal, thief_in
from tests.security.town import Town, resume_guest, settle
from tests.servers import Sqlite

DIRECTORY = {"account.sealed_entry", "account.sealed_photo", "address.sealed_address"}
NOOR_PASSWORD = "zeven gele tulpen op een dinsdag"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, sqlite: Sqlite) -> Iterator[Town]:
    """A town for all who only look: what follows from a key does not depend on the kind of database."""
    yield from somewhere(tmp_path_factory, sqlite)


def somewhere(folders: pytest.TempPathFactory, sqlite: Sqlite) -> Iterator[Town]:
    url = sqlite.new_database()
    town = settle(furnish(folders.mktemp("town"), url))
    yield town
    town.house.runtime.engine.dispose()
    sqlite.drop(url)


def conversations(house: House) -> list[bytes]:
    with house.work() as ctx:
        return list(ctx.db.scalars(select(Conversation.id)))


def shown_to(house: House, member: Member) -> set[object]:
    """The messages of which the pages show a member anything."""
    found: set[object] = set()
    for conversation in conversations(house):
        try:
            letters = house.letters(member, conversation)
        except NotFound:
            continue
        found |= {letter.message for letter in letters if letter.head is not None}
    return found


def test_he_knows_every_opening_function_there_is() -> None:
    """A new one fails here until the thief tries it too."""
    source = Path(thief_module.__file__).read_text("utf-8")
    functions = {
        node.name
        for path in (ROOT / "securemail/crypto").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("open_")
    }
    assert {name for name in functions if f"{name}(" not in source} == set()


def test_he_knows_every_sealed_column_there_is() -> None:
    source = Path(thief_module.__file__).read_text("utf-8")
    assert {str(column) for column in sealed_columns() if f'"{column}"' not in source} == set()


def test_rows_and_configuration_open_the_directory_of_accounts_and_nothing_else(town: Town) -> None:
    assert thief_in(town.house).try_everything(guess=True).columns() == DIRECTORY


def test_rows_alone_open_nothing(settled: Town) -> None:
    assert Thief(steal(settled.house.runtime.engine), ()).try_everything(guess=True).columns() == set()


def test_one_password_opens_exactly_that_accounts_mail(town: Town) -> None:
    noor = move_in(town)
    thief = thief_in(town.house).try_password(NOOR_PASSWORD)
    assert thief.keys_of("message.sealed_body") == shown_to(town.house, noor)
    assert thief.keys_of("account.sealed_vault") == {noor.root.account}
    assert {key for column, key in thief.opened if column == "item.sealed_cek"} <= {
        (noor.mailbox, message) for message in shown_to(town.house, noor)
    }
    with town.house.work() as ctx:
        assert thief.keys_of("draft.sealed_draft") == {saved.draft for saved in drafts.newest(ctx, noor)}
    assert "audit.sealed_detail" not in thief.columns()


def move_in(town: Town) -> Member:
    """Noor, with a password of her own, who gets mail, answers, and writes something unfinished."""
    house = town.house
    password = stretch_new(NOOR_PASSWORD, house.runtime.keys, house.runtime.hasher)
    with house.work() as ctx:
        signup.activate(ctx, next(iter(town.tokens.values())), name="Noor", password=password, language="nl")
    with house.work() as ctx:
        candidate = login.find(ctx, "noor@example.org")
    proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, NOOR_PASSWORD)
    with house.work() as ctx:
        noor = sessions.resume(ctx, login.finish(ctx, proved, remember=False).secret).member
    house.send(("noor@example.org", "Noor"), FATIMA, subject="Voor Noor")
    house.send(MARIEKE, FATIMA, author=noor, subject="Van Noor")
    with house.work() as ctx:
        drafts.save(ctx, noor, ids.new_id(), 0, drafts.Content((), "Van Noor", "Nog niet af"))
    return noor


def test_a_wrong_password_opens_nothing_more(settled: Town) -> None:
    assert thief_in(settled.house).try_password(PASSWORD + "!").columns() == DIRECTORY


def test_a_members_cookie_opens_what_the_pages_show_and_no_more(settled: Town) -> None:
    for member in settled.members:
        thief = thief_in(settled.house).try_everything(settled.sessions[member.root.account])
        assert thief.keys_of("message.sealed_head") == shown_to(settled.house, member)
        assert thief.keys_of("message.sealed_body") == shown_to(settled.house, member)
        assert thief.keys_of("account.sealed_vault") == {member.root.account}


def test_a_guests_code_opens_what_the_pages_show_and_no_more(settled: Town) -> None:
    for link, code in settled.codes.items():
        thief = thief_in(settled.house).try_everything(code)
        assert thief.keys_of("message.sealed_body") == shown_to_guest(settled, link)
        assert thief.keys_of("guest_link.sealed_guest") == {link}
        assert not thief.columns() & {"guest_link.sealed_maker", "contact.sealed_contact", "draft.sealed_draft"}


def test_a_guests_cookie_opens_the_links_that_this_browser_opened_and_no_more(settled: Town) -> None:
    for secret in set(settled.guests.values()):
        mine = [link for link, held in settled.guests.items() if held == secret]
        thief = thief_in(settled.house).try_everything(secret)
        assert thief.keys_of("guest_link.sealed_guest") == set(mine)
        assert thief.keys_of("message.sealed_body") == set().union(*(shown_to_guest(settled, link) for link in mine))


def test_a_code_without_the_agreed_password_opens_the_hint_and_no_letter(settled: Town) -> None:
    """And so does the cookie of a browser that gave the code, which keeps nothing more than that."""
    waiting = {link: asked for link, asked in settled.asked.items() if method_of(settled, link) == "password"}
    assert len(waiting) == 2
    for link, asked in waiting.items():
        with_code, with_cookie = (thief_in(settled.house).try_everything(held) for held in (asked.code, asked.secret))
        assert with_code.columns() - DIRECTORY == {"guest_link.sealed_hint"}
        assert with_cookie.columns() - DIRECTORY == {"guest_link.sealed_hint", "session_link.sealed_code"}
        assert with_code.keys_of("guest_link.sealed_hint") == with_cookie.keys_of("guest_link.sealed_hint") == {link}


def method_of(town: Town, link: bytes) -> str:
    with town.house.work() as ctx:
        return ctx.db.get_one(GuestLink, link).method


def shown_to_guest(town: Town, link: bytes) -> set[object]:
    with town.house.work() as ctx:
        guest = resume_guest(ctx, link, town.guests[link])
    letters = town.house.letters(guest, guest.conversation)
    return {letter.message for letter in letters if letter.head is not None}


def test_the_organisations_key_opens_the_audit_log_and_nobodys_mail(settled: Town) -> None:
    thief = thief_in(settled.house).try_everything(settled.organisation.mk)
    for_administrators = {"pending.sealed_for_organisation", "member.sealed_reference", "mail_chain.sealed_prev"}
    assert thief.columns() - DIRECTORY == {"audit.sealed_detail", "mailbox.sealed_holders"} | for_administrators
    assert thief.keys_of("mailbox.sealed_holders") == {settled.organisation.principal}


def test_only_the_administrator_opens_the_audit_log(settled: Town) -> None:
    marieke, sanne = settled.members
    everything = len(steal(settled.house.runtime.engine)["audit"])
    for member, opens in ((marieke, everything), (sanne, 0)):
        thief = thief_in(settled.house).try_everything(settled.sessions[member.root.account])
        assert len(thief.keys_of("audit.sealed_detail")) == opens


def test_a_recovery_code_opens_its_account_alone(settled: Town) -> None:
    for member in settled.members:
        thief = thief_in(settled.house).try_everything(settled.recovery[member.root.account])
        assert thief.keys_of("account.sealed_vault") == {member.root.account}
        assert thief.keys_of("message.sealed_body") == shown_to(settled.house, member)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, sqlite: Sqlite) -> Iterator[Town]:
    """The same people and the same configuration on another database."""
    yield from somewhere(tmp_path_factory, sqlite)


def test_cookies_and_codes_open_nothing_in_another_database(settled: Town, elsewhere: Town) -> None:
    asked = settled.asked.values()
    secrets = [*settled.sessions.values(), *settled.guests.values(), *(one.secret for one in asked)]
    codes = [*settled.codes.values(), *(one.code for one in asked)]
    assert thief_in(elsewhere.house).try_everything(*secrets, *codes).columns() == DIRECTORY
    with elsewhere.house.work() as ctx:
        for secret in secrets:
            with pytest.raises(SessionEnded):
                sessions.resume(ctx, secret)
            for link in [*elsewhere.guests, *elsewhere.asked]:
                with pytest.raises(GuestSessionEnded):
                    resume_guest(ctx, link, secret)
        for code in codes:
            with pytest.raises(WrongCode):
                open_link(ctx, code, None)


def test_a_session_copied_into_another_database_opens_nothing_there(settled: Town, elsewhere: Town) -> None:
    """The row and the account's row are copied over, under the account's id of the other place."""
    rows = steal(settled.house.runtime.engine)
    account = elsewhere.house.marieke.root.account
    mine = next(row for row in rows["session"] if row["account"] == settled.house.marieke.root.account)
    with elsewhere.house.work() as ctx:
        table = sealed_columns()[0].table.metadata.tables["session"]
        ctx.db.execute(table.insert().values({**mine, "account": account}))
    with elsewhere.house.work() as ctx, pytest.raises(SessionEnded):
        sessions.resume(ctx, settled.sessions[settled.house.marieke.root.account])


def test_a_password_from_another_configuration_opens_nothing(settled: Town) -> None:
    """Without the pepper even the right password is worth nothing: rows alone cannot be guessed against."""
    thief = Thief(steal(settled.house.runtime.engine), (b"x" * 32,))
    assert thief.try_password(PASSWORD).columns() == set()


def test_a_waiting_cookie_opens_that_accounts_rows_and_no_page(town: Town) -> None:
    """The password made it: with the rows beside it, it is worth what the password is. Alone it shows nothing."""
    noor = move_in(town)
    secret = wait_for_second_step(town.house, noor)
    with town.house.work() as ctx, pytest.raises(SessionEnded):
        sessions.resume(ctx, secret)
    assert Thief(steal(town.house.runtime.engine), ()).try_everything(secret).keys_of("account.sealed_vault") == {
        noor.root.account
    }
    thief = thief_in(town.house).try_everything(secret)
    assert thief.keys_of("account.sealed_vault") == {noor.root.account}
    assert thief.keys_of("message.sealed_body") == shown_to(town.house, noor)


def test_a_waiting_cookie_with_anothers_rows_opens_nothing(
    town: Town, tmp_path_factory: pytest.TempPathFactory, sqlite: Sqlite
) -> None:
    """T5"""
    secret = wait_for_second_step(town.house, town.members[0])
    for elsewhere in somewhere(tmp_path_factory, sqlite):
        thief = Thief(steal(elsewhere.house.runtime.engine), ()).try_everything(secret)
        assert thief.columns() == set()
    without = Thief(steal(town.house.runtime.engine), ()).try_everything(SessionSecret.new())
    assert without.columns() == set()


def wait_for_second_step(house: House, member: Member) -> SessionSecret:
    """The password was right, and the code of an app is missing."""
    with house.work() as ctx:
        app = Totp("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", 0, ctx.now.isoformat())
        vault.change(ctx, member.root, lambda kept: replace(kept, totp=app))
    with house.work() as ctx:
        candidate = login.find(ctx, member.address)
    password = NOOR_PASSWORD if member.address == "noor@example.org" else PASSWORD
    proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, password)
    with house.work() as ctx:
        passed = login.finish(ctx, proved, remember=False)
    assert passed.waits
    return passed.secret
