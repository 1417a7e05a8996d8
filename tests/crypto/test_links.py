"""A guest link: found by a reference that says nothing, opened by its code."""

from securemail.crypto.links import EPOCH, NONE, link_ref, open_guest, open_link_key, seal_guest, seal_link_key
from securemail.crypto.secrets import MailKey, MessageCode

LINK = b"L" * 16


def test_the_code_opens_the_link_and_the_link_its_guest() -> None:
    code, dk = MessageCode.new(), MailKey.new()
    opened = open_link_key(code, seal_link_key(code, dk, LINK, NONE), LINK, NONE)
    assert open_guest(opened, LINK, seal_guest(dk, LINK, {"name": "Bram"}))["name"] == "Bram"
    assert EPOCH == 1


def test_the_reference_follows_from_the_code_alone_and_is_not_the_code() -> None:
    code = MessageCode.new()
    assert link_ref(code) == link_ref(MessageCode(code)) != bytes(code)
    assert len(link_ref(code)) == 16
    assert link_ref(code) != link_ref(MessageCode.new())
