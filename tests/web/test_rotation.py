"""Keys that are replaced while a request runs, or should have been before it; what is locked anew after it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from securemail import ids
from securemail.errors import StaleKeys
from securemail.identity import invitations
from securemail.mailboxes import rotation as mailboxes
from securemail.messages import reading, sending
from securemail.organisations import administrators
from securemail.store.models import Draft, Item, Mailbox, MailChain, Message
from tests.house import MARIEKE, SANNE, House
from tests.kinds import on_postgres
from tests.rotations import fill, resume, rotate, rotate_mail
from tests.visitor import Visitor

LETTER = {"recipient": SANNE[0], "subject": "Zitting", "body": "Dinsdag om tien uur."}


def once(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, before: Callable[[], object]) -> list[int]:
    """Have something happen just before a verb is called for the first time; how often it was called."""
    original, calls = getattr(module, name), [0]

    def verb(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == 1:
            before()
        return original(*args, **kwargs)

    monkeypatch.setattr(module, name, verb)
    return calls


def stale() -> None:
    raise StaleKeys


def test_a_letter_whose_keys_went_stale_is_sent_once_all_the_same(
    house: House, marieke: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    marieke.get("/compose")
    calls = once(monkeypatch, sending, "send", stale)
    assert marieke.post("/compose", LETTER | {"key": ids.to_text(ids.new_id())}).status_code == 303
    assert calls == [2]
    with house.work() as ctx:
        assert len(ctx.db.scalars(select(Message)).all()) == 1


def test_a_page_that_tells_of_refusals_takes_stale_keys_for_none(
    house: House, marieke: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    marieke.post("/admin/invitations/send", {"people": "lotte@kantoor.example", "language": "nl"})
    with house.work() as ctx:
        [invited] = invitations.listing(ctx, administrators.enter(ctx, house.marieke))
    calls = once(monkeypatch, invitations, "withdraw", stale)
    answer = marieke.post(f"/admin/invitations/{ids.to_text(invited.id)}/withdraw")
    assert (answer.status_code, answer.location) == (303, "/admin/invitations?withdrawn=1")
    assert calls == [2]


@on_postgres
@pytest.mark.parametrize("path", ["/drafts", "/compose"])
def test_who_writes_while_the_mailbox_gets_a_new_key(
    house: House, marieke: Visitor, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """On SQLite nobody comes in between; on PostgreSQL the rotation does, and the request begins anew."""
    from securemail.messages import drafts

    marieke.get("/compose")
    name = "send" if path == "/compose" else "save"
    calls = once(monkeypatch, sending if name == "send" else drafts, name, lambda: rotate_mail(house, house.marieke))
    answer = marieke.post(path, LETTER | {"key": ids.to_text(ids.new_id()), "revision": "0"})
    assert answer.status_code in (200, 303)
    assert calls == [2]
    with house.work() as ctx:
        mine = Item.mailbox == house.marieke.mailbox
        epochs = [*ctx.db.scalars(select(Item.epoch).where(mine)), *ctx.db.scalars(select(Draft.epoch))]
    assert epochs == [2]


@on_postgres
def test_whose_session_ended_with_the_rotation_keeps_what_they_wrote(
    house: House, marieke: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    marieke.get("/compose")
    once(monkeypatch, sending, "send", lambda: rotate(house, house.marieke))
    answer = marieke.post("/compose", LETTER | {"key": ids.to_text(ids.new_id())})
    assert answer.status_code == 401
    assert LETTER["body"] in answer.text
    with house.work() as ctx:
        assert ctx.db.scalars(select(Message)).all() == []


def test_who_reads_while_the_mailbox_gets_a_new_key_sees_the_page(
    house: House, marieke: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.send(MARIEKE, author=house.sanne, subject="Voor Marieke")
    calls = once(monkeypatch, reading, "anything_waiting", lambda: rotate_mail(house, house.marieke))
    answer = marieke.get("/inbox")
    assert answer.status_code == 200
    assert "Voor Marieke" in answer.text
    assert calls == [2]


def test_whose_session_ended_while_they_read_is_led_to_log_in(
    house: House, marieke: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.send(MARIEKE, author=house.sanne)
    once(monkeypatch, reading, "anything_waiting", lambda: rotate(house, house.marieke))
    answer = marieke.get("/inbox")
    assert (answer.status_code, answer.location) == (303, "/login?next=/inbox&ended=1")


def test_keys_that_go_stale_each_time_are_a_conflict_and_no_endless_loop(
    marieke: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    marieke.get("/compose")
    calls = [0]

    def never(*_args: Any, **_kwargs: Any) -> None:
        calls[0] += 1
        raise StaleKeys

    monkeypatch.setattr(sending, "send", never)
    assert marieke.post("/compose", LETTER | {"key": ids.to_text(ids.new_id())}).status_code == 409
    assert calls == [4]


def test_every_request_locks_a_batch_anew_until_the_chain_ends(house: House, marieke: Visitor) -> None:
    fill(house)
    rotate_mail(house, house.marieke)
    requests = 0
    while chained(house):
        assert marieke.get("/inbox").status_code == 200
        requests += 1
        assert requests < 5
    assert requests >= 1
    assert resume(house, house.marieke.root).mail.epochs == (2,)


def test_the_poll_for_news_locks_anew_too(house: House, marieke: Visitor) -> None:
    fill(house)
    rotate_mail(house, house.marieke)
    for _ in range(5):
        assert marieke.get("/news?since=x").status_code == 200
    assert not chained(house)


def chained(house: House) -> bool:
    with house.work() as ctx:
        return ctx.db.scalar(select(MailChain.epoch)) is not None


def due(house: House, mailbox: bytes) -> None:
    with house.work() as ctx:
        mailboxes.mark_due(ctx, [mailbox])


def state(house: House, mailbox: bytes) -> tuple[int, bool]:
    with house.work() as ctx:
        row = ctx.db.get_one(Mailbox, mailbox)
        return row.mk_epoch, row.rotation_due


@pytest.mark.parametrize("change", [False, True])
def test_a_rotation_that_is_due_comes_before_the_page(house: House, marieke: Visitor, change: bool) -> None:
    fill(house)
    marieke.get("/compose")
    due(house, house.marieke.mailbox)
    if change:
        assert marieke.post("/compose", LETTER | {"key": ids.to_text(ids.new_id())}).status_code == 303
    else:
        assert marieke.get("/sent").status_code == 200
    assert state(house, house.marieke.mailbox) == (2, False)
    assert marieke.get("/sent").status_code == 200
    assert state(house, house.marieke.mailbox) == (2, False), "once"


def test_the_organisations_key_is_renewed_by_an_administrator_and_nobody_else(
    house: House, marieke: Visitor, sanne: Visitor
) -> None:
    organisation = house.marieke.organisation
    due(house, organisation)
    assert sanne.get("/inbox").status_code == 200
    assert state(house, organisation) == (1, True)
    assert marieke.get("/inbox").status_code == 200
    assert state(house, organisation) == (2, False)
    with house.work() as ctx:
        assert administrators.enter(ctx, house.marieke).keys.epochs == (2, 1)


def test_who_is_an_administrator_in_the_row_alone_renews_nothing(house: House, sanne: Visitor) -> None:
    from securemail.store.models import Member

    with house.work() as ctx:
        ctx.db.execute(update(Member).where(Member.account == house.sanne.account).values(role="administrator"))
    due(house, house.marieke.organisation)
    assert sanne.get("/inbox").status_code == 200
    assert state(house, house.marieke.organisation) == (1, True)
