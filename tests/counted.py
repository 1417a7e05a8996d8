"""The work behind an answer, counted: on a machine that does other things too, a clock proves little.

Every use of a primitive by what it is for, every statement by its words, every row that came of one by its table, every
transaction by how it ended.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from sqlalchemy import Engine, event

from securemail.crypto import keypair, locks, password
from securemail.crypto.labels import Label
from securemail.store.base import Base

_PRIMITIVES: Final[tuple[Callable[..., Any], ...]] = (
    locks.derive, locks.lock, locks.unlock, locks.lock_to, locks.unlock_with, locks.tag, locks.same,
    keypair.key_pair, password.stretch,
)  # fmt: skip
_SEVERAL: Final = re.compile(r"\((?:\?|%\(\w+\)s)(?:, (?:\?|%\(\w+\)s))*\)")
Work = Counter[str]
_counting: list[Work] = []
"""What is being counted into just now; nothing, between the blocks that ask for it."""


@contextmanager
def counted() -> Iterator[Work]:
    """Count what the block does in this process."""
    _listen()
    names, work = _names(len(sys.modules)), Work()
    for names_of_module, name, primitive in names:
        names_of_module[name] = _noted(primitive)
    _counting.append(work)
    try:
        yield work
    finally:
        _counting.remove(work)
        for names_of_module, name, primitive in names:
            names_of_module[name] = primitive


def more(left: Work, right: Work) -> dict[str, int]:
    """What one did more often than the other; what the other did more often is below zero."""
    return {name: left[name] - right[name] for name in left.keys() | right.keys() if left[name] != right[name]}


def _note(what: str) -> None:
    for work in _counting:
        work[what] += 1


@cache
def _names(_modules: int) -> list[tuple[dict[str, Any], str, Callable[..., Any]]]:
    """Every name by which the product calls a primitive; looked for anew once more modules are there."""
    return [
        (vars(module), name, value)
        for module_name, module in sorted(sys.modules.items())
        if module_name.startswith("securemail.")
        for name, value in list(vars(module).items())
        if any(value is primitive for primitive in _PRIMITIVES)
    ]


@cache
def _noted(primitive: Callable[..., Any]) -> Callable[..., Any]:
    def use(*arguments: Any, **named: Any) -> Any:
        label = next((argument.value for argument in arguments if isinstance(argument, Label)), "")
        _note(f"{primitive.__name__} {label}".strip())
        return primitive(*arguments, **named)

    return use


@cache
def _listen() -> None:
    """Once for all: beginning and ending to listen takes longer than most requests."""

    def statement(_connection: object, _cursor: object, words: str, *_others: object) -> None:
        if _counting:
            _note(" ".join(_SEVERAL.sub("(several)", words).split()))

    def loaded(row: Base, _context: object) -> None:
        _note(f"row of {row.__tablename__}")

    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", lambda _connection: _note("COMMIT"))
    event.listen(Engine, "rollback", lambda _connection: _note("ROLLBACK"))
    for mapper in Base.registry.mappers:
        event.listen(mapper.class_, "load", loaded)
