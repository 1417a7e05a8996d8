"""Lists of people to invite, however they are typed, pasted or saved: every line is taken apart, none is lost."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securemail.errors import InvalidInput
from securemail.identity.invitation_lists import MOST, Line, read, read_file, write, write_table

LOTTE, THIJS = Line("lotte@kantoor.example", "Lotte Wiersma"), Line("thijs@kantoor.example", "Thijs Oudekerk")


@pytest.mark.parametrize(
    "text",
    [
        "Lotte Wiersma <lotte@kantoor.example>\nThijs Oudekerk <thijs@kantoor.example>",
        "Lotte Wiersma <lotte@kantoor.example>, Thijs Oudekerk <thijs@kantoor.example>",
        "Lotte Wiersma <lotte@kantoor.example>; \r\n\r\n Thijs Oudekerk <thijs@kantoor.example>;",
        'Lotte Wiersma <lotte@kantoor.example>,"Thijs Oudekerk" <thijs@kantoor.example>',
        "naam;e-mailadres\nLotte Wiersma;lotte@kantoor.example\nThijs Oudekerk;thijs@kantoor.example",
        "Email,Name\r\nlotte@kantoor.example,Lotte Wiersma\r\nthijs@kantoor.example,Thijs Oudekerk\r\n",
        "E-MAIL\tNAAM\nlotte@kantoor.example\tLotte Wiersma\nthijs@kantoor.example\tThijs Oudekerk",
        "Lotte Wiersma\tlotte@kantoor.example\nThijs Oudekerk\tthijs@kantoor.example",
        "Lotte Wiersma;lotte@kantoor.example\nThijs Oudekerk;thijs@kantoor.example",
        "adres;dienst;naam\nlotte@kantoor.example;recht;Lotte Wiersma\nthijs@kantoor.example;hr;Thijs Oudekerk",
    ],
)
def test_names_and_addresses_are_found(text: str) -> None:
    assert read(text) == [LOTTE, THIJS]
    assert read_file(text.encode()) == [LOTTE, THIJS] or "<" in text


def test_bare_addresses_make_a_list() -> None:
    assert read("lotte@kantoor.example; thijs@kantoor.example") == [Line(LOTTE.address), Line(THIJS.address)]


def test_a_comma_in_quotes_belongs_to_the_name() -> None:
    assert read('"Wiersma, Lotte" <lotte@kantoor.example>') == [Line("lotte@kantoor.example", "Wiersma, Lotte")]


def test_a_stray_quote_swallows_its_own_line_only() -> None:
    assert read('"Lotte\nthijs@kantoor.example')[1] == Line(THIJS.address)
    assert read('naam;adres\n"Lotte;x\nThijs Oudekerk;thijs@kantoor.example')[-1] == THIJS


def test_what_is_no_address_comes_along_to_be_told() -> None:
    assert [line.address for line in read("Mallory\nlotte@kantoor.example")] == ["Mallory", "lotte@kantoor.example"]


@pytest.mark.parametrize("head", ["referentie", "a-nummer", "A-Nummer"])
def test_the_column_that_the_organisation_asks_for_is_known_by_its_own_name(head: str) -> None:
    text = f"e-mail;naam;{head}\nlotte@kantoor.example;Lotte Wiersma;A-1234"
    assert read(text, label="a-nummer") == [Line(LOTTE.address, LOTTE.name, "A-1234")]


def test_a_row_without_its_address_is_told_with_what_it_has() -> None:
    assert read("e-mail;naam\n;Lotte Wiersma") == [Line("", "Lotte Wiersma")]
    assert read("e-mail;naam;dienst\n;;recht") == [Line("", "recht")]


@pytest.mark.parametrize(
    "encoded",
    [
        "e-mail;naam\nrene@kantoor.example;René Dubois".encode("utf-8-sig"),
        "e-mail;naam\nrene@kantoor.example;René Dubois".encode(),
        "e-mail;naam\nrene@kantoor.example;René Dubois".encode("cp1252"),
        "e-mail;naam\nrene@kantoor.example;René Dubois".encode("utf-16"),
    ],
)
def test_files_come_from_any_spreadsheet(encoded: bytes) -> None:
    assert read_file(encoded) == [Line("rene@kantoor.example", "René Dubois")]


@pytest.mark.parametrize("content", [b"PK\x03\x04\x00\x00", b"\x00" * 10, b"\x81\x8d\x8f\x90\x9d"])
def test_a_spreadsheet_or_a_picture_is_no_table(content: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_file(content)
    assert (refused.value.field, refused.value.code) == ("file", "binary")


def test_a_thousand_at_once_and_not_one_more() -> None:
    addresses = [f"lid{number}@kantoor.example" for number in range(MOST + 1)]
    assert len(read("\n".join(addresses[:MOST]))) == MOST
    assert len(read_file("\n".join(["e-mail", *addresses[:MOST]]).encode())) == MOST
    for wrong in (read, lambda text: read_file(text.encode())):
        with pytest.raises(InvalidInput) as refused:
            wrong("\n".join(addresses))
        assert refused.value.code == "many"


def test_a_list_without_end_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidInput) as refused:
        read("x" * 600_000)
    assert refused.value.code == "long"


def test_nothing_comes_of_nothing() -> None:
    assert read("") == read(" ,;\n\t") == read_file(b"") == read_file(b";;\n;;\n") == []


CELLS = st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30).map(str.strip)


@given(st.text(max_size=500))
def test_reading_never_fails_and_what_is_written_is_read_as_the_same(text: str) -> None:
    lines = read(text)
    assert read(write(lines)) == lines
    assert read(write_table(lines)) == lines


@given(st.binary(max_size=300))
def test_a_file_of_any_bytes_is_read_or_refused(content: bytes) -> None:
    try:
        lines = read_file(content)
    except InvalidInput:
        return
    assert read(write(lines)) == lines


@given(st.lists(st.tuples(st.emails(), CELLS, CELLS), min_size=1, max_size=5))
def test_a_table_of_any_program_is_read_as_it_is(rows: list[tuple[str, str, str]]) -> None:
    written = io.StringIO()
    table = csv.writer(written, delimiter=",")
    table.writerow(["Name", "Reference", "E-mail"])
    table.writerows([name, reference, address] for address, name, reference in rows)
    found = read_file(written.getvalue().encode())
    assert [(line.address, line.reference) for line in found] == [(one, reference) for one, _, reference in rows]
