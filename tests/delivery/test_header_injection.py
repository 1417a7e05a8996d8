"""Whatever somebody types as a name, an address or a sentence, a mail has the headers that were set, and an SMS its
lines. Read by plain splitting of the bytes that go over the wire, not by the library that wrote them."""

import re
from collections.abc import Callable
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Final, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from securemail.config import Smtp
from securemail.delivery import notifications, sms_text, smtp
from securemail.delivery.brand import Brand
from securemail.delivery.notifications import Unsendable
from securemail.delivery.render import Renderer
from securemail.errors import InvalidInput
from securemail.identity.context import Context
from securemail.mailboxes.addresses import clean_name, normalise
from securemail.organisations.policy import clean_words
from tests.delivery.office import GUEST, START, guest_payload, job_of

URL, FROM = "https://post.vandalenbakker.example", "bericht@post.vandalenbakker.example"
WITH_NAMES: Final = {
    "guest_message": {},
    "guest_answer": {},
    "guest_reminder": {},
    "invitation": {"token_link": f"{URL}/invitation#x"},
    "secure_account": {},
    "new_device": {"browser": "Firefox", "network": "192.0.2.7"},
    "address_changed": {"new": "b@example.org"},
}
HEADERS: Final = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Language"
]  # fmt: skip
_FOLD: Final = re.compile(r"\r\n(?=[ \t])")
_TURNS: Final = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029\x85")

PIECES: Final = (
    "\r\nBcc: mallory@example.org", "\nBcc: mallory@example.org\n\n<b>", "\r", "\n", "\r\n\r\n", "\x00", "\x07",
    "\x0b", "\x0c", "\x1b[2J", "\x1c", "\x1d", "\x1e", "\x1f", "\x7f", "\x85", "\xa0", "\xad", "\u061c", "\u200b",
    "\u200f", "\u2028", "\u2029", "\u202e", "\u2066", "\ufeff", "\ufffe", "\ud800", "\udcff", "\U000e0041",
    "=?utf-8?q?=0d=0aBcc:_x=40example.org?=", "=?utf-8?b?DQpCY2M6IHhAZXhhbXBsZS5vcmc=?=", "=?", "?=", '"', "'", "\\",
    "<", ">", ",", ";", ":", "@", "(", ")", "[", "]", "%0d%0a", "{{7*7}}", "<mallory@example.org>",
    ", mallory@example.org", "é", "ß", "İ", "漢字", "👩‍⚖️", " ", "  ", "x", "Jansen", "w" * 80, "lang woord " * 12,
    "a" * 1000, ".", "..", "`", "+", "/",
)  # fmt: skip
nasty = st.lists(
    st.sampled_from(PIECES) | st.text(st.characters(), max_size=6) | st.characters(categories=["Cc", "Cf", "Cs", "Zl"]),
    max_size=8,
).map("".join)


def raw_headers(mail: EmailMessage, *, foreign: bool) -> dict[str, str]:
    """As they go over the wire, unfolded; every line of them ends as it should and is as short as it must be."""
    raw = smtp._written(mail, foreign=foreign)
    head = raw.partition(b"\r\n\r\n")[0].decode("utf-8")
    assert not re.search(r"(?<!\r)\n|\r(?!\n)", head)
    assert max(len(line.encode()) for line in head.split("\r\n")) <= 998
    lines = [line.partition(": ") for line in _FOLD.sub("", head).split("\r\n")]
    assert sorted(name for name, _, _ in lines) == sorted(HEADERS)
    return {name: value for name, _, value in lines}


def read(value: str) -> str:
    """A header's words as a mail program shows them."""
    return str(make_header(decode_header(value)))


def unquoted(address: str) -> str:
    """A part that needs quotes has them, and they are no part of it."""
    return re.sub(r"\\(.)", r"\1", address.replace('"', ""))


def well_formed(mail: EmailMessage, to: str) -> None:
    """One receiver, one sender, one line of everything, and nothing that hides or turns what is shown."""
    headers = raw_headers(mail, foreign=not to.isascii())
    assert [unquoted(address) for _name, address in getaddresses([headers["To"]])] == [to]
    assert [address for _name, address in getaddresses([headers["From"]])] == [FROM]
    assert headers["Message-ID"] == "<000102030405060708090a0b0c0d0e0f@post.vandalenbakker.example>"
    assert headers["Auto-Submitted"] == "auto-generated"
    for name in ("From", "To", "Subject"):
        shown = read(headers[name])
        assert not any(ord(character) < 32 or ord(character) == 127 or character in _TURNS for character in shown), name
    for part in mail.iter_parts():
        assert str(part.get_content()).strip()


def written(kind: str, brand: Brand, **payload: object) -> EmailMessage:
    job = job_of(guest_payload(**{**WITH_NAMES[kind], **payload}), kind)  # type: ignore[arg-type]
    notification = notifications.prepare(cast(Context, None), job, brand=brand, public_url=URL)
    return Renderer(FROM).mail(notification, now=START)


@pytest.mark.parametrize("kind", WITH_NAMES)
@given(name=nasty, sender=nasty, language=st.sampled_from(("nl", "en")))
def test_no_name_of_a_person_becomes_a_header(kind: str, name: str, sender: str, language: str) -> None:
    """As they stand in the sealed payload: nothing that was refused at the door is relied on."""
    well_formed(written(kind, Brand("Van Dalen & Bakker"), name=name, sender_name=sender, language=language), GUEST)


@given(organisation=nasty, words=nasty)
@example(organisation="=?utf-8?q?=0d=0aBcc:_x=40example.org?=", words="=?utf-8?q?=0d=0a?=")
@example(organisation="x, mallory@example.org, " * 5, words="")
def test_neither_the_organisations_name_nor_its_sentence_becomes_a_header(organisation: str, words: str) -> None:
    """Refused where they are typed, or harmless."""
    brand = Brand(_or(clean_name, "organisation", organisation), words=_or(_words, "", words, otherwise=""))
    mail = written("guest_message", brand)
    well_formed(mail, GUEST)
    if brand.words:
        plain = mail.get_body(("plain",))
        assert plain is not None
        assert brand.words in str(plain.get_content())


@given(local=nasty | st.sampled_from(("jürgen", "用户", "a.b+c", "o'neil", "x" * 64, "é" * 32)))
def test_an_address_that_is_taken_stands_alone_in_its_header(local: str) -> None:
    """Also one with foreign letters, which goes out as it is to servers that know it."""
    try:
        address = normalise(f"{local}@example.org")
    except InvalidInput:
        return
    well_formed(written("guest_message", Brand("Van Dalen & Bakker"), to=address, sender_address=address), address)


@example(to=f"a:{'w' * 80}@example.org", sender="a@example.org")
@given(to=nasty.map(lambda text: f"a{text}@example.org"), sender=nasty.map(lambda text: f"a{text}@example.org"))
def test_an_address_that_was_not_checked_is_written_well_or_not_at_all(to: str, sender: str) -> None:
    try:
        mail = written("guest_message", Brand("Van Dalen & Bakker"), to=to, sender_address=sender)
    except Unsendable:
        return
    try:
        well_formed(mail, to)
    except (ValueError, UnicodeError):
        assert smtp_refuses(mail, to)


def smtp_refuses(mail: EmailMessage, to: str) -> bool:
    """Nothing is handed over that cannot be written down."""
    transport = smtp.SmtpTransport(Smtp("localhost", 25, "none", None, None))
    transport._connected = lambda: cast("smtp.smtplib.SMTP", _Server())  # type: ignore[method-assign]
    return isinstance(transport.send(mail, sender=FROM, receiver=to), smtp.PermanentFailure)


class _Server:
    """Knows everything, and must not be given anything."""

    def has_extn(self, _name: str) -> bool:
        return True

    def sendmail(self, *_: object, **__: object) -> None:
        raise AssertionError("handed over")

    def quit(self) -> None:
        """Goodbye."""


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("kind", sms_text.KINDS)
@given(organisation=nasty)
def test_no_name_adds_a_line_or_a_code_to_an_sms(kind: str, language: str, organisation: str) -> None:
    payload: dict[str, object] = {
        "to": "+31612345678", "code": "042317", "language": language, "host": "mail.vandalenbakker.example",
        "until": "2026-11-22T09:08:00+00:00",
    }  # fmt: skip
    brand = Brand(_or(clean_name, "organisation", organisation))
    sms = sms_text.write(job_of(payload, kind), now=START, brand=brand)
    words, empty, bound = sms.text.split("\n")
    assert (sms.to, empty, bound) == ("+31612345678", "", "@mail.vandalenbakker.example #042317")
    assert not any(ord(character) < 32 or ord(character) == 127 or character in _TURNS for character in words)
    assert words.encode("utf-8")


def _or(clean: Callable[[str, str], str], field: str, text: str, otherwise: str = "Van Dalen & Bakker") -> str:
    try:
        return clean(field, text)
    except InvalidInput:
        return otherwise


def _words(_field: str, text: str) -> str:
    return clean_words(text)
