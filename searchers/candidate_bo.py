"""Searches over a finite candidate set, whose every member is evaluated before each choice."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from datasets.graph import ArchitectureGraph
from datasets.objective import ACCURACY, Objective
from predictors.processes.candidates import EXACT, CandidateGP
from predictors.processes.conditioning import ConditionedGP
from predictors.regressor import FeatureMatrix, NormalScores, Regressor, Scale
from searchers.criteria import (
    Criterion,
    expected_value,
    thompson,
    upper_confidence_bound,
)
from searchers.defaults import search_defaults, usual_features
from searchers.domain import Domain, as_candidates
from searchers.searcher import Observation, Searcher

REFIT = 10
"""Measurements after which hyperparameters and shortlist are chosen anew (:func:`last_refit`)."""
WHOLE = 16_384
"""Size of the largest candidate set of which every member is evaluated before each choice."""
SHORTLIST, HOPE = 4_096, 2.0
"""Members of larger candidate sets that are evaluated until the hyperparameters are fitted again.
They have the highest mean plus so many standard deviations."""


class CandidateSearcher(Searcher):
    """A searcher that ranks every member of a finite candidate set.

    Args:
        domain: the list.
        seed: of everything that is drawn.
        initial: random architectures to begin with.

    Raises:
        InputError: the domain is no finite candidate set.
    """

    def __init__(self, domain: Domain, seed: int = 0, initial: int = 10) -> None:
        super().__init__(domain, seed, initial)
        self.candidates = as_candidates(domain)

    def known(self) -> tuple[list[int], np.ndarray]:
        """Rows of the candidates that have a value, in the order of measuring, and the values."""
        pairs = [
            (row, each.value)
            for each in self.succeeded
            if (row := self.candidates.row_of.get(each.hash)) is not None
        ]
        return [row for row, _ in pairs], np.array([value for _, value in pairs])

    def open_rows(self) -> Tensor:
        """Which candidates may be proposed. **Shape** (B,), bool."""
        hashes = self._asked
        asked = [row for hash in hashes if (row := self.candidates.row_of.get(hash)) is not None]
        is_open = torch.ones(len(self.candidates), dtype=torch.bool)
        is_open[asked] = False
        return is_open

    def propose(self, n: int, generator: np.random.Generator) -> Iterable[ArchitectureGraph]:
        """The ``n`` best; none as long as the searcher is not :meth:`informed`."""
        if not self.informed():
            return []
        return [self.candidates.graphs.graph(row) for row in self.choose(n, generator)]

    def informed(self) -> bool:
        """Whether there is something to choose by: two values that differ."""
        rows, values = self.known()
        return len(rows) >= 2 and not (values == values[0]).all()

    @abstractmethod
    def choose(self, n: int, generator: np.random.Generator) -> list[int]:
        """Rows of the best candidates, as far as any are open; the searcher is informed."""


class FeatureSearcher(CandidateSearcher):
    """A searcher over a finite candidate set, by features of the candidates.

    Args:
        domain: the list.
        features: keys of ``predictors.features.FEATURES`` that describe a candidate.
        criterion: by what it chooses.
        scale: the targets: the ranks of the values, or the values.
        seed: of everything that is drawn.
        initial: random architectures to begin with.

    Raises:
        InputError: the domain is no finite candidate set, or the features do not suit its space.
    """

    def __init__(
        self,
        domain: Domain,
        features: Sequence[str],
        criterion: Criterion,
        *,
        scale: type[Scale] = NormalScores,
        seed: int = 0,
        initial: int = 10,
    ) -> None:
        super().__init__(domain, seed, initial)
        self.features = tuple(features)
        self.criterion = criterion
        self.scale = scale
        self.feature_matrices: list[FeatureMatrix] = self.candidates.describe(features)


class CandidateBO(FeatureSearcher):
    """Bayesian optimisation over a candidate set: an additive Gaussian process and a criterion.

    A batch is chosen sequentially, with fantasised observations at the posterior means of the
    candidates that are chosen or pending. The incumbent is the highest posterior mean of a measured
    candidate, which is less biased by noise than the highest value (plug-in expected improvement,
    Picheny, Wagner & Ginsbourger 2013).

    Its other arguments are those of :class:`FeatureSearcher`.

    Args:
        exact: measurements up to which the process is exact; with more it is sparse.
    """

    def __init__(
        self,
        domain: Domain,
        features: Sequence[str],
        criterion: Criterion = upper_confidence_bound,
        *,
        scale: type[Scale] = NormalScores,
        seed: int = 0,
        initial: int = 10,
        exact: int = EXACT,
    ) -> None:
        super().__init__(domain, features, criterion, scale=scale, seed=seed, initial=initial)
        self._exact = exact
        self._gp = CandidateGP(self.feature_matrices, exact)
        self._fitted = 0
        self._shortlist = torch.arange(0)

    def choose(self, n: int, generator: np.random.Generator) -> list[int]:
        """Rows of the candidates, the best by the criterion first."""
        rows = [self.candidates.row_of.get(self.space.hash(graph)) for graph in self.pending]
        pending = [row for row in rows if row is not None]
        process = self._learn()
        looked_at = torch.cat([self._shortlist, torch.tensor(pending, dtype=torch.long)]).unique()
        posterior = self._gp.posterior(process, looked_at)
        is_open = self.open_rows()[posterior.candidates]
        posterior.fantasize_means(
            torch.isin(posterior.candidates, torch.tensor(pending)).nonzero()[:, 0]
        )
        chosen: list[int] = []
        for _ in range(min(n, int(is_open.sum()))):
            wanted = self.criterion(posterior.mean, posterior.std, process.best, generator)
            position = int(torch.where(is_open, wanted, -torch.inf).argmax())
            chosen.append(int(posterior.candidates[position]))
            is_open[position] = False
            posterior.fantasize_means(torch.tensor([position]))
        return chosen

    def recommend(self) -> Observation | None:
        """The observation with the best posterior mean; ``None`` where there is no model yet."""
        if not self.informed():
            return None
        rows, _ = self.known()
        process = self._learn()
        best = rows[int(process.mean(process.known).argmax())]
        hash = str(self.candidates.hashes[best])
        return next(each for each in self.succeeded if each.hash == hash)

    def _learn(self) -> ConditionedGP:
        """The process, conditioned on everything that was measured.

        Hyperparameters and shortlist are those of the first :func:`last_refit` measurements, so
        that a search that resumes has the same ones.
        """
        rows, values = self.known()
        count = last_refit(len(rows), self._exact)
        if count == 0 or (values[:count] == values[0]).all():
            count = len(rows)
        if count != self._fitted:
            targets = self.scale(values[:count])(values[:count])
            self._gp.fit(rows[:count], targets)
            self._shortlist = self._promising(rows[:count], targets)
            self._fitted = count
        return self._gp.condition(rows, self.scale(values)(values))

    def _promising(self, rows: Sequence[int], targets: np.ndarray) -> Tensor:
        """The candidates that could soon be chosen. **Shape** (A,), int64."""
        if len(self.candidates) <= WHOLE:
            return torch.arange(len(self.candidates))
        mean, variance = self._gp.mean_and_variance(self._gp.condition(rows, targets))
        return (mean + HOPE * variance.sqrt()).topk(SHORTLIST).indices


def last_refit(measurements: int, exact: int = EXACT) -> int:
    """After how many measurements hyperparameters and shortlist were last chosen.

    After every :data:`REFIT`. Where there are more than ``exact`` measurements, ten more change
    little and the choice takes seconds: there it is made eight times while their number doubles.

    Args:
        measurements: how many there are.
        exact: see :class:`CandidateBO`.
    """
    step = REFIT if measurements <= exact else 1 << (measurements.bit_length() - 4)
    return measurements // step * step


class PredictorSearch(FeatureSearcher):
    """Any regressor of :mod:`predictors`, fitted anew before each choice.

    With the expected value as criterion this is enumeration guided by a predictor: rank all, query
    the top, refit (WeakNAS, Wu et al. 2021, arXiv:2102.10490).

    Args:
        domain: as of :class:`FeatureSearcher`, like what is not explained here.
        features: that the regressor reads.
        regressor: makes a new one.
        criterion: by what it chooses.
        seed: of everything that is drawn.
        initial: random architectures to begin with.
    """

    def __init__(
        self,
        domain: Domain,
        features: Sequence[str],
        regressor: Callable[[], Regressor],
        criterion: Criterion = expected_value,
        *,
        seed: int = 0,
        initial: int = 20,
    ) -> None:
        super().__init__(domain, features, criterion, seed=seed, initial=initial)
        self._make = regressor

    def choose(self, n: int, generator: np.random.Generator) -> list[int]:
        """Rows, the best by the criterion first; none while the regressor has too few values."""
        rows, values = self.known()
        regressor = self._make()
        if len(rows) < regressor.least_labels:
            return []
        known = [FeatureMatrix(each.rows[rows], each.ard) for each in self.feature_matrices]
        regressor.fit(known, values)
        forecast = regressor.forecast(self.feature_matrices)
        mean, std = torch.from_numpy(forecast.scores), torch.from_numpy(forecast.stds)
        wanted = self.criterion(mean, std, float(mean[rows].max()), generator)
        wanted = torch.where(self.open_rows(), wanted, -torch.inf)
        return wanted.argsort(descending=True)[:n].tolist()


def bayesian_optimisation(
    domain: Domain, seed: int, initial: int, objective: Objective = ACCURACY
) -> CandidateBO:
    """The default search over a candidate set, on graph features."""
    features = usual_features(domain.space, objective)
    criterion = search_defaults(domain.space).criterion
    return CandidateBO(domain, features, criterion, seed=seed, initial=initial)


def thompson_sampling(
    domain: Domain, seed: int, initial: int, objective: Objective = ACCURACY
) -> CandidateBO:
    """The same with a draw of each value in place of the bound."""
    features = usual_features(domain.space, objective)
    return CandidateBO(domain, features, thompson, seed=seed, initial=initial)


def guided_enumeration(
    domain: Domain, seed: int, initial: int, objective: Objective = ACCURACY
) -> PredictorSearch:
    """Rank all by boosted trees, query the top, refit."""
    from predictors.trees import BoostedTrees

    features = usual_features(domain.space, objective)
    return PredictorSearch(
        domain, features, lambda: BoostedTrees(seed=seed), seed=seed, initial=initial
    )
