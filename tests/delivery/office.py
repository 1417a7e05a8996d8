"""A small office for these tests: mailboxes, a message to a guest and a colleague, and mail about it, as bare rows."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from securemail import clock, ids
from securemail.config import Settings
from securemail.crypto.keypair import key_pair
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MailKey, RootKey, Seed
from securemail.crypto.unlock import RootKeys
from securemail.delivery import outbox
from securemail.delivery.claim import Job
from securemail.delivery.render import Renderer
from securemail.delivery.smtp import Delivered, Result
from securemail.identity.context import Context, Member
from securemail.mailboxes import keys
from securemail.organisations import organisations
from securemail.runtime import Runtime
from securemail.store.models import (
    Account,
    Address,
    Conversation,
    Mailbox,
    Message,
    Outbox,
    OutboxLock,
    Recipient,
    Thread,
)
from securemail.worker import Worker
from tests.serve import CHEAP
from tests.servers import product_environ

GUEST = "fatima.el.amrani@example.org"
CODE = "7K4M Q2ZD 9XHT R6WN 3BVC 8PJE 5YGA"
START = datetime(2026, 11, 22, 8, 58, tzinfo=UTC)


class MovingClock:
    """A clock that the test turns."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        """Turn it, by `seconds=` or `hours=`."""
        self.now += timedelta(**delta)


class RealClock(MovingClock):
    """The time that processes of their own live in."""

    def __call__(self) -> datetime:
        return clock.now()


class Recorder:
    """A transport that keeps what it is given and answers as told."""

    def __init__(self, *answers: Result) -> None:
        self.answers = list(answers)
        self.receivers: list[str] = []
        self.raw: list[bytes] = []
        self.senders: list[str] = []

    def send(self, message: object, *, sender: str, receiver: str, report: str | None = None) -> Result:
        self.receivers.append(receiver)
        self.senders.append(sender)
        self.raw.append(bytes(message))  # type: ignore[call-overload]
        return self.answers.pop(0) if self.answers else Delivered()

    def close(self) -> None:
        """There is nothing to close."""


def make_runtime(folder: Path, database_url: str, *, clock: MovingClock) -> Runtime:
    """A runtime on a migrated database."""
    environ = product_environ(folder, database_url, port=8000, smtp_port=2525)
    return Runtime.assemble(Settings.from_environ(environ), argon2=CHEAP, clock=clock)


@dataclass
class Office:
    """Marieke's mailbox and Sanne's, and one message from Marieke."""

    runtime: Runtime
    clock: MovingClock
    marieke: Member
    sanne: Member
    message: bytes
    conversation: bytes

    def worker(self, transport: Recorder | None = None) -> Worker:
        """An announced worker whose mail goes to `transport`."""
        settings = self.runtime.settings
        worker = Worker(self.runtime, transport or Recorder(), Renderer(settings.mail_from))  # type: ignore[arg-type]
        worker.announce()
        return worker

    def add_guest_mail(self, place: int = 0, to: str = GUEST) -> bytes:
        """The notification to the guest at that place."""
        with self.runtime.work(write=True) as ctx:
            return outbox.add_sealed(
                ctx, "guest_message", guest_payload(to), mailbox=self.marieke.mailbox, epoch=1,
                message=self.message, place=place,
            )  # fmt: skip

    def add_member_mail(self) -> bytes:
        """The notification to Sanne."""
        with self.runtime.work(write=True) as ctx:
            return outbox.add_plain(ctx, "member_message", mailbox=self.sanne.mailbox, message=self.message, place=1)

    def row(self, outbox_id: bytes) -> Outbox:
        """An outbox row as it is now."""
        with self.runtime.work(write=False) as ctx:
            return ctx.db.get_one(Outbox, outbox_id)

    def locks(self, outbox_id: bytes) -> set[bytes]:
        """Who can open a row."""
        with self.runtime.work(write=False) as ctx:
            return set(ctx.db.scalars(select(OutboxLock.holder).where(OutboxLock.outbox == outbox_id)))

    def receiver_state(self, place: int = 0) -> str:
        """What the sender sees of a receiver."""
        with self.runtime.work(write=False) as ctx:
            return ctx.db.get_one(Recipient, (self.message, place)).state


def open_office(runtime: Runtime, clock: MovingClock, *, guests: int = 1) -> Office:
    """The office with one message: the guest at place 0, Sanne at 1, more guests after her."""
    with runtime.work(write=True) as ctx:
        marieke = _member(ctx, "marieke@vandalenbakker.example", "Marieke van Dalen", "nl")
        sanne = _member(ctx, "sanne@vandalenbakker.example", "Sanne Kuipers", "en")
        organisations.create(ctx, "Van Dalen & Bakker")
        conversation, message = ids.new_id(), ids.new_id()
        ctx.db.add(Conversation(id=conversation, created=ctx.now))
        ctx.db.add(
            Message(
                id=message, conversation=conversation, sender=marieke.mailbox, sender_kind="mailbox",
                account=marieke.account, sent_at=ctx.now, idempotency_key=ids.new_id(), state="sent",
                mac=bytes(32), sealed_head=b"head", sealed_body=b"body",
            )
        )  # fmt: skip
        ctx.db.add(
            Thread(
                mailbox=marieke.mailbox, conversation=conversation, newest=message, newest_at=ctx.now, unread=0,
                changed=ctx.now,
            )
        )  # fmt: skip
        for place in range(guests + 1):
            principal = sanne.mailbox if place == 1 else ids.new_id()
            kind = "mailbox" if place == 1 else "link"
            ctx.db.add(
                Recipient(
                    message=message, place=place, principal=principal, kind=kind, state="waiting", state_at=ctx.now,
                    opened_at=None,
                )
            )  # fmt: skip
    return Office(runtime, clock, marieke, sanne, message, conversation)


def guest_payload(to: str = GUEST, **changes: object) -> dict[str, object]:
    """What the sender's session leaves for the worker."""
    return {
        "to": to, "name": "Fatima El Amrani", "language": "nl", "sender_name": "Marieke van Dalen",
        "sender_address": "marieke@vandalenbakker.example", "sent": START.isoformat(),
        "ref": ids.to_text(bytes(16)), "code": CODE, **changes,
    }  # fmt: skip


def job_of(payload: dict[str, object] | None, kind: str = "guest_message") -> Job:
    """A claimed row with that payload."""
    return Job(bytes(range(16)), kind, 1, None, None, None, payload)


def _member(ctx: Context, address: str, name: str, language: str) -> Member:
    account, mailbox, mk = ids.new_id(), ids.new_id(), MailKey.new()
    entry = {"address": address, "name": name, "language": language}
    ctx.db.add(
        Account(
            id=account, state="active", rk_epoch=1, vault_revision=1, created=ctx.now,
            sealed_entry=ctx.keys.seal_entry(account, entry), sealed_vault=b"",
        )
    )  # fmt: skip
    ctx.db.add(Mailbox(id=mailbox, kind="personal", owner=account, mk_epoch=1, sealed_holders=b""))
    ctx.db.flush()
    ctx.db.add(
        Address(
            address_tag=ctx.keys.address_tag(address), mailbox=mailbox, since=ctx.now,
            sealed_address=ctx.keys.seal_address(mailbox, entry),
        )
    )  # fmt: skip
    mail = MailKeys(mailbox, 1, mk)
    keys.publish(ctx, "mailbox", mailbox, 1, mail.pair().public)
    return Member(
        kind="mailbox", mail=mail, address=address, name=name, language=language, account=account,
        root=RootKeys(account, 1, RootKey.new()), session=bytes(32), organisation=bytes(16),
    )  # fmt: skip


def stranger_key() -> bytes:
    """A public key that is not ours."""
    return key_pair(Seed(ids.new_token())).public
