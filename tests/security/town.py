"""A house that has been lived in: every table filled, and every secret that its people hold, to attack it with."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from securemail import ids
from securemail.crypto import cookies, mailkeys, notes
from securemail.crypto.codes import read_recovery_code
from securemail.crypto.mailkeys import MailKeys
from securemail.crypto.secrets import MessageCode, RecoveryCode, SessionSecret
from securemail.delivery import workers
from securemail.delivery.workers import OwnKey
from securemail.guests import checks, devices, gate, guest_sessions
from securemail.guests.checks import Check
from securemail.guests.gate import AtGate
from securemail.identity import challenges, invitations, login, photos, profile, signup
from securemail.identity.browsers import Browser
from securemail.identity.challenges import Held
from securemail.identity.context import Context, Guest, Member
from securemail.identity.invitation_lists import Line
from securemail.mailboxes import rotation
from securemail.messages import drafts, reading, revocation, sending
from securemail.organisations import administrators, members
from securemail.organisations import rotation as organisations
from securemail.store.models import GuestLink, MailGrant, Outbox, OutboxLock, Pending
from tests.house import FATIMA, MARIEKE, PASSWORD, PETER, SANNE, House, open_link

URL = "http://localhost:8000"
AGREED = "de naam van ons konijn"
HINTS = ("het konijn", "van vroeger, met de lange oren")
NUMBERS = ("+31612345678", "+31687654321")


@dataclass(frozen=True)
class Asked:
    """A guest who gave the code of a link and has its check to pass yet; `secret` is their browser's."""

    code: MessageCode
    secret: SessionSecret


@dataclass
class Town:
    """The house, who is logged in there, and what each of them knows."""

    house: House
    worker: OwnKey
    sessions: dict[bytes, SessionSecret]
    """By account."""
    guests: dict[bytes, SessionSecret]
    """By link."""
    codes: dict[bytes, MessageCode]
    """By link."""
    remembered: dict[bytes, SessionSecret]
    """What a remembered browser keeps, by the link that it was remembered at."""
    asked: dict[bytes, Asked]
    """By link: two wait for an agreed password, two for a code by SMS."""
    recovery: dict[bytes, RecoveryCode]
    """By account."""
    tokens: dict[bytes, str]
    """By waiting sign-up."""
    organisation: MailKeys
    first: sending.Sent
    second: sending.Sent

    @property
    def members(self) -> tuple[Member, Member]:
        return self.house.marieke, self.house.sanne

    def member(self, account: bytes) -> Member:
        return next(member for member in self.members if member.account == account)

    def in_mailbox(self, mailbox: bytes) -> Member:
        return next(member for member in self.members if member.mailbox == mailbox)


def settle(house: House) -> Town:
    """Two workers, letters both ways, guests who read and answer, drafts, log-ins, sign-ups and a withdrawal."""
    worker = OwnKey.new()
    with house.work() as ctx:
        workers.announce(ctx, worker)
        workers.announce(ctx, OwnKey.new())
        profile.set_language(ctx, house.sanne.owner, "en")
        for member in (house.marieke, house.sanne):
            photos.keep(ctx, member.owner, f"the face of {member.name}".encode())
    first = house.send(FATIMA, PETER, SANNE)
    rotate(house)
    second = house.send(MARIEKE, FATIMA, author=house.sanne, subject="Zitting", text="Dinsdag om tien uur.")
    third = house.send(FATIMA, subject="Tweede dossier", text="Alleen voor Fatima.")
    codes = read_codes(house)
    guests = enter(house, codes)
    remembered = {link: remember(house, link, secret) for link, secret in guests.items()}
    write(house, guests, first)
    with house.work() as ctx:
        reading.take_in(ctx, house.marieke)
        recovery = read_recovery_codes(ctx, house)
        tokens = sign_up(ctx, worker) | invite(ctx, house, worker)
        revocation.revoke_access(ctx, house.marieke, third.message, 0)
    asked = ask_guests(house, codes)
    return Town(
        house=house,
        worker=worker,
        sessions={member.root.account: log_in(house, member) for member in (house.marieke, house.sanne)},
        guests=guests,
        codes=codes,
        remembered=remembered,
        asked=asked,
        recovery=recovery,
        tokens=tokens,
        organisation=organisation_keys(house),
        first=first,
        second=second,
    )


def rotate(house: House) -> None:
    """A new key for Sanne's mailbox, and two for the organisation; nothing is locked anew yet."""
    with house.work() as ctx:
        house.sanne = replace(house.sanne, mail=rotation.rotate_mail(ctx, house.sanne))
        for _ in range(2):
            organisations.rotate(ctx, administrators.enter(ctx, house.marieke).keys)


def read_codes(house: House) -> dict[bytes, MessageCode]:
    """The codes as they stand in the makers' own notes, and in the mails."""
    with house.work() as ctx:
        return {row.id: _code(house, row) for row in ctx.db.scalars(select(GuestLink))}


def _code(house: House, row: GuestLink) -> MessageCode:
    maker = house.marieke if row.maker == house.marieke.mailbox else house.sanne
    return MessageCode(bytes.fromhex(maker.mail.at(row.epoch).open_maker(row.id, row.sealed_maker)["code"]))


def enter(house: House, codes: dict[bytes, MessageCode]) -> dict[bytes, SessionSecret]:
    """Every guest opens their link, each in a browser of their own, but the last two links share one."""
    secrets: dict[bytes, SessionSecret] = {}
    for link, code in codes.items():
        browser = list(secrets.values())[-1] if len(secrets) == len(codes) - 1 else None
        with house.work() as ctx:
            secret, _ = open_link(ctx, code, browser)
        # What the shared browser held before is behind its new secret too.
        secrets = {known: secret if held is browser else held for known, held in secrets.items()} | {link: secret}
    return secrets


def remember(house: House, link: bytes, secret: SessionSecret) -> SessionSecret:
    """The guest of a link has their browser remembered."""
    with house.work() as ctx:
        return devices.remember(ctx, resume_guest(ctx, link, secret), None)


def resume_guest(ctx: Context, link: bytes, secret: SessionSecret) -> Guest:
    ref = ctx.db.scalars(select(GuestLink.link_ref).where(GuestLink.id == link)).one()
    return guest_sessions.resume(ctx, secret, ref)


def ask_guests(house: House, known: dict[bytes, MessageCode]) -> dict[bytes, Asked]:
    """Two letters, each to a guest with an agreed password and to one with a phone, all of whom gave their code."""
    for hint, number in zip(HINTS, NUMBERS, strict=True):
        with house.runtime.work(write=False) as ctx:
            agreed = checks.agree(ctx, AGREED)
        by_password, by_sms = Check("password", password=agreed, hint=hint), Check("sms", number)
        house.send((*FATIMA, by_password), (*PETER, by_sms), subject="Uitslag", text="De uitslag is er.")
    return {link: knock(house, code) for link, code in read_codes(house).items() if link not in known}


def knock(house: House, code: MessageCode) -> Asked:
    """In a browser of their own; who has a phone is sent a code."""
    with house.work() as ctx:
        at = gate.enter_code(ctx, code, None)
        assert at.step != "open"
        if at.step == "sms":
            gate.send_sms(ctx, at, host="localhost", language="nl")
        return Asked(code, at.secret)


def at_gate(ctx: Context, link: bytes, asked: Asked) -> AtGate:
    ref = ctx.db.scalars(select(GuestLink.link_ref).where(GuestLink.id == link)).one()
    return gate.at(ctx, asked.secret, ref)


def write(house: House, guests: dict[bytes, SessionSecret], sent: sending.Sent) -> None:
    """Answers by a guest and by a member, and drafts by both."""
    with house.work() as ctx:
        links = ctx.db.scalars(select(GuestLink.id).where(GuestLink.conversation == sent.conversation)).all()
        guest = resume_guest(ctx, links[0], guests[links[0]])
        sending.reply(ctx, guest, conversation=sent.conversation, key=ids.new_id(), text="Dank je wel.")
        reading.take_in(ctx, house.sanne)
    with house.work() as ctx:
        sending.reply(ctx, house.sanne, conversation=sent.conversation, key=ids.new_id(), text="Akkoord.")
        for number, author in enumerate((house.marieke, house.sanne, house.marieke)):
            content = drafts.Content((PETER,), f"Ontwerp {number}", "Nog niet af")
            draft = ids.new_id()
            for revision in range(number + 1):
                drafts.save(ctx, author, draft, revision, content)


def log_in(house: House, member: Member) -> SessionSecret:
    """With address and password, as everybody does."""
    with house.work() as ctx:
        candidate = login.find(ctx, member.address)
    proved = login.prove(house.runtime.keys, house.runtime.hasher, candidate, PASSWORD)
    with house.work() as ctx:
        browser = Browser(SessionSecret.new(), {"browser": f"Firefox of {member.name}", "network": "192.0.2.7"})
        secret = login.finish(ctx, proved, remember=False, browser=browser).secret
        held = Held(secret, cookies.session_id(secret), member.root.account)
        challenges.keep(ctx, held, "totp", {"seed": f"what the app of {member.name} is to prove"})
        return secret


def read_recovery_codes(ctx: Context, house: House) -> dict[bytes, RecoveryCode]:
    """From the mails that wait: locked to the owner's mailbox."""
    return {
        member.root.account: read_recovery_code(" ".join(_payload(ctx, member)["code_groups"]))
        for member in (house.marieke, house.sanne)
    }


def _payload(ctx: Context, member: Member) -> dict[str, Any]:
    row = ctx.db.scalars(select(Outbox).where(Outbox.kind == "recovery_code", Outbox.mailbox == member.mailbox)).one()
    held = ctx.db.get_one(OutboxLock, (row.id, member.mailbox))
    key = notes.open_payload_key(member.mail.pair(), held.sealed_key, row.id, member.mailbox, held.epoch)
    return notes.open_payload(key, row.id, row.sealed_payload or b"")


def sign_up(ctx: Context, worker: OwnKey) -> dict[bytes, str]:
    """Two strangers ask for an account; what their mails say, by waiting row."""

    def ask(address: str) -> None:
        signup.request(ctx, address, language="nl", public_url=URL)

    return _links_by_row(ctx, worker, ("noor@example.org", "daan@example.org"), ask)


def invite(ctx: Context, house: House, worker: OwnKey) -> dict[bytes, str]:
    """Two more are invited, and both members have told a reference; what the mails say, by waiting row."""
    marieke = administrators.enter(ctx, house.marieke)
    for member in (house.marieke, house.sanne):
        members.set_reference(ctx, member.root, f"A-{member.name}")

    def ask(address: str) -> None:
        line = Line(address, f"Name of {address}", "A-1")
        invitations.invite(ctx, marieke, line, language="nl", public_url=URL)

    return _links_by_row(ctx, worker, ("lotte@example.org", "thijs@example.org"), ask)


def _links_by_row(
    ctx: Context, worker: OwnKey, addresses: tuple[str, ...], ask: Callable[[str], None]
) -> dict[bytes, str]:
    tokens = {}
    for address in addresses:
        known = set(ctx.db.scalars(select(Outbox.id)))
        ask(address)
        [row] = ctx.db.scalars(select(Outbox).where(Outbox.id.not_in(known))).all()
        held = ctx.db.get_one(OutboxLock, (row.id, worker.id))
        key = notes.open_payload_key(worker.pair, held.sealed_key, row.id, worker.id, held.epoch)
        link = notes.open_payload(key, row.id, row.sealed_payload or b"")["token_link"]
        tag = ctx.keys.address_tag(address)
        tokens[ctx.db.scalars(select(Pending.id).where(Pending.address_tag == tag)).one()] = link
    return tokens


def organisation_keys(house: House) -> MailKeys:
    """The organisation's own keys, as its administrator opens them."""
    with house.work() as ctx:
        return administrators.enter(ctx, house.marieke).keys


def open_grant(member: Member, grant: MailGrant) -> Any:
    return mailkeys.open_grant(
        member.root.identity(), grant.sealed_mk, mailbox=grant.mailbox, epoch=grant.epoch,
        grantee=grant.grantee, grant=grant.id, rights=grant.rights,
    )  # fmt: skip
