"""T12: a process killed before any statement of a verb leaves the whole of it or nothing, and the next try succeeds."""

from sqlalchemy import func, select

from securemail import ids
from securemail.identity.context import Correspondent
from securemail.messages import revocation, sending
from securemail.store.models import (
    Envelope,
    GuestLink,
    Item,
    Message,
    Outbox,
    OutboxLock,
    PrincipalKey,
    Recipient,
    SessionLink,
    Thread,
)
from tests.house import FATIMA, SANNE, House, open_link
from tests.security.processes import dump, killed_at, kills


def exactly_once(house: House, key: bytes, readers: dict[Correspondent, str], *, sealed: int) -> None:
    """One message with everything that belongs to it, and nothing of any other try."""
    with house.work() as ctx:
        [message] = ctx.db.scalars(select(Message).where(Message.idempotency_key == key)).all()
        receivers = [row.principal for row in ctx.db.scalars(select(Recipient).where(Recipient.message == message.id))]
        threads = ctx.db.scalar(select(func.count()).select_from(Thread).where(Thread.newest == message.id))
        mails = ctx.db.scalars(select(Outbox.id).where(Outbox.message == message.id)).all()
        locks = ctx.db.scalar(select(func.count()).select_from(OutboxLock).where(OutboxLock.outbox.in_(mails)))
        own = ctx.db.scalars(select(Item.mailbox).where(Item.message == message.id, Item.folder == "sent")).all()
        held = ctx.db.scalars(select(Envelope.principal).where(Envelope.message == message.id)).all()
    assert len(mails) == len(receivers)
    assert sorted(held) == sorted(receivers)
    assert (len(own), locks, threads) == (1, sealed, 2)
    for reader, text in readers.items():
        letters = {letter.message: letter for letter in house.letters(reader, message.conversation)}  # type: ignore[arg-type]
        assert letters[message.id].head is not None
        assert letters[message.id].text in (text, None)


def no_orphans(house: House) -> None:
    """No link, key or lock that belongs to nothing."""
    with house.work() as ctx:
        links = set(ctx.db.scalars(select(GuestLink.id)))
        assert links == set(ctx.db.scalars(select(PrincipalKey.principal).where(PrincipalKey.kind == "link")))
        assert links <= set(ctx.db.scalars(select(Recipient.principal)))


def test_sending(house: House) -> None:
    key, text = ids.new_id(), "Eén keer, of niet."

    def send(house: House) -> object:
        return house.send(FATIMA, SANNE, key=key, text=text)

    for _ in kills(house, send):
        pass
    readers = {house.marieke: text, house.sanne: text}
    exactly_once(house, key, readers, sealed=1)
    send(house)
    exactly_once(house, key, readers, sealed=1)
    no_orphans(house)
    assert sum(len(rows) for rows in (dump(house)["conversation"], dump(house)["message"])) == 2


def test_sending_again_with_the_same_key_after_any_kill(house: House) -> None:
    for statement in (1, 4, 8, 12, 16, 20, 24):
        key = ids.new_id()

        def send(house: House, key: bytes = key) -> object:
            return house.send(FATIMA, SANNE, key=key, text="Nog eens.")

        assert killed_at(house, statement, send)
        send(house)
        exactly_once(house, key, {house.marieke: "Nog eens.", house.sanne: "Nog eens."}, sealed=1)
    no_orphans(house)


def test_answering(house: House) -> None:
    sent, key = house.send(SANNE), ids.new_id()
    house.letters(house.sanne, sent.conversation)

    def reply(house: House) -> None:
        with house.work() as ctx:
            sending.reply(ctx, house.sanne, conversation=sent.conversation, key=key, text="Akkoord.")

    for _ in kills(house, reply):
        pass
    reply(house)
    exactly_once(house, key, {house.marieke: "Akkoord.", house.sanne: "Akkoord."}, sealed=0)


def test_taking_back(house: House) -> None:
    sent = house.send(SANNE, FATIMA)
    house.letters(house.sanne, sent.conversation)

    def revoke(house: House) -> None:
        with house.work() as ctx:
            revocation.revoke(ctx, house.marieke, sent.message)

    for _ in kills(house, revoke):
        [letter] = house.letters(house.sanne, sent.conversation)
        assert letter.head is not None, "nothing was taken back: it must still be readable"
    [letter] = house.letters(house.sanne, sent.conversation)
    assert (letter.head, letter.text) == (None, None)
    with house.work() as ctx:
        assert ctx.db.scalars(select(Envelope).where(Envelope.message == sent.message)).all() == []
        states = set(ctx.db.scalars(select(Outbox.state).where(Outbox.message == sent.message)))
        assert states == {"cancelled"}


def test_opening_with_a_code(house: House) -> None:
    sent = house.send(FATIMA)
    code = house.code_of(sent.conversation, FATIMA[0])

    def enter(house: House) -> None:
        with house.work() as ctx:
            open_link(ctx, code, None)

    for _ in kills(house, enter):
        [letter] = house.letters(house.marieke, sent.conversation)
        assert letter.receipt is not None
        assert letter.receipt.opened == 0, "no receipt without a session that can read it"
    with house.work() as ctx:
        assert len(ctx.db.scalars(select(SessionLink)).all()) == 1
        assert ctx.db.scalars(select(Recipient.state)).all() == ["opened"]
