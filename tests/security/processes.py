"""Verbs in processes of their own: killed at a chosen statement, or racing each other round after round."""

import json
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import event, select

from securemail.errors import SecuremailError
from securemail.store.base import Base
from securemail.store.session import make_engine
from tests.house import House
from tests.servers import PATIENCE
from tests.waiting import wait_long

FORK = multiprocessing.get_context("fork")
Act = Callable[[House], object]
Round = Callable[[House, int], object]


def anew(house: House) -> House:
    """The house over an engine of this process's own: connections must not be shared with the parent."""
    engine = make_engine(house.runtime.settings.database_url)
    wait_long(engine)
    return replace(house, runtime=replace(house.runtime, engine=engine))


def killed_at(house: House, statement: int, act: Act) -> bool:
    """Run in a child that kills itself before that statement or commit; False when it ended before."""
    house.runtime.engine.dispose()
    child = FORK.Process(target=_doomed, args=(house, statement, act))
    child.start()
    child.join()
    assert child.exitcode in (0, -signal.SIGKILL), "the verb itself failed"
    return child.exitcode != 0


def kills(house: House, act: Act, *, every: int = 1, at_least: int = 10) -> Iterator[int]:
    """Kill it before its first statement, its second, and so on until it gets through; nothing is half in between.

    Fewer statements than `at_least` would mean that the counting does not work.
    """
    statement, before = 1, dump(house)
    while killed_at(house, statement, act):
        assert dump(house) == before, f"half done at statement {statement}"
        yield statement
        statement += every
    assert dump(house) != before
    assert statement > at_least


def _doomed(house: House, statement: int, act: Act) -> None:
    child = anew(house)
    left = [statement]

    def count(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(child.runtime.engine, "before_cursor_execute", count)
    event.listen(child.runtime.engine, "commit", count)
    act(child)


def race(house: House, folder: Path, rounds: int, *runners: Round) -> list[list[str]]:
    """Run each in a process of its own, all starting every round together; what each said, round by round."""
    house.runtime.engine.dispose()
    barrier = FORK.Barrier(len(runners))
    files = [folder / f"runner{number}.json" for number in range(len(runners))]
    children = [
        FORK.Process(target=_runner, args=(house, barrier, rounds, runner, file))
        for runner, file in zip(runners, files, strict=True)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    return [json.loads(file.read_text()) for file in files]


def _runner(house: House, barrier: Any, rounds: int, act: Round, file: Path) -> None:
    child = anew(house)
    said = []
    for number in range(rounds):
        barrier.wait(5 * PATIENCE)
        said.append(_say(child, act, number))
    file.write_text(json.dumps(said))


def _say(house: House, act: Round, number: int) -> str:
    try:
        answer = act(house, number)
    except SecuremailError as error:
        return type(error).__name__
    except Exception:  # noqa: BLE001 told to the parent, which fails
        return "crash: " + traceback.format_exc(limit=-6)
    return "done" if answer is None else str(answer)


def dump(house: House) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with house.runtime.engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }
