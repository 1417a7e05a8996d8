"""A session's cookie secret: it names the session's row, opens what the row holds, and makes its form tokens.

The database alone has no cookie secret; the cookie alone has no ciphertext.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from securemail import ids
from securemail.crypto.encoding import decode_content, encode_content
from securemail.crypto.labels import Label
from securemail.crypto.locks import derive, digest, lock, same, unlock
from securemail.crypto.secrets import MailKey, MessageCode, RootKey, SessionSecret, SymmetricKey

PENDING, FULL, RECOVERING, RECOVERED, RETURNED = 0, 1, 2, 3, 4
"""The states of a session, bound into its lock. Pending: the password was right, the second step is missing.
Recovering: the recovery code was right, the second step is missing. Recovered: a new password may be chosen.
Returned: a guest's link that is open because the browser was remembered, without a check of its own."""
_FORM_TOKEN_BYTES = 64


def write_cookie(secret: SessionSecret) -> str:
    """43 base64url characters."""
    return ids.token_to_text(bytes(secret))


def read_cookie(text: str) -> SessionSecret | None:
    """The secret in a cookie, None when it cannot be one."""
    try:
        return SessionSecret(ids.token_from_text(text))
    except ValueError:
        return None


def session_id(secret: SessionSecret) -> bytes:
    """The 32 bytes that the session's row is found by."""
    return digest(derive(secret, Label.SESSION_ID))


def seal_session_root_key(secret: SessionSecret, rk: RootKey, *, session: bytes, account: bytes, state: int) -> bytes:
    """The root key behind a cookie; `state` is bound, so a pending session's row cannot be edited into a full one."""
    return lock(_session_key(secret, session), rk, Label.SESSION_RK, session, account, state)


def open_session_root_key(
    secret: SessionSecret, sealed: bytes, *, session: bytes, account: bytes, state: int
) -> RootKey:
    """Raises `CannotOpen` when cookie and row do not belong together."""
    return RootKey.opened(unlock(_session_key(secret, session), sealed, Label.SESSION_RK, session, account, state))


def seal_challenge(secret: SessionSecret, content: Mapping[str, Any], *, session: bytes, holder: bytes) -> bytes:
    """What a browser was asked for (a code by SMS, a WebAuthn challenge); `holder`: the account, or 16 zeros."""
    key = _session_key(secret, session)
    return lock(key, encode_content(content), Label.SESSION_CHALLENGE, session, holder)


def open_challenge(secret: SessionSecret, sealed: bytes, *, session: bytes, holder: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` when cookie and row do not belong together."""
    return decode_content(unlock(_session_key(secret, session), sealed, Label.SESSION_CHALLENGE, session, holder))


def device_id(secret: SessionSecret, account: bytes) -> bytes:
    """How the vault of an account names a browser that has logged in before: 16 bytes, another for each account."""
    return derive(secret, Label.DEVICE_ID, account)[:16]


def seal_session_link_key(secret: SessionSecret, dk: MailKey, *, session: bytes, link: bytes, state: int) -> bytes:
    """A guest link's key behind the guest's cookie."""
    return lock(_session_key(secret, session), dk, Label.SESSION_DK, session, link, state)


def open_session_link_key(secret: SessionSecret, sealed: bytes, *, session: bytes, link: bytes, state: int) -> MailKey:
    """Raises `CannotOpen` when cookie and row do not belong together."""
    return MailKey.opened(unlock(_session_key(secret, session), sealed, Label.SESSION_DK, session, link, state))


def seal_session_code(secret: SessionSecret, code: MessageCode, *, session: bytes, link: bytes) -> bytes:
    """A message code that was right, until the agreed password comes with it."""
    return lock(_session_key(secret, session), code, Label.SESSION_CODE, session, link)


def open_session_code(secret: SessionSecret, sealed: bytes, *, session: bytes, link: bytes) -> MessageCode:
    """Raises `CannotOpen` when cookie and row do not belong together."""
    return MessageCode(unlock(_session_key(secret, session), sealed, Label.SESSION_CODE, session, link))


def seal_link_challenge(secret: SessionSecret, content: Mapping[str, Any], *, session: bytes, link: bytes) -> bytes:
    """What a guest's browser was asked for at one link: the code that was sent to the phone."""
    key = _session_key(secret, session)
    return lock(key, encode_content(content), Label.SESSION_LINK_CHALLENGE, session, link)


def open_link_challenge(secret: SessionSecret, sealed: bytes, *, session: bytes, link: bytes) -> dict[str, Any]:
    """Raises `CannotOpen` when cookie and row do not belong together."""
    key = _session_key(secret, session)
    return decode_content(unlock(key, sealed, Label.SESSION_LINK_CHALLENGE, session, link))


def form_token(secret: SessionSecret) -> str:
    """A request-forgery token, masked anew for each page (BREACH: the same bytes never stand in two answers)."""
    mask = secrets.token_bytes(32)
    masked = bytes(a ^ b for a, b in zip(_form_key(secret), mask, strict=True))
    return ids.to_base64url(mask + masked)


def accepts_form_token(secret: SessionSecret, token: str) -> bool:
    """Whether a token was made for this session."""
    try:
        raw = ids.from_base64url(token, _FORM_TOKEN_BYTES)
    except ValueError:
        return False
    return same(bytes(a ^ b for a, b in zip(raw[:32], raw[32:], strict=True)), _form_key(secret))


def _session_key(secret: SessionSecret, session: bytes) -> SymmetricKey:
    return derive(secret, Label.SESSION_KEK, session)


def _form_key(secret: SessionSecret) -> SymmetricKey:
    return derive(secret, Label.SESSION_CSRF)
