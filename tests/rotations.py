"""Rotating keys in tests, and coming back with the new ones."""

from securemail import ids
from securemail.crypto.unlock import RootKeys
from securemail.delivery import workers
from securemail.delivery.workers import OwnKey
from securemail.identity import rotation, sessions
from securemail.identity.context import Context, Guest, Member
from securemail.identity.rotation import Rotated
from securemail.mailboxes import relocking
from securemail.mailboxes import rotation as mailboxes
from securemail.mailboxes.relocking import Progress
from securemail.messages import drafts, sending
from tests.house import FATIMA, PETER, SANNE, House


def rotate(house: House, member: Member, **changes: object) -> Rotated:
    """Root key and mail key, as after a changed password."""
    with house.work() as ctx:
        return rotation.rotate(ctx, member.root, member.mail, **changes)  # type: ignore[arg-type]


def rotate_mail(house: House, member: Member) -> Member:
    """The mail key alone; the member with the new one."""
    with house.work() as ctx:
        mailboxes.rotate_mail(ctx, member)
    return resume(house, member.root)


def rotate_and_return(house: House, member: Member, **changes: object) -> Member:
    """The member in a session that starts after the rotation."""
    return resume(house, rotate(house, member, **changes).root)


def resume(house: House, root: RootKeys) -> Member:
    """Whoever has the root key, in a new session."""
    with house.work() as ctx:
        return resume_in(ctx, root)


def resume_in(ctx: Context, root: RootKeys) -> Member:
    secret = sessions.start(ctx, account=root.account, rk=root.rk, remember=False)
    resumed = sessions.resume(ctx, secret)
    assert resumed.member is not None
    return resumed.member


def relock(house: House, member: Member, most: int = relocking.BATCH) -> Progress:
    """One batch."""
    with house.work() as ctx:
        return mailboxes.relock(ctx, member, most)


def relock_all(house: House, member: Member) -> int:
    """As many batches as it takes; how many rows."""
    rows = 0
    while True:
        progress = relock(house, member)
        rows += progress.done
        if not progress.left:
            return rows
        assert progress.done, "a batch that does nothing would be tried for ever"


def how_many(house: House) -> int:
    """A thousand messages; on PostgreSQL, where each costs more, as many as take several pages."""
    return 1000 if house.runtime.engine.dialect.name == "sqlite" else 250


def fill(house: House) -> list[bytes]:
    """Something of every kind that hangs on Marieke's mail key; the conversations."""
    with house.work() as ctx:
        workers.announce(ctx, OwnKey.new())
    first, second = house.send(FATIMA, SANNE), house.send(PETER, subject="Tweede")
    guest, _secret = house.enter(first.conversation)
    for number in range(3):
        answer(house, guest, first.conversation, f"Antwoord {number}")
        house.letters(house.marieke, first.conversation)
    answer(house, guest, first.conversation, "Nog niet opgehaald")
    with house.work() as ctx:
        for number in range(2):
            draft = ids.new_id()
            for revision in range(number + 1):
                content = drafts.Content((PETER,), f"Ontwerp {number}", f"versie {revision}")
                drafts.save(ctx, house.marieke, draft, revision, content)
    return [first.conversation, second.conversation]


def answer(house: House, author: Member | Guest, conversation: bytes, text: str) -> sending.Sent:
    with house.work() as ctx:
        return sending.reply(ctx, author, conversation=conversation, key=ids.new_id(), text=text)
