"""A believable office for the pictures: its people, what they wrote this week, and who has read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete, select

from securemail import ids
from securemail.crypto.codes import write_message_code
from securemail.crypto.links import link_ref
from securemail.guests import checks
from securemail.guests import help as helping
from securemail.guests.checks import Check
from securemail.identity import accounts, profile, vault
from securemail.identity.context import Guest, Member
from securemail.identity.passwords import stretch_new
from securemail.identity.vault import Totp
from securemail.messages import drafts, receipts, revocation, sending
from securemail.organisations import organisations
from securemail.store.models import Attempt, BrowserSession, GuestLink
from tests import house
from tests.house import FATIMA, PASSWORD, PETER, House, TurnedClock

NOW = datetime(2026, 11, 19, 10, 48, tzinfo=UTC)
"""Ten to twelve in Amsterdam, on the Thursday of the pictures."""
COURT = ("griffie@rechtbankwaterland.example", "Rechtbank Waterland")
DOCTOR = ("praktijk@delinde.example", "Huisartsenpraktijk De Linde")
NEWCOMER = ("noor@vandalenbakker.example", "Noor Yıldız")
JAN = ("jan.de.boer@boerenzoon.example", "Jan de Boer")
ANOUK = ("anouk@visserbouw.example", "Anouk Visser")
NOTARY = ("balie@notariswaterland.example", "Notariskantoor Waterland")
CALCULATION = (
    "Beste Fatima en Peter,\n\nMet de loonstroken heb ik de alimentatie opnieuw berekend. Het bedrag komt uit op € 384 "
    "per kind per maand. Hieronder staat hoe ik daarop kom.\n\nWillen jullie vóór dinsdag laten weten of je akkoord "
    "bent?\n\nMet vriendelijke groet,\nMarieke van Dalen"
)
ANSWER = (
    "Beste Marieke,\n\nDank voor de berekening. Wij hebben hem samen bekeken en zijn akkoord met € 384 per kind.\n\n"
    "Groet, Fatima"
)


@dataclass(frozen=True)
class Newcomer:
    """Somebody with a new account; `code` is the recovery code as it was shown."""

    member: Member
    code: str


@dataclass
class Office:
    """The house, and the conversations that the pictures ask for."""

    house: House
    calculation: sending.Sent
    answered: sending.Sent
    """Fatima wrote back; what she wrote is not opened yet."""
    withdrawn: sending.Sent
    undelivered: sending.Sent
    court: sending.Sent
    by_sms: sending.Sent
    """Its receiver gets a code by phone, and has asked for help."""
    by_password: sending.Sent
    draft: bytes
    """The newest of the drafts, ready to be sent."""

    def tidy(self) -> None:
        """Throw away what the pictures wrote themselves."""
        with self.house.work() as ctx:
            for saved in drafts.newest(ctx, self.house.marieke):
                if saved.changed > NOW:
                    drafts.discard(ctx, self.house.marieke, saved.draft)

    def speak(self, language: str) -> None:
        """Every member reads in this language from now on."""
        with self.house.work() as ctx:
            for member in (self.house.marieke, self.house.sanne):
                profile.set_language(ctx, member.owner, language)

    def join(self, who: tuple[str, str], language: str) -> "Newcomer":
        """Somebody whose account is new, and whose recovery code we know."""
        new, member = _account(self.house, who)
        with self.house.work() as ctx:
            profile.set_language(ctx, member.owner, language)
        return Newcomer(member, " ".join(new.code_groups))

    @contextmanager
    def secured(self, member: Member) -> Iterator[None]:
        """Somebody who is logged in has everything set up for a while, so that nothing above the list asks for it."""
        with self.house.work() as ctx:
            bare = vault.read(ctx, member.root)
            done = {"totp": Totp("JBSWY3DPEHPK3PXP" * 2, 0, NOW.isoformat()), "backup_codes": ("all of them",)}
            vault.write(ctx, member.root, replace(bare, code_saved=True, **done))
        yield
        with self.house.work() as ctx:
            known = vault.read(ctx, member.root)
            vault.write(ctx, member.root, replace(known, totp=None, backup_codes=()))

    @contextmanager
    def requiring_second_step(self) -> Iterator[None]:
        """The organisation wants a second step of everybody for a while."""
        organisation = self.house.marieke.organisation
        with self.house.work() as ctx:
            before = organisations.policy_of(ctx, organisation)
            organisations.decide(ctx, organisation, replace(before, require_second_step=True))
        yield
        with self.house.work() as ctx:
            organisations.decide(ctx, organisation, before)

    def end_sessions(self, member: Member) -> None:
        """As when the hour of idleness is over."""
        with self.house.work() as ctx:
            ctx.db.execute(delete(BrowserSession).where(BrowserSession.account == member.account))

    def forgive(self) -> None:
        """Every count of tries begins anew."""
        with self.house.work() as ctx:
            ctx.db.execute(delete(Attempt))

    def ref(self, sent: sending.Sent, address: str = FATIMA[0]) -> str:
        """The part of a guest's link that stands in its path."""
        return ids.to_text(link_ref(self.house.code_of(sent.conversation, address)))

    def code(self, sent: sending.Sent, address: str = FATIMA[0]) -> str:
        """A guest's code as it stands in the link."""
        return write_message_code(self.house.code_of(sent.conversation, address)).replace(" ", "")


class _Week:
    """Turns the clock to a moment of the week, and lets people write and read."""

    def __init__(self, furnished: House) -> None:
        self.house = furnished

    def at(self, day: int, hour: int, minute: int) -> None:
        self.house.clock.now = datetime(2026, 11, day, hour - 1, minute, tzinfo=UTC)

    def open(self, reader: Member | Guest, conversation: bytes) -> None:
        self.house.letters(reader, conversation)
        with self.house.work() as ctx:
            receipts.mark_opened(ctx, reader, conversation)

    def reply(self, author: Member | Guest, conversation: bytes, text: str) -> None:
        self.house.letters(author, conversation)
        with self.house.work() as ctx:
            sending.reply(ctx, author, conversation=conversation, key=ids.new_id(), text=text)

    def open_as_guest(self, sent: sending.Sent, address: str) -> Guest:
        guest, _secret = self.house.enter(sent.conversation, address)
        self.open(guest, sent.conversation)
        return guest


def furnish(folder: Path, database_url: str) -> Office:
    """Fill a migrated database with a week of post."""
    clock = TurnedClock()
    clock.now = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
    furnished = house.furnish(folder, database_url, clock)
    court, doctor = _join(furnished, COURT), _join(furnished, DOCTOR)
    _join(furnished, NEWCOMER)
    week = _Week(furnished)
    checked = _checked(week)
    _last_week(week)
    _yesterday(week, doctor)
    office = _today(week, court, checked)
    clock.now = NOW
    return office


def _join(furnished: House, who: tuple[str, str]) -> Member:
    return _account(furnished, who)[1]


def _account(furnished: House, who: tuple[str, str]) -> tuple[accounts.NewAccount, Member]:
    password = stretch_new(PASSWORD, furnished.runtime.keys, furnished.runtime.hasher)
    organisation = furnished.marieke.organisation
    with furnished.work() as ctx:
        new = house._account(ctx, who, organisation, "member", password)
    return new, house._member(new, who, organisation)


def _checked(week: _Week) -> tuple[sending.Sent, sending.Sent]:
    """Two letters whose receiver proves who she is."""
    week.at(4, 10, 5)
    by_sms = week.house.send((*FATIMA, Check("sms", "+31612345678")), subject="Jaaropgaven", text="Hierbij de opgaven.")
    with week.house.work() as ctx:
        agreed = checks.agree(ctx, "vier groene lampen")
    check = Check("password", password=agreed, hint="Waar we elkaar voor het eerst spraken")
    by_password = week.house.send((*FATIMA, check), subject="Verzoekschrift", text="Hierbij het verzoekschrift.")
    with week.house.work() as ctx:
        link = ctx.db.scalars(select(GuestLink).where(GuestLink.conversation == by_sms.conversation)).one()
        helping.ask(ctx, link, "number")
    return by_sms, by_password


def _last_week(week: _Week) -> None:
    marieke, sanne = week.house.marieke, week.house.sanne
    week.at(12, 14, 20)
    sent = week.house.send(NOTARY, JAN, subject="Volmacht voor de levering",
                           text="Hierbij de volmacht, zoals besproken. Graag getekend retour.")  # fmt: skip
    week.open_as_guest(sent, NOTARY[0])
    week.open_as_guest(sent, JAN[0])
    week.at(16, 11, 20)
    sent = week.house.send((marieke.address, marieke.name), author=sanne, subject="Rooster december",
                           text="Ik neem de zittingen in week 51 over. Wil jij week 52 doen?")  # fmt: skip
    week.open(marieke, sent.conversation)
    week.at(17, 9, 40)
    sent = week.house.send(PETER, subject="Afspraak op kantoor", text="Komt dinsdag om 14.00 uur u gelegen?")
    week.open_as_guest(sent, PETER[0])


def _yesterday(week: _Week, doctor: Member) -> None:
    marieke, sanne = week.house.marieke, week.house.sanne
    week.at(17, 16, 2)
    sent = week.house.send(PETER, subject="Reactie namens mijn cliënt",
                           text="Geachte heer Hoekstra,\n\nHierbij het voorstel van mijn cliënt.")  # fmt: skip
    week.at(18, 9, 12)
    peter = week.open_as_guest(sent, PETER[0])
    week.reply(peter, sent.conversation, "Geachte mevrouw Van Dalen,\n\nIk ga akkoord met het voorstel van uw cliënt.")
    week.open(marieke, sent.conversation)
    week.at(18, 13, 10)
    sent = week.house.send((marieke.address, marieke.name), author=sanne, subject="Dossier 2026-0418 is compleet",
                           text="De laatste stukken zijn binnen. Kijk jij er nog een keer naar?")  # fmt: skip
    week.open(marieke, sent.conversation)
    week.at(18, 13, 37)
    week.reply(marieke, sent.conversation, "Mooi, dan kan het vandaag naar de rechtbank.")
    week.open(sanne, sent.conversation)
    week.at(18, 15, 3)
    sent = week.house.send((marieke.address, marieke.name), author=doctor, subject="Verklaring behandelend arts",
                           text="De gevraagde verklaring. Let op: de termijn loopt tot 1 december.")  # fmt: skip
    week.open(marieke, sent.conversation)
    week.at(18, 17, 20)
    week.house.send(JAN, subject="Akte van verdeling",
                    text="Wilt u de akte vrijdag komen tekenen? Neem uw legitimatiebewijs mee.")  # fmt: skip


def _today(week: _Week, court: Member, checked: tuple[sending.Sent, sending.Sent]) -> Office:
    marieke = week.house.marieke
    me = (marieke.address, marieke.name)
    week.at(18, 11, 6)
    withdrawn = week.house.send(ANOUK, subject="Concept dagvaarding", text="Graag uw reactie op het concept.")
    with week.house.work() as ctx:
        revocation.revoke(ctx, marieke, withdrawn.message)
    week.at(18, 16, 5)
    answered = week.house.send(FATIMA, subject="Ouderschapsplan: onze opmerkingen",
                               text="Beste Fatima,\n\nHierbij het concept van het ouderschapsplan. Wat vindt u "
                               "van artikel 3?\n\nMet vriendelijke groet,\nMarieke van Dalen")  # fmt: skip
    week.at(19, 8, 31)
    undelivered = week.house.send(("bounce@oud-adres.example", "Karel Smit"), subject="Kopie beschikking",
                                  text="Hierbij de beschikking van 12 november.")  # fmt: skip
    week.at(19, 9, 58)
    calculation = week.house.send(FATIMA, PETER, subject="Berekening kinderalimentatie", text=CALCULATION)
    week.at(19, 10, 15)
    called = week.house.send(me, author=court, subject="Oproep zitting 4 december",
                             text="Hierbij de oproep voor de mondelinge behandeling.")  # fmt: skip
    week.at(19, 10, 20)
    week.open_as_guest(calculation, FATIMA[0])
    week.at(19, 11, 42)
    fatima = week.open_as_guest(answered, FATIMA[0])
    week.reply(fatima, answered.conversation, "Dank voor het concept. Bij artikel 3 willen wij graag nog overleggen.")
    return Office(week.house, calculation, answered, withdrawn, undelivered, called, *checked, _drafts(week))


def _drafts(week: _Week) -> bytes:
    texts = [
        ((JAN,), "Verdeling inboedel", "Beste Jan,\n\nIn de bijlage vind je de lijst die we maandag bespraken."),
        ((PETER,), "", "Nog uitzoeken: termijn hoger beroep."),
        ((FATIMA, PETER), "Ouderschapsplan, tweede versie", CALCULATION.replace("alimentatie", "verdeling")),
    ]
    drafted = b""
    for minute, (to, subject, text) in enumerate(texts):
        week.at(19, 11, 44 + minute)
        drafted = ids.new_id()
        with week.house.work() as ctx:
            drafts.save(ctx, week.house.marieke, drafted, 0, drafts.Content(to, subject, text))
    return drafted
