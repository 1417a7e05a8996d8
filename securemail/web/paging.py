"""Long lists of administration, fifty rows a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from flask import request

A_PAGE: Final = 50
_MOST_DIGITS: Final = 6

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list; pages are counted from 1."""

    rows: Sequence[T]
    number: int
    pages: int
    total: int


def page_of(rows: Sequence[T], number: int) -> Page[T]:
    """The rows of a page; a number beyond the last gives the last."""
    pages = max(1, -(-len(rows) // A_PAGE))
    number = min(max(number, 1), pages)
    return Page(rows[(number - 1) * A_PAGE : number * A_PAGE], number, pages, len(rows))


def asked() -> int:
    """The page that the address names, the first when it names none."""
    typed = request.args.get("page", "1")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= _MOST_DIGITS else 1
