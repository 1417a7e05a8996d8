"""Subjects and names with foreign letters come out as they went in, and stay one header of short lines."""

from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from securemail.delivery.headers import AsciiPolicy

_LETTERS = st.text(st.sampled_from("abc de-.<>@,\"'();:éëß’–漢😀𐀀"), min_size=1, max_size=110)


def headers(name: str, start: str) -> dict[str, str]:
    mail = EmailMessage(policy=SMTPUTF8)
    mail["Subject"] = f"{start} {name}"
    mail["To"] = Address(name, "fatima", "example.org")
    lines = mail.as_bytes(policy=AsciiPolicy()).decode("ascii").split("\r\n")
    assert max(map(len, lines)) <= 100
    unfolded = "\r\n".join(lines).replace("\r\n ", " ").strip().split("\r\n")
    return dict(line.split(": ", 1) for line in unfolded)


def read(value: str) -> str:
    return str(make_header(decode_header(value)))


@given(name=_LETTERS)
@example(name="<mallory@example.org> ¡ 𐀀 𐀀 ¡")
@example(name="üëmüfßinkbc ë漢n aïf ém- hl😀é k")
@pytest.mark.parametrize("start", ["Beveiligd bericht van", "Herinnering: beveiligd bericht van"])
def test_what_was_written_is_read(start: str, name: str) -> None:
    name = " ".join(name.split()) or "é"
    if name.isascii():
        name += "é"
    made = headers(name, start)
    assert list(made) == ["Subject", "To"]
    assert read(made["Subject"]) == f"{start} {name}"
    [(shown, address)] = getaddresses([made["To"]])
    assert (read(shown), address) == (name, "fatima@example.org")
