"""What the sender's session leaves for the worker about a guest's check: the method and a masked number, no secret."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from securemail import ids
from securemail.delivery import outbox
from securemail.guests import checks, notify
from securemail.guests.checks import Check
from securemail.messages import sending
from securemail.messages.heads import Party
from securemail.store.models import GuestDevice, GuestLink, LinkDevice, Message
from tests.house import FATIMA, PETER, House

NUMBER = "+31612345678"
SECRET = "drie groene theepotten"

Queue = Callable[[], list[tuple[str, dict[str, Any]]]]


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> Queue:
    """Every sealed mail as its author's session wrote it, before it was sealed."""
    seen: list[tuple[str, dict[str, Any]]] = []
    seal = outbox.add_sealed

    def watch(ctx: Any, kind: str, payload: Any, **rest: Any) -> bytes:
        seen.append((kind, dict(payload)))
        return seal(ctx, kind, payload, **rest)

    monkeypatch.setattr(outbox, "add_sealed", watch)
    return lambda: seen


def test_of_an_sms_check_the_mail_holds_the_end_of_the_number(house: House, queued: Queue) -> None:
    house.send((*FATIMA, Check("sms", NUMBER)))
    [(kind, payload)] = queued()
    assert (kind, payload["check"], payload["number"]) == ("guest_message", "sms", "06 •• •• •• 78")
    assert "12345678" not in json.dumps(payload)


def test_of_a_password_the_mail_holds_neither_word_nor_hint(house: House, queued: Queue) -> None:
    with house.work() as ctx:
        agreed = checks.agree(ctx, SECRET)
    house.send((*FATIMA, Check("password", password=agreed, hint="van de theetafel")))
    [(_kind, payload)] = queued()
    said = json.dumps(payload)
    assert payload["check"] == "password"
    for secret in (SECRET, "theetafel", agreed.stretched.hex(), agreed.parameters.hex()):
        assert secret not in said


def test_without_a_check_the_mail_says_that_none_awaits(house: House, queued: Queue) -> None:
    house.send(FATIMA)
    [(_kind, payload)] = queued()
    assert payload["check"] == "none"
    assert not {"number", "remembered", "until"} & set(payload)


def test_the_end_goes_into_the_mail(house: House, queued: Queue) -> None:
    with house.work() as ctx:
        sending.send(
            ctx, house.marieke, key=ids.new_id(), to=[FATIMA], subject="Berekening", text="Beste Fatima,",
            expires=timedelta(days=30),
        )  # fmt: skip
    [(_kind, payload)] = queued()
    assert payload["until"].startswith("2026-12-19T08:58:00")


def test_a_mail_that_another_participant_caused_holds_no_number(house: House, queued: Queue) -> None:
    sent = house.send((*FATIMA, Check("sms", NUMBER)), PETER)
    peter, _secret = house.enter(sent.conversation, PETER[0])
    queued().clear()
    with house.work() as ctx:
        sending.reply(ctx, peter, conversation=sent.conversation, key=ids.new_id(), text="Dank u wel.")
    [payload] = [payload for kind, payload in queued() if kind == "guest_answer"]
    assert payload["to"] == FATIMA[0]
    assert payload["check"] == "sms"
    assert not {"number", "code", "remembered"} & set(payload)


def test_a_reminder_is_the_first_mail_under_another_kind(house: House, queued: Queue) -> None:
    sent = house.send(FATIMA)
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink)).one()
        message = ctx.db.get_one(Message, sent.message)
        notify.tell(ctx, house.marieke, message, 0, Party("link", link.id, *FATIMA), reminder=True)
    [(_, first), (kind, again)] = queued()
    assert kind == "guest_reminder"
    assert again == first


@pytest.mark.parametrize(("lasts", "said"), [(30, True), (-1, None)])
def test_a_remembered_device_is_named_while_it_counts(
    house: House, queued: Queue, lasts: int, said: bool | None
) -> None:
    sent = house.send(FATIMA)
    with house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink)).one()
        device = ids.new_id()
        ctx.db.add(
            GuestDevice(
                id=device, mailbox=house.marieke.mailbox, link=link.id, method="none", created=ctx.now, seen=ctx.now,
                expires=ctx.now + timedelta(days=lasts), public_key=b"k", mac=bytes(32), sealed_device=b"s",
            )
        )  # fmt: skip
        ctx.db.flush()
        ctx.db.add(LinkDevice(link=link.id, device=device, sealed_dk=b"s"))
        message = ctx.db.get_one(Message, sent.message)
        notify.tell(ctx, house.marieke, message, 0, Party("link", link.id, *FATIMA))
    assert queued()[-1][1].get("remembered") is said
