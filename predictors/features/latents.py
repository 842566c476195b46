"""The latents of a graph VAE as features."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from models import Latent
from predictors.features.features import Features
from predictors.trained_vae import load_trained_vae


class VAEFeatures(Features):
    """What a trained VAE, which no measured value has shaped, makes of architectures.

    Args:
        space: the search space.
        weights: folder or name of a trained VAE; default the shipped ``SVGE_<space>``, and that
            of NB101 for the smaller cells of DIGITS101.

    Raises:
        InputError: the weights are of another space.
        ModelError: there are no such weights, or they cannot be read.
    """

    def __init__(self, space: SearchSpace, weights: str | Path | None = None) -> None:
        super().__init__(space)
        self._model = load_trained_vae(space, weights)

    @torch.no_grad()
    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """A vector of each architecture. **Shape** (B, F), float64."""
        latent = self._model.encode_all(batch.to(self._model.device))
        return self.vectors(latent).double().cpu().numpy()

    @abstractmethod
    def vectors(self, latent: Latent) -> Tensor:
        """**Shape** (B, F)."""


class Latents(VAEFeatures):
    """The mean of each architecture's latent, in its flat form."""

    name = "latents"

    def vectors(self, latent: Latent) -> Tensor:
        """**Shape** (B, F)."""
        return latent.flat


class GraphVectors(VAEFeatures):
    """One short vector of each architecture.

    Of arch2vec that is the mean over the nodes; SVGe's latents are of this kind already.
    """

    name = "graph_vectors"

    def vectors(self, latent: Latent) -> Tensor:
        """**Shape** (B, D)."""
        return self._model.graph_vector(latent)
