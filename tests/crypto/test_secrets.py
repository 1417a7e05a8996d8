"""Secrets never show themselves, and the kinds have their sizes."""

import json
import logging
import pprint
import traceback

import pytest

from securemail.crypto import secrets
from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.keypair import key_pair
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import RootKey, Secret, Seed
from securemail.crypto.unlock import RootKeys
from securemail.errors import CannotOpen

KINDS = [kind for kind in vars(secrets).values() if isinstance(kind, type) and issubclass(kind, Secret)]
RANDOM = [kind for kind in KINDS if hasattr(kind, "new") and not kind.__name__.startswith("_")]
CANARY = b"CANARY" * 6


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_shows_only_its_kind(kind: type[Secret]) -> None:
    secret = kind(CANARY)
    shown = [repr(secret), str(secret), ascii(secret), f"{secret}", f"{secret!r:>99}", f"{secret:x}", format(secret)]
    shown += ["%s %r" % (secret, secret), pprint.pformat({"key": [secret]}), str([secret]), str((secret,))]  # noqa: UP031
    assert all("CANARY" not in text and CANARY.hex() not in text for text in shown)
    assert all(kind.__name__ in text for text in shown)


def test_a_secret_does_not_show_in_logs(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").error("key %s %r", RootKey(CANARY), RootKey(CANARY))
    assert "CANARY" not in caplog.text


def test_a_secret_does_not_show_in_a_traceback_with_locals() -> None:
    def fail(key: RootKey) -> None:
        raise ValueError(key)

    key = RootKey(CANARY)
    try:
        fail(key)
    except ValueError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert CANARY.decode() not in shown
        assert "<RootKey>" in shown


def test_a_secret_is_not_written_as_json() -> None:
    with pytest.raises(TypeError) as caught:
        json.dumps({"key": RootKey(CANARY)})
    assert "CANARY" not in str(caught.value)


def test_what_holds_keys_does_not_show_them() -> None:
    holders = [
        RootKeys(b"A" * 16, 1, RootKey(CANARY)),
        MailKeys(b"A" * 16, 1, secrets.MailKey(CANARY)),
        ConfiguredKeys(((1, Secret(CANARY)),)),
        key_pair(Seed(bytes(32))),
    ]
    assert [repr(holder) for holder in holders] == ["<RootKeys>", "<MailKeys>", "<ConfiguredKeys>", "<KeyPair>"]
    assert all("CANARY" not in f"{holder} {holder!s}" for holder in holders)


@pytest.mark.parametrize("kind", RANDOM)
def test_new_secrets_have_their_size_and_differ(kind: type) -> None:
    sizes = {"RecoveryCode": 20, "MessageCode": 16, "BackupCode": 5}
    drawn = {kind.new() for _ in range(50)}
    assert len(drawn) == 50
    assert {len(secret) for secret in drawn} == {sizes.get(kind.__name__, 32)}
    assert {type(secret) for secret in drawn} == {kind}


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_content_of_another_size_is_no_key(size: int) -> None:
    with pytest.raises(CannotOpen):
        RootKey.opened(bytes(size))
    assert RootKey.opened(bytes(32)) == bytes(32)
