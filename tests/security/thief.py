"""A thief with the rows and any secrets that he got hold of, who uses our own code to open whatever they open.

He tries every key on every lock that such a key could open, with the true context of the row, and goes on with every
key that comes out. What he knows of the format is everything: it is public.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select

from securemail.crypto import content, cookies, links, mailkeys, notes, unlock
from securemail.crypto.codes import read_message_code, read_recovery_code
from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.keypair import KeyPair
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.password import Parameters, stretch
from securemail.crypto.secrets import (
    ContentKey,
    MailKey,
    MessageCode,
    PayloadKey,
    RecoveryCode,
    RootKey,
    Secret,
    SessionSecret,
    Token,
)
from securemail.crypto.unlock import RootKeys
from securemail.errors import CannotOpen
from securemail.identity.challenges import NOBODY
from securemail.store.base import Base
from tests.house import House

Place = tuple[str, tuple[object, ...]]
"""A sealed column and the primary key of its row."""
Rows = Mapping[str, list[Mapping[str, Any]]]
Try = tuple[str, Mapping[str, Any], Callable[[], object]]
_KEY_SIZES = {16, 20, 32}


def steal(engine: Engine) -> Rows:
    """Every row of every table."""
    with engine.connect() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in Base.metadata.sorted_tables
        }


@dataclass
class Thief:
    """`opened` holds what has been read, by place."""

    rows: Rows
    configured: tuple[bytes, ...]
    opened: dict[Place, object] = field(default_factory=dict)
    _tried: set[bytes] = field(default_factory=set)

    def try_everything(self, *secrets: bytes, guess: bool = False) -> "Thief":
        """Open all that follows from the configuration and these secrets.

        With `guess`, also whatever opens with any key derived from the configuration, or with a readable value.
        """
        guesses = [*self._derived(), *self._readable()] if guess else []
        waiting = [*self.configured, *secrets, *guesses]
        while waiting:
            key = bytes(waiting.pop())
            if key in self._tried:
                continue
            self._tried.add(key)
            waiting += [found for opened in self._try(key) for found in harvest(opened)]
        return self

    def try_password(self, password: str) -> "Thief":
        """Guess a password for every account, with the peppers at hand."""
        stretched = [
            stretch(password, Parameters.decode(row["parameters"]), derive(Secret(secret), Label.CONFIG_PEPPER))
            for row in self.rows["unlocker"]
            if row["parameters"]
            for secret in self.configured
        ]
        return self.try_everything(*stretched)

    def columns(self) -> set[str]:
        return {column for column, _ in self.opened}

    def keys_of(self, column: str) -> set[object]:
        """The first part of the primary keys of what was opened in a column."""
        return {key[0] for opened, key in self.opened if opened == column}

    def _derived(self) -> list[bytes]:
        return [bytes(derive(Secret(secret), label)) for secret in self.configured for label in Label]

    def _readable(self) -> list[bytes]:
        values = (value for rows in self.rows.values() for row in rows for value in row.values())
        return [value for value in values if isinstance(value, bytes) and len(value) in _KEY_SIZES]

    def _try(self, key: bytes) -> Iterator[object]:
        for column, row, attempt in self._attempts(key):
            try:
                found = attempt()
            except CannotOpen:
                continue
            self.opened[column, primary_key(column, row)] = found
            yield found

    def _attempts(self, key: bytes) -> Iterator[Try]:
        if len(key) == 16:
            yield from self._as_message_code(MessageCode(key))
        elif len(key) == 20:
            yield from self._as_recovery_code(RecoveryCode(key))
        elif len(key) == 32:
            for kind in (
                self._as_configured, self._as_stretched_password_or_prf, self._as_root_key, self._as_mail_key,
                self._as_link_key, self._as_content_key, self._as_payload_key, self._as_cookie, self._as_token,
            ):  # fmt: skip
                yield from kind(key)

    def _as_message_code(self, code: MessageCode) -> Iterator[Try]:
        for row in self.rows["guest_link"]:
            yield (
                "guest_link.sealed_dk",
                row,
                lambda r=row: links.open_link_key(code, r["sealed_dk"] or b"", r["id"], r["method"]),
            )

            hint = row["sealed_hint"] or b""
            yield "guest_link.sealed_hint", row, lambda r=row, s=hint: links.open_hint(code, r["id"], s)

    def _as_recovery_code(self, code: RecoveryCode) -> Iterator[Try]:
        for row in self.rows["unlocker"]:
            pair = unlock.recovery_pair(code, row["account"], row["id"])
            yield "unlocker.sealed_rk", row, lambda r=row, p=pair: self._root_key(p, r)

    def _as_stretched_password_or_prf(self, key: bytes) -> Iterator[Try]:
        for row in self.rows["unlocker"]:
            for made in (unlock.password_pair, unlock.passkey_pair):
                pair = made(Secret(key), row["account"], row["id"])
                yield "unlocker.sealed_rk", row, lambda r=row, p=pair: self._root_key(p, r)

    def _root_key(self, pair: KeyPair, row: Mapping[str, Any]) -> RootKey:
        for epoch in epochs(self._account(row["account"])["rk_epoch"]):
            try:
                sealed = row["sealed_rk"] or b""  # a passkey that is a second step only has none
                return unlock.open_root_key(pair, sealed, row["account"], epoch, row["id"], row["kind"])
            except CannotOpen:
                continue
        raise CannotOpen

    def _account(self, account: bytes) -> Mapping[str, Any]:
        return next(row for row in self.rows["account"] if row["id"] == account)

    def _as_configured(self, key: bytes) -> Iterator[Try]:
        keys = ConfiguredKeys(((1, Secret(key)),))
        for row in self.rows["account"]:
            yield "account.sealed_entry", row, lambda r=row: keys.open_entry(r["id"], r["sealed_entry"])
            yield "account.sealed_photo", row, lambda r=row: keys.open_photo(r["id"], r["sealed_photo"] or b"")
        for row in self.rows["address"]:
            yield "address.sealed_address", row, lambda r=row: keys.open_address(r["mailbox"], r["sealed_address"])

    def _as_root_key(self, key: bytes) -> Iterator[Try]:
        for account, epoch in self._epochs("account", "rk_epoch"):
            root = RootKeys(account["id"], epoch, RootKey(key))
            yield (
                "account.sealed_vault",
                account,
                lambda a=account, k=root: k.open_vault(a["vault_revision"], a["sealed_vault"] or b""),
            )
            for row in self.rows["session"]:
                opening = lambda r=row, k=root: k.open_device(r["id"], r["sealed_device"] or b"")  # noqa: E731
                yield "session.sealed_device", row, opening
            for row in self.rows["mailbox"]:
                yield "mailbox.sealed_holders", row, lambda r=row, k=root: k.open_holders(r["id"], r["sealed_holders"])
            pair = root.identity()
            for row in self.rows["mail_grant"]:
                yield "mail_grant.sealed_mk", row, lambda r=row, p=pair: self._grant(p, r)

    def _epochs(self, table: str, column: str) -> Iterator[tuple[Mapping[str, Any], int]]:
        """Every row with each epoch that it has had: keys that were rotated away are tried as what they were."""
        for row in self.rows[table]:
            for epoch in epochs(row[column]):
                yield row, epoch

    def _grant(self, pair: KeyPair, row: Mapping[str, Any]) -> MailKey:
        facts = {"mailbox": row["mailbox"], "epoch": row["epoch"], "grantee": row["grantee"], "grant": row["id"]}
        return mailkeys.open_grant(pair, row["sealed_mk"], rights=row["rights"], **facts)

    def _as_mail_key(self, key: bytes) -> Iterator[Try]:
        for mailbox, epoch in self._epochs("mailbox", "mk_epoch"):
            mail = MailKeys(mailbox["id"], epoch, MailKey(key))
            yield (
                "mailbox.sealed_holders",
                mailbox,
                lambda r=mailbox, m=mail: unlock.open_organisation_holders(m.mk, r["id"], m.epoch, r["sealed_holders"]),
            )
            for row in self.rows["mail_chain"]:
                yield "mail_chain.sealed_prev", row, lambda r=row, m=mail: m.open_previous(r["sealed_prev"])
            yield from self._in_mailbox(mail)
            yield from self._with_pair(mail)

    def _in_mailbox(self, mail: MailKeys) -> Iterator[Try]:
        for row in self.rows["item"]:
            yield "item.sealed_cek", row, lambda r=row: mail.open_item(r["sealed_cek"], r["message"])
        for row in self.rows["draft"]:
            yield "draft.sealed_draft", row, lambda r=row: mail.open_draft(r["id"], r["revision"], r["sealed_draft"])
        for row in self.rows["contact"]:
            yield "contact.sealed_contact", row, lambda r=row: mail.open_contact(r["id"], r["sealed_contact"])
        for row in self.rows["guest_link"]:
            yield "guest_link.sealed_maker", row, lambda r=row: mail.open_maker(r["id"], r["sealed_maker"])

    def _with_pair(self, mail: MailKeys) -> Iterator[Try]:
        pair = mail.pair()
        for row in self.rows["envelope"]:
            if row["sealed_cek"]:
                yield (
                    "envelope.sealed_cek",
                    row,
                    lambda r=row: mail.open_envelope(pair, r["sealed_cek"], r["message"]),
                )
        for row in self.rows["outbox_lock"]:
            yield (
                "outbox_lock.sealed_key",
                row,
                lambda r=row: notes.open_payload_key(pair, r["sealed_key"], r["outbox"], r["holder"], r["epoch"]),
            )
        for row in self.rows["pending"]:
            sealed = row["sealed_for_organisation"] or b""
            yield (
                "pending.sealed_for_organisation",
                row,
                lambda r=row, s=sealed: notes.open_for_organisation(pair, r["id"], s),
            )
        for row in self.rows["member"]:
            sealed = row["sealed_reference"] or b""
            opening = lambda r=row, s=sealed: notes.open_reference(pair, r["account"], s)  # noqa: E731
            yield "member.sealed_reference", row, opening
        for row in self.rows["audit"]:
            yield "audit.sealed_detail", row, lambda r=row: notes.open_audit(pair, r["id"], r["sealed_detail"])

    def _as_link_key(self, key: bytes) -> Iterator[Try]:
        for row in self.rows["guest_link"]:
            yield from self._with_pair(MailKeys(row["id"], links.EPOCH, MailKey(key)))
            yield (
                "guest_link.sealed_guest",
                row,
                lambda r=row: links.open_guest(MailKey(key), r["id"], r["sealed_guest"]),
            )

    def _as_content_key(self, key: bytes) -> Iterator[Try]:
        cek = ContentKey(key)
        for row in self.rows["message"]:
            yield "message.sealed_head", row, lambda r=row: content.open_head(cek, r["id"], r["sealed_head"])
            yield "message.sealed_body", row, lambda r=row: content.open_body(cek, r["id"], r["sealed_body"])

    def _as_payload_key(self, key: bytes) -> Iterator[Try]:
        for row in self.rows["outbox"]:
            if row["sealed_payload"]:
                yield (
                    "outbox.sealed_payload",
                    row,
                    lambda r=row: notes.open_payload(PayloadKey(key), r["id"], r["sealed_payload"]),
                )

    def _as_cookie(self, key: bytes) -> Iterator[Try]:
        secret = SessionSecret(key)
        for row in self.rows["session"]:
            if row["sealed_rk"]:
                yield (
                    "session.sealed_rk",
                    row,
                    lambda r=row: cookies.open_session_root_key(
                        secret, r["sealed_rk"], session=r["id"], account=r["account"], state=r["state"]
                    ),
                )
            holder = row["account"] or NOBODY
            opening = lambda r=row, h=holder: cookies.open_challenge(  # noqa: E731
                secret, r["sealed_challenge"] or b"", session=r["id"], holder=h
            )
            yield "session.sealed_challenge", row, opening
        for row in self.rows["session_link"]:
            yield (
                "session_link.sealed_dk",
                row,
                lambda r=row: cookies.open_session_link_key(
                    secret, r["sealed_dk"] or b"", session=r["session"], link=r["link"], state=r["state"]
                ),
            )

        yield from self._between_steps(secret)
        for row in self.rows["guest_device"]:
            yield (
                "guest_device.sealed_device",
                row,
                lambda r=row: links.open_device_note(secret, r["id"], r["sealed_device"]),
            )
        for row in self.rows["link_device"]:
            yield "link_device.sealed_dk", row, lambda r=row: self._link_of_device(secret, r)

    def _between_steps(self, secret: SessionSecret) -> Iterator[Try]:
        """What a guest's browser holds that has a check to pass."""
        for row in self.rows["session_link"]:
            place = {"session": row["session"], "link": row["link"]}
            yield (
                "session_link.sealed_code",
                row,
                lambda r=row, p=place: cookies.open_session_code(secret, r["sealed_code"] or b"", **p),
            )
            yield (
                "session_link.sealed_challenge",
                row,
                lambda r=row, p=place: cookies.open_link_challenge(secret, r["sealed_challenge"] or b"", **p),
            )

    def _link_of_device(self, secret: SessionSecret, row: Mapping[str, Any]) -> MailKey:
        [device] = [one for one in self.rows["guest_device"] if one["id"] == row["device"]]
        pair = links.device_pair(secret, device["mailbox"])
        return links.open_for_device(pair, row["sealed_dk"], row["link"], row["device"])

    def _as_token(self, key: bytes) -> Iterator[Try]:
        for row in self.rows["pending"]:
            if row["sealed_address"]:
                yield (
                    "pending.sealed_address",
                    row,
                    lambda r=row: notes.open_pending(Token(key), r["id"], r["sealed_address"]),
                )


def thief_in(house: House, *, configured: bool = True) -> Thief:
    """With the rows, and unless said otherwise the whole configuration."""
    secrets = tuple(bytes(secret.value) for secret in house.runtime.settings.secrets)
    return Thief(steal(house.runtime.engine), secrets if configured else ())


def epochs(newest: int) -> range:
    return range(1, newest + 1)


def harvest(opened: object) -> Iterator[bytes]:
    """The keys in something opened: itself, or the codes and keys that a note or a mail holds."""
    if isinstance(opened, bytes):
        yield opened
    elif isinstance(opened, dict):
        yield from _codes(opened)
        if "dk" in opened:
            yield bytes.fromhex(opened["dk"])


def _codes(opened: Mapping[str, Any]) -> Iterable[bytes]:
    if "code_groups" in opened:
        return [read_recovery_code(" ".join(opened["code_groups"]))]
    code = str(opened.get("code", ""))
    if not code:
        return []
    return [bytes.fromhex(code) if " " not in code else read_message_code(code)]


def primary_key(column: str, row: Mapping[str, Any]) -> tuple[object, ...]:
    table = Base.metadata.tables[column.partition(".")[0]]
    return tuple(row[key.name] for key in table.primary_key.columns)
