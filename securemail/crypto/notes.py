"""Sealed notes between parts of the service: a token on its way, a mail waiting for the worker, an audit detail."""

from collections.abc import Mapping
from typing import Any

from securemail.crypto.encoding import decode_content, encode_content
from securemail.crypto.keypair import KeyPair
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, digest, lock, lock_to, unlock, unlock_with
from securemail.crypto.secrets import PayloadKey, SymmetricKey, Token


def token_hash(token: Token) -> bytes:
    """What is stored of a single-use token: SHA-256 (the token has 256 random bits, so no salt is needed)."""
    return digest(token)


def seal_pending(token: Token, pending: bytes, content: Mapping[str, Any]) -> bytes:
    """The address in a waiting sign-up, readable only with the token that was mailed to it."""
    return lock(_pending_key(token, pending), encode_content(content), Label.PENDING, pending)


def open_pending(token: Token, pending: bytes, sealed: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` when the token is another's."""
    return decode_content(unlock(_pending_key(token, pending), sealed, Label.PENDING, pending))


def seal_for_organisation(public_key: bytes, pending: bytes, content: Mapping[str, Any]) -> bytes:
    """An invitation as the organisation's administrators see it: address, name, reference."""
    return lock_to(public_key, encode_content(content), Label.PENDING_ORGANISATION, pending)


def open_for_organisation(pair: KeyPair, pending: bytes, sealed: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` for anybody but the organisation."""
    return decode_content(unlock_with(pair, sealed, Label.PENDING_ORGANISATION, pending))


def seal_reference(public_key: bytes, account: bytes, content: Mapping[str, Any]) -> bytes:
    """What a member told the organisation's administrators about themselves."""
    return lock_to(public_key, encode_content(content), Label.MEMBER_REFERENCE, account)


def open_reference(pair: KeyPair, account: bytes, sealed: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` for anybody but the organisation."""
    return decode_content(unlock_with(pair, sealed, Label.MEMBER_REFERENCE, account))


def seal_payload(key: PayloadKey, outbox: bytes, payload: Mapping[str, Any]) -> bytes:
    """A mail that waits: whoever may send it gets `key` by `seal_payload_key`."""
    return lock(SymmetricKey(key), encode_content(payload), Label.OUTBOX, outbox)


def open_payload(key: PayloadKey, outbox: bytes, sealed: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` when the key is another row's."""
    return decode_content(unlock(SymmetricKey(key), sealed, Label.OUTBOX, outbox))


def seal_payload_key(public_key: bytes, key: PayloadKey, outbox: bytes, holder: bytes, epoch: int) -> bytes:
    """A payload key for a worker (epoch 1) or for the mailbox that caused the mail."""
    return lock_to(public_key, key, Label.OUTBOX_KEY, outbox, holder, epoch)


def open_payload_key(pair: KeyPair, sealed: bytes, outbox: bytes, holder: bytes, epoch: int) -> PayloadKey:
    """Raises `CannotOpen` when it was not made for this holder."""
    return PayloadKey.opened(unlock_with(pair, sealed, Label.OUTBOX_KEY, outbox, holder, epoch))


def seal_audit(public_key: bytes, audit: bytes, detail: Mapping[str, Any]) -> bytes:
    """An audit detail that only the organisation's administrators open."""
    return lock_to(public_key, encode_content(detail), Label.AUDIT, audit)


def open_audit(pair: KeyPair, audit: bytes, sealed: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` for anybody but the organisation."""
    return decode_content(unlock_with(pair, sealed, Label.AUDIT, audit))


def _pending_key(token: Token, pending: bytes) -> SymmetricKey:
    return derive(token, Label.PENDING_KEY, pending)
