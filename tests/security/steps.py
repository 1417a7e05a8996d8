"""Two transactions, one of them held up before each of its statements in turn while the other one runs."""

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from securemail.errors import SecuremailError
from securemail.identity.context import Context
from tests.house import House
from tests.servers import PATIENCE
from tests.waiting import until_it_waits

Act = Callable[[Context], object]
_MOST = 150


def held_up(house: House, statement: int, first: Act, second: Act) -> bool:
    """`second` runs, as far as it can, while `first` stands before that statement; False when it has fewer.

    Both may be refused as the product refuses; anything else fails the test, a circle of waiting above all.
    """
    reached, go, failures = threading.Event(), threading.Event(), list[BaseException]()
    left = [statement]

    def count(*_: Any) -> None:
        if threading.current_thread() is one:
            left[0] -= 1
            if left[0] == 0:
                reached.set()
                go.wait(PATIENCE)

    def run(act: Act) -> None:
        try:
            with house.work() as ctx:
                act(ctx)
        except SecuremailError:
            pass
        except BaseException as error:  # noqa: BLE001 handed to the test
            failures.append(error)

    one = threading.Thread(target=run, args=(first,))
    two = threading.Thread(target=run, args=(second,))
    event.listen(house.runtime.engine, "before_cursor_execute", count)
    try:
        one.start()
        while one.is_alive() and not reached.wait(0.005):
            pass
        two.start()
        if reached.is_set():
            until_it_waits(house.runtime.engine, two)
        go.set()
        one.join(PATIENCE)
        two.join(PATIENCE)
    finally:
        go.set()
        event.remove(house.runtime.engine, "before_cursor_execute", count)
    assert not one.is_alive()
    assert not two.is_alive()
    assert not failures, f"at statement {statement}: {failures}"
    return reached.is_set()


def one_inside_the_other(house: House, first: Act, second: Act) -> list[BaseException]:
    """The second starts while the first has done everything but commit; what the product refused it with."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with house.work() as ctx:
                second(ctx)
        except BaseException as error:  # noqa: BLE001 handed to the test
            failures.append(error)

    other = threading.Thread(target=run)
    with house.work() as ctx:
        first(ctx)
        other.start()
        until_it_waits(house.runtime.engine, other)
    other.join(PATIENCE)
    assert not other.is_alive()
    assert all(isinstance(error, SecuremailError) for error in failures), failures
    return failures


def at_every_statement(house: House, prepare: Callable[[], tuple[Act, Act, Callable[[], None]]]) -> int:
    """Hold up the first act of each fresh pair before its next statement, then check; how many statements it has."""
    for statement in range(1, _MOST):
        first, second, check = prepare()
        more = held_up(house, statement, first, second)
        check()
        if not more:
            return statement
    raise AssertionError("it never ends")
