"""Bayesian optimisation over decisions, for spaces that are too large for a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from datasets.graph import ArchitectureError, ArchitectureGraph
from predictors.processes.candidates import OPTIMISER, CandidatePosterior
from predictors.processes.conditioning import ConditionedGP, condition, fit
from predictors.processes.hyperparameters import Hyperparameters, cholesky_errors
from predictors.regressor import FeatureMatrix, NormalScores
from predictors.standardised_features import StandardisedFeatures
from searchers.adapters.parameters import parameters_of
from searchers.candidate_bo import last_refit
from searchers.criteria import Criterion, log_expected_improvement
from searchers.domain import Domain
from searchers.searcher import Observation, Searcher

RANDOM = 1_000
"""Random configurations that are evaluated before each choice."""
PARENTS, CHILDREN = 5, 100
"""Best observations around which more are evaluated, and how many of each: one decision changed."""


class DecisionBO(Searcher):
    """A Gaussian process on the decisions, and the best by a criterion of a fresh pool.

    Decisions are the parameters of :func:`~searchers.adapters.parameters.parameters_of`. Those in
    order, such as a learning rate, are numbers with a length scale each; options of the others are
    columns of 0 and 1. Proposals that are not measured yet count as measured at their means
    (kriging believer), so that several workers are given different ones.

    Args:
        domain: the candidate set.
        seed: of everything that is drawn.
        initial: random architectures to begin with.
        criterion: by what it chooses.

    Raises:
        InputError: no parameters describe the space.
    """

    def __init__(
        self,
        domain: Domain,
        seed: int = 0,
        initial: int = 10,
        criterion: Criterion = log_expected_improvement,
    ) -> None:
        super().__init__(domain, seed, initial)
        self.criterion = criterion
        self._parameters = parameters_of(self.space)
        self._sizes = [len(each) for each in self._parameters.choices.values()]
        self._hyperparameters: Hyperparameters | None = None
        self._fitted = 0
        drawn = self._random(np.random.default_rng(self.seed))
        varies = max(self._sizes) > 1  # else there is one configuration, and nothing to choose
        self._scaled = StandardisedFeatures(self._features(drawn)) if varies else None

    def propose(self, n: int, generator: np.random.Generator) -> Iterator[ArchitectureGraph]:
        """Yields the best of the pool by the criterion, each conditioned on those before."""
        seen = self.succeeded
        values = np.array([each.value for each in seen])
        if self._scaled is None or len(seen) < 2 or (values == values[0]).all():
            return
        known = np.array([self._row(each.architecture) for each in seen])
        waiting = np.array([self._row(graph) for graph in self.pending], dtype=int)
        process = self._learn(known, values)
        pool = self._pool(seen, known, generator)
        pool = np.concatenate([waiting.reshape(-1, pool.shape[1]), pool])
        posterior = CandidatePosterior(
            process.to(torch.float32), torch.arange(len(pool)), self._inputs(pool).float()
        )
        if len(waiting):
            posterior.fantasize_means(torch.arange(len(waiting)))
        is_open = torch.arange(len(pool)) >= len(waiting)
        while is_open.any():
            wanted = self.criterion(posterior.mean, posterior.std, process.best, generator)
            position = int(torch.where(is_open, wanted, -torch.inf).argmax())
            is_open[position] = False
            graph = self._architecture(pool[position])
            if graph is not None and self.new(self.space.hash(graph)):
                yield graph
                posterior.fantasize_means(torch.tensor([position]))

    def _learn(self, known: np.ndarray, values: np.ndarray) -> ConditionedGP:
        """The process, conditioned on everything that was measured.

        Hyperparameters are those of the first :func:`~searchers.candidate_bo.last_refit`
        measurements, so that a search that resumes has the same ones, and most choices cost little.
        """
        count = last_refit(len(values))
        if count == 0 or (values[:count] == values[0]).all():
            count = len(values)
        with cholesky_errors():
            if self._hyperparameters is None or count != self._fitted:
                assert self._scaled is not None
                self._hyperparameters = Hyperparameters(self._scaled.widths, self._scaled.ard)
                targets = torch.from_numpy(NormalScores(values[:count])(values[:count]))
                fit(self._hyperparameters, self._inputs(known[:count]), targets, OPTIMISER)
                self._fitted = count
            kernel, noise = self._hyperparameters.fitted()
            targets = torch.from_numpy(NormalScores(values)(values))
            return condition(kernel, noise, self._inputs(known), targets)

    def _inputs(self, rows: np.ndarray) -> Tensor:
        """Standardised features of rows. **Shape** (B, D) → (B, F), float64."""
        assert self._scaled is not None
        return torch.from_numpy(self._scaled(self._features(rows)))

    def _random(self, generator: np.random.Generator) -> np.ndarray:
        """Uniform random rows. **Shape** (P, D)."""
        return generator.integers(self._sizes, size=(RANDOM, len(self._sizes)))

    def _pool(
        self, seen: Sequence[Observation], known: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        """Random rows, and the best observations with one decision changed. **Shape** (P, D)."""
        free = [place for place, size in enumerate(self._sizes) if size > 1]
        best = sorted(range(len(seen)), key=lambda row: seen[row].rank, reverse=True)[:PARENTS]
        near = known[np.repeat(best, CHILDREN)]
        places = generator.choice(free, size=len(near))
        sizes = np.array(self._sizes)[places]
        rows = np.arange(len(near))
        shift = generator.integers(1, sizes)  # by at least one, so that the decision changes
        near[rows, places] = (near[rows, places] + shift) % sizes
        return np.unique(np.concatenate([self._random(generator), near]), axis=0)

    def _row(self, graph: ArchitectureGraph) -> list[int]:
        """The number of the chosen option for each decision."""
        configuration = self._parameters.configuration(graph)
        return [
            list(choices).index(configuration[name])
            for name, choices in self._parameters.choices.items()
        ]

    def _architecture(self, row: np.ndarray) -> ArchitectureGraph | None:
        """The architecture of a row; ``None`` where it makes none."""
        choices = self._parameters.choices.items()
        configuration = {
            name: each[option] for (name, each), option in zip(choices, row.tolist(), strict=True)
        }
        try:
            return self._parameters.architecture(configuration)
        except ArchitectureError:
            return None

    def _features(self, rows: np.ndarray) -> list[FeatureMatrix]:
        """Columns of 0 and 1, then those in order. **Shape** of rows: (B, D), of each (B, F)."""
        ordered = [name in self._parameters.ordered for name in self._parameters.choices]
        binary = [
            np.eye(size)[rows[:, place]]
            for place, size in enumerate(self._sizes)
            if size > 1 and not ordered[place]
        ]
        numbers = rows[:, ordered].astype(np.float64)
        found = [FeatureMatrix(np.concatenate(binary, axis=1))] if binary else []
        return [*found, FeatureMatrix(numbers, ard=True)] if numbers.shape[1] else found
