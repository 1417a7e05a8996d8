"""T2: every column stands on exactly one of two reviewed lists: sealed, or readable to a thief for a stated reason.

A new column fails here until somebody has thought about what it tells whoever steals the database.
"""

from sqlalchemy import Column, LargeBinary, Table

from securemail.store import models
from securemail.store.base import Base

SEALED = {
    "account": ("sealed_entry", "sealed_vault", "sealed_photo"),
    "address": ("sealed_address",),
    "audit": ("sealed_detail",),
    "contact": ("sealed_contact",),
    "draft": ("sealed_draft",),
    "envelope": ("sealed_cek",),
    "guest_device": ("sealed_device",),
    "guest_link": ("sealed_dk", "sealed_hint", "sealed_guest", "sealed_maker"),
    "item": ("sealed_cek",),
    "link_device": ("sealed_dk",),
    "mail_chain": ("sealed_prev",),
    "mail_grant": ("sealed_mk",),
    "mailbox": ("sealed_holders",),
    "member": ("sealed_reference",),
    "message": ("sealed_head", "sealed_body"),
    "outbox": ("sealed_payload",),
    "outbox_lock": ("sealed_key",),
    "pending": ("sealed_address", "sealed_for_organisation"),
    "session": ("sealed_rk", "sealed_challenge", "sealed_device"),
    "session_link": ("sealed_dk", "sealed_code", "sealed_challenge"),
    "unlocker": ("sealed_rk",),
}

_ID = "random, tells one row from another"
_OWNER = "the internal id of whose row it is: who exchanged with whom is not hidden at rest"
_EPOCH = "which key to open the row with"
_TIME = "when: times are not hidden at rest"
_STATE = "a word from a fixed list, what has to be done with the row"
_KIND = "a word from a fixed list"
_MAC = "authenticates the row; needs the configured secret"
_PUBLIC = "a public key"

READABLE = {
    "account": {
        "id": _ID,
        "state": _STATE,
        "rk_epoch": _EPOCH,
        "vault_revision": _EPOCH,
        "created": _TIME,
        "photo": "random, tells one upload from the next",
    },
    "address": {"address_tag": "HMAC of the address under the configured secret", "mailbox": _OWNER, "since": _TIME},
    "attempt": {
        "tag": "HMAC of who tried what, under the configured secret and the day",
        "count": "how often, by nobody that can be named",
        "window_ends": _TIME,
    },
    "audit": {"id": _ID, "organisation": _OWNER, "at": _TIME, "kind": _KIND, "actor": _OWNER},
    "contact": {"id": _ID, "mailbox": _OWNER, "epoch": _EPOCH},
    "conversation": {"id": _ID, "created": _TIME},
    "draft": {"id": _ID, "mailbox": _OWNER, "epoch": _EPOCH, "revision": "how often it was saved", "changed": _TIME},
    "envelope": {"message": _OWNER, "principal": _OWNER, "epoch": _EPOCH, "delivered": _TIME},
    "guest_link": {
        "id": _ID,
        "conversation": _OWNER,
        "maker": _OWNER,
        "epoch": _EPOCH,
        "link_ref": "one-way from 128 random bits, finds the link",
        "method": _KIND,
        "created": _TIME,
        "opened": _TIME,
        "parameters": "cost and salt of an agreed password: what a guess costs is no secret",
        "tries": "how often something wrong was entered",
        "locked": _TIME,
        "closed": _TIME,
        "successor": _OWNER,
        "claimed_by": _OWNER,
        "mac": _MAC,
    },
    "help": {"id": _ID, "link": _OWNER, "kind": _KIND, "created": _TIME, "answered": _TIME},
    "guest_device": {
        "id": "one-way from the browser's cookie, another for each mailbox",
        "mailbox": _OWNER,
        "link": "at which of the mailbox's links it was remembered",
        "method": _KIND,
        "created": _TIME,
        "seen": _TIME,
        "expires": _TIME,
        "public_key": _PUBLIC,
        "mac": _MAC,
    },
    "link_device": {"link": _OWNER, "device": "which remembered browser opens it"},
    "item": {"mailbox": _OWNER, "message": _OWNER, "epoch": _EPOCH, "folder": _KIND, "sent_at": _TIME},
    "mail_grant": {
        "id": _ID,
        "mailbox": _OWNER,
        "epoch": _EPOCH,
        "grantee": _OWNER,
        "rights": _KIND,
        "created": _TIME,
    },
    "mail_chain": {"mailbox": _OWNER, "epoch": _EPOCH},
    "mailbox": {
        "id": _ID,
        "kind": _KIND,
        "owner": _OWNER,
        "mk_epoch": _EPOCH,
        "rotation_due": _STATE,
        "started_anew": "when the owner lost every way in and began again: senders are told it",
        "closed": "when the account was closed: senders are told that nothing arrives any more",
    },
    "member": {"organisation": _OWNER, "account": _OWNER, "role": _KIND},
    "message": {
        "id": _ID,
        "conversation": _OWNER,
        "sender": _OWNER,
        "sender_kind": _KIND,
        "account": _OWNER,
        "sent_at": _TIME,
        "idempotency_key": "random, made by the page",
        "state": _STATE,
        "expires": _TIME,
        "mac": _MAC,
    },
    "organisation": {
        "id": _ID,
        "name": "stands on the page that everybody may see",
        "created": _TIME,
        "policy": "who may join and what they need: shown to whoever joins",
        "mac": _MAC,
    },
    "outbox": {
        "id": _ID,
        "kind": _KIND,
        "message": _OWNER,
        "place": "which receiver of the message",
        "mailbox": _OWNER,
        "created": _TIME,
        "due": _TIME,
        "tries": "how often it was tried",
        "state": _STATE,
        "claimed_by": "the random id of a worker process",
        "claimed_until": _TIME,
        "mac": _MAC,
    },
    "outbox_lock": {"outbox": _OWNER, "holder": "the id of a worker or a mailbox", "epoch": _EPOCH},
    "pending": {
        "id": _ID,
        "kind": _KIND,
        "address_tag": "HMAC of the address under the configured secret",
        "token_hash": "one-way from 256 random bits",
        "created": _TIME,
        "expires": _TIME,
        "organisation": _OWNER,
        "account": _OWNER,
        "state": _STATE,
        "ready": _TIME,
        "mac": _MAC,
    },
    "principal_key": {
        "principal": _OWNER,
        "epoch": _EPOCH,
        "kind": _KIND,
        "suite": "which algorithm",
        "public_key": _PUBLIC,
        "created": _TIME,
        "mac": _MAC,
    },
    "recipient": {
        "message": _OWNER,
        "place": "the position in the sealed head's list",
        "principal": _OWNER,
        "kind": _KIND,
        "state": "whether something was opened is not hidden at rest",
        "state_at": _TIME,
        "opened_at": _TIME,
        "expires": _TIME,
        "remind": _TIME,
    },
    "session": {
        "id": "one-way from the cookie's 256 random bits",
        "account": _OWNER,
        "state": _STATE,
        "created": _TIME,
        "seen": _TIME,
        "expires": _TIME,
        "remember": "whether the browser is remembered",
        "proved": _TIME,
        "tries": "how often a second step was tried",
    },
    "session_link": {
        "session": _OWNER,
        "link": _OWNER,
        "state": _STATE,
        "tries": "how often a code by SMS was tried",
    },
    "thread": {
        "mailbox": _OWNER,
        "conversation": _OWNER,
        "newest": _OWNER,
        "newest_at": _TIME,
        "unread": "how many are unopened",
        "changed": _TIME,
    },
    "unlocker": {
        "id": _ID,
        "account": _OWNER,
        "kind": _KIND,
        "parameters": "cost and salt of the password: what a guess costs is no secret",
        "public_key": _PUBLIC,
        "credential_id": "random, made by a passkey",
        "credential_key": _PUBLIC,
        "sign_count": "how often a passkey says it was used",
    },
    "worker_key": {"id": _ID, "public_key": _PUBLIC, "mac": _MAC, "started": _TIME, "seen": _TIME},
}


def tables() -> list[Table]:
    assert models.__all__, "importing the models registers every table"
    return list(Base.metadata.sorted_tables)


def columns() -> list[Column[object]]:
    return [column for table in tables() for column in table.columns]


def test_every_column_is_on_exactly_one_list() -> None:
    sealed = [(table, column) for table, names in SEALED.items() for column in names]
    readable = [(table, column) for table, names in READABLE.items() for column in names]
    assert sorted(sealed + readable) == sorted((column.table.name, column.name) for column in columns())


def test_sealed_columns_are_named_so_and_binary_and_no_others_are_named_so() -> None:
    for column in columns():
        sealed = column.name in SEALED.get(column.table.name, ())
        assert column.name.startswith("sealed_") == sealed, column
        assert not sealed or isinstance(column.type, LargeBinary), column


def test_every_readable_column_says_why() -> None:
    assert all(reason for reasons in READABLE.values() for reason in reasons.values())


def test_no_column_keeps_free_text_but_the_organisations_own() -> None:
    """Words from a fixed list fit 32 characters; anything longer could be something that a person typed."""
    texts = [column for column in columns() if column.type.python_type is str]
    long = [str(column) for column in texts if (getattr(column.type, "length", None) or 1000) > 32]
    assert long == ["organisation.name", "organisation.policy"]
