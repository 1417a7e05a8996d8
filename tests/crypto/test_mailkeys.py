"""The mail key: its pair receives, its epochs are apart, a guest link stands where a mailbox stands."""

import pytest

from securemail.crypto.mailkeys import MailKeys, seal_envelope
from securemail.crypto.secrets import ContentKey, MailKey
from securemail.errors import CannotOpen

MAILBOX, MESSAGE = b"M" * 16, b"m" * 16
MK = MailKey(range(32))
CEK = ContentKey(range(32, 64))


def test_an_envelope_reaches_the_mailbox_and_becomes_an_item() -> None:
    keys = MailKeys(MAILBOX, 1, MK)
    sealed = seal_envelope(keys.pair().public, CEK, MESSAGE, MAILBOX, 1)
    taken = keys.open_envelope(keys.pair(), sealed, MESSAGE)
    assert keys.open_item(keys.seal_item(taken, MESSAGE), MESSAGE) == CEK


def test_a_guest_link_is_a_receiver_like_any_other() -> None:
    link, dk = b"L" * 16, MailKey.new()
    keys = MailKeys(link, 1, dk)
    sealed = seal_envelope(keys.pair().public, CEK, MESSAGE, link, 1)
    assert keys.open_envelope(keys.pair(), sealed, MESSAGE) == CEK


def test_a_later_epoch_opens_nothing_of_an_earlier_one() -> None:
    before, after = MailKeys(MAILBOX, 1, MK), MailKeys(MAILBOX, 2, MailKey.new())
    with pytest.raises(CannotOpen):
        after.open_item(before.seal_item(CEK, MESSAGE), MESSAGE)
    sealed = seal_envelope(before.pair().public, CEK, MESSAGE, MAILBOX, 1)
    with pytest.raises(CannotOpen):
        after.open_envelope(after.pair(), sealed, MESSAGE)


def test_an_older_draft_does_not_pass_for_the_newer() -> None:
    keys = MailKeys(MAILBOX, 1, MK)
    with pytest.raises(CannotOpen):
        keys.open_draft(b"D" * 16, 2, keys.seal_draft(b"D" * 16, 1, {"text": ""}))


def test_the_kinds_of_content_have_keys_of_their_own() -> None:
    keys = MailKeys(MAILBOX, 1, MK)
    own = [keys._items_key, keys._drafts_key(), keys._contacts_key(), keys._links_key()]
    assert len(set(own)) == 4
    assert MK not in own
