"""Whether two lists of measurements could be of one thing: the test of Mann and Whitney, two-sided, by its normal
approximation with ties and a correction for continuity (https://www.jstor.org/stable/2236101)."""

import math
from collections import Counter
from collections.abc import Sequence


def probability(left: Sequence[float], right: Sequence[float]) -> float:
    """How likely two lists of one thing differ in their ranks at least as much as these do."""
    n, m = len(left), len(right)
    deviation = math.sqrt(n * m / 12 * (n + m + 1 - _tied(left, right) / ((n + m) * (n + m - 1))))
    if deviation == 0:
        return 1.0
    distance = abs(statistic(left, right) - n * m / 2)
    return min(1.0, math.erfc(max(0.0, distance - 0.5) / deviation / math.sqrt(2)))


def statistic(left: Sequence[float], right: Sequence[float]) -> float:
    """U of the left: of how many pairs its half is the larger, equal ones counted as a half."""
    ranks = _ranks([*left, *right])
    return sum(ranks[value] for value in left) - len(left) * (len(left) + 1) / 2


def _ranks(values: Sequence[float]) -> dict[float, float]:
    """The mean rank of each value, from 1."""
    ranks, before = {}, 0
    for value, count in sorted(Counter(values).items()):
        ranks[value] = before + (count + 1) / 2
        before += count
    return ranks


def _tied(left: Sequence[float], right: Sequence[float]) -> int:
    return sum(count**3 - count for count in Counter([*left, *right]).values())
