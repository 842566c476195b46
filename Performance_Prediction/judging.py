"""How good a predictor is: on architectures that it was not fitted to, and in its run's folder."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets.labels import LabelledSet
from datasets.objective import SHARE, Objective
from experiment.errors import InputError
from experiment.progress import progress
from predictors.predictor import Predictor
from predictors.quality import Quality
from predictors.regressor import Forecast

SHARES = (0.5, 0.9)
"""Intervals whose coverage is reported."""
HELD_OUT = "held out"
CROSS_VALIDATED = "cross-validation"
FOLDS = 5
"""Parts of a cross-validation; more of them cost a fit each, to few more labels."""


@dataclass(frozen=True)
class Predictions:
    """What is expected of some architectures, as values.

    Attributes:
        columns: ``mean``, ``std``, and ``low_50 high_50 low_90 high_90``, the ends of the
            intervals that hold the value with that probability. **Shape** (B,) each.
    """

    columns: dict[str, np.ndarray]

    @classmethod
    def of(cls, forecast: Forecast) -> Predictions:
        """Those of a forecast."""
        columns = {"mean": forecast.mean, "std": forecast.std}
        for share in SHARES:
            low, high = forecast.interval(share)
            columns |= {f"low_{share * 100:.0f}": low, f"high_{share * 100:.0f}": high}
        return cls(columns)

    @classmethod
    def joined(cls, parts: Sequence[Predictions], rows: Sequence[np.ndarray]) -> Predictions:
        """Those of parts, each put into its own rows."""
        order = np.argsort(np.concatenate(rows))
        return cls(
            {
                name: np.concatenate([part.columns[name] for part in parts])[order]
                for name in parts[0].columns
            }
        )

    @property
    def mean(self) -> np.ndarray:
        """The value that is expected. **Shape** (B,)."""
        return self.columns["mean"]

    def coverage(self, truth: np.ndarray) -> dict[str, float]:
        """What share of the values that were measured each interval holds."""
        held = {}
        for share in SHARES:
            low, high = (self.columns[f"{end}_{share * 100:.0f}"] for end in ("low", "high"))
            held[f"{share:.0%}"] = float(np.mean((low <= truth) & (truth <= high)))
        return held


@dataclass(frozen=True)
class Judgement:
    """Architectures that were measured, and what a predictor says that has not seen them.

    Attributes:
        measured: the architectures.
        predictions: of them.
        fit_seconds: of all fits.
        predict_seconds: of all predictions.
    """

    measured: LabelledSet
    predictions: Predictions
    fit_seconds: float
    predict_seconds: float

    def result(self) -> dict[str, Any]:
        """The numbers of ``result.json``."""
        return {
            "predicted": len(self.measured),
            "quality": {
                name: self._quality(name, truth) for name, truth in self.measured.values.items()
            },
            "coverage": self.predictions.coverage(self.measured.labels),
            "fit_seconds": self.fit_seconds,
            "predict_seconds": self.predict_seconds,
        }

    def _quality(self, metric: str, truth: np.ndarray) -> dict[str, Any]:
        """Ranks and error against a metric; no error where the labels are of another unit."""
        quality = dataclasses.asdict(Quality.of(self.predictions.mean, truth))
        same = self.measured.objectives[metric].unit == self.measured.label.unit
        return quality if same else quality | {"rmse": None}

    def records(self) -> Iterable[dict[str, Any]]:
        """A row of ``predictions.csv`` an architecture."""
        values = {measured_column(name): each for name, each in self.measured.values.items()}
        columns = {
            name: each.tolist() for name, each in (self.predictions.columns | values).items()
        }
        for row, graph in enumerate(self.measured.graphs):
            yield {
                "hash": str(self.measured.hashes[row]),
                "architecture": self.measured.space.format(graph),
                **{name: each[row] for name, each in columns.items()},
            }


def measured_column(metric: str) -> str:
    """The column of ``predictions.csv`` with what was measured; never one of the predictions'."""
    intervals = [f"{end}_{share * 100:.0f}" for share in SHARES for end in ("low", "high")]
    taken = {"hash", "architecture", "mean", "std", *intervals}
    return f"measured {metric}" if metric in taken else metric


def held_out(make: Callable[[], Predictor], known: LabelledSet, rest: LabelledSet) -> Judgement:
    """Fit to some architectures, predict others."""
    started = time.perf_counter()
    predictor = fitted(make, known)
    fitted_at = time.perf_counter()
    with progress(None, f"predicting {len(rest):,} architectures"):
        predictions = Predictions.of(predictor.forecast(rest.graphs))
    ended = time.perf_counter()
    return Judgement(rest, predictions, fitted_at - started, ended - fitted_at)


def fitted(make: Callable[[], Predictor], known: LabelledSet) -> Predictor:
    """A fitted predictor.

    Raises:
        InputError: too few or constant values.
    """
    predictor = make()
    if len(known) < predictor.least_labels:
        raise InputError(
            f"{len(known)} labels were given, this predictor needs at least "
            f"{predictor.least_labels}: measure more{_fewer(len(known))}"
        )
    with progress(None, f"fitting to {len(known):,} labels"):
        predictor.fit(known.graphs, known.labels)
    return predictor


def _fewer(given: int) -> str:
    """Another method that so many labels are enough for, where there is one."""
    from predictors.processes.regressors import GaussianProcess

    few = GaussianProcess.least_labels
    return f", or take --method gp, which needs {few}" if given >= few else ""


def cross_validated(make: Callable[[], Predictor], measured: LabelledSet, seed: int) -> Judgement:
    """Predict every architecture by a fit to the other parts.

    For measurements of one's own, which are all there is: every part is predicted by a predictor
    that has not seen it, not even to choose its hyperparameters.

    Args:
        make: makes a predictor.
        measured: all architectures.
        seed: of the parts.

    Raises:
        InputError: too few labels without one of the parts.
    """
    least = make().least_labels
    parts = number_of_folds(len(measured), least)
    order = np.random.default_rng(seed).permutation(len(measured))
    rows = [np.sort(part) for part in np.array_split(order, parts)]
    print(f"cross-validation: {parts} fits", file=sys.stderr, flush=True)
    judgements = [
        held_out(make, measured[np.setdiff1d(order, part)], measured[part]) for part in rows
    ]
    return Judgement(
        measured,
        Predictions.joined([each.predictions for each in judgements], rows),
        sum(each.fit_seconds for each in judgements),
        sum(each.predict_seconds for each in judgements),
    )


def number_of_folds(count: int, least: int) -> int:
    """Parts such that the others are enough labels: :data:`FOLDS`, or one a label.

    Raises:
        InputError: there are too few labels for any.
    """
    if count - -(-count // FOLDS) >= least:
        return FOLDS
    if count - 1 >= least:
        return count
    raise InputError(
        f"{count} measured architectures are too few for a cross-validation: this predictor needs "
        f"at least {least} to learn from and one to be judged by: measure more{_fewer(count - 1)}"
    )


def result_lines(result: Mapping[str, Any]) -> list[str]:
    """What was done, a table with a line a metric, and how well uncertainty is calibrated."""
    label = Objective.read(result)
    rows = [("against", "Kendall τ", "Spearman ρ", "Pearson r", "RMSE")]
    for name, one in result["quality"].items():
        objective = Objective.read({"objective": result["objectives"][name]})
        tau, rho, r = (
            "–" if one[key] is None else f"{one[key]:.4f}"
            for key in ("kendall_tau", "spearman_rho", "pearson_r")
        )
        rows.append((name, tau, rho, r, objective.text(one["rmse"])))
    widths = [max(len(row[column]) for row in rows) + 2 for column in range(len(rows[0]))]
    lines = [
        f"{described(result)}, {predicted(result)} "
        f"({result['fit_seconds']:.1f} s to fit, {result['predict_seconds']:.1f} s to predict)"
    ]
    for first, *others in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        lines.append(f"{first:<{widths[0]}}{''.join(cells)}")
    held = ", ".join(f"{name} ones {share:.1%}" for name, share in result["coverage"].items())
    return [*lines, f"intervals that hold the {label.name} value: {held}"]


def described(settings: Mapping[str, Any]) -> str:
    """The method, its features and its labels, in one line."""
    label = Objective.read(settings)
    features = " + ".join(settings["features"]) or "graphs"
    if "digits" in settings["features"]:
        features += " (fitted to accuracies of DIGITS101)"
    kind = [] if label.unit in (None, SHARE) else [label.written_unit]
    kind += [] if label.maximise else ["lower is better"]
    details = f" ({', '.join(kind)})" if kind else ""
    return (
        f"{settings['method']} on {features}, {settings['labels']:,} {label.name} labels of "
        f"{settings['source']}{details}"
    )


def predicted(result: Mapping[str, Any]) -> str:
    """Which architectures were predicted."""
    if result["judged"] == HELD_OUT:
        return f"{result['predicted']:,} others predicted"
    return "each predicted by fits to the others: cross-validation on these labels alone"
