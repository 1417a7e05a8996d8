"""Two processes at once: one message per key, one winner per revision, and nothing left of what was taken back."""

from pathlib import Path

from sqlalchemy import func, select

from securemail import ids
from securemail.messages import drafts, reading, receipts, revocation, sending
from securemail.messages.threads import UNOPENED
from securemail.store.models import Draft, Envelope, Item, Message, Recipient, Thread
from tests.house import FATIMA, MARIEKE, PETER, SANNE, House
from tests.security.processes import race

ROUNDS = 20


def no_crash(*said: list[str]) -> None:
    assert [word for words in said for word in words if word.startswith("crash")] == []


def test_one_key_sends_one_message(house: House, tmp_path: Path) -> None:
    keys = [ids.new_id() for _ in range(ROUNDS)]

    def send(house: House, number: int) -> str:
        return house.send(FATIMA, SANNE, key=keys[number]).message.hex()

    left, right = race(house, tmp_path, ROUNDS, send, send)
    no_crash(left, right)
    assert left == right
    with house.work() as ctx:
        assert ctx.db.scalar(select(func.count()).select_from(Message)) == ROUNDS
        assert ctx.db.scalar(select(func.count()).select_from(Recipient)) == 2 * ROUNDS


def test_one_of_two_tabs_saves_a_revision(house: House, tmp_path: Path) -> None:
    draft = ids.new_id()

    def saving(name: str) -> object:
        def save(house: House, number: int) -> None:
            with house.work() as ctx:
                drafts.save(ctx, house.marieke, draft, number, drafts.Content((), name, f"versie {number}"))

        return save

    left, right = race(house, tmp_path, ROUNDS, saving("links"), saving("rechts"))  # type: ignore[arg-type]
    assert all(sorted(pair) == ["DraftChanged", "done"] for pair in zip(left, right, strict=True))
    with house.work() as ctx:
        saved = drafts.load(ctx, house.marieke, draft)
        assert ctx.db.scalar(select(func.count()).select_from(Draft)) == 1
    assert (saved.revision, saved.content.subject) == (ROUNDS, "links" if left[-1] == "done" else "rechts")


def test_nothing_taken_back_is_left_with_whoever_reads_it_at_that_moment(house: House, tmp_path: Path) -> None:
    letters = [house.send(SANNE, FATIMA, subject=str(number)) for number in range(ROUNDS)]

    def revoke(house: House, number: int) -> None:
        with house.work() as ctx:
            revocation.revoke(ctx, house.marieke, letters[number].message)

    def read(house: House, number: int) -> None:
        with house.work() as ctx:
            reading.take_in(ctx, house.sanne)
        with house.work() as ctx:
            receipts.mark_opened(ctx, house.sanne, letters[number].conversation)
        with house.runtime.work(write=False) as ctx:
            reading.conversation(ctx, house.sanne, letters[number].conversation)

    no_crash(*race(house, tmp_path, ROUNDS, revoke, read))
    with house.work() as ctx:
        assert ctx.db.scalars(select(Envelope)).all() == []
        assert ctx.db.scalars(select(Item).where(Item.mailbox == house.sanne.mailbox)).all() == []
        assert set(ctx.db.scalars(select(Recipient.state))) == {"revoked"}
        assert set(ctx.db.scalars(select(Thread.unread))) == {0}
    for sent in letters:
        [letter] = house.letters(house.sanne, sent.conversation)
        assert (letter.head, letter.text) == (None, None)


def test_an_answer_to_what_is_being_taken_back_is_there_whole_or_not_at_all(house: House, tmp_path: Path) -> None:
    letters = [house.send(SANNE, subject=str(number)) for number in range(ROUNDS)]

    def revoke(house: House, number: int) -> None:
        with house.work() as ctx:
            revocation.revoke(ctx, house.marieke, letters[number].message)

    def reply(house: House, number: int) -> None:
        with house.work() as ctx:
            sending.reply(
                ctx, house.sanne, conversation=letters[number].conversation, key=ids.new_id(), text="Akkoord."
            )

    taken, answered = race(house, tmp_path, ROUNDS, revoke, reply)
    assert set(taken) == {"done"}
    assert set(answered) <= {"done", "NotFound"}
    for sent, answer in zip(letters, answered, strict=True):
        hers = house.letters(house.sanne, sent.conversation)
        his = house.letters(house.marieke, sent.conversation)
        assert [letter.text for letter in hers if letter.message == sent.message] == [None]
        assert len(his) == len(hers) == (2 if answer == "done" else 1)
        assert all(letter.head is not None for letter in his)


def test_two_who_answer_each_other_at_once_both_get_through(house: House, tmp_path: Path) -> None:
    sent = house.send(SANNE)

    def answering(author: str) -> object:
        def reply(house: House, number: int) -> None:
            who = house.marieke if author == "marieke" else house.sanne
            with house.work() as ctx:
                sending.reply(ctx, who, conversation=sent.conversation, key=ids.new_id(), text=f"{author} {number}")

        return reply

    said = race(house, tmp_path, ROUNDS, answering("marieke"), answering("sanne"))  # type: ignore[arg-type]
    assert said == [["done"] * ROUNDS] * 2
    for member in (house.marieke, house.sanne):
        assert len(house.letters(member, sent.conversation)) == 1 + 2 * ROUNDS


def test_what_arrives_while_something_is_opened_stays_unread(house: House, tmp_path: Path) -> None:
    sent = house.send(SANNE)

    def reply(house: House, number: int) -> None:
        with house.work() as ctx:
            sending.reply(ctx, house.marieke, conversation=sent.conversation, key=ids.new_id(), text=str(number))

    def open_all(house: House, number: int) -> str | None:
        with house.work() as ctx:
            receipts.mark_opened(ctx, house.sanne, sent.conversation)
        return None

    no_crash(*race(house, tmp_path, ROUNDS, reply, open_all))
    with house.work() as ctx:
        hers = Recipient.principal == house.sanne.mailbox, Recipient.state.in_(UNOPENED)
        unopened = ctx.db.scalar(select(func.count()).select_from(Recipient).where(*hers))
        assert ctx.db.get_one(Thread, (house.sanne.mailbox, sent.conversation)).unread == unopened


def test_two_letters_at_once_to_the_same_new_people_are_both_sent(house: House, tmp_path: Path) -> None:
    def sending_to(*to: tuple[str, str]) -> object:
        def send(house: House, number: int) -> None:
            house.send(*[(f"{number}.{address}", name) for address, name in to], MARIEKE, SANNE)

        return send

    said = race(house, tmp_path, 10, sending_to(FATIMA, PETER), sending_to(PETER, FATIMA))  # type: ignore[arg-type]
    assert said == [["done"] * 10] * 2
