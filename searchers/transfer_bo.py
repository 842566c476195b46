"""Bayesian optimisation over candidates with a prior fitted to other data sets."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from datasets.graph import ArchitectureGraph
from datasets.objective import ACCURACY, Objective
from datasets.registry import BENCHMARKS, measured_on
from experiment.errors import InputError
from predictors.features.background import NEW, OTHERS, of_dataset
from predictors.transfer import TransferCandidates, transfer_prior
from searchers.candidate_bo import CandidateBO
from searchers.criteria import Criterion, upper_confidence_bound
from searchers.domain import Domain

FEATURES = ("statistics", OTHERS)
RANKED = 3
"""Measurements until the process chooses. With fewer, the unit of their ranks is a guess, and the
architectures that rank first on the other data sets are proposed."""


class TransferBO(CandidateBO):
    """Bayesian optimisation by a :class:`~predictors.transfer.TransferPrior`.

    Its hyperparameters are those of the other data sets, and are not fitted to the target.

    Args:
        domain: the list, of a space whose benchmark has several data sets.
        objective: what is maximised; its data set is left out of the others.
        seed: of everything that is drawn.
        initial: random architectures to begin with.
        criterion: by what it chooses.

    Raises:
        InputError: the domain is no finite candidate set, the objective is minimised, or the
            benchmark has fewer than two other data sets.
    """

    def __init__(
        self,
        domain: Domain,
        objective: Objective = ACCURACY,
        seed: int = 0,
        initial: int = 10,
        criterion: Criterion = upper_confidence_bound,
    ) -> None:
        if not objective.maximise:
            raise InputError(
                f"{objective.name} is minimised, and other data sets say where values are high: "
                "choose the method bo"
            )
        name = domain.space.name
        known = name in BENCHMARKS and objective.dataset in measured_on(name)
        features = of_dataset(FEATURES, str(objective.dataset) if known else NEW)
        super().__init__(domain, features, criterion, seed=seed, initial=initial)
        self._gp = TransferCandidates(self.feature_matrices, transfer_prior(self.space, features))

    def propose(self, n: int, generator: np.random.Generator) -> Iterable[ArchitectureGraph]:
        """The ``n`` best by the criterion, or by their mean score on the other data sets."""
        if self.informed() and len(self.succeeded) >= RANKED:
            return super().propose(n, generator)
        scores = torch.from_numpy(self.feature_matrices[FEATURES.index(OTHERS)].rows.mean(1))
        open_rows = self.open_rows()
        best = torch.where(open_rows, scores, -torch.inf).topk(min(n, int(open_rows.sum()))).indices
        return [self.candidates.graphs.graph(row) for row in best.tolist()]
