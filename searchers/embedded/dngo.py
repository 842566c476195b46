"""DNGO over the vectors of an embedding, as a surrogate and as a searcher.

Snoek et al., *Scalable Bayesian Optimization Using Deep Neural Networks*, ICML 2015,
arXiv:1502.05700: a network is fitted to the measurements, and its hidden units are the basis
functions of a Bayesian linear regression.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from predictors.regressor import Scale, Standardised
from searchers.candidate_bo import CandidateSearcher
from searchers.criteria import Criterion, log_expected_improvement
from searchers.domain import Domain
from searchers.embedded.network import NetworkSettings, TanhNetwork, fit_networks
from searchers.embedded.regression import (
    BayesianLinearRegression,
    Evidence,
    Spectrum,
    fit_precisions,
    log_evidence,
    published_evidence,
)
from searchers.embedded.vectors import check_vectors, embedding_vectors, mean_and_std

CHUNK = 2_048
"""Candidates that are predicted at a time: their 128 basis functions fit into a cache of 1 MB."""
Target = Callable[[np.ndarray], float]
"""What is to be improved on, from the targets of what was measured. **Shape** (n,)."""


def incumbent(targets: np.ndarray) -> float:
    """The best that was measured. **Shape** (n,)."""
    return float(targets.max())


@dataclass(frozen=True)
class FixedTarget:
    """A constant target, as published: 0.95 for NB101, 1.0 for NB201.

    Attributes:
        target: a value.
    """

    target: float = 0.95

    def __call__(self, targets: np.ndarray) -> float:
        """The value."""
        return self.target


class Unscaled:
    """Targets that are the values themselves, as published."""

    def __init__(self, values: np.ndarray) -> None:
        pass

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The values. **Shape** as given."""
        return values

    def back(self, targets: np.ndarray) -> np.ndarray:
        """The targets. **Shape** as given."""
        return targets


def published_improvement(
    mean: Tensor, std: Tensor, best: float, generator: np.random.Generator
) -> Tensor:
    """The expected improvement with the variance v in place of the standard deviation.

    ``v (φ(u) + u Φ(u))`` with ``u = (μ − best) / v``. **Shape** (B,) twice → (B,).
    """
    variance = std.square()
    u = (mean - best) / variance
    density = (-u.square() / 2).exp() / math.sqrt(2 * math.pi)
    return variance * (density + u * torch.special.ndtr(u))


@dataclass(frozen=True)
class DNGOSettings:
    """Settings of DNGO; the defaults are the mended ones.

    Attributes:
        network: of the network and its training.
        scale: of the targets. The prior of the weights has mean 0 and there is no constant basis
            function: values far from 0 would be an offset that the weights have to carry.
        evidence: by what α and β are fitted.
        criterion: by what candidates are ranked.
        target: what a candidate is to improve on.
    """

    network: NetworkSettings = field(default_factory=NetworkSettings)
    scale: type[Scale] = Standardised
    evidence: Evidence = log_evidence
    criterion: Criterion = log_expected_improvement
    target: Target = incumbent


PUBLISHED_DNGO = DNGOSettings(
    scale=Unscaled,
    evidence=published_evidence,
    criterion=published_improvement,
    target=FixedTarget(0.95),
)
"""As published for NB101, except that nothing is chosen twice."""


@dataclass(frozen=True)
class DNGOModel:
    """A fitted surrogate.

    Attributes:
        mean: of the inputs that it was fitted to. **Shape** (D,).
        std: of the same. **Shape** (D,).
        network: gives the basis functions of standardised inputs.
        regression: on the basis functions.
    """

    mean: Tensor
    std: Tensor
    network: TanhNetwork
    regression: BayesianLinearRegression

    @classmethod
    def fit(
        cls,
        inputs: Tensor,
        targets: np.ndarray,
        settings: DNGOSettings,
        generators: Sequence[np.random.Generator],
    ) -> list[DNGOModel]:
        """Fit a model for each of several runs anew. **Shape** (R, n, D), (R, n)."""
        means, stds = map(torch.stack, zip(*map(mean_and_std, inputs.double()), strict=True))
        scaled = (inputs.double() - means[:, None]) / stds[:, None]
        networks = fit_networks(scaled.numpy(), targets, settings.network, generators)
        models = []
        for run, (network, generator) in enumerate(zip(networks, generators, strict=True)):
            basis = network.basis(scaled[run]).numpy()
            spectrum = Spectrum.of(basis, targets[run])
            alpha, beta = fit_precisions(spectrum, settings.evidence, generator)
            regression = BayesianLinearRegression.condition(basis, targets[run], alpha, beta)
            models.append(cls(means[run], stds[run], network, regression))
        return models

    def predict(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the targets, float64. **Shape** (B, D) → (B,) twice.

        Products are computed in the type of the inputs.
        """
        mean, std = self.mean.to(inputs), self.std.to(inputs)
        parts = [
            self.regression.predict(self.network.basis((chunk - mean) / std))
            for chunk in inputs.split(CHUNK)
        ]
        means, variances = zip(*parts, strict=True)
        return torch.cat(means).double(), torch.cat(variances).double()


class DNGO(CandidateSearcher):
    """The candidates with the best criterion, by a surrogate that is fitted anew each time.

    Architectures of one batch are the best by the same model. Published are 16 random architectures
    and batches of 5 (on NB201 of 1).

    Args:
        domain: the candidate set.
        vectors: of the candidates. **Shape** (B, D).
        settings: of the surrogate and the choice; :data:`PUBLISHED_DNGO` are those of the published
            code.
        seed: of everything that is drawn.
        initial: random architectures to begin with.

    Raises:
        InputError: the domain is no finite candidate set, or the vectors do not fit it.
    """

    def __init__(
        self,
        domain: Domain,
        vectors: Tensor,
        settings: DNGOSettings | None = None,
        *,
        seed: int = 0,
        initial: int = 10,
    ) -> None:
        super().__init__(domain, seed, initial)
        self.settings = settings or DNGOSettings()
        self.vectors = check_vectors(vectors, len(self.candidates)).float()

    def choose(self, n: int, generator: np.random.Generator) -> list[int]:
        """Rows of the best candidates, the best first."""
        rows, values = self.known()
        found = best_rows(
            self.vectors, self.settings, [rows], values[None], [self.open_rows()], n, [generator]
        )
        return found[0]


def best_rows(
    vectors: Tensor,
    settings: DNGOSettings,
    known: Sequence[Sequence[int]],
    values: np.ndarray,
    is_open: Sequence[Tensor],
    n: int,
    generators: Sequence[np.random.Generator],
) -> list[list[int]]:
    """Fit DNGO to what each of several runs has measured, and rank what is open to it.

    Args:
        vectors: of all candidates. **Shape** (M, D).
        settings: of the surrogate and the choice.
        known: rows that each run has measured, equally many. **Shape** (R, n).
        values: of these, not all equal in a run. **Shape** (R, n).
        is_open: what each run may choose. **Shape** (M,) each, bool.
        n: how many each chooses.
        generators: of each run's network and precisions.

    Returns:
        Rows of each run, the best first; fewer than ``n`` where no others are open.
    """
    targets = np.stack([settings.scale(each)(each) for each in values])
    models = DNGOModel.fit(vectors[torch.tensor(known)], targets, settings, generators)
    return [
        rank(*model.predict(vectors), own, mask, n, settings, generator)
        for model, own, mask, generator in zip(models, targets, is_open, generators, strict=True)
    ]


def rank(
    mean: Tensor,
    variance: Tensor,
    targets: np.ndarray,
    is_open: Tensor,
    n: int,
    settings: DNGOSettings,
    generator: np.random.Generator,
) -> list[int]:
    """Rows of the ``n`` open candidates with the best criterion.

    Args:
        mean: predicted for each candidate. **Shape** (M,).
        variance: of the same. **Shape** (M,).
        targets: of what was measured. **Shape** (n,).
        is_open: which may be chosen. **Shape** (M,), bool.
        n: how many.
        settings: of the choice.
        generator: of the criterion.
    """
    count = min(n, int(is_open.sum()))
    if not count:
        return []
    wanted = settings.criterion(mean, variance.sqrt(), settings.target(targets), generator)
    wanted = torch.where(is_open, wanted, -torch.inf)
    # The published improvement is 0 for many candidates: equal ones keep their order everywhere.
    rows = (wanted >= wanted.topk(count).values[-1]).nonzero()[:, 0]
    order = wanted[rows].argsort(descending=True, stable=True)
    return rows[order[:count]].tolist()


def dngo(
    domain: Domain, seed: int = 0, initial: int = 10, weights: str | Path | None = None
) -> DNGO:
    """DNGO over the vectors of a trained embedding, see :func:`embedding_vectors`."""
    return DNGO(domain, embedding_vectors(domain, weights), seed=seed, initial=initial)
