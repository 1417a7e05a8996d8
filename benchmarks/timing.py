"""`make bench-timing`: T15 by the clock. Questions with one answer take the same time, whatever the truth is.

A thousand samples of each side of a pair in random order, on both databases, in this process through the WSGI
application: a socket and a second process would hide a difference behind noise that a patient attacker averages out.
For the same reason Argon2 costs nothing here: how often it runs, `tests/security/test_timing.py` counts.
"""

import argparse
import gc
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy import text

from benchmarks import mann_whitney, measure, questions
from benchmarks.questions import Desk, Pair
from securemail.web import create_app
from tests import servers
from tests.house import House, furnish
from tests.letterbox import living_worker
from tests.servers import Postgres, Sqlite

SAMPLES, MOST_APART, LEAST_LIKELY = 1000, 1.05, 0.01


@dataclass(frozen=True)
class Verdict:
    """How far apart the medians of a pair are, and how likely its samples are of one thing."""

    goal: str
    kind: str
    apart: float
    likely: float

    @property
    def alike(self) -> bool:
        """Whether both goals are met."""
        return self.apart <= MOST_APART and self.likely >= LEAST_LIKELY

    def tell(self) -> None:
        """A line for each."""
        close, same = self.apart <= MOST_APART, self.likely >= LEAST_LIKELY
        print(f"{self.goal} {self.kind} {self.apart:.3f} <= {MOST_APART:g} {'ok' if close else 'short'}")
        print(f"{self.goal}-alike {self.kind} {self.likely:.3f} >= {LEAST_LIKELY:g} {'ok' if same else 'short'}")


def main() -> None:
    """Measure on each database, and end with two lines per goal."""
    options = _options()
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory() as folder, servers.postgres() as postgres:
        for kind, databases in (("sqlite", Sqlite(Path(folder))), ("postgres", postgres)):
            if options.database in ("", kind):
                with _desk(Path(folder) / kind, databases) as desk:
                    verdicts += _measured(kind, desk, options.samples, options.only)
    print()
    for verdict in verdicts:
        verdict.tell()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.timing", description=__doc__)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of each side of a pair")
    parser.add_argument("--only", default="", help="the goals whose name holds this")
    parser.add_argument("--database", default="", choices=("", "sqlite", "postgres"))
    return parser.parse_args()


@contextmanager
def _desk(folder: Path, databases: Sqlite | Postgres) -> Iterator[Desk]:
    url = databases.new_database()
    house = furnish(folder, url)
    living_worker(house)
    yield Desk(house, create_app(house.runtime), random.Random(1))
    house.runtime.engine.dispose()
    databases.drop(url)


def _measured(kind: str, desk: Desk, samples: int, only: str) -> list[Verdict]:
    print(f"\n{kind}", flush=True)
    gc.disable()  # it is collected between samples, every fifty rounds
    found = [
        _confirmed(goal, kind, desk, pair, samples) for goal, pair in questions.pairs(desk).items() if only in goal
    ]
    for name, pair in questions.told_apart(desk).items():
        if not only:
            _compared(name, kind, desk, pair, samples // 10)
    return found


def _confirmed(goal: str, kind: str, desk: Desk, pair: Pair, samples: int) -> Verdict:
    """A pair that looks different is measured anew, and that counts: of a hundred that are alike, one looks so."""
    first = _compared(goal, kind, desk, pair, samples)
    return first if first.alike else _compared(goal, kind, desk, pair, samples)


def _compared(goal: str, kind: str, desk: Desk, pair: Pair, samples: int) -> Verdict:
    taken = measure.by_turns(dict(zip("ab", pair, strict=True)), samples, _clock(desk.house), desk.chance)
    left, right = taken["a"], taken["b"]
    apart = max(left.ms / right.ms, right.ms / left.ms)
    likely, wall = mann_whitney.probability(left.cpu, right.cpu), median(left.wall) / median(right.wall)
    print(f"  {goal:<42} {left.ms:7.3f} / {right.ms:7.3f} ms: {left.ms / right.ms:.3f}, p {likely:.3f}, "
          f"wall {wall:.3f}", flush=True)  # fmt: skip
    return Verdict(goal, kind, apart, likely)


def _clock(house: House) -> measure.Clock:
    """This thread's processor time, and that of the database's processes that answer it where there are any."""
    files = [Path(f"/proc/{pid}/schedstat") for pid in _server_processes(house)]
    return lambda: time.thread_time_ns() + sum(int(file.read_text("ascii").split()[0]) for file in files)


def _server_processes(house: House) -> list[int]:
    if house.runtime.engine.dialect.name != "postgresql":
        return []
    with house.runtime.engine.connect() as connection:
        mine = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [int(pid) for pid in connection.execute(mine).scalars()]


if __name__ == "__main__":
    main()
