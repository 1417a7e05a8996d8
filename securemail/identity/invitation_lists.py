"""Whom to invite, as administrators type, paste and upload it: lists of addresses, or tables with names and references.

Nothing is judged and nothing is dropped here. What `write` makes of some lines, `read` takes apart into the same.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from securemail.errors import InvalidInput

MOST: Final = 1000
MOST_CHARACTERS: Final = 500_000
_NAMED: Final = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_BREAKS: Final = re.compile(r"\r\n|\r|\n")
_HEADS: Final = {
    "address": "address", "adres": "address", "e-mail": "address", "email": "address", "mail": "address",
    "e-mailadres": "address", "emailadres": "address", "mailadres": "address", "e-mail address": "address",
    "email address": "address", "e-mailaddress": "address", "emailaddress": "address",
    "name": "name", "naam": "name", "full name": "name", "volledige naam": "name",
    "reference": "reference", "referentie": "reference",
}  # fmt: skip
_MARK: Final = "\ufeff"
"""What spreadsheets put before everything else."""
_WRITTEN_HEAD: Final = ("e-mailadres", "naam", "referentie")
_SEPARATORS: Final = ";,\t"


@dataclass(frozen=True)
class Line:
    """Somebody to invite, as it was typed."""

    address: str
    name: str = ""
    reference: str = ""


def read(text: str, *, label: str = "") -> list[Line]:
    """The lines of a pasted list, or of a table when its first line names the columns.

    `label` is what the organisation calls its reference: a column of that name counts too.

    Raises:
        InvalidInput: ('people', 'long' | 'many').
    """
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput("people", "long")
    return _few_enough(list(_table(text, label) if _is_table(text, label) else _list(text)))


def read_file(content: bytes, *, label: str = "") -> list[Line]:
    """The lines of an uploaded table: UTF-8 with or without a mark, else Windows-1252; with or without a head.

    Raises:
        InvalidInput: ('people', 'long' | 'many'), ('file', 'binary').
    """
    text = _decoded(content)
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput("people", "long")
    return _few_enough(list(_table(text, label)))


def _few_enough(lines: list[Line]) -> list[Line]:
    if len(lines) > MOST:
        raise InvalidInput("people", "many")
    return lines


def write(lines: Sequence[Line]) -> str:
    """Some lines as a text to go on with: a list as one types it, or a table where it says more than that."""
    plain = "\n".join(_typed(line) for line in lines)
    if _is_read_as(plain, lines):
        return plain
    return write_table(lines)


def write_table(lines: Iterable[Line]) -> str:
    """Some lines as a table that names its columns."""
    written = io.StringIO()
    table = csv.writer(written, delimiter=";", lineterminator="\n")
    table.writerow(_WRITTEN_HEAD)
    table.writerows((line.address, line.name, line.reference) for line in lines)
    return written.getvalue()


def _typed(line: Line) -> str:
    if not line.name:
        return line.address
    quoted = f'"{line.name}"' if set(line.name) & set(_SEPARATORS) else line.name
    return f"{quoted} <{line.address}>"


def _is_read_as(text: str, lines: Sequence[Line]) -> bool:
    try:
        return read(text) == list(lines)
    except InvalidInput:
        return False


def _list(text: str) -> Iterator[Line]:
    for part in _parts(text):
        line = _person(part)
        if line != Line(""):
            yield line


def _parts(text: str) -> Iterator[str]:
    """Commas, semicolons, tabs and line ends separate, except inside double quotes: `"Bakker, Jan" <jan@b.nl>`."""
    begin, quoted = 0, False
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        # A line end separates in any case: one stray quote must not swallow a whole pasted list.
        if character in "\r\n" or (character in _SEPARATORS and not quoted):
            yield text[begin:place]
            begin, quoted = place + 1, False
    yield text[begin:]


def _person(part: str) -> Line:
    named = _NAMED.fullmatch(part.strip())
    if named is None:
        return Line(part.strip().strip('"').strip())
    return Line(named["address"].strip(), named["name"].strip().strip('"').strip())


def _is_table(text: str, label: str) -> bool:
    """A head says so; so does a first line of which one cell alone is an address: `Jan Bakker; jan@kantoor.nl`."""
    first = next((row for row in _rows(text)), [])
    if "address" in _columns(first, label):
        return True
    filled = [cell for cell in first if cell]
    return len(filled) > 1 and sum("@" in cell for cell in filled) == 1 and not any("<" in cell for cell in filled)


def _table(text: str, label: str) -> Iterator[Line]:
    rows = list(_rows(text))
    if not rows:
        return iter(())
    columns = _columns(rows[0], label)
    if "address" in columns:
        return (_line(row, columns) for row in rows[1:])
    columns = _guessed(rows)
    return (_line(row, columns) for row in rows)


def _rows(text: str) -> Iterator[list[str]]:
    """A table's rows, each cell without the spaces around it, empty rows left out.

    Line by line: a stray quote must not swallow the rest of the table.
    """
    separator = _separator(text)
    csv.field_size_limit(MOST_CHARACTERS)
    for line in _BREAKS.split(text.removeprefix(_MARK)):
        row = [cell.strip() for cells in csv.reader([line], delimiter=separator) for cell in cells]
        if any(row):
            yield row


def _separator(text: str) -> str:
    first = _first_line(text)
    return max(_SEPARATORS, key=lambda one: (first.count(one), -_SEPARATORS.index(one)))


def _first_line(text: str) -> str:
    return next((line for line in _BREAKS.split(text) if line.strip()), "")


def _columns(head: Sequence[str], label: str) -> dict[str, int]:
    """Where each column stands, when this row names them."""
    known = {**_HEADS, label.strip().casefold(): "reference"} if label.strip() else _HEADS
    found: dict[str, int] = {}
    for place, cell in enumerate(head):
        meaning = known.get(cell.casefold())
        if meaning is not None:
            found.setdefault(meaning, place)
    return found


def _guessed(rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """A table without a head: the address is where the at signs are, the name in the first of the other columns."""
    width = max(len(row) for row in rows)
    signs = [sum("@" in row[place] for row in rows if place < len(row)) for place in range(width)]
    address = max(range(width), key=lambda place: (signs[place], -place))
    others = [place for place in range(width) if place != address]
    return {"address": address, **dict(zip(("name", "reference"), others, strict=False))}


def _line(row: Sequence[str], columns: dict[str, int]) -> Line:
    cells = {meaning: row[place] if place < len(row) else "" for meaning, place in columns.items()}
    address, name = cells.get("address", ""), cells.get("name", "")
    if not any((address, name, cells.get("reference"))):
        # Nothing where it belongs: the row is told with whatever else stands in it.
        return Line("", next(cell for cell in row if cell))
    if not name and (person := _person(address)).name:
        address, name = person.address, person.name
    return Line(address, name, cells.get("reference", ""))


def _decoded(content: bytes) -> str:
    if b"\0" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidInput("file", "binary")
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        if encoding == "utf-16" and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
            continue
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidInput("file", "binary")
