"""The searches by shared weights that are trained together with a choice, by their names."""

from __future__ import annotations

from dataclasses import dataclass

from estimators.supernet_training import OneShotRecipe
from searchers.shared_weights.choosing import ChoosingWeights
from searchers.shared_weights.darts import DARTSRecipe, DARTSWeights
from searchers.shared_weights.enas import ENASRecipe, ENASWeights
from searchers.shared_weights.gasso import GASSORecipe, GASSOWeights


@dataclass(frozen=True)
class Choosing:
    """One search.

    Attributes:
        weights: trains shared weights and choice.
        recipe: how; a preset is named like the method.
    """

    weights: type[ChoosingWeights]
    recipe: type[OneShotRecipe]


CHOOSING: dict[str, Choosing] = {
    "enas": Choosing(ENASWeights, ENASRecipe),
    "darts": Choosing(DARTSWeights, DARTSRecipe),
    "gasso": Choosing(GASSOWeights, GASSORecipe),
}
"""Each of :data:`searchers.methods.SHARED_WEIGHTS`."""
