"""Waiting sign-ups, waiting mails and audit details: who holds the key reads, nobody else."""

from securemail.crypto.keypair import key_pair
from securemail.crypto.locks import digest
from securemail.crypto.notes import (
    open_audit,
    open_payload,
    open_payload_key,
    seal_audit,
    seal_payload,
    seal_payload_key,
    token_hash,
)
from securemail.crypto.secrets import PayloadKey, Seed, Token

OUTBOX, WORKER, MAILBOX = b"O" * 16, b"W" * 16, b"M" * 16


def test_worker_and_mailbox_each_open_the_waiting_mail() -> None:
    key = PayloadKey.new()
    sealed = seal_payload(key, OUTBOX, {"code": "ABCD"})
    for holder, epoch in ((WORKER, 1), (MAILBOX, 3)):
        pair = key_pair(Seed(holder * 2))
        locked = seal_payload_key(pair.public, key, OUTBOX, holder, epoch)
        opened = open_payload_key(pair, locked, OUTBOX, holder, epoch)
        assert open_payload(opened, OUTBOX, sealed)["code"] == "ABCD"


def test_an_audit_detail_is_for_the_organisation() -> None:
    pair = key_pair(Seed(bytes(32)))
    assert open_audit(pair, OUTBOX, seal_audit(pair.public, OUTBOX, {"who": "Eva"}))["who"] == "Eva"


def test_a_token_is_stored_as_its_hash() -> None:
    token = Token.new()
    assert token_hash(token) == digest(token) != bytes(token)
