"""The work behind an answer, counted: on a machine that does other things too, a clock proves little.

Every use of a primitive by what it is for, every statement by its words, every row that came of one by its table, every
transaction by how it ended.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
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


@contextmanager
def counted(engine: Engine) -> Iterator[Work]:
    """Count what the block does in this process."""
    work: Work = Counter()
    with ExitStack() as until:
        _count_primitives(work, until)
        _count_statements(work, engine, until)
        _count_rows(work, until)
        yield work


def more(left: Work, right: Work) -> dict[str, int]:
    """What one did more often than the other; what the other did more often is below zero."""
    return {name: left[name] - right[name] for name in left.keys() | right.keys() if left[name] != right[name]}


def _count_primitives(work: Work, until: ExitStack) -> None:
    """Under every name by which the product calls them."""
    for module_name, module in sorted(sys.modules.items()):
        if not module_name.startswith("securemail."):
            continue
        for name, value in list(vars(module).items()):
            if any(value is primitive for primitive in _PRIMITIVES):
                setattr(module, name, _counting(value, work))
                until.callback(setattr, module, name, value)


def _counting(primitive: Callable[..., Any], work: Work) -> Callable[..., Any]:
    def use(*arguments: Any, **named: Any) -> Any:
        label = next((argument.value for argument in arguments if isinstance(argument, Label)), "")
        work[f"{primitive.__name__} {label}".strip()] += 1
        return primitive(*arguments, **named)

    return use


def _count_statements(work: Work, engine: Engine, until: ExitStack) -> None:
    def statement(_connection: object, _cursor: object, words: str, *_others: object) -> None:
        work[" ".join(_SEVERAL.sub("(several)", words).split())] += 1

    def ended(_connection: object, *, how: str) -> None:
        work[how] += 1

    listeners: dict[str, Callable[..., None]] = {
        "before_cursor_execute": statement,
        "commit": lambda connection: ended(connection, how="COMMIT"),
        "rollback": lambda connection: ended(connection, how="ROLLBACK"),
    }
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
        until.callback(event.remove, engine, name, listener)


def _count_rows(work: Work, until: ExitStack) -> None:
    def loaded(row: Base, _context: object) -> None:
        work[f"row of {row.__tablename__}"] += 1

    for mapper in Base.registry.mappers:
        event.listen(mapper.class_, "load", loaded)
        until.callback(event.remove, mapper.class_, "load", loaded)
