"""Ranges of hyper-parameters that are searched together with an architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiment.checks import LARGEST, shown, truth_value, whole_number
from experiment.config import nearest
from experiment.errors import InputError

Value = bool | int | float | str
LEVELS = 65
"""Values of a range of numbers. More would be closer to each other than trainings can distinguish:
from 1e-4 to 1e-2 each is 7 % above the one before."""

MOST = 1_000
"""Values of a range that are allowed. All are checked, and kept by every worker; more would take
seconds and memory, and whole numbers so close to each other make no other training."""

FEW = 6
"""Numbers that are written out."""


@dataclass(frozen=True)
class Range:
    """The values that a hyper-parameter may take; :func:`between` and :func:`among` make one.

    Attributes:
        values: each once; numbers ascend.
        ordered: whether neighbouring values are alike, as numbers are.
        log: whether the values lie evenly on a logarithmic scale.
    """

    values: tuple[Value, ...]
    ordered: bool = True
    log: bool = False

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        """The ends, or the values where they are few."""
        if not self.ordered or len(self) <= FEW:
            return ", ".join(map(str, self.values))
        return f"{self.values[0]} to {self.values[-1]}{', logarithmic' if self.log else ''}"

    def own(self, value: object) -> Value | None:
        """The value of the range that equals one from a file; ``None``: it has no such value."""
        return next((own for own in self.values if own == value), None)


def between(low: float, high: float, *, log: bool = False, levels: int | None = None) -> Range:
    """The whole numbers, or evenly spaced numbers, from ``low`` to ``high``.

    Args:
        low: the lowest value.
        high: the highest value; whole numbers where both ends are.
        log: whether they are spaced evenly on a logarithmic scale.
        levels: how many; default: all whole numbers, or :data:`LEVELS`.

    Raises:
        InputError: an end is no number, the ends are reversed, no logarithm exists, or there are
            more than :data:`MOST` values.
    """
    for end in (low, high):
        if isinstance(end, bool) or not isinstance(end, int | float) or not abs(end) <= LARGEST:
            raise InputError(f"the end of a range is {shown(end)}, expected a number below 2^63")
    truth_value(log, "log")
    if low >= high:
        raise InputError(
            f"the range from {low} to {high} has its ends reversed or equal: give low < high"
        )
    if log and low <= 0:
        raise InputError(f"a logarithmic range begins at {low}: expected more than 0")
    whole = isinstance(low, int) and isinstance(high, int)
    usual = min(LEVELS, int(high - low) + 1) if whole and log else LEVELS
    if whole and not log and levels is None:
        if high - low >= MOST:
            raise InputError(
                f"the range from {low} to {high} has {high - low + 1:,} values, expected at most "
                f"{MOST:,}: give levels, so many values with equal distances"
            )
        return Range(tuple(range(int(low), int(high) + 1)))
    count = usual if levels is None else whole_number(levels, "levels", least=2, most=MOST)
    points = (np.geomspace if log else np.linspace)(low, high, count)
    # Rounded, so that a value reads the same in a file, a table and a hash.
    numbers = [round(x) if whole else float(f"{x:.4g}") for x in points.tolist()]
    return Range(tuple(dict.fromkeys([low, *numbers[1:-1], high])), log=log)


def among(*options: Value) -> Range:
    """Some options.

    Raises:
        InputError: there are none, one is given twice, or one is no text, number or truth value.
    """
    for option in options:
        if not isinstance(option, bool | int | float | str):
            raise InputError(f"an option is {shown(option)}, expected a text or a number")
    if not options or len(set(options)) < len(options):
        raise InputError(f"the options are {list(options)}, expected at least one, each once")
    numeric = all(isinstance(one, int | float) and not isinstance(one, bool) for one in options)
    return Range(tuple(sorted(options)) if numeric else options, ordered=numeric)


def read_range(name: str, table: Mapping[str, Any]) -> Range:
    """The range of a file: ``{low, high, log, levels}`` or ``{choices}``.

    Args:
        name: of the hyper-parameter, for messages.
        table: as it is in the file.

    Raises:
        InputError: an unknown key, or as :func:`between` and :func:`among`.
    """
    numeric = ("low", "high", "log", "levels")
    for key in table:
        if key not in (*numeric, "choices"):
            others = [one for one in (*numeric, "choices") if one not in table]
            raise InputError(f"unknown key {key!r} in the range of {name}: {nearest(key, others)}")
        if key in numeric and "choices" in table:
            raise InputError(
                f"the range of {name} has choices and {key!r}: give choices alone, or low and high"
            )
    try:
        if "choices" in table:
            if not isinstance(table["choices"], list | tuple):
                raise InputError(f"choices is {shown(table['choices'])}, expected a list")
            return among(*table["choices"])
        if missing := [key for key in ("low", "high") if key not in table]:
            raise InputError(f"a range needs {missing[0]!r}: give low and high, or choices")
        return between(**table)
    except InputError as error:
        raise InputError(f"hyper-parameter {name!r}: {error}") from error
