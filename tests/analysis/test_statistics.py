"""Statistics over runs, against SciPy and known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from analysis.statistics import Spread, median_queries, paired_difference


def test_a_spread_is_that_of_the_sample() -> None:
    values = [0.1, 0.4, 0.2, 0.9]
    spread = Spread.of(values)
    assert (spread.mean, spread.std) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert spread.text(1, 100) == "40.0 ± 35.6"
    assert f"{spread:.1%}" == "40.0% ± 35.6%"
    assert Spread.of([3.0]) == Spread(3.0, 0.0, 1)
    assert math.isnan(Spread.of([]).mean)


def test_differences_are_paired_and_their_interval_is_students() -> None:
    ours = {"0": 3.0, "1": 2.5, "2": 4.0, "9": 100.0}
    theirs = {"2": 3.5, "0": 1.0, "1": 2.0}
    found = paired_difference(ours, theirs)
    expected = stats.ttest_rel([3.0, 2.5, 4.0], [1.0, 2.0, 3.5]).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.mean, found.count) == (1.0, 3)
    assert found.text(1) == "+1.0 [-1.2, +3.2]"
    assert paired_difference({"0": 1.0}, {"1": 1.0}) is None
    alone = paired_difference({"0": 1.0}, {"0": 0.5})
    assert alone is not None
    assert (alone.mean, alone.low, alone.high) == (0.5, -math.inf, math.inf)
    same = paired_difference({"0": 1.0, "1": 2.0}, {"0": 1.0, "1": 2.0})
    assert same is not None
    assert (same.low, same.high) == (0.0, 0.0)


def test_runs_that_did_not_end_count_as_longer_than_the_others() -> None:
    found = median_queries([10, None, 30, None, 20])
    assert (found.value, found.ended, found.count) == (30.0, 3, 5)
    assert found.high == math.inf
    assert found.text(100) == "found by 3 of 5, median 30 [10, > 100]"
    assert median_queries([1, 2, None, None]).value == math.inf  # between 2 and beyond
    assert median_queries([1, 2, 4, None]).value == 3
    assert median_queries([None]).text(50) == "found by 0 of 1, median > 50"


@pytest.mark.parametrize("count", [6, 9, 20, 51])
def test_the_interval_holds_the_median_as_often_as_it_says(count: int) -> None:
    """The next narrower one would miss it too often."""
    found = median_queries(list(range(count)))
    k = int(found.low)
    assert found.high == count - 1 - k
    assert 2 * stats.binom.cdf(k, count, 0.5) <= 0.05 < 2 * stats.binom.cdf(k + 1, count, 0.5)
