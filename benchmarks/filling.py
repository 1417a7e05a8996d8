"""Mailboxes with many messages, quickly and with real locks: written straight into SQLite's tables, copied from there.

What the list reads is as the product writes it: every message has keys, locks and signature of its own. Left out, as
the list does not read it: sealed texts (random bytes instead), the envelopes and links of guests, the outbox.
"""

import os
import random
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import psycopg

from securemail.crypto import cookies
from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.encoding import encode_content
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, lock
from securemail.crypto.secrets import ContentKey
from securemail.delivery import workers
from securemail.identity import accounts, sessions
from securemail.identity.context import Context
from securemail.identity.passwords import stretch_new
from securemail.mailboxes import mailboxes
from securemail.messages import authenticity
from securemail.messages.heads import Head, Party
from securemail.organisations import organisations
from securemail.runtime import Runtime
from securemail.store.base import Base
from securemail.store.models import Message

BOXES = 4
NEWEST = datetime(2025, 6, 30, 12, tzinfo=UTC)
STEP = timedelta(seconds=5)
"""The same in every database: pages of a small and a large one then show the same kind of dates."""
NOW = NEWEST + timedelta(hours=1)
_AT_ONCE = 20_000
_UNREAD = 50
_WORDS = (
    "bedrag", "aanvraag", "overleg", "voorstel", "afspraak", "stukken", "verdeling", "zitting", "ouderschapsplan",
    "woning", "pensioen", "bijlage", "brief", "reactie", "termijn", "verzoek", "morgen", "graag", "alvast", "samen",
)  # fmt: skip
_COLUMNS = {
    "conversation": "id, created",
    "message": "id, conversation, sender, sender_kind, account, sent_at, idempotency_key, state, mac, sealed_head,"
    " sealed_body",
    "recipient": "message, place, principal, kind, state, state_at, opened_at",
    "envelope": "message, principal, epoch, delivered, sealed_cek",
    "item": "mailbox, message, epoch, folder, sent_at, sealed_cek",
    "thread": "mailbox, conversation, newest, newest_at, unread, changed",
}
Rows = dict[str, list[tuple[Any, ...]]]
_Heading = tuple[Party, tuple[Party, ...], bytes]
"""Sender, receivers, and the head that names them, ready to be locked."""


@dataclass(frozen=True)
class Box:
    """One member's mailbox, and the cookie of a browser that is logged in to it."""

    mailbox: bytes
    cookie: str


@dataclass(frozen=True)
class _Owner:
    new: accounts.NewAccount
    party: Party
    guests: tuple[Party, ...]


def fill(runtime: Runtime, path: str, messages: int) -> list[Box]:
    """Fill a migrated SQLite file with an organisation of four members and that many messages."""
    with runtime.work(write=True) as ctx:
        owners = _move_in(ctx)
        boxes = [_log_in(ctx, owner) for owner in owners]
        workers.announce(ctx, workers.OwnKey.new())
    runtime.engine.dispose()
    with sqlite3.connect(path) as connection:
        # Half a filling is thrown away anyhow: no journal to write everything twice.
        for pragma in ("journal_mode=DELETE", "journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        for rows in _batches(runtime.keys, owners, messages):
            _insert(connection, rows)
    connection.close()
    return boxes


def _move_in(ctx: Context) -> list[_Owner]:
    organisation = organisations.create(ctx, "Van Dalen & Bakker").id
    password = stretch_new("negen blauwe fietsen in de gracht", ctx.keys, ctx.hasher)
    owners = []
    for number in range(BOXES):
        address, name = f"lid{number}@vandalenbakker.example", f"Lid {number} van Dalen"
        new = accounts.create_account(
            ctx, address=address, name=name, language="nl", password=password, organisation=organisation,
            role="member" if number else "administrator",
        )  # fmt: skip
        if not number:
            mailboxes.create_for_organisation(ctx, organisation, new.root)
        party = Party("mailbox", new.mail.principal, address, name)
        owners.append(_Owner(new, party, tuple(_guest(number, guest) for guest in range(50))))
    return owners


def _guest(owner: int, number: int) -> Party:
    name = f"{_WORDS[number % len(_WORDS)].capitalize()} de Vries {number}"
    return Party("link", os.urandom(16), f"gast{number}.{owner}@example.org", name)


def _log_in(ctx: Context, owner: _Owner) -> Box:
    root = owner.new.root
    secret = sessions.start(ctx, account=root.account, rk=root.rk, remember=True)
    return Box(owner.new.mail.principal, cookies.write_cookie(secret))


def _batches(keys: ConfiguredKeys, owners: Sequence[_Owner], messages: int) -> Iterator[Rows]:
    writers = [_Writer(keys, owner) for owner in owners]
    for start in range(0, messages, _AT_ONCE):
        rows: Rows = {table: [] for table in _COLUMNS}
        for number in range(start, min(start + _AT_ONCE, messages)):
            writers[number % BOXES].write(rows, number)
        yield rows


class _Writer:
    """Writes one member's rows: conversations of one message, every other one the member's own."""

    def __init__(self, keys: ConfiguredKeys, owner: _Owner) -> None:
        self._ctx = Context(cast(Any, None), keys, NOW, cast(Any, None))  # signing needs no database
        self._owner, self._body = owner, os.urandom(400)
        mail, chance = owner.new.mail, random.Random(owner.party.address)
        self._items_key = derive(mail.mk, Label.MAIL_ITEMS, mail.principal, mail.epoch)
        self._received = [_heading(chance, guest, (owner.party,)) for guest in owner.guests]
        self._sent = [
            _heading(chance, owner.party, (guest, *chance.sample(owner.guests, number % 4 == 0)))
            for number, guest in enumerate(owner.guests)
        ]

    def write(self, rows: Rows, number: int) -> None:
        turn = number // BOXES
        own, pick = turn % 2 == 1, turn // 2
        sender, to, head = (self._sent if own else self._received)[pick % len(self._sent)]
        opened = turn >= _UNREAD and (pick % 5 > 0 or not own)
        message, conversation, moment = os.urandom(16), os.urandom(16), NEWEST - STEP * number
        mailbox, account = self._owner.party.principal, self._owner.new.root.account if own else None
        cek, at = ContentKey.new(), moment.strftime("%Y-%m-%d %H:%M:%S.%f")
        row = SimpleNamespace(
            id=message, conversation=conversation, sender=sender.principal, sender_kind=sender.kind, account=account,
            sent_at=moment, sealed_body=self._body,
            sealed_head=lock(derive(cek, Label.MSG_HEAD, message), head, Label.MSG_HEAD, message),
        )  # fmt: skip
        mac = authenticity.sign(self._ctx, cast(Message, row))
        rows["conversation"].append((conversation, at))
        rows["message"].append(
            (message, conversation, sender.principal, sender.kind, account, at, os.urandom(16), "sent", mac,
             row.sealed_head, self._body)
        )  # fmt: skip
        state, opened_at = ("opened", at) if opened else ("notified", None)
        for place, party in enumerate(to):
            rows["recipient"].append((message, place, party.principal, party.kind, state, at, opened_at))
        if not own:
            rows["envelope"].append((message, mailbox, 1, at, None))
        sealed_cek = lock(self._items_key, cek, Label.ITEM_CEK, mailbox, 1, message)
        rows["item"].append((mailbox, message, 1, "sent" if own else "received", at, sealed_cek))
        rows["thread"].append((mailbox, conversation, message, at, int(not (own or opened)), at))


def _heading(chance: random.Random, sender: Party, to: tuple[Party, ...]) -> _Heading:
    subject, text = " ".join(chance.choices(_WORDS, k=4)), " ".join(chance.choices(_WORDS, k=20))
    return sender, to, encode_content(Head.write(sender, to, subject, text).to_json())


def _insert(connection: sqlite3.Connection, rows: Rows) -> None:
    for table, columns in _COLUMNS.items():
        places = ", ".join("?" * len(columns.split(",")))
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows[table])


def copy(path: str, uri: str) -> None:
    """Copy every row of a filled SQLite file into a migrated, empty PostgreSQL database."""
    with sqlite3.connect(path) as source, psycopg.connect(uri) as target:
        # The rows are consistent where they come from; checking each reference again would take minutes.
        target.execute("SET session_replication_role = replica")
        target.execute("SET TIME ZONE 'UTC'")
        for table in Base.metadata.sorted_tables:
            columns = ", ".join(column.name for column in table.columns)
            statement = f"COPY {table.name} ({columns}) FROM STDIN"
            with target.cursor().copy(statement.encode("ascii")) as lines:
                for row in source.execute(f"SELECT {columns} FROM {table.name}"):
                    lines.write_row(row)
    with psycopg.connect(uri, autocommit=True) as target:
        target.execute("VACUUM ANALYZE")
    source.close()
