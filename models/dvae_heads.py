"""The heads of D-VAE and NGAE, under their published names.

D-VAE: Zhang et al., NeurIPS 2019, arXiv:1904.11088; NGAE: Li et al. 2020, arXiv:2006.10310.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from torch import Tensor, nn

from models.embedding import Embedding
from models.errors import ModelError
from models.heads import ACCURACY, Head

COMPLEXITY = "complexity"
"""Name of the head that predicts how large an architecture is."""


class TanhHead(Head):
    """D-VAE's predictor: ``Linear`` G → H, tanh, ``Linear`` H → 1."""

    stored_names: ClassVar[Mapping[str, str]] = {
        ACCURACY: "predictor",
        COMPLEXITY: "predictor_complexity",
    }

    def add_layers(self, layers: Sequence[nn.Linear]) -> None:
        """Own the layers, as ``nn.Sequential`` names them with an activation after each."""
        for k, layer in enumerate(layers):
            self.add_module(self.layer_name(k), layer)

    @staticmethod
    def layer_name(number: int) -> str:
        """Every second number is an activation."""
        return str(2 * number)

    @classmethod
    def fresh_for(cls, embedding: Embedding) -> Self:
        """One hidden layer, as wide as the states of nodes."""
        return cls((embedding.latent_width, embedding.sizes.node_width, 1))

    def activation(self, hidden: Tensor) -> Tensor:
        """Between the layers."""
        return hidden.tanh()


class LogisticHead(TanhHead):
    """NGAE's predictors: :class:`TanhHead`, then a sigmoid."""

    def output(self, value: Tensor) -> Tensor:
        """In (0, 1)."""
        return value.sigmoid()

    def match_moments(self, outputs: Tensor, targets: Tensor) -> None:
        """Refused: outputs end in a sigmoid, which cannot be scaled.

        Raises:
            ModelError: always.
        """
        raise ModelError(
            "NGAE's heads end in a sigmoid, and their outputs cannot be scaled to targets: train "
            "them on squared errors, or DVAE's heads on orders"
        )
