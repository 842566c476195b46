"""Default methods and features of predictors, for each family of architectures.

They were chosen on measured tables (``benchmarks/tuning/predictor_settings.py``). A space whose
best choice is another one than its family's has an entry by its own name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from datasets.space import SearchSpace, as_space


class Choice(NamedTuple):
    """What a predictor is made of.

    Attributes:
        method: a key of ``predictors.methods.METHODS``.
        features: keys of ``predictors.features.FEATURES``.
    """

    method: str
    features: tuple[str, ...]


FALLBACK = Choice("gp", ("statistics", "walks"))
"""For architectures that nothing was chosen for."""


@dataclass(frozen=True)
class Defaults:
    """What predictors of a family are by default.

    Attributes:
        inside: for architectures of the space.
        beyond: for architectures beyond those that were measured: larger, costlier, better ones.
        weights: of the trained VAE whose latents are read; ``None`` for ``SVGE_<space>``.
    """

    inside: Choice = FALLBACK
    beyond: Choice = FALLBACK
    weights: str | None = None


_DECIDED = Defaults(Choice("gp", ("one_hot",)), Choice("gp", ("one_hot",)))
"""For spaces of decisions; not yet chosen on measurements. Walks over the 93 types of MPNN would be
800,000 numbers; the nodes are fixed, so that one_hot holds every decision."""
DEFAULTS: dict[str, Defaults] = {
    "nb101_cell": Defaults(
        Choice("ensemble", ("statistics", "walks", "paths", "digits")),
        Choice("trend_ensemble", ("statistics", "walks", "costs", "digits")),
        weights="SVGE_NB101",
    ),
    "DIGITS101": Defaults(
        Choice("ensemble", ("statistics", "walks", "paths", "costs")),
        Choice("trend_ensemble", ("statistics", "walks", "costs")),
        weights="SVGE_NB101",
    ),
    "nb201_cell": Defaults(
        Choice("ensemble", ("statistics", "walks", "paths")),
        Choice("trend_ensemble", ("statistics", "walks", "costs")),
    ),
    "nas_bench_graph": Defaults(Choice("feature_ensemble", ("statistics", "one_hot"))),
    "mpnn": _DECIDED,
    "single_path": _DECIDED,
    "graphnas_micro": _DECIDED,
    "graphnas_macro": _DECIDED,
    "gasso": _DECIDED,
    "autoattend": _DECIDED,
    "autoattend_pool1": _DECIDED,
    "ENAS": Defaults(Choice("gp", ("one_hot",)), Choice("gp", ("one_hot", "latents"))),
    "ENAS12": Defaults(Choice("gp", ("statistics", "one_hot"))),
}
"""Family, or space → what is taken."""
_PLAIN = Defaults()


def defaults_of(space: SearchSpace) -> Defaults:
    """What was chosen for a space, or else for its family, or else :data:`FALLBACK`."""
    return as_space(space).entry(DEFAULTS, _PLAIN)
