"""The test that tells whether two ways of answering take the same time, against values known from elsewhere."""

from collections.abc import Sequence
from itertools import combinations
from random import Random

import pytest

from benchmarks.mann_whitney import probability, statistic

MALES, FEMALES = [19, 22, 16, 29, 24], [20, 11, 17, 12]
"""Ages at which people learned that they have diabetes: the example of SciPy's documentation."""


def test_a_published_example() -> None:
    assert statistic(MALES, FEMALES) == 17
    assert statistic(FEMALES, MALES) == 3
    assert probability(MALES, FEMALES) == pytest.approx(0.11134688653314041)
    assert probability(FEMALES, MALES) == pytest.approx(0.11134688653314041)


def _exactly(left: Sequence[float], right: Sequence[float]) -> float:
    """The share of all ways to deal the values out that are at least as far from the middle."""
    values, middle = [*left, *right], len(left) * len(right) / 2
    dealt = [set(chosen) for chosen in combinations(range(len(values)), len(left))]
    distances = [
        abs(
            statistic([values[at] for at in chosen], [value for at, value in enumerate(values) if at not in chosen])
            - middle
        )
        for chosen in dealt
    ]
    return sum(distance >= abs(statistic(left, right) - middle) for distance in distances) / len(dealt)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([1, 2, 3, 4, 5, 6], [1.5, 2.5, 3.5, 7, 8, 9]),
        ([1, 2, 2, 3, 3, 3], [2, 3, 4, 4, 5, 5]),
        ([1, 2, 3, 4, 5, 5, 6], [3, 4, 6, 7, 8, 9, 9]),
        ([1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]),
    ],
)
def test_it_is_close_to_what_dealing_out_all_ways_gives(left: list[float], right: list[float]) -> None:
    assert probability(left, right) == pytest.approx(_exactly(left, right), abs=0.03)


def test_values_that_are_all_the_same_tell_nothing() -> None:
    assert probability([5] * 10, [5] * 10) == 1


def test_a_hundredth_more_is_seen_in_a_thousand_samples_and_nothing_is_seen_in_none() -> None:
    chance = Random(1)
    one, other = ([chance.gauss(100, 5) for _ in range(1000)] for _ in range(2))
    assert probability(one, other) > 0.01
    assert probability(one, [value + 1 for value in other]) < 0.01
