"""The figure of predicted against measured values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.prediction_figure import predicted_against_measured, predicted_by_size
from datasets.objective import Objective


def test_every_known_architecture_has_a_dot_by_value_and_by_rank() -> None:
    predicted = np.array([0.9, 0.7, 0.5, 0.8])
    measured = np.array([0.8, 0.9, np.nan, 0.1])
    objectives = (Objective("validation"), Objective("test", unit="fraction"))
    figure = predicted_against_measured(predicted, measured, objectives=objectives, title="t")
    by_value, by_rank = (axes.collections[0].get_offsets() for axes in figure.axes)
    assert np.allclose(by_value, [[80, 0.9], [90, 0.7], [10, 0.8]])
    assert np.allclose(by_rank, [[2, 1], [1, 3], [3, 2]])
    assert figure.axes[0].get_ylabel() == "predicted validation"
    assert figure.axes[0].get_xlabel() == "measured test, %"
    left, right = figure.axes[1].get_xlim()
    assert left > right  # the best stand at the upper right


def test_one_architecture_can_be_drawn() -> None:
    objectives = (Objective("test"), Objective("test"))
    figure = predicted_against_measured(np.array([9.0]), np.array([9.0]), objectives=objectives)
    assert np.shape(figure.axes[0].collections[0].get_offsets()) == (1, 2)


@pytest.mark.parametrize("maximise", [True, False])
def test_the_best_stand_at_the_upper_right_and_the_worst_tail_is_cut(maximise: bool) -> None:
    loss = Objective("loss", maximise, "nat")
    values = np.concatenate([np.linspace(1, 2, 99), [-50.0 if maximise else 50.0]])
    figure = predicted_against_measured(values, values, objectives=(loss, loss))
    assert figure.axes[0].get_xlabel() == "measured loss, nat"
    low, high = figure.axes[0].get_xlim()
    assert 0.5 < low < high < 2.5
    assert low < (2 if maximise else 1) < high
    ranks = np.asarray(figure.axes[1].collections[0].get_offsets())
    assert ranks[98, 0] == (1 if maximise else 99)
    assert ranks[0, 0] == (99 if maximise else 1)


def test_sizes_have_colours_and_those_beyond_are_larger() -> None:
    sizes = np.array([4, 4, 4, 5, 6, 6, 6])
    measured = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    predicted = np.array([0.1, 0.2, 0.3, 0.4, 0.7, 0.6, 0.5])
    figure = predicted_by_size(predicted, measured, sizes, 5, names=("validation", "test"))
    groups: list[Any] = list(figure.axes[0].collections)
    assert [len(one.get_offsets()) for one in groups] == [3, 1, 3]
    small, middle, large = (one.get_sizes()[0] for one in groups)
    assert small == middle < large
    legend = figure.axes[0].get_legend()
    assert legend is not None
    told = [text.get_text() for text in legend.get_texts()]
    assert told == ["4 nodes (3): τ 1.00", "5 nodes (1)", "6 nodes (3): τ -1.00"]
