"""A head that predicts accuracy from the latent mean, on any graph VAE."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from datasets.batch import GraphBatch
from models.loss import LossParts, Objective
from models.vae import GraphVAE


class AccuracyHead(nn.Module):
    """``Linear`` G → G//2 → G//4 → G//8 → 1 with relu between; 56 → 28 → 14 → 7 → 1."""

    def __init__(self, graph_width: int) -> None:
        super().__init__()
        widths = [graph_width, graph_width // 2, graph_width // 4, graph_width // 8, 1]
        self.lin_layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, mean: Tensor) -> Tensor:
        """**Shape** (B, G) → (B,)."""
        for layer in self.lin_layers[:-1]:
            mean = layer(mean).relu()
        return self.lin_layers[-1](mean).squeeze(-1)


class SurrogateLoss(NamedTuple):
    """``total = 0.1 · vae.total + 0.9 · error``, scalars; ``error`` is the squared error."""

    total: Tensor
    vae: LossParts
    error: Tensor


class AccuracyModel(nn.Module):
    """A graph VAE with an accuracy head (``SVGE_acc``, ``DGMG_acc``), trained jointly.

    The state dict has the published keys: the VAE's own, and ``Accuracy.*``.

    Args:
        vae: the wrapped model, shared and not copied.
    """

    VAE_SHARE = 0.1
    """Weight of the VAE's loss, as published; the squared error has the rest."""

    def __init__(self, vae: GraphVAE) -> None:
        super().__init__()
        self.Encoder = vae.Encoder
        self.Decoder = vae.Decoder
        self.Accuracy = AccuracyHead(vae.sizes.graph_width)
        self._vae = (vae,)  # in a tuple, so that its parameters are not registered twice

    @property
    def vae(self) -> GraphVAE:
        """The wrapped model."""
        return self._vae[0]

    @property
    def name(self) -> str:
        """The model's name as users write it."""
        return f"{self.vae.name}_acc"

    def train(self, mode: bool = True) -> AccuracyModel:
        """Set the mode of the head and of the wrapped model."""
        super().train(mode)
        self.vae.train(mode)
        return self

    def forward(self, batch: GraphBatch) -> Tensor:
        """Predicted accuracy. **Shape** (B,)."""
        return self.Accuracy(self.vae.encode(batch).mean)

    def loss(
        self,
        batch: GraphBatch,
        targets: Tensor,
        objective: Objective,
        generator: torch.Generator | None = None,
    ) -> SurrogateLoss:
        """The joint objective. **Shape** targets (B,)."""
        parts = self.vae.loss(batch, objective, generator)
        error = nn.functional.mse_loss(self(batch), targets)
        total = self.VAE_SHARE * parts.total + (1 - self.VAE_SHARE) * error
        return SurrogateLoss(total, parts, error)
