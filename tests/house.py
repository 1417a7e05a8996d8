"""A furnished house for tests: an organisation with real accounts, keys and mailboxes, and a clock that is turned."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from securemail import ids
from securemail.config import Settings
from securemail.crypto.codes import read_message_code
from securemail.crypto.secrets import MessageCode, SessionSecret
from securemail.guests import gate, guest_sessions
from securemail.guests.checks import Check
from securemail.identity import accounts
from securemail.identity.context import Context, Guest, Member
from securemail.identity.passwords import NewPassword, stretch_new
from securemail.mailboxes import mailboxes
from securemail.messages import reading, sending
from securemail.organisations import organisations
from securemail.organisations.policy import Policy
from securemail.runtime import Runtime
from securemail.store.models import GuestLink
from tests.kept import on_kept_engine
from tests.serve import CHEAP
from tests.servers import Postgres, Sqlite, product_environ

MARIEKE = ("marieke@vandalenbakker.example", "Marieke van Dalen")
SANNE = ("sanne@vandalenbakker.example", "Sanne Kuipers")
FATIMA = ("fatima.el.amrani@example.org", "Fatima El Amrani")
PETER = ("peter@hoekstra.example", "Peter Hoekstra")
PASSWORD = "negen blauwe fietsen in de gracht"


class TurnedClock:
    """A clock that stands still until the test turns it; every reading is a microsecond later than the one before."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 19, 8, 58, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    def forward(self, **delta: float) -> None:
        """Turn it, by `minutes=` or `days=`."""
        self.now += timedelta(**delta)


@dataclass
class House:
    """Van Dalen & Bakker: Marieke, who set it up, and Sanne, her colleague."""

    runtime: Runtime
    clock: TurnedClock
    marieke: Member
    sanne: Member

    @contextmanager
    def work(self) -> Iterator[Context]:
        """One transaction that may write."""
        with self.runtime.work(write=True) as ctx:
            yield ctx

    def send(
        self, *to: tuple[str, str] | tuple[str, str, Check], author: Member | None = None,
        subject: str = "Berekening kinderalimentatie",
        text: str = "Beste Fatima en Peter,\n\nHet bedrag komt uit op € 384.", key: bytes | None = None,
    ) -> sending.Sent:  # fmt: skip
        """Send a new conversation, Marieke's unless another author is named."""
        with self.work() as ctx:
            return sending.send(
                ctx,
                author or self.marieke,
                key=key or ids.new_id(),
                to=list(to) or [FATIMA],
                subject=subject,
                text=text,
            )

    def code_of(self, conversation: bytes, address: str) -> MessageCode:
        """The code that stands in the maker's own note of a guest's link, as in the mail."""
        with self.work() as ctx:
            for row in ctx.db.scalars(select(GuestLink).where(GuestLink.conversation == conversation)):
                kept = self.marieke.mail.open_maker(row.id, row.sealed_maker)
                if kept["address"] == address:
                    return MessageCode(bytes.fromhex(kept["code"]))
        raise AssertionError(f"{address} has no link")

    def enter(self, conversation: bytes, address: str = FATIMA[0]) -> tuple[Guest, SessionSecret]:
        """A guest opens a conversation with the code from the mail."""
        code = self.code_of(conversation, address)
        with self.work() as ctx:
            entered = gate.enter_code(ctx, code, None)
        return self.guest(entered.secret, entered.link.link_ref), entered.secret

    def guest(self, secret: SessionSecret, ref: bytes) -> Guest:
        """A guest who comes back with their cookie."""
        with self.work() as ctx:
            return guest_sessions.resume(ctx, secret, ref)

    def join(self, who: tuple[str, str], *, password: str = PASSWORD) -> Member:
        """Somebody makes an account of their own."""
        stretched = stretch_new(password, self.runtime.keys, self.runtime.hasher)
        with self.work() as ctx:
            new = _account(ctx, who, self.marieke.organisation, "member", stretched)
        return _member(new, who, self.marieke.organisation)

    def letters(self, reader: Member | Guest, conversation: bytes) -> list[reading.Letter]:
        """What somebody sees of a conversation, after taking in what arrived."""
        with self.work() as ctx:
            if isinstance(reader, Member):
                reading.take_in(ctx, reader)
        with self.runtime.work(write=False) as ctx:
            return reading.conversation(ctx, reader, conversation)


def furnish(folder: Path, database_url: str, clock: TurnedClock | None = None) -> House:
    """Set up the organisation and both accounts in a migrated database."""
    clock = clock or TurnedClock()
    runtime = _runtime(folder, database_url, clock)
    password = stretch_new(PASSWORD, runtime.keys, runtime.hasher)
    with runtime.work(write=True) as ctx:
        organisation = organisations.create(ctx, "Van Dalen & Bakker", Policy(sign_up="open")).id
        marieke = _account(ctx, MARIEKE, organisation, "administrator", password)
        mailboxes.create_for_organisation(ctx, organisation, marieke.root)
        sanne = _account(ctx, SANNE, organisation, "member", password)
    return House(runtime, clock, _member(marieke, MARIEKE, organisation), _member(sanne, SANNE, organisation))


_first: dict[type, House] = {}


@contextmanager
def furnished_copy(folder: Path, databases: Sqlite | Postgres) -> Iterator[House]:
    """`furnish` on a database of its own, which is a copy of the first such house of this process."""
    first = _first.get(type(databases))
    if first is None:
        first = _first[type(databases)] = furnish(folder, databases.new_database())
        first.runtime.engine.dispose()  # only what nobody has open can be copied
    url = databases.new_database(like=first.runtime.settings.database_url)
    clock = TurnedClock()
    clock.now = first.clock.now
    with on_kept_engine(_runtime(folder, url, clock)) as runtime:
        yield House(runtime, clock, first.marieke, first.sanne)
    databases.drop(url)


def _runtime(folder: Path, database_url: str, clock: TurnedClock) -> Runtime:
    environ = product_environ(folder, database_url, port=8000, smtp_port=2525)
    return Runtime.assemble(Settings.from_environ(environ), argon2=CHEAP, clock=clock)


def _account(
    ctx: Context, who: tuple[str, str], organisation: bytes, role: accounts.Role, password: NewPassword
) -> accounts.NewAccount:
    return accounts.create_account(
        ctx, address=who[0], name=who[1], language="nl", password=password, organisation=organisation, role=role
    )


def _member(new: accounts.NewAccount, who: tuple[str, str], organisation: bytes) -> Member:
    return Member(
        kind="mailbox", mail=new.mail, address=who[0], name=who[1], language="nl", account=new.root.account,
        root=new.root, session=bytes(32), organisation=organisation,
    )  # fmt: skip


def open_link(ctx: Context, code: MessageCode, secret: SessionSecret | None) -> tuple[SessionSecret, GuestLink]:
    """A guest's browser gives a code to which nothing more is asked."""
    entered = gate.enter_code(ctx, code, secret)
    assert entered.step == "open"
    return entered.secret, entered.link


def typed(code: str) -> MessageCode:
    """A code as somebody types it."""
    return read_message_code(code)
