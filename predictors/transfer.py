"""Prediction on one data set by what is known of others: a prior fitted to their tables.

The targets of a data set are a·m(x) + g(x), with the mean m of an architecture's scores on the
other data sets and an additive Gaussian process g on features and on these scores. Its slope a, the
hyperparameters of g and the noise are those by which the *other* data sets predict one another:
each takes the place of the target in turn, described by the scores on the rest, and the sum of the
logarithms of their marginal likelihoods is maximised. The few labels of the target choose none of
them (Minka & Picard 1997, *Learning how to learn is learning with point sets*; for Bayesian
optimisation Wang et al. 2024, *Pre-trained Gaussian processes for Bayesian optimization*,
arXiv:2109.08215).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datasets import get_space
from datasets.space import SearchSpace
from experiment.errors import InputError
from predictors.features import describe, make_features
from predictors.features.background import NEW, OTHERS, left_out, table_on
from predictors.features.features import Features
from predictors.features.other_datasets import OtherDatasets
from predictors.processes.candidates import CandidateGP
from predictors.processes.conditioning import leave_one_out, log_marginal_likelihood
from predictors.processes.hyperparameters import Adam, Hyperparameters, cholesky_errors
from predictors.processes.matern import AdditiveMatern
from predictors.processes.trend import TrendGP, condition_about_trend
from predictors.regressor import FeatureMatrix, NormalScores, Regressor, Scale
from predictors.standardised_features import StandardisedFeatures

LABELS = 120
"""Architectures of each other data set that hyperparameters are fitted to; the work grows with
their number cubed."""
OPTIMISER = Adam(100, rate=0.1)


@dataclass(frozen=True)
class TransferPrior:
    """What the other data sets say of a process before any label of the target is known.

    Attributes:
        features: names, in the order of the matrices that :meth:`rows` takes.
        kernel: prior covariance.
        noise: variance of the measurements about the process.
        slope: of the targets by the mean score.
    """

    features: tuple[str, ...]
    kernel: AdditiveMatern
    noise: float
    slope: float
    _joined: StandardisedFeatures

    def rows(self, inputs: Sequence[FeatureMatrix]) -> Tensor:
        """Standardised features, and the mean score in the last column. **Shape** (B, F + 1)."""
        scores = inputs[_place(self.features)].rows
        rows = np.concatenate([self._joined(inputs), scores.mean(1, keepdims=True)], axis=1)
        return torch.from_numpy(rows)

    def condition(self, rows: Tensor, targets: Tensor) -> TrendGP:
        """The process, given labels of the target. **Shape** (n, F + 1) and (n,).

        Raises:
            InputError: the covariance has no Cholesky factor.
        """
        with cholesky_errors():
            return condition_about_trend(self.kernel, self.noise, self.slope, rows, targets)


def transfer_prior(space: SearchSpace, features: Sequence[str]) -> TransferPrior:
    """The prior on some features, one of which is ``other_datasets:<data set of the labels>``.

    Raises:
        InputError: that one is missing, or the benchmark has fewer than two other data sets.
    """
    return _fitted(space.name, tuple(features))


@functools.cache
def _fitted(space: str, features: tuple[str, ...]) -> TransferPrior:
    """Fitted once a process; it takes some seconds."""
    extractors = [make_features(name, get_space(space)) for name in features]
    others = extractors[_place(features)]
    assert isinstance(others, OtherDatasets)
    if len(others.datasets) < 2:
        raise InputError(
            f"a prior is fitted to two other data sets at least, {space} has "
            f"{', '.join(others.datasets)}: choose another method"
        )
    sources = [_Source.of(each, extractors, others) for each in others.datasets]
    together = [
        FeatureMatrix(np.concatenate([each.rows for each in kind]), kind[0].ard)
        for kind in zip(*(source.inputs for source in sources), strict=True)
    ]
    joined = StandardisedFeatures(together)
    means = [source.inputs[_place(features)].rows.mean(1) for source in sources]
    slope = _slope(np.concatenate(means), np.concatenate([source.targets for source in sources]))
    tasks = []
    for source, mean in zip(sources, means, strict=True):
        left = source.targets - slope * (mean - mean.mean())
        tasks.append((torch.from_numpy(joined(source.inputs)), torch.from_numpy(left)))
    hyperparameters = Hyperparameters(joined.widths, joined.ard)

    def likelihood(kernel: AdditiveMatern, noise: Tensor) -> Tensor:
        return torch.stack([log_marginal_likelihood(kernel, noise, *task) for task in tasks]).sum()

    with cholesky_errors():
        hyperparameters.maximise(likelihood, LABELS * len(tasks), OPTIMISER)
    return TransferPrior(features, *hyperparameters.fitted(), slope, joined)


@dataclass(frozen=True)
class _Source:
    """Some architectures of another data set, in the place of the target.

    Attributes:
        inputs: features; the scores are those of the other data sets but this one.
        targets: **shape** (n,).
    """

    inputs: list[FeatureMatrix]
    targets: np.ndarray

    @classmethod
    def of(cls, dataset: str, extractors: Sequence[Features], others: OtherDatasets) -> _Source:
        """A random sample of what was measured on a data set."""
        table = table_on(others.space.name, dataset)
        rows = table.rows_with(table.chosen_by)
        rows = np.random.default_rng(0).permutation(rows)[:LABELS]
        graphs, hashes = table.graphs[torch.from_numpy(rows)], table.hashes[rows]
        values = table.objective().sign * table.metric(table.chosen_by).mean()[rows]
        inputs = [
            FeatureMatrix(
                others.without(dataset, hashes) if one is others else describe(one, graphs),
                one.ard,
            )
            for one in extractors
        ]
        return cls(inputs, NormalScores(values)(values))


def _slope(means: np.ndarray, targets: np.ndarray) -> float:
    """Least squares through the origin, where both medians are. **Shape** (n,) each."""
    return float(means @ targets / (means @ means))


def _place(features: Sequence[str]) -> int:
    """Where the scores on other data sets stand among the features.

    Raises:
        InputError: they are missing.
    """
    for place, name in enumerate(features):
        if left_out(name) is not None:
            return place
    raise InputError(
        f"transfer between data sets needs the features {OTHERS}: add {OTHERS}:cora if the labels "
        f"are of cora, or {OTHERS}:{NEW}"
    )


class TransferProcess(Regressor):
    """A regressor that conditions a :class:`TransferPrior` on labels, and fits nothing else.

    Args:
        prior: on the features that it receives.
        scale: what the targets are: ranks of the values, or the values.
        seed: not used, nothing is drawn.
    """

    def __init__(self, prior: TransferPrior, scale: type[Scale] = NormalScores, seed: int = 0):
        super().__init__(scale, seed)
        self.prior = prior

    def learn(
        self, inputs: Sequence[FeatureMatrix], targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Condition on all labels."""
        rows = self.prior.rows(inputs)
        known = torch.from_numpy(targets)
        self._process = self.prior.condition(rows, known)
        trend = self._process.trend(rows)
        mean, std = leave_one_out(self._process, known - trend)
        return (mean + trend).numpy(), std.numpy()

    def scores(self, inputs: Sequence[FeatureMatrix]) -> tuple[np.ndarray, np.ndarray]:
        """Posterior mean and standard deviation, noise included. **Shape** (B,) each."""
        mean, variance = self._process.mean_and_variance(self.prior.rows(inputs))
        return mean.numpy(), (variance + self._process.noise).sqrt().numpy()


class TransferCandidates(CandidateGP):
    """The process over a candidate set, whose hyperparameters are those of the prior.

    Args:
        features: of all candidates.
        prior: on these features.
    """

    def __init__(self, features: Sequence[FeatureMatrix], prior: TransferPrior) -> None:
        super().__init__(features)
        self._prior = prior

    def fit(self, rows: Sequence[int], targets: np.ndarray) -> None:
        """Change nothing: the prior was fitted to the other data sets."""

    def condition(self, rows: Sequence[int], targets: np.ndarray) -> TrendGP:
        """The process, given some targets. **Shape** (n,) each."""
        return self._prior.condition(self._standardised(list(rows)), torch.from_numpy(targets))

    def _standardised(self, rows: slice | list[int] | np.ndarray) -> Tensor:
        """Features of some candidates. **Shape** (B, F + 1), float64."""
        chosen = [FeatureMatrix(each.rows[rows], each.ard) for each in self._features]
        return self._prior.rows(chosen)
