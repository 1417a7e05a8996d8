"""What hangs on the configured secret: found again under older secrets, nothing without it."""

from typing import Any

import pytest

from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.keypair import PUBLIC_KEY_BYTES
from securemail.crypto.secrets import Secret
from securemail.errors import CannotOpen

OLD, NEW = Secret(b"o" * 32), Secret(b"n" * 32)
BEFORE, AFTER = ConfiguredKeys(((1, OLD),)), ConfiguredKeys(((2, NEW), (1, OLD)))
STRANGER = ConfiguredKeys(((1, Secret(b"x" * 32)),))
ACCOUNT = b"A" * 16


def test_older_secrets_still_open_and_new_ones_are_written() -> None:
    entry = {"name": "Eva"}
    assert AFTER.open_entry(ACCOUNT, BEFORE.seal_entry(ACCOUNT, entry))["name"] == "Eva"
    with pytest.raises(CannotOpen):
        BEFORE.open_entry(ACCOUNT, AFTER.seal_entry(ACCOUNT, entry))


def test_an_address_is_found_under_every_secret() -> None:
    assert AFTER.address_tags("eva@example.org") == [
        AFTER.address_tag("eva@example.org"),
        BEFORE.address_tag("eva@example.org"),
    ]
    assert AFTER.address_tag("eva@example.org") != AFTER.address_tag("eva@example.com")
    assert STRANGER.address_tag("eva@example.org") != BEFORE.address_tag("eva@example.org")


def test_the_pepper_is_named_by_its_id() -> None:
    assert (AFTER.pepper_id, BEFORE.pepper_id) == (2, 1)
    assert AFTER.pepper(1) == BEFORE.pepper(1) != AFTER.pepper(2)
    with pytest.raises(CannotOpen):
        BEFORE.pepper(2)


def test_a_counter_is_new_every_day_for_every_purpose_and_subject() -> None:
    tags = [
        BEFORE.attempt_tag(1, "login", "127.0.0.1"),
        BEFORE.attempt_tag(2, "login", "127.0.0.1"),
        BEFORE.attempt_tag(1, "code", "127.0.0.1"),
        BEFORE.attempt_tag(1, "login", "127.0.0.2"),
        BEFORE.attempt_tag(1, "login"),
        STRANGER.attempt_tag(1, "login", "127.0.0.1"),
    ]
    assert len(set(tags)) == len(tags)
    assert BEFORE.attempt_tag(1, "login", "127.0.0.1") == tags[0]


FACTS: dict[str, list[Any]] = {
    "public_key": ["account", ACCOUNT, 1, b"k" * PUBLIC_KEY_BYTES],
    "message": [b"M" * 16, 1, b"h" * 32],
    "outbox": [b"O" * 16, 1],
    "organisation": [b"G" * 16, b"name"],
    "link": [b"L" * 16, 1],
    "bounce": [b"O" * 16],
}
every_mac = pytest.mark.parametrize("kind", FACTS)


def sign(keys: ConfiguredKeys, kind: str, facts: list[Any]) -> bytes:
    mac: bytes = getattr(keys, f"sign_{kind}")(*facts)
    return mac


def trusts(keys: ConfiguredKeys, kind: str, mac: bytes, facts: list[Any]) -> bool:
    trusted: bool = getattr(keys, f"trusts_{kind}")(mac, *facts)
    return trusted


@every_mac
def test_what_we_signed_is_trusted_also_under_a_newer_secret(kind: str) -> None:
    mac = sign(BEFORE, kind, FACTS[kind])
    assert trusts(BEFORE, kind, mac, FACTS[kind])
    assert trusts(AFTER, kind, mac, FACTS[kind])
    assert not trusts(STRANGER, kind, mac, FACTS[kind])


@every_mac
def test_every_fact_counts(kind: str) -> None:
    mac = sign(BEFORE, kind, FACTS[kind])
    for place, fact in enumerate(FACTS[kind]):
        other = fact + 1 if isinstance(fact, int) else fact[:-1] + type(fact)(b"?" if isinstance(fact, bytes) else "?")
        assert not trusts(BEFORE, kind, mac, [*FACTS[kind][:place], other, *FACTS[kind][place + 1 :]])


@every_mac
def test_a_mac_of_one_kind_is_none_of_another(kind: str) -> None:
    for other, facts in FACTS.items():
        if other != kind and kind != "public_key" and other != "public_key":
            assert not trusts(BEFORE, other, sign(BEFORE, kind, facts), facts)


@every_mac
@pytest.mark.parametrize("mac", [b"", bytes(10), bytes(31), bytes(32), bytes(33)])
def test_made_up_macs_are_refused(kind: str, mac: bytes) -> None:
    assert not trusts(BEFORE, kind, mac, FACTS[kind])


def test_impossible_facts_are_not_trusted() -> None:
    assert not BEFORE.trusts_public_key(bytes(32), "account", ACCOUNT, -1, bytes(PUBLIC_KEY_BYTES))
    assert not BEFORE.trusts_public_key(bytes(32), "accöunt", ACCOUNT, 1, bytes(PUBLIC_KEY_BYTES))


def test_a_key_counts_for_its_kind_principal_and_epoch_only() -> None:
    key = bytes(PUBLIC_KEY_BYTES)
    mac = BEFORE.sign_public_key("worker", ACCOUNT, 1, key)
    assert not BEFORE.trusts_public_key(mac, "mailbox", ACCOUNT, 1, key)
    assert not BEFORE.trusts_public_key(mac, "worker", b"B" * 16, 1, key)
    assert not BEFORE.trusts_public_key(mac, "worker", ACCOUNT, 2, key)


def test_the_mac_of_an_address_is_short_and_never_shorter() -> None:
    mac = BEFORE.sign_bounce(b"O" * 16)
    assert len(mac) == 10
    for other in (mac[:9], mac + b"x", b""):
        assert not BEFORE.trusts_bounce(other, b"O" * 16)
