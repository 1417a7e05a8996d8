"""What a mail that came back says: only that it was given up for good counts, and nothing that is sent raises."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail.crypto.configured import ConfiguredKeys
from securemail.crypto.secrets import Secret
from securemail.delivery import bounces
from securemail.delivery.bounce_addresses import address_of, row_of
from tests.delivery.reports import BACK, FREE_WORDS, OUT_OF_OFFICE, READ_RECEIPT, SHARED, report, report_about

OLD, NEW = (1, Secret(b"o" * 32)), (2, Secret(b"n" * 32))
KEYS = ConfiguredKeys((OLD,))
ROW = bytes(range(16))
every_server = pytest.mark.parametrize("server", SHARED)


@every_server
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_a_refusal_for_good_is_understood_of_every_server(server: str, line_end: bytes) -> None:
    assert bounces.read(report(server).replace(b"\r\n", line_end)) == "refused"


@every_server
@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("delayed", "4.4.1"), ("delayed", "5.1.1"), ("delivered", "2.0.0"), ("relayed", "5.0.0"),
        ("expanded", "2.0.0"), ("", "5.1.1"), ("failed", ""), ("failed", "55.1.1"), ("failed", "5"),
        ("failed", "5.1.1x"),
    ],
)  # fmt: skip
def test_nothing_else_that_a_server_reports_counts(server: str, action: str, status: str) -> None:
    assert bounces.read(report(server, action=action, status=status)) == "other report"


@pytest.mark.parametrize("action", ["FAILED", "Failed (no such mailbox)", "  failed  "])
def test_the_spelling_does_not_matter(action: str) -> None:
    assert bounces.read(report(action=action)) == "refused"


def test_who_got_it_along_a_list_is_not_shown_as_refused() -> None:
    assert bounces.read(report_about([("failed", "5.1.1"), ("failed", "5.2.2")])) == "refused"
    assert bounces.read(report_about([("failed", "4.4.1")])) == "refused", "a queue that has given up"
    assert bounces.read(report_about([("failed", "5.1.1"), ("delayed", "4.2.2")])) == "refused"
    assert bounces.read(report_about([("failed", "5.1.1"), ("relayed", "2.0.0")])) == "other report"


@pytest.mark.parametrize("words", [OUT_OF_OFFICE, FREE_WORDS, READ_RECEIPT])
def test_what_is_no_report_of_delivery_is_ignored(words: str) -> None:
    assert bounces.read(words.format(back=BACK).encode("ascii")) == "no report"


def test_a_report_within_a_letter_is_ignored() -> None:
    """A forwarded bounce is somebody's letter, as is one that says so of itself in its text."""
    forwarded = b"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n" + report() + b"\r\n--m--\r\n"
    attached = b"Content-Type: message/rfc822\r\n\r\n" + report()
    assert bounces.read(forwarded) == bounces.read(attached) == "no report"


def test_a_status_that_the_returned_mail_holds_is_not_the_reports() -> None:
    held = report("exim", action="delayed", status="4.4.1").replace(
        b"Content-Type: text/plain\r\n",
        b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n",
    )
    assert bounces.read(held) == "other report"


# --- input of anybody's ---


@given(st.binary(max_size=2000))
def test_no_bytes_raise(raw: bytes) -> None:
    assert bounces.read(raw) == "no report"


@given(st.sampled_from(sorted(SHARED)), st.data())
def test_no_damage_raises_or_makes_a_refusal(server: str, data: st.DataObject) -> None:
    raw = bytearray(report(server, action="delayed", status="4.4.1"))
    for _ in range(data.draw(st.integers(1, 5))):
        begin = data.draw(st.integers(0, len(raw)))
        raw[begin : begin + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=30))
    assert bounces.read(bytes(raw)) != "refused"


_WORDS = st.sampled_from(
    [
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "--b", "--b--", "",
        "Content-Type: message/delivery-status", "Content-Type: message/global-delivery-status", "Action: failed",
        "Status: 5.1.1", "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "\x00", " folded",
        "Content-Type: multipart/mixed; boundary*0*=b; boundary*1=", "Status: =?utf-8?B?x?=", "Content-Type: ;;",
        "Content-Transfer-Encoding: x-uuencode", "begin 644 a", "Action: \udc80",
    ]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=40), st.sampled_from(["\n", "\r\n", "\r"]))
def test_no_order_of_its_words_raises(lines: list[str], line_end: str) -> None:
    assert bounces.read(line_end.join(lines).encode("utf-8", "surrogateescape")) in (
        "refused", "other report", "no report", "unreadable",
    )  # fmt: skip


_HEAD = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b"
_QUOTES = b'Content-Type: multipart/x; boundary="' + b" ;" * 80_000 + b"\n\n"
_HIDDEN = base64.encodebytes(b"a: b\n\n" + _QUOTES)
_GROUPS = b"\n\n--b\nContent-Type: message/%s\n\nContent-Transfer-Encoding: base64\n\n"
_IN_UTF_7 = _QUOTES.replace(b":", b"+ADo-").replace(b"\n", b"+AAo-")
_UTF_7 = b"Content-Type: text/x; charset=utf-7\n\n\xff+AAoACg-" + _IN_UTF_7
_NESTED = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(6000))


@pytest.mark.parametrize(
    "raw",
    [
        _NESTED, b"Content-Type: message/rfc822\n\n" * 8000, _HEAD + b"\n\n" + b"--b\n\n\n" * 40000,
        _HEAD + b'; x="' + b" ;" * 100_000 + b"\n\n", _HEAD + b"; a*0=b" * 30_000 + b"\n\n--b\n",
        b"Content-Type: multipart/mixed; boundary*" + b"9" * 5000 + b"*=x\n\n", b"a:\r " * 50_000, b"a" * 200_000,
        _HEAD + b"\n\n--b\nContent-Type: message/delivery-status\n\n" + b"a: b\n\n" * 40_000,
        b" \r" + _QUOTES, b"From x\r" + _QUOTES.replace(b";", b";\r\n "),
        _HEAD + _GROUPS % b"delivery-status" + _HIDDEN, _HEAD + _GROUPS % b"global-delivery-status" + _HIDDEN,
        _HEAD + _GROUPS.partition(b"Content-Tr")[0] % b"global-delivery-status" + _UTF_7,
    ],
    ids=[
        "nested", "letters", "parts", "quotes", "parameters", "digits", "returns", "one line", "groups",
        "behind a return", "folded behind a return", "encoded", "encoded, other alphabets", "another alphabet",
    ],
)  # fmt: skip
def test_nothing_large_takes_long(raw: bytes) -> None:
    begun = time.process_time()
    assert bounces.read(raw[: bounces.LARGEST]) in ("unreadable", "no report", "other report")
    assert time.process_time() - begun < 2


def test_what_is_too_large_is_not_looked_at() -> None:
    assert bounces.read(report() + b" " * bounces.LARGEST) == "too large"


# --- the address ---


@given(st.binary(min_size=16, max_size=16))
def test_an_address_names_its_row_in_any_case_and_fits_a_local_part(row: bytes) -> None:
    longest = f"{'b' * 21}@example.org"
    made = address_of(KEYS, longest, row)
    assert len(made.rpartition("@")[0]) == 64
    for spelled in (made, made.upper(), f"<{made}>", f'"Bounces" <{made}>'):
        assert row_of(KEYS, longest, spelled) == row


def test_an_address_outlives_a_new_secret() -> None:
    made = address_of(KEYS, BACK, ROW)
    assert row_of(ConfiguredKeys((NEW, OLD)), BACK, made) == ROW
    assert row_of(ConfiguredKeys((NEW,)), BACK, made) is None


def test_no_other_address_names_a_row() -> None:
    made = address_of(KEYS, BACK, ROW)
    local, _, domain = made.partition("@")
    token = local.partition("+")[2]
    other = [
        BACK, "", "@", f"x{made}", f"{made}.example.net", f"{made}x", f"bounces+{token}a@{domain}",
        f"bounces+{token[:-1]}@{domain}", f"bounces-{token}@{domain}", f"bounces+{token}@example.net", f"{local}@",
        f"bounce\u017f+{token}@{domain}", f"bounces+{'a' * 42}@{domain}", f"bounces+a+{token}@{domain}",
    ]  # fmt: skip
    assert [given for given in other if row_of(KEYS, BACK, given) is not None] == []


def test_no_character_of_an_address_can_be_another() -> None:
    made = address_of(KEYS, BACK, ROW)
    begin = len("bounces+")
    for place in range(begin, begin + 42):
        for character in "abcdefghijklmnopqrstuvwxyz234567":
            if character != made[place]:
                assert row_of(KEYS, BACK, made[:place] + character + made[place + 1 :]) is None
