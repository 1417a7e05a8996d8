"""`make bench-inbox`: goals I1 (cost of the locks), I2 (size of the mailbox), I3 (work per row), on both databases."""

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from flask import Flask
from sqlalchemy import text

from benchmarks import databases, locks, measure, plans, visits
from benchmarks.databases import Place

ROUNDS_I1, ROUNDS_I2 = 200, 750
GOAL_I1, GOAL_I2 = 1.5, 1.2
Verdict = tuple[str, str, float, float]


def main() -> None:
    """Fill what is not filled, measure, and end with one line per goal."""
    root = databases.folder()
    print(f"databases in {root}; filling them takes minutes the first time", flush=True)
    verdicts = _measured([databases.sqlite(root, size) for size in (databases.SMALL, databases.LARGE)])
    with databases.postgres(root) as places:
        verdicts += _measured(places)
    print()
    for goal, kind, value, limit in verdicts:
        print(f"{goal} {kind} {value:.2f} <= {limit:g} {'ok' if value <= limit else 'short'}")


def _measured(places: list[Place]) -> list[Verdict]:
    small, large = places
    print(f"\n{large.kind}", flush=True)
    switch = locks.Switch()
    kind = large.kind
    asymmetric, opened = _work_per_row(large, switch)
    return [
        ("I1", kind, _cost_of_locks(large, switch), GOAL_I1),
        ("I2", kind, _cost_of_size(small, large), GOAL_I2),
        ("I2-plans", kind, float(len(_complaints(large))), 0),
        ("I3-asymmetric", kind, asymmetric, 0),
        ("I3-opens", kind, opened, 2),
    ]


# --- I1 ---


def _cost_of_locks(place: Place, switch: locks.Switch) -> float:
    chance = random.Random(1)
    pages = [visits.any_page(place, chance) for _ in range(20)] + [visits.first_page(place, chance)]
    recorded = [_recorded(place, switch, page) for page in pages]
    session, rows = locks.session_calls(recorded[0]), locks.row_opens(recorded[0])
    if len(rows) != 100:
        raise AssertionError(f"a page of fifty rows opens {len(rows)} locks of rows")
    hello, hello_page = _hello(), visits.environ("/")
    contestants: dict[str, measure.Ready] = {
        "page": lambda: partial(visits.visit, place.app, chance.choice(pages)),
        "page, locks left out": lambda: _without_locks(place, switch, pages, recorded, chance),
        "session unlock, bare": lambda: partial(locks.run, session),
        "100 S1 opens, bare": lambda: partial(locks.run, rows),
        "hello": lambda: partial(visits.visit, hello, hello_page),
        "page, compressed": lambda: partial(visits.visit, place.app, visits.first_page(place, chance, compressed=True)),
    }
    taken = measure.by_turns(contestants, ROUNDS_I1)
    _tell(taken)
    ms = {name: samples.ms for name, samples in taken.items()}
    return ms["page"] / (ms["page, locks left out"] + ms["session unlock, bare"] + ms["100 S1 opens, bare"])


def _recorded(place: Place, switch: locks.Switch, page: visits.Environ) -> list[locks.Call]:
    visits.visit(place.app, page)
    with switch.recording() as calls:
        visits.visit(place.app, page)
    return calls


def _without_locks(
    place: Place, switch: locks.Switch, pages: list[visits.Environ], recorded: list[list[locks.Call]],
    chance: random.Random,
) -> Callable[[], object]:  # fmt: skip
    which = chance.randrange(len(pages))

    def visit() -> None:
        with switch.answering(recorded[which]):
            visits.visit(place.app, pages[which])

    return visit


def _hello() -> Flask:
    app = Flask("hello")
    app.add_url_rule("/", view_func=lambda: "hello")
    return app


def _tell(taken: dict[str, measure.Samples]) -> None:
    hello = taken["hello"].ms
    for name, samples in taken.items():
        per_second = 1e9 / measure.percentile(samples.wall, 0.5)
        print(f"  {name:<22} {samples.ms:7.3f} ms  {samples.ms / hello:6.1f} x hello  {per_second:8.0f}/s", flush=True)


# --- I2 ---


def _cost_of_size(small: Place, large: Place) -> float:
    """The worst of three kinds of page; processor time of this thread and of the database's process together."""
    chance = random.Random(2)
    worst = 0.0
    for name, choose in (
        ("first", visits.first_page), ("any", visits.any_page), ("deepest", visits.deepest_page),
    ):  # fmt: skip
        prepared = {place.messages: [choose(place, chance) for _ in range(200)] for place in (small, large)}
        for place in (small, large):
            _read_once(place, prepared[place.messages])
        contestants: dict[str, measure.Ready] = {
            str(place.messages): partial(_any_of, place, prepared[place.messages], chance) for place in (small, large)
        }
        taken = measure.by_turns(contestants, ROUNDS_I2, _clock([small, large]))
        few, many = taken[str(small.messages)], taken[str(large.messages)]
        ratio = measure.ratio_of_p99(many.cpu, few.cpu)
        wall = measure.ratio_of_p99(many.wall, few.wall)
        print(
            f"  {name:<8} page, {large.messages} / {small.messages} messages: p99 {ratio:.2f} (wall {wall:.2f}), "
            f"median {many.ms / few.ms:.2f}", flush=True,
        )  # fmt: skip
        worst = max(worst, ratio)
    return worst


def _read_once(place: Place, pages: list[visits.Environ]) -> None:
    # A thousand messages are always in memory; of a million, the disk would be measured.
    for page in pages:
        visits.visit(place.app, page)


def _any_of(place: Place, pages: list[visits.Environ], chance: random.Random) -> Callable[[], object]:
    return partial(visits.visit, place.app, chance.choice(pages))


def _clock(places: list[Place]) -> measure.Clock:
    """This thread's processor time, and that of the server processes that answer it where there are any."""
    if places[0].kind == "sqlite":
        return time.thread_time_ns
    files = [Path(f"/proc/{pid}/schedstat") for pid in map(_server_process, places)]
    if not all(file.is_file() for file in files):
        print("  this system does not tell the processor time of the server: its own is left out")
        return time.thread_time_ns
    return lambda: time.thread_time_ns() + sum(int(file.read_text("ascii").split()[0]) for file in files)


def _server_process(place: Place) -> int:
    # One thread asks one thing at a time, so the pool hands out the same connection again and again.
    with place.runtime.engine.connect() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def _complaints(place: Place) -> list[str]:
    chance = random.Random(3)
    found: list[str] = []
    first, deep = visits.first_page(place, chance), visits.any_page(place, chance)
    for page in (first, deep, visits.deepest_page(place, chance), visits.environ("/sent", place.boxes[0])):
        asked = plans.asked_for(place.app, place.runtime.engine, page)
        found += plans.complaints(place.runtime.engine, asked)
    print(f"  queries per page: {len(asked)}")
    for complaint in dict.fromkeys(found):
        print(f"  {complaint}")
    return found


# --- I3 ---


def _work_per_row(place: Place, switch: locks.Switch) -> tuple[float, float]:
    """What forty more rows cost, counted; divided by forty."""
    few = _recorded(place, switch, visits.short_page(place, 10))
    many = _recorded(place, switch, visits.short_page(place, 50))
    asymmetric = (locks.asymmetric(many) - locks.asymmetric(few)) / 40
    opened = (locks.opens(many) - locks.opens(few)) / 40
    print(f"  public-key operations on a page: {locks.asymmetric(many)}, S1 opens: {locks.opens(many)}", flush=True)
    return asymmetric, opened


if __name__ == "__main__":
    main()
