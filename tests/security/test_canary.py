"""T1, by verbs: unmistakable words in every field that a person fills, searched for in every byte that is kept.

The organisation's name stands on the page that everybody sees, and is the one word that may be found.
"""

import base64
import logging
import secrets
import string
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import make_url, select, text, update

from securemail import ids
from securemail.crypto.codes import write_message_code, write_recovery_code
from securemail.crypto.secrets import MessageCode
from securemail.delivery import outbox, workers
from securemail.delivery.workers import OwnKey
from securemail.guests import guest_sessions
from securemail.identity import accounts, challenges, limits, login, sessions, signup
from securemail.identity.context import Member
from securemail.identity.factors import backup_codes, passkeys, sms
from securemail.identity.factors.ceremonies import RelyingParty
from securemail.identity.passwords import stretch_new
from securemail.messages import contacts, drafts, reading, receipts, revocation, sending
from securemail.store.models import GuestLink, Outbox
from tests.house import House, open_link
from tests.identity.factors.helpers import Browser
from tests.passkeys import SoftKey
from tests.servers import Postgres, Sqlite

_PAGE = 8192


@dataclass
class Canary:
    """Makes words that occur nowhere else, and remembers them by where they were put."""

    words: dict[str, str] = field(default_factory=dict)

    def word(self, where: str) -> str:
        self.words[where] = "".join(secrets.choice(string.ascii_lowercase) for _ in range(18))
        return self.words[where]

    def address(self, where: str) -> str:
        return f"{self.word(where)}@{self.word(where + ', domain')}.example"

    def keep(self, where: str, secret: str) -> str:
        self.words[where] = secret
        return secret


def in_small_letters(word: str) -> Iterator[bytes]:
    """The ways in which a word may stand in a file, all in small letters."""
    small = word.lower()
    yield from (small.encode(), small.encode("utf-16-le"), small.encode("utf-16-be"))
    for cased in {word, small, word.upper(), word.capitalize()}:
        yield cased.encode().hex().encode()
    yield quote(word, safe="").lower().encode()


def in_base64(word: str) -> Iterator[bytes]:
    for shift in range(3):
        # The same letters begin at each of the three places in a group; the uncertain ends are cut off.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(shift) + word.encode())[4 if shift else 0 : -4].rstrip(b"=")


def live(house: House, canary: Canary) -> None:
    """Do everything that can be done, with a canary in every field."""
    worker = OwnKey.new()
    with house.work() as ctx:
        workers.announce(ctx, worker)
    member = sign_up(house, canary)
    guest_address, guest_name = canary.address("guest's address"), canary.word("guest's name")
    colleague_name = canary.word("receiver's name for a colleague")
    with house.work() as ctx:
        to = [(guest_address, guest_name), (house.sanne.address, colleague_name)]
        sent = sending.send(
            ctx, member, key=ids.new_id(), to=to, subject=canary.word("subject"), text=canary.word("text") * 2000
        )
        content = drafts.Content(
            ((canary.address("draft's receiver"), canary.word("draft's name")),),
            canary.word("draft's subject"),
            canary.word("draft's text"),
            sent.conversation,
        )
        draft = ids.new_id()
        drafts.save(ctx, member, draft, 0, content)
        drafts.save(ctx, member, draft, 1, content)
    answer(house, canary, member, sent)
    secure(house, canary, member)


def secure(house: House, canary: Canary, member: Member) -> None:
    """Every second step, finished and begun."""
    browser, key = Browser(house, member), SoftKey()
    canary.keep("seed of the app", browser.app().secret)
    number = "".join(secrets.choice(string.digits) for _ in range(6))
    sent = {"region": "NL", "host": "localhost"}
    browser.do(sms.begin, browser.held, browser.owner, canary.keep("phone", f"+31612{number}"), **sent)
    browser.do(sms.enrol, browser.held, browser.owner, browser.do(challenges.asked, browser.held)["phone"]["code"])
    made = key.create(
        browser.do(
            passkeys.creation_options, browser.held, browser.owner, rp=RelyingParty.of("http://localhost:8000", "x")
        )
    )
    name = canary.word("name of the passkey")
    browser.do(passkeys.add, browser.held, browser.owner, made, name=name, prf=key.prf)
    canary.keep("the passkey's secret", (key.prf or b"").hex())
    for number, code in enumerate(codes := browser.do(backup_codes.renew, browser.owner.root)):
        canary.keep(f"backup code {number}", code)
    browser.do(backup_codes.show, browser.held, codes)
    canary.keep("seed of another app", browser.scan().secret)


def sign_up(house: House, canary: Canary) -> Member:
    address, password = canary.address("own address"), canary.word("password")
    with house.work() as ctx:
        signup.request(ctx, address, language="nl", public_url="http://localhost:8000")
        signup.request(ctx, canary.address("address that never answers"), language="nl", public_url="http://localhost")
    limits.check_login(house.runtime, address, canary.word("network").encode())
    stretched = stretch_new(password, house.runtime.keys, house.runtime.hasher)
    with house.work() as ctx:
        new = accounts.create_account(
            ctx, address=address, name=canary.word("own name"), language="nl", password=stretched,
            organisation=house.marieke.organisation, role="member",
        )  # fmt: skip
        canary.keep("recovery code", write_recovery_code(new.recovery_code))
        canary.keep("recovery code in one piece", write_recovery_code(new.recovery_code).replace(" ", ""))
    with house.work() as ctx:
        candidate = login.find(ctx, address)
    proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, password)
    with house.work() as ctx:
        secret = login.finish(ctx, proved, remember=True).secret
        member = sessions.resume(ctx, secret).member
    canary.keep("cookie, as characters", base64.urlsafe_b64encode(secret).decode().rstrip("="))
    canary.keep("root key", member.root.rk.hex())
    canary.keep("mail key", member.mail.mk.hex())
    return member


def answer(house: House, canary: Canary, member: Member, sent: sending.Sent) -> None:
    """The guest reads and answers, a colleague reads and answers, the member takes one back."""
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink).where(GuestLink.maker == member.mailbox)).one()
        code = bytes.fromhex(member.mail.open_maker(link.id, link.sealed_maker)["code"])
        secret, _ = open_link(ctx, MessageCode(code), None)
        canary.keep("message code", write_message_code(MessageCode(code)))
        canary.keep("message code in one piece", write_message_code(MessageCode(code)).replace(" ", ""))
        canary.keep("guest's cookie", base64.urlsafe_b64encode(secret).decode().rstrip("="))
        guest = guest_sessions.resume(ctx, secret, link.link_ref)
        reading.conversation(ctx, guest, sent.conversation)
        sending.reply(ctx, guest, conversation=sent.conversation, key=ids.new_id(), text=canary.word("guest's answer"))
    with house.work() as ctx:
        reading.take_in(ctx, house.sanne)
        receipts.mark_opened(ctx, house.sanne, sent.conversation)
        sending.reply(
            ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text=canary.word("colleague's answer")
        )
        contacts.suggest(ctx, member, canary.word("typed for suggestions"))
    with house.work() as ctx:
        second = sending.send(
            ctx, member, key=ids.new_id(), to=[(canary.address("withdrawn guest"), "")],
            subject=canary.word("withdrawn subject"), text=canary.word("withdrawn text"),
        )  # fmt: skip
        revocation.revoke(ctx, member, second.message)
        outbox.stranded(ctx, member)


def files_of(databases: Sqlite | Postgres, database_url: str, since: float) -> list[Path]:
    """The database's own files, with its log of changes, as far as they were written since."""
    if isinstance(databases, Postgres):
        files = [path for path in Path(databases.server.pgdata).rglob("*") if path.is_file()]
        return [path for path in files if path.stat().st_mtime >= since]
    path = Path(str(make_url(database_url).database))
    return list(path.parent.glob(path.name + "*"))


def written(path: Path) -> bytes:
    """A file without its empty pages."""
    raw = path.read_bytes()
    pages = (raw[start : start + _PAGE] for start in range(0, len(raw), _PAGE))
    return b"".join(page for page in pages if page.strip(b"\0"))


def hits(canary: Canary, files: list[Path]) -> list[str]:
    found = []
    for path in files:
        raw = written(path)
        small = raw.lower()
        for where, word in canary.words.items():
            if any(needle in small for needle in set(in_small_letters(word))):
                found.append(f"{where} stands in {path.name}")
            if any(needle in raw for needle in set(in_base64(word))):
                found.append(f"{where} stands in {path.name} in base64")
    return found


def test_nothing_that_people_typed_is_kept_readably(
    house: House, databases: Sqlite | Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canary, control, since = Canary(), secrets.token_hex(12), time.time() - 1
    live(house, canary)
    with house.work() as ctx:
        ctx.db.execute(update(Outbox).where(Outbox.kind == "activation").values(kind=control))
    if isinstance(databases, Postgres):
        with house.runtime.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("CHECKPOINT"))
    files = files_of(databases, house.runtime.settings.database_url, since)
    assert any(control.encode() in path.read_bytes() for path in files), "the search looks in the right files"
    assert len(canary.words) > 25
    others = [path for path in tmp_path.rglob("*") if path.is_file()]
    log = tmp_path / "log.txt"
    log.write_text("\n".join(record.getMessage() + str(record.exc_text) for record in caplog.records))
    assert hits(canary, [*files, *others, log]) == []


def test_the_search_finds_a_word_in_every_spelling(tmp_path: Path) -> None:
    canary = Canary()
    word = canary.word("here")
    raw = word.encode()
    for number, spelt in enumerate(
        (
            raw, b"x" + base64.b64encode(b"a" + raw + b"bc"), base64.b64encode(b"ab" + raw + b"c"), raw.hex().encode(),
            base64.b64encode(b"abc" + raw + b"d"), word.encode("utf-16-le"), word.upper().encode(),
        )
    ):  # fmt: skip
        file = tmp_path / f"{number}.bin"
        file.write_bytes(b"before" + spelt + b"after")
        assert hits(canary, [file]), spelt
