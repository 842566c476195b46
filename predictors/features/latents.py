"""The latents of a graph VAE as features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from datasets.batch import GraphBatch
from datasets.space import SearchSpace
from predictors.features.features import Features
from predictors.trained_vae import load_trained_vae


class Latents(Features):
    """The mean of the latent of each architecture, which no measured value has shaped.

    Args:
        space: the search space.
        weights: folder or name of a trained VAE; default the shipped ``SVGE_<space>``, and that
            of NB101 for the smaller cells of DIGITS101.

    Raises:
        InputError: the weights are of another space.
        ModelError: there are no such weights, or they cannot be read.
    """

    name = "latents"

    def __init__(self, space: SearchSpace, weights: str | Path | None = None) -> None:
        super().__init__(space)
        self._model = load_trained_vae(space, weights)

    @torch.no_grad()
    def __call__(self, batch: GraphBatch) -> np.ndarray:
        """The means, in their flat form. **Shape** (B, F), float64."""
        graphs = batch.to(self._model.device)
        return self._model.encode_all(graphs).flat.double().cpu().numpy()
