"""What is optimised: direction, unit, and how values are written."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from datasets.benchmark import Metric
from datasets.objective import ACCURACY, Objective
from experiment.errors import InputError
from experiment.files import plain

ENERGY = Objective("energy", maximise=False, unit="eV")


@pytest.mark.parametrize(
    ("objective", "value", "written"),
    [
        (ACCURACY, 0.93214, "93.21 %"),
        (ENERGY, -3.40912, "-3.40912 eV"),
        (Objective("score"), 1234567.0, "1.23457e+06"),
        (Objective("score"), 3, "3"),
        (ENERGY, None, "–"),
        (ACCURACY, math.nan, "–"),
    ],
)
def test_values_are_written_in_the_unit(
    objective: Objective, value: float | None, written: str
) -> None:
    assert objective.text(value) == written


def test_deviations_are_written_in_the_unit() -> None:
    assert ACCURACY.spread(0.9321, 0.0012) == "93.21 ± 0.12"
    assert ENERGY.spread(-3.4, 0.0251) == "-3.4 ± 0.025"
    assert ENERGY.spread(-3.4, math.nan) == "-3.4"


def test_labels_name_the_unit() -> None:
    labels = [one.label for one in (ACCURACY, ENERGY, Objective("score"))]
    seen = replace(ENERGY, dataset="water")
    assert seen.label == "energy on water, eV"
    assert replace(seen, trial=0).where == " on water (trial 0)"
    assert labels == ["validation, %", "energy, eV", "score"]


def test_the_direction_decides_what_is_better() -> None:
    values = np.array([2.0, np.nan, -1.0])
    assert (ACCURACY.best(values), ENERGY.best(values)) == (2.0, -1.0)
    assert ACCURACY.better(2, -1)
    assert not ENERGY.better(2, -1)
    assert not ENERGY.better(2, 2)


@pytest.mark.parametrize(
    ("unit", "given", "maximise"),
    [
        ("fraction", None, True),
        ("eV", None, True),
        ("eV", False, False),
        ("seconds", None, False),
        ("parameters", True, True),
    ],
)
def test_a_metric_has_a_direction(unit: str, given: bool | None, maximise: bool) -> None:
    metric = Metric("energy", unit, "made up", np.zeros((1, 1)), maximise=given)
    assert metric.objective == Objective("energy", maximise, unit)


def test_a_run_says_what_it_optimised() -> None:
    assert Objective.read({"objective": plain(ENERGY)}) == ENERGY
    assert Objective.read({"method": "bo"}) == ACCURACY
    seen = Objective("energy", maximise=False, unit="eV", dataset="water", trial=2)
    again = Objective.read({"objective": plain(seen)})
    assert (again, again.dataset, again.trial) == (seen, "water", 2)
    older = {"name": "energy", "maximise": False, "unit": "eV"}
    assert Objective.read({"objective": older}) == seen
    assert Objective.read({"objective": older}).where == ""
    with pytest.raises(InputError, match="expected an object with name, maximise and unit"):
        Objective.read({"objective": "energy"})
