"""What is optimised: a metric, its direction, its unit, and the data set and trial it is of.

What is printed, drawn and compared goes by it; values are stored as they were measured, shares as
0 to 1, in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiment.checks import shown
from experiment.errors import InputError

SHARE = "fraction"
"""Unit of accuracies, stored as 0 to 1 and written in percent."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A quantity that is maximised or minimised.

    Attributes:
        name: of the metric, such as ``validation``.
        maximise: whether larger is better.
        unit: ``fraction`` (0 to 1, written in percent), ``eV``, ``kcal/mol`` …; ``None`` for a
            number without one.
        dataset: that it is measured on; ``None`` where that is not known.
        trial: the one that is looked at, counted from 0; ``None`` for the mean over the trials,
            and where there are none.

    Two objectives are equal where metric, direction and unit are: settings are chosen by these,
    not by the data set.
    """

    name: str = "validation"
    maximise: bool = True
    unit: str | None = None
    dataset: str | None = field(default=None, compare=False)
    trial: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.unit is not None and not isinstance(self.unit, str):
            raise InputError(
                f"the unit of {self.name} is {shown(self.unit)}, expected its name as a string, "
                "such as 'eV', or None"
            )

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Objective:
        """That of a run, from the key ``objective`` of its configuration; an accuracy without.

        Raises:
            InputError: the key holds something else.
        """
        written = config.get("objective")
        if written is None:
            return ACCURACY
        try:
            return cls(
                str(written["name"]),
                bool(written["maximise"]),
                written["unit"],
                written.get("dataset"),
                written.get("trial"),
            )
        except (KeyError, TypeError) as error:
            raise InputError(
                f"the configuration's 'objective' is {written!r}, expected an object with "
                "name, maximise and unit"
            ) from error

    @property
    def sign(self) -> int:
        """What a value is multiplied by, so that larger is better."""
        return 1 if self.maximise else -1

    def better(self, value: float, other: float) -> bool:
        """Whether ``value`` is better than ``other``."""
        return self.sign * value > self.sign * other

    def best(self, values: np.ndarray) -> float:
        """The best of some values; NaN is passed over. **Shape** (n,), one is a number."""
        return float(np.nanmax(values) if self.maximise else np.nanmin(values))

    @property
    def quantity(self) -> str:
        """What it is called in a text: ``validation accuracy`` for a share, else its name."""
        known = self.unit == SHARE and self.maximise and self.name in ("validation", "test")
        return f"{self.name} accuracy" if known else self.name

    @property
    def scale(self) -> int:
        """What a stored value is multiplied by before it is written: 100 for a share."""
        return 100 if self.unit == SHARE else 1

    @property
    def written_unit(self) -> str:
        """The unit of written values: ``%`` for a share, empty where there is none."""
        return "%" if self.unit == SHARE else self.unit or ""

    def misfit(self, value: float | None) -> str:
        """Why a value does not fit the unit, in one sentence; empty where it does."""
        if self.unit != SHARE or value is None or 0 <= value <= 1:
            return ""
        return (
            f"{self.name} is {value:g}, but a {SHARE} lies between 0 and 1 and is written in "
            "percent: give the unit % for percentages"
        )

    @property
    def where(self) -> str:
        """`` on cifar10 (trial 1)``, to stand behind a name; empty where neither is known."""
        dataset = "" if self.dataset is None else f" on {self.dataset}"
        return dataset + ("" if self.trial is None else f" (trial {self.trial})")

    @property
    def label(self) -> str:
        """Name, data set and unit, for an axis or a column: ``validation on cifar10, %``."""
        return ", ".join(word for word in (self.name + self.where, self.written_unit) if word)

    def number(self, value: float | None, decimals: int = 2) -> str:
        """A value without its unit.

        Args:
            value: as it is stored; ``None`` or NaN where there is none.
            decimals: places of a percentage; other numbers get four significant digits more.
        """
        if value is None or math.isnan(value):
            return "–"
        if self.unit == SHARE:
            return f"{self.scale * value:.{decimals}f}"
        return f"{value:.{decimals + 4}g}"

    def text(self, value: float | None, decimals: int = 2) -> str:
        """A value with its unit: ``93.21 %``, ``-3.409 eV``; ``–`` where there is none."""
        written = self.number(value, decimals)
        return written if written == "–" else f"{written} {self.written_unit}".rstrip()

    def spread(self, mean: float, std: float, decimals: int = 2) -> str:
        """A mean and a standard deviation, without the unit; NaN leaves the deviation out."""
        known = "" if math.isnan(std) else f" ± {self._deviation(std, decimals)}"
        return self.number(mean, decimals) + known

    def _deviation(self, std: float, decimals: int) -> str:
        return self.number(std, decimals) if self.unit == SHARE else f"{std:.2g}"


ACCURACY = Objective(unit=SHARE)
"""The objective of every search and predictor that names no other."""
