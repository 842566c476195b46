"""A report goes by the objective of a run: its direction, its unit, and the side of a limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.report.drawings import Drawings
from analysis.report.found import costs_chart
from analysis.report.prediction import best_trained
from analysis.report.runs import Run, read_run
from analysis.report.traces import contestants
from analysis.report.training import curves_of


def test_under_a_lower_bound_the_front_is_of_the_most(search_run: Callable[..., Path]) -> None:
    (search,) = contestants([read_run(search_run("a", queries=40, limit="parameters>=1010"))])
    found = costs_chart([search], None, Drawings())
    assert found is not None
    front, dots = found.views[0].series
    assert front.name == "the most parameters for it"
    assert (np.diff(front.x) > 0).all()
    for x, y in zip(front.x, front.y, strict=True):
        assert not np.any((dots.x >= x) & (dots.y > y))
        assert not np.any((dots.x > x) & (dots.y >= y))


def ranking(objective: Mapping[str, Any], *values: float) -> Run:
    """An extrapolation whose candidates were trained to these values."""
    top = [{"measured": {"objective": objective, "validation": value}} for value in values]
    return Run(Path("r"), {"space": "NB101"}, {"top": top}, [])


def test_the_best_that_was_trained_is_the_lowest_where_less_is_better() -> None:
    loss = {"name": "loss", "maximise": False, "unit": "nat", "dataset": "words", "trial": None}
    trained = ranking(loss, 2.5, 1.5, 3.5)
    (headline,) = best_trained(trained.result["top"], trained)
    assert headline.number == "1.5 nat"
    assert headline.meaning.startswith("validation loss on words: the best by validation of 3")


@pytest.mark.parametrize(("unit", "expected"), [("fraction", "share"), ("kcal/mol", "number")])
def test_curves_of_a_training_are_percentages_where_its_objective_is_a_share(
    unit: str, expected: str
) -> None:
    objective = {"name": "mae", "maximise": False, "unit": unit, "dataset": "qm7", "trial": None}
    lines = [{"epoch": k, "validation": 1 / k, "exact": 0.5} for k in (1, 2)]
    found = curves_of(Run(Path("r"), {"objective": objective}, {}, lines))
    assert found is not None
    assert {view.name: view.y.unit for view in found.views} == {
        "validation": expected,
        "exact": "share",
    }
