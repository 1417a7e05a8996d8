"""Contexts are injective; padding is canonical and hides sizes; content survives and bounds hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail.crypto import encoding
from securemail.crypto.encoding import Field, context, decode_content, encode_content, pad, padded_length, unpad
from securemail.crypto.labels import Label
from securemail.errors import CannotOpen

fields = st.lists(st.binary(max_size=20), max_size=6).map(tuple)


def test_the_frozen_example() -> None:
    assert context(Label.SESSION_RK, b"S" * 16, b"A" * 16, 1).hex() == (
        "736d310a73657373696f6e2f726b03" + "00000010" + "53" * 16 + "00000010" + "41" * 16 + "000000080000000000000001"
    )


@given(st.sampled_from(Label), fields, st.sampled_from(Label), fields)
def test_different_facts_give_different_contexts(
    left: Label, left_fields: tuple[bytes, ...], right: Label, right_fields: tuple[bytes, ...]
) -> None:
    same = (left, left_fields) == (right, right_fields)
    assert (context(left, *left_fields) == context(right, *right_fields)) == same


@given(st.sampled_from(Label), fields)
def test_a_context_can_be_read_back(label: Label, values: tuple[bytes, ...]) -> None:
    raw = context(label, *values)
    assert raw[:3] == b"sm1"
    name_end = 4 + raw[3]
    assert raw[4:name_end].decode() == label.value
    rest, found = raw[name_end + 1 :], []
    while rest:
        size = int.from_bytes(rest[:4], "big")
        found.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    assert (raw[name_end], tuple(found)) == (len(values), values)


def test_numbers_have_eight_bytes_and_words_are_ascii() -> None:
    assert context(Label.DRAFT, 258) == context(Label.DRAFT, bytes(6) + b"\x01\x02")
    assert context(Label.DRAFT, "none") == context(Label.DRAFT, b"none")


@pytest.mark.parametrize("field", [-1, 1 << 64, "é", "\ud800"])
def test_a_field_no_row_of_ours_holds_opens_nothing(field: Field) -> None:
    with pytest.raises(CannotOpen):
        context(Label.DRAFT, field)


@given(st.binary(max_size=5000))
def test_padding_comes_off_again(data: bytes) -> None:
    padded = pad(data)
    assert unpad(padded) == data
    assert len(padded) == padded_length(4 + len(data))


@given(st.binary(max_size=3000))
def test_at_most_one_block_is_read_as_data(padded: bytes) -> None:
    """Whatever unpads is exactly what padding would have made."""
    try:
        data = unpad(padded)
    except CannotOpen:
        return
    assert pad(data) == padded


@given(st.binary(max_size=200), st.data())
def test_changed_padding_is_refused(data: bytes, draw: st.DataObject) -> None:
    padded = bytearray(pad(data))
    if len(padded) == 4 + len(data):
        return
    position = draw.draw(st.integers(4 + len(data), len(padded) - 1))
    padded[position] = draw.draw(st.integers(1, 255))
    with pytest.raises(CannotOpen):
        unpad(bytes(padded))


@pytest.mark.parametrize("padded", [b"", b"\0\0\0", bytes(64), b"\xff" * 64, b"\0\0\0\x03" + bytes(60), pad(b"x")[:-1]])
def test_impossible_blocks_are_refused(padded: bytes) -> None:
    with pytest.raises(CannotOpen):
        unpad(padded)


@pytest.mark.parametrize(
    ("length", "padded"),
    [(4, 64), (64, 64), (65, 128), (1024, 1024), (1025, 1088), (2049, 2176), (4097, 4352), (65_537, 67_584)],
)
def test_sizes_after_padding(length: int, padded: int) -> None:
    assert padded_length(length) == padded


@given(st.integers(4, 1 << 40))
def test_padding_grows_with_the_length_and_costs_an_eighth_at_most(length: int) -> None:
    padded = padded_length(length)
    assert length <= padded <= max(length + 63, length * 1.12)
    assert padded_length(padded) == padded
    assert padded_length(length + 1) >= padded


words = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 60), 1 << 60) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), words, max_size=4))
def test_content_survives(value: dict[str, object]) -> None:
    try:
        encoded = encode_content(value)
    except ValueError:
        return  # half a surrogate pair in a key
    assert decode_content(encoded) == value | {"v": 1}


def test_content_is_canonical() -> None:
    assert unpad(encode_content({"b": "é", "a": 1})) == '{"a":1,"b":"é","v":1}'.encode()


def test_fields_of_newer_versions_are_kept() -> None:
    assert decode_content(pad(b'{"later":[1],"v":1}')) == {"later": [1], "v": 1}


@pytest.mark.parametrize(
    "raw",
    [b"", b"null", b"[]", b'"v"', b"{}", b'{"v":2}', b'{"v":"1"}', b'{"v":1', b'{"v":1}x', b"\xff", b"[" * 100_000,
     '{"v":1}'.encode("utf-16"), b'{"v":' + b"1" * 5000 + b"}"],
)  # fmt: skip
def test_what_is_not_our_content_is_refused(raw: bytes) -> None:
    with pytest.raises(CannotOpen):
        decode_content(pad(raw))


def test_too_much_content_is_refused_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = encode_content({"text": "x" * 5000})
    monkeypatch.setattr(encoding, "MAX_CONTENT", 1000)
    with pytest.raises(ValueError, match="larger"):
        encode_content({"text": "x" * 1000})
    with pytest.raises(CannotOpen):
        decode_content(sealed)


@pytest.mark.parametrize("value", [{"text": "\ud800 CANARY"}, {"n": float("nan")}])
def test_content_that_is_no_text_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the promise is the type
        encode_content(value)
    assert not isinstance(caught.value, UnicodeError)


def chain(error: BaseException | None) -> str:
    shown = ""
    while error is not None:
        shown += repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__
    return shown


@pytest.mark.parametrize("raw", [b'{"text":"CANARY', b'{"text":"CANARY\xff"}', b'{"text":"CANARY"}'])
def test_errors_do_not_carry_the_text(raw: bytes) -> None:
    with pytest.raises(CannotOpen) as caught:
        decode_content(pad(raw))
    assert "CANARY" not in chain(caught.value)


def test_an_error_of_encoding_does_not_carry_the_text() -> None:
    with pytest.raises(ValueError, match="Unicode") as caught:
        encode_content({"text": "CANARY \ud800"})
    assert "CANARY" not in chain(caught.value)
    assert json.loads(unpad(encode_content({"text": "CANARY"})))["text"] == "CANARY"
