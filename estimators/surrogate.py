"""Measuring by the guess of a fitted predictor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datasets.batch import GraphBatch, as_batch, as_graphs
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.space import SearchSpace, as_space
from estimators.measurement import Measurement
from experiment.checks import shown
from experiment.errors import InputError
from predictors.predictor import Predictor
from predictors.regressor import Learner

PREDICTED_STD = "predicted_deviation"
"""Detail of a predicted value: the std of the prediction."""


class PredictorEstimator:
    """An :class:`~estimators.measurement.Estimator` that trains nothing and looks nothing up.

    What it gives as validation accuracy is what the predictor expects, and every measurement says
    so by its detail ``predicted_deviation``. There is no test accuracy and no cost.

    Args:
        space: the search space.
        predictor: fitted.
    """

    def __init__(self, space: SearchSpace, predictor: Predictor) -> None:
        self._space = as_space(space)
        if not isinstance(predictor, Learner):
            raise InputError(
                f"the predictor is {shown(predictor)}, expected one that was fitted: "
                "predictors.methods.make_predictor makes it"
            )
        self.predictor = predictor

    @property
    def space(self) -> SearchSpace:
        """The search space."""
        return self._space

    def measure(self, architectures: Sequence[ArchitectureGraph]) -> Iterator[Measurement]:
        """One measurement for each architecture: first those that are none, then in their order."""
        members = []
        for architecture in as_graphs(architectures):
            try:
                as_batch([architecture], self._space)
                members.append((architecture, self._space.hash(architecture)))
            except ArchitectureError as error:
                yield Measurement(architecture, "", "failed", str(error))
        if not members:
            return
        batch = GraphBatch.from_graphs([one for one, _ in members])
        means, stds = self.predictor.predict(batch)
        for (architecture, hash), mean, std in zip(members, means, stds, strict=True):
            yield Measurement(
                architecture,
                hash,
                "ok",
                validation=float(mean),
                details={PREDICTED_STD: float(std)},
            )
