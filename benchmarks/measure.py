"""Measuring by turns: A B C A B C …, so that whatever the machine does besides, it does to all of them."""

import gc
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

Clock = Callable[[], int]
Ready = Callable[[], Callable[[], object]]
"""Prepares one sample, untimed, and returns what is timed."""


@dataclass
class Samples:
    """Times of one contestant, in nanoseconds, in the order they were taken."""

    cpu: list[int] = field(default_factory=list)
    wall: list[int] = field(default_factory=list)

    @property
    def ms(self) -> float:
        """The median of processor time, in milliseconds."""
        return median(self.cpu) / 1e6


def by_turns(
    contestants: Mapping[str, Ready], rounds: int, clock: Clock = time.thread_time_ns,
    chance: random.Random | None = None,
) -> dict[str, Samples]:  # fmt: skip
    """Let each have its turn, `rounds` times, after a few that do not count; in an order left to `chance`, if any."""
    samples = {name: Samples() for name in contestants}
    for number in range(-10, rounds):
        if number % 50 == 0:
            gc.collect()
        for name in _order(contestants, chance):
            cpu, wall = _timed(contestants[name](), clock)
            if number >= 0:
                samples[name].cpu.append(cpu)
                samples[name].wall.append(wall)
    return samples


def _order(names: Iterable[str], chance: random.Random | None) -> list[str]:
    order = list(names)
    if chance is not None:
        chance.shuffle(order)
    return order


def _timed(work: Callable[[], object], clock: Clock) -> tuple[int, int]:
    wall, cpu = time.perf_counter_ns(), clock()
    work()
    return clock() - cpu, time.perf_counter_ns() - wall


def percentile(values: list[int], share: float) -> float:
    """The value that a share of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def ratio_of_p99(left: list[int], right: list[int], blocks: int = 3) -> float:
    """p99 of one over p99 of the other: the median over blocks of the run, for one hiccup is not a finding."""
    size = len(left) // blocks
    parts = [slice(number * size, (number + 1) * size) for number in range(blocks)]
    return median(percentile(left[part], 0.99) / percentile(right[part], 0.99) for part in parts)
