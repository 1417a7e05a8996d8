"""T6: what each way of checking a recipient protects against, tried from outside with the raw rows. So far: "none"."""

import pytest
from sqlalchemy import select

from securemail.crypto import content
from securemail.crypto import links as link_locks
from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MessageCode, Secret
from securemail.errors import CannotOpen
from securemail.store.models import Envelope, GuestLink, Message
from tests.house import FATIMA, PETER, House


def rows(house: House, code: MessageCode) -> tuple[GuestLink, Envelope, Message]:
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink).where(GuestLink.link_ref == link_locks.link_ref(code))).one()
        envelope = ctx.db.scalars(select(Envelope).where(Envelope.principal == link.id)).one()
        return link, envelope, ctx.db.get_one(Message, envelope.message)


def test_with_none_the_code_and_the_database_are_enough(house: House) -> None:
    """Stated, not hidden: who reads the recipient's mailbox and has the database reads the message."""
    sent = house.send(FATIMA, subject="Ouderschapsplan")
    code = house.code_of(sent.conversation, FATIMA[0])
    link, envelope, message = rows(house, code)
    dk = link_locks.open_link_key(code, link.sealed_dk, link.id, link.method)
    opened = MailKeys(link.id, link_locks.EPOCH, dk)
    cek = opened.open_envelope(opened.pair(), envelope.sealed_cek or b"", message.id)
    assert content.open_head(cek, message.id, message.sealed_head)["subject"] == "Ouderschapsplan"


def test_the_database_without_the_code_opens_nothing(house: House) -> None:
    sent = house.send(FATIMA)
    link, _, _ = rows(house, house.code_of(sent.conversation, FATIMA[0]))
    with pytest.raises(CannotOpen):
        link_locks.open_link_key(MessageCode.new(), link.sealed_dk, link.id, link.method)
    # The link's public reference is no key either, and neither is anything that follows from the configured secret.
    with pytest.raises(CannotOpen):
        link_locks.open_link_key(MessageCode(link.link_ref), link.sealed_dk, link.id, link.method)
    configured = ConfiguredKeys(((1, Secret(bytes(32))),))
    with pytest.raises(CannotOpen):
        link_locks.open_link_key(MessageCode(configured.pepper(1)[:16]), link.sealed_dk, link.id, link.method)


def test_one_receivers_code_opens_nothing_of_anothers(house: House) -> None:
    sent = house.send(FATIMA, PETER)
    fatima = house.code_of(sent.conversation, FATIMA[0])
    peters, _, _ = rows(house, house.code_of(sent.conversation, PETER[0]))
    with pytest.raises(CannotOpen):
        link_locks.open_link_key(fatima, peters.sealed_dk, peters.id, peters.method)
