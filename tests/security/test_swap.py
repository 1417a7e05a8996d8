"""T7: a sealed value put in another row's place opens nothing, whoever's row, message, revision or epoch it was."""

from typing import Any

from sqlalchemy import Column, Row

from tests.security import swaps
from tests.security.swaps import HOWS, READERS, How, Reader
from tests.security.town import Town


def test_every_sealed_column_has_a_reader() -> None:
    assert sorted(READERS) == sorted(str(column) for column in swaps.sealed_columns())


def test_what_was_exchanged_is_refused_by_the_verb_that_reads_it(town: Town) -> None:
    with town.house.runtime.work(write=False) as ctx:
        cases = list(swaps.cases(ctx))
    wrong = [failure for column, rows in cases for failure in attack(town, column, rows)]
    assert wrong == []


def attack(town: Town, column: Column[Any], rows: list[Row[Any]]) -> list[str]:
    readers = {reader: readable(town, reader, rows) for reader in READERS[str(column)]}
    if len(rows) < 2 or not all(readers.values()):
        return [f"{column}: the town has nothing to exchange"]
    return [
        f"{column}: exchanging {how} is not noticed by {reader.__name__}, which shows {shown}"
        for left, right in swaps.pairs(rows, column)
        for how in HOWS
        for reader, works in readers.items()
        for shown in shown_after(town, column, how, left, right, reader, works)
    ]


def readable(town: Town, reader: Reader, rows: list[Row[Any]]) -> set[Row[Any]]:
    """The rows that this reader shows while nothing was exchanged: the attack must not succeed for want of trying."""
    return {row for row in rows if calm(town, reader, row) is not None}


def calm(town: Town, reader: Reader, row: Row[Any]) -> object | None:
    with town.house.work() as ctx:
        try:
            return swaps.read(reader, town, ctx, row)
        finally:
            ctx.db.rollback()


def shown_after(
    town: Town, column: Column[Any], how: How, left: Row[Any], right: Row[Any], reader: Reader, works: set[Row[Any]]
) -> list[str]:
    return [
        swaps.hidden(shown)
        for row in (left, right)
        if row in works and getattr(row, column.name) is not None
        for shown in [disturbed(town, column, how, left, right, reader, row)]
        if shown is not None
    ]


def disturbed(
    town: Town, column: Column[Any], how: How, left: Row[Any], right: Row[Any], reader: Reader, row: Row[Any]
) -> object | None:
    with town.house.work() as ctx:
        try:
            exchanged = swaps.exchange(ctx, left, right, swaps.columns_to_move(column, how))
            return swaps.read(reader, town, ctx, row) if exchanged else None
        finally:
            ctx.db.rollback()
