"""Weights λ of the objective value − λ · cost, for the whole front between the two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Real

from experiment.checks import shown
from experiment.errors import InputError


def checked_trade_offs(trade_offs: Sequence[float]) -> tuple[float, ...]:
    """Weights, after a check.

    Raises:
        InputError: there are none, or one is no finite number of 0 or more.
    """
    try:
        found = tuple(trade_offs)
    except TypeError:
        raise InputError(
            f"the weights λ are {shown(trade_offs)}, expected a list of numbers: give [λ] for one"
        ) from None
    for one in found:
        if not isinstance(one, Real) or not 0 <= one < math.inf:
            raise InputError(
                f"a cost is weighed by λ = {shown(one)}, expected finite numbers of 0 or more: 0 "
                "looks for the highest value at any cost"
            )
    if not found:
        raise InputError("no λ was given: give one at least, or leave them to be chosen")
    return tuple(float(one) for one in found)


def trade_offs_of(values: Sequence[float], costs: Sequence[float]) -> list[float]:
    """A weight for every vertex of a front's convex hull, with which that vertex is the best one.

    Between two neighbouring vertices lies the weight with which both are equally good, the slope
    between them. A vertex has the geometric mean of its two slopes, the cheapest twice its only
    one, and the most expensive 0. So each part of the front is looked at as often as it has
    vertices, on any scales of values and costs.

    Args:
        values: of the front's members, ascending.
        costs: of the same, ascending.

    Returns:
        The highest weight first; 0 alone for a single member.
    """
    hull: list[tuple[float, float]] = []
    for point in zip(costs, values, strict=True):
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-1], point):
            hull.pop()
        hull.append(point)
    slopes = [_slope(*pair) for pair in pairwise(hull)]
    if not slopes:
        return [0.0]
    between = [math.sqrt(a * b) for a, b in pairwise(slopes)]
    return [2 * slopes[0], *between, 0.0]


def spread(number: int) -> float:
    """Element of van der Corput's sequence in base 2: any stretch of it is spread over [0, 1)."""
    digits = f"{number:b}"
    return int(digits[::-1], 2) / 2 ** len(digits)


def _slope(left: tuple[float, float], right: tuple[float, float]) -> float:
    """Value per cost from one member to a more expensive one."""
    return (right[1] - left[1]) / (right[0] - left[0])
