"""Somebody of one pass alone who writes to people of that pass alone: the office's own lists stay as they are."""

from dataclasses import dataclass
from datetime import timedelta
from zlib import crc32

from sqlalchemy import select, update

from securemail import ids
from securemail.crypto.codes import write_message_code
from securemail.crypto.secrets import MessageCode
from securemail.guests import checks, gate
from securemail.guests.checks import Check
from securemail.identity.context import Member
from securemail.messages import sending
from securemail.store.models import GuestLink, Recipient
from tests.lived_in import CALCULATION
from tests.studio import Studio

AGREED = "vier groene lampen"
SUBJECT = "Berekening kinderalimentatie"


def address_in(tag: str, name: str) -> str:
    """Where somebody gets mail in one scene of one pass."""
    first, _, last = name.lower().partition(" ")
    return f"{first}@{last.replace(' ', '')}{crc32(tag.encode()) % 100_000}.example"


def author_in(tag: str) -> str:
    """Where the author of one scene of one pass gets mail."""
    return f"m{crc32(tag.encode()) % 100_000}@vandalenbakker.example"


@dataclass
class Desk:
    """Who writes, and the pass that it is for."""

    at: Studio
    author: Member
    tag: str

    def person(self, name: str) -> tuple[str, str]:
        """Somebody's address in this pass, and the name."""
        return address_in(self.tag, name), name

    def number(self, nth: int = 0) -> str:
        """A mobile number of this pass alone."""
        return f"+31613{crc32(f'{self.tag}{nth}'.encode()) % 1_000_000:06}"

    def password(self) -> Check:
        """Agreed by telephone."""
        with self.at.office.house.work() as ctx:
            return Check("password", password=checks.agree(ctx, AGREED), hint="Waar we elkaar voor het eerst spraken")

    def send(self, *to: sending.To, expires: timedelta | None = None) -> sending.Sent:
        """A new conversation."""
        with self.at.office.house.work() as ctx:
            return sending.send(
                ctx,
                self.author,
                key=ids.new_id(),
                to=list(to),
                subject=SUBJECT,
                text=CALCULATION,
                expires=expires,
            )

    def link(self, sent: sending.Sent, address: str) -> str:
        """A guest's link, as its mail has it, or would have it."""
        with self.at.office.house.work() as ctx:
            for row in ctx.db.scalars(select(GuestLink).where(GuestLink.conversation == sent.conversation)):
                kept = self.author.mail.open_maker(row.id, row.sealed_maker)
                if kept["address"] == address and row.successor is None:
                    code = write_message_code(MessageCode(bytes.fromhex(kept["code"]))).replace(" ", "")
                    return f"/b/{ids.to_text(row.link_ref)}#{code}"
        raise AssertionError(f"{address} has no link")

    def letter(self, sent: sending.Sent) -> str:
        """Where the author reads it."""
        return f"/conversations/{ids.to_text(sent.conversation)}"

    def end(self, sent: sending.Sent, place: int = 0) -> None:
        """Its receiver's time is over."""
        with self.at.office.house.work() as ctx:
            over = update(Recipient).where(Recipient.message == sent.message, Recipient.place == place)
            ctx.db.execute(over.values(expires=ctx.now - timedelta(seconds=1)))

    def tried(self, sent: sending.Sent, address: str, tries: int) -> None:
        """So many wrong entries were made at somebody's link."""
        locked = self.at.office.house.clock() if tries >= gate.TRIES else None
        with self.at.office.house.work() as ctx:
            ref = ids.from_text(self.link(sent, address).partition("#")[0].removeprefix("/b/"))
            ctx.db.execute(update(GuestLink).where(GuestLink.link_ref == ref).values(tries=tries, locked=locked))


def sit_down(at: Studio, scene: str) -> Desk:
    """Marieke, as the pictures of one scene have her."""
    tag = f"{scene}.{at.size}.{at.look}"
    language = "en" if at.look.endswith("-en") else "nl"
    return Desk(at, at.office.join((author_in(tag), "Marieke van Dalen"), language).member, tag)
