"""A value and a cost at once: the best within a limit, and the front between the two.

Two Gaussian processes, one for each quantity, are fitted to all that was measured, and a BoTorch
acquisition is computed for every candidate:

- the expected improvement over the best within the limit, times the probability of staying within
  it (Gardner et al., *Bayesian Optimization with Inequality Constraints*, ICML 2014);
- the expected improvement of the hypervolume that the front dominates (Emmerich, Deutz and
  Klinkenberg 2011; Yang et al. 2019), in closed form for two quantities.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from datasets.graph import ArchitectureGraph
from datasets.objective import Objective
from estimators.measurement import Measurement
from experiment.errors import InputError
from predictors.features import describe, make_features
from predictors.features.features import Features
from predictors.processes.candidates import CandidateGP
from predictors.regressor import FeatureMatrix, Standardised
from searchers.domain import Candidates, Domain
from searchers.limits import Limit, cost
from searchers.refits import GROWTH, labels_to_fit
from searchers.searcher import Searcher

if TYPE_CHECKING:
    from botorch.acquisition import AcquisitionFunction

# BoTorch is imported where it is used: it takes a second, and every command lists the searchers.

LEAST = 5
"""Measurements that the processes are fitted to, at least."""
ACCURACY = ("statistics", "walks")
"""What the process of the accuracy reads: features of an architecture."""
COST = ("statistics", "costs")
"""Features of the process of the cost: counts of operations and connections, and parameters and
FLOPs, which are known before anything is measured."""


class AccuracyAndCost(Searcher):
    """A searcher that models the accuracy and a cost, and maximises an acquisition of both.

    Pending architectures, and those chosen for the same batch, have fantasised observations at
    their posterior means (kriging believer, Ginsbourger, Le Riche & Carraro 2010).

    Args:
        domain: the candidate set.
        cost: the second objective, by a name that :func:`searchers.limits.cost` knows.
        seed: of everything that is drawn.
        initial: random architectures to begin with.
        refits: hyperparameters are fitted anew once the labels have grown by this factor; 1: before
            each batch of proposals.

    Raises:
        InputError: the domain is no finite candidate set.
    """

    def __init__(
        self,
        domain: Domain,
        cost: Objective,
        seed: int = 0,
        initial: int = 10,
        refits: float = GROWTH,
    ) -> None:
        if not isinstance(domain, Candidates):
            raise InputError(
                f"this search ranks every candidate, {domain.space.name} is too large for that: "
                "search among the rows of its table"
            )
        super().__init__(domain, seed, initial)
        self.candidates = domain
        self.cost = cost
        self.refits = refits
        self.measured: dict[str, tuple[float, float]] = {}
        self._fitted_to = 0

    def tell(self, measurements: Sequence[Measurement]) -> None:
        """Learn of accuracies and costs, also of those that are beyond a limit."""
        for one in measurements:
            price = cost(one, self.cost.name)
            if one.validation is not None and price is not None:
                self.measured[one.hash] = one.validation, self._minimised(price)
        super().tell(measurements)

    def _minimised(self, price: float) -> float:
        """The cost with the sign by which less is better, as the processes model it."""
        return -self.cost.sign * price

    def propose(self, n: int, generator: np.random.Generator) -> Iterator[ArchitectureGraph]:
        """The candidates with the largest acquisition, one after the other."""
        row_of = self.candidates.row_of
        known = {hash: pair for hash, pair in self.measured.items() if hash in row_of}
        values = np.array(list(known.values())).reshape(-1, 2)
        if len(known) < LEAST or (values == values[:1]).all(axis=0).any():
            return  # too little to fit: random architectures are proposed
        rows = [row_of[hash] for hash in known]
        self._fit(rows, values)
        scale = self._targets(values)
        expected = Expected(self._processes, rows, scale(values))
        expected.fantasize_means([row_of[hash] for hash in self._pending if hash in row_of])
        asked = torch.tensor([row_of[hash] for hash in self._asked if hash in row_of])
        for _ in range(min(n, len(self.candidates) - len(asked))):
            best = int(self.gain(expected, scale).index_fill(0, asked, -torch.inf).argmax())
            asked = torch.cat([asked, torch.tensor([best])])
            expected.fantasize_means([best])
            yield self.candidates.graphs.graph(best)

    def _fit(self, rows: Sequence[int], values: np.ndarray) -> None:
        """Fit the hyperparameters to all values or to most of them, the first ones."""
        labels = labels_to_fit(len(values), max(self.initial, LEAST), self.refits)
        if (values[:labels] == values[:1]).all(axis=0).any():
            labels = len(values)
        if labels != self._fitted_to:
            targets = self._targets(values[:labels])(values[:labels])
            for process, column in zip(self._processes, targets.T, strict=True):
                process.fit(rows[:labels], column)
            self._fitted_to = labels

    def _targets(self, values: np.ndarray) -> Targets:
        return Targets(values, float(np.median(values[: self.initial, 0])))

    @abstractmethod
    def gain(self, expected: Expected, scale: Targets) -> Tensor:
        """The acquisition of every candidate.

        Args:
            expected: of all of them.
            scale: how accuracies and costs were made targets.

        Returns:
            **Shape** (C,).
        """

    @cached_property
    def _processes(self) -> tuple[CandidateGP, CandidateGP]:
        """Of the accuracy and of the cost."""
        of_accuracy, of_cost = (
            [make_features(name, self.space) for name in names] for names in (ACCURACY, COST)
        )
        return self._process(of_accuracy), self._process(of_cost)

    def _process(self, features: Sequence[Features]) -> CandidateGP:
        graphs = self.candidates.graphs
        return CandidateGP([FeatureMatrix(describe(one, graphs), one.ard) for one in features])


class ConstrainedImprovement(AccuracyAndCost):
    """Looks for the most accurate architecture within a limit.

    Args:
        domain: the candidate set.
        limit: on the cost.
        seed: of everything that is drawn.
        initial: random architectures to begin with.
    """

    def __init__(self, domain: Domain, limit: Limit, seed: int = 0, initial: int = 10) -> None:
        super().__init__(domain, limit.objective, seed, initial)
        self.limit = limit

    def gain(self, expected: Expected, scale: Targets) -> Tensor:
        """Logarithm of the expected improvement within the limit. **Shape** (C,)."""
        from botorch.acquisition.analytic import LogConstrainedExpectedImprovement

        from searchers.marginals import Marginals

        bound = self._minimised(self.limit.bound)
        most = float(scale(np.array([[scale.usual, bound]]))[0, 1])
        observed = expected.observed
        within = observed[observed[:, 1] <= most]
        # Where nothing is within the limit yet, all that is counts as an improvement.
        best = float(within[:, 0].max() if len(within) else observed[:, 0].min())
        value = LogConstrainedExpectedImprovement(Marginals(), best, 0, {1: (None, most)})
        return _computed(value, expected.mean, expected.std)


class HypervolumeImprovement(AccuracyAndCost):
    """Looks for the front between accuracy and cost.

    The hypervolume is counted from the usual accuracy, the median of the random beginning, and from
    the highest cost that was measured or is expected of any candidate.
    """

    def gain(self, expected: Expected, scale: Targets) -> Tensor:
        """Expected improvement of the hypervolume. **Shape** (C,)."""
        from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
        from botorch.utils.multi_objective.box_decompositions import NondominatedPartitioning

        from searchers.marginals import Marginals

        sign = torch.tensor([1.0, -1.0], dtype=torch.float64)
        observed = expected.observed * sign
        usual = float(scale(np.array([[scale.usual, 0.0]]))[0, 0])
        dearest = max(float(expected.mean[:, 1].max()), float(expected.observed[:, 1].max()))
        worst = torch.tensor([usual, -dearest], dtype=torch.float64)
        partitioning = NondominatedPartitioning(worst, observed)
        value = ExpectedHypervolumeImprovement(Marginals(), worst.tolist(), partitioning)
        return _computed(value, expected.mean * sign, expected.std)


class Targets:
    """Accuracies and costs of mean 0 and standard deviation 1, in proportion to what was measured.

    Accuracies have a long tail of networks that failed to train. It would dominate the scale and
    hide the differences among the good ones, so accuracies are clipped at as far below the usual
    accuracy as the best is above it.

    Args:
        values: accuracies and costs. **Shape** (n, 2).
        usual: the median of random architectures.
    """

    def __init__(self, values: np.ndarray, usual: float) -> None:
        self.usual = usual
        self._lowest = 2 * usual - values[:, 0].max()
        self._accuracies = Standardised(self._raised(values[:, 0]))
        self._costs = Standardised(values[:, 1])

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The targets of some values. **Shape** (n, 2) each."""
        accuracies = self._accuracies(self._raised(values[:, 0]))
        return np.stack([accuracies, self._costs(values[:, 1])], axis=1)

    def _raised(self, accuracies: np.ndarray) -> np.ndarray:
        return np.maximum(accuracies, self._lowest)


class Expected:
    """Posterior of the accuracy and the cost of every candidate.

    Args:
        processes: of the two; their hyperparameters are fitted.
        rows: of the candidates that were measured.
        targets: what was measured of them. **Shape** (n, 2).

    Attributes:
        observed: the targets, and the means of fantasised observations. **Shape** (n, 2).
        mean: **shape** (C, 2).
    """

    def __init__(
        self, processes: Sequence[CandidateGP], rows: Sequence[int], targets: np.ndarray
    ) -> None:
        self._each = []
        for process, column in zip(processes, targets.T, strict=True):
            self._each.append(process.posterior(process.condition(rows, column)))
        self.observed = torch.from_numpy(targets)
        self.mean = torch.stack([one.mean for one in self._each], dim=1)

    @property
    def std(self) -> Tensor:
        """Of the quantities themselves, without noise. **Shape** (C, 2)."""
        return torch.stack([one.std for one in self._each], dim=1)

    def fantasize_means(self, rows: Sequence[int]) -> None:
        """Condition on the posterior means of some candidates, different ones."""
        chosen = torch.tensor(rows, dtype=torch.long)
        for one in self._each:
            one.fantasize_means(chosen)
        self.observed = torch.cat([self.observed, self.mean[chosen]])


def _computed(value: AcquisitionFunction, mean: Tensor, std: Tensor) -> Tensor:
    with torch.no_grad():
        return value(torch.cat([mean, std], dim=1)[:, None])
