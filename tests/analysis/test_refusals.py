"""Figures refuse what does not fit together, in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.figures import curves, gallery, interpolation_strip, latent_map, principal_axes
from analysis.front_figure import value_against_cost
from analysis.grid_figure import architecture_grid
from analysis.prediction_figure import predicted_against_measured, predicted_by_size
from datasets import get_space
from datasets.graph import ArchitectureError
from datasets.objective import ACCURACY
from experiment.errors import InputError

SPACE = get_space("DIGITS101")
CELLS = SPACE.sample(3, np.random.default_rng(0))
FOREIGN = get_space("NB201").sample(3, np.random.default_rng(0))
FIVE, TWENTY = np.linspace(0, 1, 5), np.linspace(0, 1, 20)
NAMES = ("validation", "test")

REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "values of other latents": (lambda: latent_map(np.eye(20), FIVE, label="x"), "20 latents, 5"),
    "values as text": (lambda: latent_map(np.eye(2), any_(["a", "b"]), label="x"), "values"),
    "one component": (lambda: latent_map(np.ones((5, 1)), FIVE, label="x"), "2 principal"),
    "no rows": (lambda: principal_axes(np.ones((0, 3))), "a row at least"),
    "not a number": (lambda: principal_axes(np.full((3, 3), np.nan)), "finite numbers"),
    "a single latent": (lambda: principal_axes(FIVE), r"shape \(5,\)"),
    "predictions of others": (
        lambda: predicted_against_measured(FIVE, TWENTY, objectives=(ACCURACY, ACCURACY)),
        "5 predictions, 20 measurements",
    ),
    "nothing measured": (
        lambda: predicted_against_measured(FIVE, FIVE * np.nan, objectives=(ACCURACY, ACCURACY)),
        "at least one measurement",
    ),
    "sizes of others": (
        lambda: predicted_by_size(FIVE, FIVE, np.arange(4), 5, names=NAMES),
        "4 sizes",
    ),
    "no sizes": (
        lambda: predicted_by_size(FIVE[:0], FIVE[:0], FIVE[:0], 5, names=NAMES),
        "no predictions",
    ),
    "costs of others": (
        lambda: value_against_cost(
            FIVE, TWENTY, np.arange(2), best=(FIVE, FIVE), names=("cost", "accuracy")
        ),
        "5 costs, 20 values",
    ),
    "texts in a gallery": (lambda: gallery(any_(["a"]), SPACE.types, ["a"]), "is a str"),
    "another space in a gallery": (
        lambda: gallery(FOREIGN, SPACE.types, ["a"] * 3),
        "of type 6, and there are names for 5",
    ),
    "a grid with a gap": (
        lambda: architecture_grid(CELLS, SPACE.types, ["a"] * 3, [0.0, 1.0]),
        "3 architectures, 3 hashes and 3 labels make no grid of 2 × 2",
    ),
    "an empty grid": (lambda: architecture_grid([], SPACE.types, [], []), "no grid of 0 × 0"),
    "texts along a path": (
        lambda: interpolation_strip(any_(["a"]), SPACE.types, [0.5]),
        "is a str",
    ),
    "positions of others": (
        lambda: interpolation_strip(CELLS, SPACE.types, [0.0, 1.0]),
        "3 architectures, 2 positions",
    ),
    "no panels": (lambda: curves([{"epoch": 1}], {}), "no panels"),
}


def any_(value: Any) -> Any:
    """A value of a wrong type, given on purpose."""
    return value


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=[*REFUSED])
def test_a_figure_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises((InputError, ArchitectureError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
