"""Default features and criterion of a search over candidates, for each family.

It was chosen on measured tables (``benchmarks/tuning/search_settings.py``). A space whose best
choice is another one than its family's has an entry by its own name.
"""

from __future__ import annotations

from dataclasses import dataclass

from datasets.objective import ACCURACY, Objective
from datasets.space import SearchSpace
from predictors.methods import suited
from searchers.criteria import Criterion, log_expected_improvement, upper_confidence_bound


@dataclass(frozen=True)
class SearchDefaults:
    """Settings of Bayesian optimisation over candidates.

    Attributes:
        features: keys of ``predictors.features.FEATURES``.
        criterion: by which a candidate is chosen.
    """

    features: tuple[str, ...] = ("statistics", "walks")
    criterion: Criterion = upper_confidence_bound


FALLBACK = SearchDefaults()
"""For architectures that nothing was chosen for."""
SEARCH_DEFAULTS: dict[str, SearchDefaults] = {
    "nb101_cell": SearchDefaults(("statistics", "walks", "digits"), log_expected_improvement),
    "DIGITS101": SearchDefaults(("statistics", "walks", "paths", "costs")),
    "nb201_cell": SearchDefaults(("statistics", "walks", "paths")),
    # Walks have 1,452 columns of nine operations, which takes three times as long.
    "nas_bench_graph": SearchDefaults(("statistics", "one_hot")),
    "ENAS": SearchDefaults(("one_hot",)),
    "mpnn": SearchDefaults(("one_hot",)),  # as in predictors/defaults.py
    "single_path": SearchDefaults(("one_hot",)),
    "graphnas_micro": SearchDefaults(("one_hot",)),
    "graphnas_macro": SearchDefaults(("one_hot",)),
    "gasso": SearchDefaults(("one_hot",)),
    "autoattend": SearchDefaults(("one_hot",)),
    "autoattend_pool1": SearchDefaults(("one_hot",)),
}
"""Family, or space → what is taken."""


def search_defaults(space: SearchSpace) -> SearchDefaults:
    """What was chosen for a space, or else for its family, or else :data:`FALLBACK`."""
    return space.entry(SEARCH_DEFAULTS, FALLBACK)


def usual_features(space: SearchSpace, objective: Objective = ACCURACY) -> tuple[str, ...]:
    """What describes architectures to a search for an objective, by default."""
    return suited(search_defaults(space).features, objective)
