"""Bayesian optimisation over candidates with a prior fitted to other data sets."""

from __future__ import annotations

from datasets.objective import ACCURACY, Objective
from datasets.registry import BENCHMARKS, measured_on
from experiment.errors import InputError
from predictors.features.background import NEW, OTHERS, of_dataset
from predictors.transfer import TransferCandidates, transfer_prior
from searchers.candidate_bo import CandidateBO
from searchers.criteria import Criterion, upper_confidence_bound
from searchers.domain import Domain

FEATURES = ("statistics", OTHERS)


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
