"""The product's locks, recorded, counted, answered from memory or run bare: to tell their cost from the page's."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from securemail.crypto import keypair, locks
from securemail.crypto.labels import Label

_ALL: tuple[Callable[..., Any], ...] = (
    locks.derive, locks.lock, locks.unlock, locks.lock_to, locks.unlock_with, locks.tag, locks.digest,
    keypair.key_pair,
)  # fmt: skip
_ASYMMETRIC = frozenset({locks.lock_to, locks.unlock_with, keypair.key_pair})
_SESSION = frozenset({Label.SESSION_ID, Label.SESSION_KEK, Label.SESSION_RK, Label.ACCOUNT_IDENTITY, Label.GRANT_MK,
                      Label.MAIL_KEM})  # fmt: skip
_ROW = frozenset({Label.ITEM_CEK, Label.MSG_HEAD})


class Call(NamedTuple):
    """One use of a primitive: which, with what, and its answer."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    answer: Any

    @property
    def label(self) -> Any:
        """What the lock is for; a key pair's call has none."""
        return next((argument for argument in self.args if isinstance(argument, Label)), None)


def asymmetric(calls: Sequence[Call]) -> int:
    """How many operations with public or private keys."""
    return sum(call.function in _ASYMMETRIC for call in calls)


def opens(calls: Sequence[Call]) -> int:
    """How many symmetric locks were opened."""
    return sum(call.function is locks.unlock for call in calls)


def session_calls(calls: Sequence[Call]) -> list[Call]:
    """The least that brings a member back: session, root key, identity, grant and mail key, each once."""
    return _once(call for call in calls if call.label in _SESSION or call.function is keypair.key_pair)


def row_opens(calls: Sequence[Call]) -> list[Call]:
    """The symmetric locks of the rows, each once, with their keys at hand."""
    return _once(call for call in calls if call.function is locks.unlock and call.label in _ROW)


def _once(calls: Iterator[Call]) -> list[Call]:
    return list({(call.function, call.args): call for call in calls}.values())


def run(calls: Sequence[Call]) -> None:
    """Do it all again, and nothing else."""
    for function, args, _ in calls:
        function(*args)


class Switch:
    """Every name under which the product calls a primitive, to put others in their place for one request."""

    def __init__(self) -> None:
        self._names = [
            (vars(module), name, value)
            for module_name, module in sorted(sys.modules.items())
            if module_name.startswith("securemail.") and module_name != "securemail.crypto.selftest"
            for name, value in list(vars(module).items())
            if any(value is function for function in _ALL)
        ]

    @contextmanager
    def recording(self) -> Iterator[list[Call]]:
        """Note every call of the block, in order."""
        calls: list[Call] = []
        with self._replaced(lambda function: _recorder(function, calls)):
            yield calls

    @contextmanager
    def answering(self, calls: Sequence[Call]) -> Iterator[None]:
        """Answer the block's calls from what was recorded for the same page, in the same order."""
        answers = iter([call.answer for call in calls])

        def answer(*_args: Any) -> Any:
            return next(answers)

        with self._replaced(lambda _function: answer):
            yield
        if next(answers, None) is not None:
            raise AssertionError("the page did not use its locks in the order that was recorded")

    @contextmanager
    def _replaced(self, replacement: Callable[[Any], Any]) -> Iterator[None]:
        try:
            for names, name, function in self._names:
                names[name] = replacement(function)
            yield
        finally:
            for names, name, function in self._names:
                names[name] = function


def _recorder(function: Callable[..., Any], calls: list[Call]) -> Callable[..., Any]:
    def record(*args: Any) -> Any:
        answer = function(*args)
        calls.append(Call(function, args, answer))
        return answer

    return record
